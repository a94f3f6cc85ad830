/** The tab's title: whoever looks elsewhere still sees that somebody is there. */
import { useEffect } from 'preact/hooks';

import { chat, partnerName } from '../app/random';
import { type Key, t } from '../i18n';

export function Title({ page }: { page: Key | null }) {
  const words = page === 'chatTitle' && chat.value.room ? partnerName.value : page && t(page);
  const title = words ? `${words} · Visavis` : 'Visavis';
  useEffect(() => {
    document.title = title;
  }, [title]);
  return null;
}
