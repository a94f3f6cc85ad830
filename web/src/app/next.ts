/** Where somebody wanted to go before they had to sign in; also after the link of the mail, which opens another tab. */
const KEY = 'visavis-next';
/** A wish that is older isn't one any more. */
const FOR_MS = 30 * 60_000;

export function remember(path: string): void {
  localStorage.setItem(KEY, JSON.stringify({ path, until: Date.now() + FOR_MS }));
}

export function forget(): void {
  localStorage.removeItem(KEY);
}

export function wish(): string | null {
  try {
    const { path, until } = JSON.parse(localStorage.getItem(KEY) ?? '{}') as { path?: string; until?: number };
    return path?.startsWith('/room/') && (until ?? 0) > Date.now() ? path : null;
  } catch {
    return null;
  }
}
