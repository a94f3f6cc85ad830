/** A small picture of somebody, and where they are if they are a friend. */
import { UserRound } from 'lucide-preact';

import type { Card, Presence } from '../protocol/types';

interface Props {
  of: Pick<Card, 'avatarUrl'>;
  presence?: Presence;
  class?: string;
}

export function Avatar({ of, presence, class: more = '' }: Props) {
  return (
    <span class={`avatar ${more}`} aria-hidden="true">
      {of.avatarUrl ? <img src={of.avatarUrl.replace('-256.', '-64.')} alt="" width={64} height={64} /> : <UserRound />}
      {presence && <i class={presence} />}
    </span>
  );
}
