/** The tab's title: whoever looks elsewhere still sees where this is, and with whom. */
import { useEffect } from 'preact/hooks';

import { type Key, t } from '../i18n';

/** `name` is whom one talks to, or what a room is called. */
export function Title({ page, name = '' }: { page: Key | null; name?: string }) {
  const words = name || (page && t(page));
  const title = words ? `${words} · Visavis` : 'Visavis';
  useEffect(() => {
    document.title = title;
  }, [title]);
  return null;
}
