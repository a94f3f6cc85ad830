/**
 * Friends, where they are, and requests, as the page knows them. Lists are asked for; where a friend is also comes as news,
 * which may be late, or may overtake a list that is on its way.
 */
import type { Friend, FriendRequests, Presence, ServerEvents } from '../protocol/types';

interface News {
  presence: Presence;
  at: number;
  /** Heard since the lists were asked for, so that they may not know it yet. */
  fresh: boolean;
}

export interface State {
  /** Null as long as nobody knows. */
  friends: Friend[] | null;
  requests: FriendRequests;
  news: Record<string, News>;
}

export const START: State = { friends: null, requests: { incoming: [], outgoing: [] }, news: {} };

const placed = (friends: Friend[], userId: string, presence: Presence): Friend[] =>
  friends.map((friend) => (friend.user.id === userId ? { ...friend, presence } : friend));

/** The lists are asked for. */
export function asked(state: State): State {
  const news = Object.entries(state.news).map(([id, one]): [string, News] => [id, { ...one, fresh: false }]);
  return { ...state, news: Object.fromEntries(news) };
}

/** They have come. */
export function loaded(state: State, friends: Friend[], requests: FriendRequests): State {
  const fresh = Object.entries(state.news).filter(([, one]) => one.fresh);
  return { ...state, friends: fresh.reduce((all, [id, { presence }]) => placed(all, id, presence), friends), requests };
}

/** Where a friend is now; what is older than what was heard before is late. */
export function told(state: State, { userId, presence, at }: ServerEvents['presence']): State {
  const when = Date.parse(at);
  if (when < (state.news[userId]?.at ?? 0)) return state;
  const news = { ...state.news, [userId]: { presence, at: when, fresh: true } };
  return { ...state, news, friends: state.friends && placed(state.friends, userId, presence) };
}

/** Whom I had asked, and who has said yes: friends now, who weren't before. */
export function accepted(before: State, after: State): Friend[] {
  return (after.friends ?? []).filter(({ user }) => tie(before, user.id) === 'asked');
}

/** What somebody is to me. */
export type Tie = 'friend' | 'asked' | 'asks' | 'none';

export function tie({ friends, requests }: State, userId: string): Tie {
  const about = ({ user }: { user: { id: string } }): boolean => user.id === userId;
  if (friends?.some(about)) return 'friend';
  if (requests.outgoing.some(about)) return 'asked';
  return requests.incoming.some(about) ? 'asks' : 'none';
}

/** Whether it would ring there. */
export const canBeCalled = (presence: Presence): boolean => presence === 'online' || presence === 'away';
