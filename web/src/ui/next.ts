/** Where somebody who has just signed in goes on: to the room whose link they had, if there still is one. */
import { api, me } from '../app/account';
import { forget, wish } from '../app/next';
import { say } from '../app/notices';
import { troubleOf } from '../protocol/types';
import { roomOf } from '../state/address';
import { go } from './route';

export async function goNext(how: 'push' | 'replace'): Promise<void> {
  const wanted = wish();
  const room = wanted && roomOf(wanted);
  if (!room) return go(me.value?.ageDeclared ? '/chat' : '/check', how);
  // Whatever else is wrong with it, its own page tells.
  const code = await api.room(room).then(() => null, (error: unknown) => troubleOf(error).code);
  if (code !== 'not-found' && code !== 'bad-request') return go(wanted, how);
  forget();
  say('roomIsGone');
  go('/', how);
}
