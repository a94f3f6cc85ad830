/** Somebody whose private ID I was given: first who that is, then whether to ask them. */
import { Search, UserCheck, UserPlus } from 'lucide-preact';
import { useState } from 'preact/hooks';

import { api, me } from '../../app/account';
import { friends } from '../../app/friends';
import { type Key, t } from '../../i18n';
import { type Card, troubleOf } from '../../protocol/types';
import { type Tie, tie } from '../../state/friends';
import { Avatar } from '../avatar';
import { Alert } from '../trouble';
import { useTask } from './task';

/** Where the place knows better words for a code. */
const WORDS: Record<string, Key> = { 'not-found': 'idNobody', 'bad-request': 'idWrong' };
const TIES: Record<Exclude<Tie, 'none'>, Key> = { friend: 'tieFriend', asked: 'tieAsked', asks: 'tieAsks' };

export function Add() {
  const [id, setId] = useState('');
  const [found, setFound] = useState<Card | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const words = WORDS[troubleOf(error).code];

  const look = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    setFound(null);
    try {
      setFound(await api.findByPrivateId(id.trim()));
    } catch (problem) {
      setError(problem);
    }
    setBusy(false);
  };

  return (
    <section class="card" aria-labelledby="add-friend">
      <h2 id="add-friend">{t('addById')}</h2>
      <form
        class="join-link"
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) void look();
        }}
      >
        <label for="friend-id">{t('theirId')}</label>
        <div>
          <input
            id="friend-id"
            autocomplete="off"
            autocapitalize="characters"
            spellcheck={false}
            maxLength={32}
            placeholder="7GK2-M4QX-W"
            aria-invalid={error !== null}
            aria-describedby="friend-id-wrong"
            value={id}
            onInput={(event) => {
              setId(event.currentTarget.value);
              setError(null);
              setFound(null);
            }}
          />
          <button disabled={!id.trim() || busy}>
            <Search aria-hidden="true" />
            {t('look')}
          </button>
        </div>
        <div id="friend-id-wrong">
          <Alert error={error} words={words && t(words)} />
        </div>
      </form>
      <div role="status">{found && <Found key={found.id} card={found} privateId={id.trim()} />}</div>
    </section>
  );
}

function Found({ card, privateId }: { card: Card; privateId: string }) {
  const { busy, error, run } = useTask();
  const is = tie(friends.value, card.id);
  const mine = card.id === me.value?.id;
  return (
    <div class="persons found">
      <div>
        <Avatar of={card} />
        <span class="who">
          <b>{card.displayName}</b>
          <small>{mine ? t('tieSelf') : is === 'none' ? t(`band_${card.band}`) : t(TIES[is])}</small>
        </span>
        {!mine && (is === 'none' || is === 'asks') && (
          <button type="button" class="primary" disabled={busy !== null} onClick={() => void run(() => api.askToBeFriends({ privateId }))}>
            {is === 'asks' ? <UserCheck aria-hidden="true" /> : <UserPlus aria-hidden="true" />}
            {t(is === 'asks' ? 'accept' : 'addFriend')}
          </button>
        )}
      </div>
      <Alert error={error} />
    </div>
  );
}
