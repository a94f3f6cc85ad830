/** My friends, by name, and where each of them is. */
import { EllipsisVertical } from 'lucide-preact';
import { useState } from 'preact/hooks';

import { t } from '../../i18n';
import type { Friend } from '../../protocol/types';
import { canBeCalled } from '../../state/friends';
import { Avatar } from '../avatar';
import { IconButton } from '../button';
import { CallButton } from '../call-button';
import { About } from './about';

export function List({ all }: { all: Friend[] | null }) {
  const [open, setOpen] = useState<string | null>(null);
  const opened = all?.find(({ user }) => user.id === open);
  return (
    <section class="card" aria-labelledby="friends">
      <h2 id="friends">{t('yourFriends')}</h2>
      {!all && <p class="quiet">{t('loading')}</p>}
      {all?.length === 0 && <p class="quiet">{t('noFriends')}</p>}
      <ul class="persons" data-testid="friends">
        {(all ?? []).map((friend) => (
          <Person key={friend.user.id} friend={friend} more={() => setOpen(friend.user.id)} />
        ))}
      </ul>
      {opened && <About key={opened.user.id} friend={opened} close={() => setOpen(null)} />}
    </section>
  );
}

function Person({ friend: { user, presence }, more }: { friend: Friend; more: () => void }) {
  return (
    <li>
      <Avatar of={user} presence={presence} />
      <span class="who">
        <b>{user.displayName}</b>
        <small class={presence}>{t(`presence_${presence}`)}</small>
      </span>
      <span class="row">
        <CallButton who={user} off={!canBeCalled(presence)} />
        <IconButton icon={EllipsisVertical} name={t('menuOf', { name: user.displayName })} press={more} />
      </span>
    </li>
  );
}
