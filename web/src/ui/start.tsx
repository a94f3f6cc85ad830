/** The first page: what this is, and signing in right there; then a stranger, or a room. */
import { Play } from 'lucide-preact';
import { useState } from 'preact/hooks';

import { me, notice } from '../app/account';
import { give } from '../app/random';
import { t } from '../i18n';
import { roomPath } from '../state/address';
import { Action } from './button';
import { NewRoom } from './new-room';
import { goNext } from './next';
import { go } from './route';
import { SignIn } from './sign-in';

export function Start() {
  return (
    <section class="hero">
      <h1>{t('tagline')}</h1>
      <p class="lead">{t('pitch')}</p>
      <p class="notice" role="status">
        {notice.value ? t(notice.value) : ''}
      </p>
      {me.value ? <SignedIn name={me.value.displayName} /> : <SignIn done={() => void goNext('push')} />}
    </section>
  );
}

function SignedIn({ name }: { name: string }) {
  return (
    <>
      <div class="signed-in">
        <Action icon={Play} name={t('start')} primary press={start} />
        <p class="quiet">{t('startHint', { name })}</p>
      </div>
      <Rooms />
    </>
  );
}

/** Pressed once is enough: whoever still has to pass the check searches after it. */
function start(): void {
  if (!me.value?.ageDeclared) return go('/check#start');
  go('/chat');
  give({ is: 'start' });
}

/** A room of one's own, or the one a link leads to. */
function Rooms() {
  const [link, setLink] = useState('');
  const [wrong, setWrong] = useState(false);
  return (
    <section class="card rooms" aria-labelledby="rooms">
      <h2 id="rooms">{t('roomsTitle')}</h2>
      <p class="quiet">{t('roomsHint')}</p>
      <NewRoom />
      <form
        class="join-link"
        onSubmit={(event) => {
          event.preventDefault();
          const path = roomPath(link);
          setWrong(!path);
          if (path) go(path);
        }}
      >
        <label for="room-link">{t('haveLink')}</label>
        <div>
          <input
            id="room-link"
            inputMode="url"
            autocomplete="off"
            aria-invalid={wrong}
            aria-describedby="room-link-wrong"
            placeholder={`${location.origin}/room/…`}
            value={link}
            onInput={(event) => {
              setLink(event.currentTarget.value);
              setWrong(false);
            }}
          />
          <button disabled={!link.trim()}>{t('goThere')}</button>
        </div>
        <p id="room-link-wrong" class="alert" role="alert">
          {wrong ? t('linkWrong') : ''}
        </p>
      </form>
    </section>
  );
}
