/** A small window over everything else with whoever speaks, where the browser has it. */
import { effect } from '@preact/signals';

import { inRoom, isFloating, room, streamOf } from '../../app/room';
import { floated } from '../../state/layout';

/** Apart from the tiles, so that it can follow the speaker. */
const video = document.createElement('video');
video.muted = true;
video.playsInline = true;
video.addEventListener('leavepictureinpicture', () => (isFloating.value = false));

export const canFloat = (): boolean => document.pictureInPictureEnabled ?? false;

function follow(): void {
  const { shown, covered } = floated(room.value);
  const stream = shown && streamOf(shown.id, shown.source);
  if (!stream) {
    // What must not be seen goes at once; otherwise the last picture stays until the next one comes.
    if (covered) isFloating.value = false;
    return;
  }
  if (video.srcObject === stream) return;
  video.srcObject = stream;
  void video.play().catch(() => undefined);
}

export async function toggleFloat(): Promise<void> {
  if (isFloating.peek()) return void document.exitPictureInPicture().catch(() => undefined);
  isFloating.value = true;
  try {
    if (video.readyState === 0) await new Promise((done) => video.addEventListener('loadedmetadata', done, { once: true }));
    await video.requestPictureInPicture();
  } catch {
    isFloating.value = false;
  }
}

effect(() => {
  if (isFloating.value && inRoom.value) return follow();
  if (document.pictureInPictureElement === video) void document.exitPictureInPicture().catch(() => undefined);
  isFloating.value = false;
  video.srcObject = null;
});
