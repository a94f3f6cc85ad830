/** Addresses of rooms. */

const ID = /\brm_[0-9A-Za-z]+/;

/** The page of the room that a link, or just the id in it, is about. */
export function roomPath(text: string): string | null {
  const id = ID.exec(text)?.[0];
  return id ? `/room/${id}` : null;
}

/** The room that a page's address is about. */
export const roomOf = (path: string): string | null => /^\/room\/([^/]+)$/.exec(path)?.[1] ?? null;
