/** Tabs of one browser tell one another when a call or a search ends in one of them: the others needn't speak of it any more. */
const tabs = new BroadcastChannel('visavis-seat');

export function tellFree(): void {
  tabs.postMessage('free');
}

export function onFree(act: () => void): void {
  tabs.addEventListener('message', act);
}
