/** A still of a picture that is shown, made beside the page's own work. */
import { reduced } from '../state/sampling';

/** JPEG, since not every browser makes WebP. A picture of 320 × 180 has some 12 kB at the first of these. */
const QUALITIES = [0.7, 0.4, 0.2];

/** Where each stream is shown. */
const shown = new WeakMap<MediaStream, HTMLVideoElement>();

export function showsIn(stream: MediaStream, video: HTMLVideoElement): void {
  shown.set(stream, video);
}

/** What is shown of it now, of so many bytes at most; nothing when nothing is shown, or the browser can't. */
export async function still(stream: MediaStream, mostBytes: number): Promise<ArrayBuffer | null> {
  const video = shown.get(stream);
  if (!video || video.srcObject !== stream || video.readyState < video.HAVE_CURRENT_DATA || !video.videoWidth) return null;
  if (typeof OffscreenCanvas === 'undefined') return null;
  const [width, height] = reduced(video.videoWidth, video.videoHeight);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { alpha: false });
  if (!context) return null;
  // The copy is made small before it is drawn, not on the page's thread.
  const small = await createImageBitmap(video, { resizeWidth: width, resizeHeight: height, resizeQuality: 'low' });
  context.drawImage(small, 0, 0);
  small.close();
  for (const quality of QUALITIES) {
    const jpeg = await canvas.convertToBlob({ type: 'image/jpeg', quality });
    if (jpeg.size <= mostBytes) return jpeg.arrayBuffer();
  }
  return null;
}
