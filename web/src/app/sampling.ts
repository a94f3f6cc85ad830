/** Sends in, in direct calls between strangers, what is shown of the partner: `state/sampling.ts` says when. */
import { computed, effect } from '@preact/signals';

import { still } from '../media/still';
import { type Sampled, sampledIn, shows, waitFor } from '../state/sampling';
import { info } from './account';
import { chat, partnerMedia, partnerStream } from './random';
import { listen, tell } from './socket';

/** As the server says when the connection stands. */
let everyMs = 5_000;
let mostBytes = 65_536;

const key = computed(() => {
  const sampled = sampledIn(chat.value, info.value?.sampled ?? false);
  return sampled && `${sampled.roomId} ${sampled.of}`;
});

let timer: ReturnType<typeof setTimeout> | undefined;

function plan(sampled: Sampled, first: boolean): void {
  timer = setTimeout(() => void take(sampled), waitFor(everyMs, first, Math.random()));
}

async function take(sampled: Sampled): Promise<void> {
  const stream = partnerStream.peek();
  // A picture that can't be taken now is taken next time.
  const image = stream && shows(partnerMedia.peek(), document.hidden) ? await still(stream, mostBytes).catch(() => null) : null;
  // The call may have moved or ended meanwhile.
  const wanted = `${sampled.roomId} ${sampled.of}`;
  if (key.peek() !== wanted) return;
  if (image) await tell('sample', { ...sampled, image });
  if (key.peek() === wanted) plan(sampled, false);
}

effect(() => {
  clearTimeout(timer);
  const [roomId, of] = key.value?.split(' ') ?? [];
  if (roomId && of) plan({ roomId, of }, true);
});
listen({
  up({ limits }) {
    everyMs = limits.sampleEveryMs;
    mostBytes = limits.sampleBytes;
  },
  down: () => undefined,
  event: () => undefined,
});
