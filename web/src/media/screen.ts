/** A shared screen, window or tab, with its sound where the browser gives it. */

/** Moving enough for a presentation; more costs every viewer. */
const FRAMES = 15;

/** Whether this browser can share at all: phones can't. */
export const canShare = (): boolean => typeof navigator.mediaDevices?.getDisplayMedia === 'function';

/** Asks what to share; null when the person thinks better of it. `ended` when they stop it in the browser's own bar. */
export async function capture(ended: () => void): Promise<MediaStream | null> {
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: FRAMES }, audio: true });
  } catch {
    return null;
  }
  for (const track of stream.getVideoTracks()) {
    // Text has to stay sharp, if need be at fewer pictures.
    track.contentHint = 'detail';
    track.onended = ended;
  }
  return stream;
}

export function release(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) {
    track.onended = null;
    track.stop();
  }
}
