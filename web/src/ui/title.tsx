/** The tab's title: whoever looks elsewhere still sees that somebody is there. */
import { useEffect } from 'preact/hooks';

import { chat, partnerName } from '../app/random';
import { room } from '../app/room';
import { type Key, t } from '../i18n';

/** With whom, or where. */
function named(page: Key | null): string {
  if (page === 'chatTitle') return chat.value.room ? partnerName.value : '';
  return page === 'roomTitle' ? room.value.name : '';
}

export function Title({ page }: { page: Key | null }) {
  const words = named(page) || (page && t(page));
  const title = words ? `${words} · Visavis` : 'Visavis';
  useEffect(() => {
    document.title = title;
  }, [title]);
  return null;
}
