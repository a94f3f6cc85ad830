/** Tabs of one browser tell one another when a call or a search ends in one of them: the others needn't speak of it any more. */
const tabs = new BroadcastChannel('visavis-seat');
const here: (() => void)[] = [];

export function tellFree(): void {
  tabs.postMessage('free');
  here.forEach((act) => act());
}

/** In whichever tab it was, this one too. */
export function onFreeAnywhere(act: () => void): void {
  here.push(act);
  onFree(act);
}

export function onFree(act: () => void): void {
  tabs.addEventListener('message', act);
}
