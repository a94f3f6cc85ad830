/** Which page is shown at which address. */
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';

import { me, ready, wasSignedIn } from '../app/account';
import { type Key, t } from '../i18n';
import { roomOf } from '../state/address';
import { ServerAway } from './away';
import { Chat } from './chat/page';
import { Check } from './check';
import { Framed, Waiting } from './frame';
import { Magic } from './magic';
import { later } from './later';
import { Notices } from './notices';
import { Ringing } from './ringing';
import { follow, go, path } from './route';
import { Safety } from './safety';
import { Start } from './start';

interface Route {
  page: ComponentType;
  title: Key | null;
  needs: 'nothing' | 'login' | 'login and age';
  /** Brings its own `main` and title, and fills the window. */
  full?: true;
}

const PAGES: Record<string, Route> = {
  '/': { page: Start, title: null, needs: 'nothing' },
  '/login/magic': { page: Magic, title: 'magicTitle', needs: 'nothing' },
  '/check': { page: Check, title: 'checkTitle', needs: 'login' },
  '/chat': { page: Chat, title: 'chatTitle', needs: 'login and age', full: true },
  '/friends': { page: later(() => import('./friends/page').then(({ Friends }) => Friends)), title: 'friends', needs: 'login' },
  '/console': { page: later(() => import('./console/page').then(({ Console }) => Console)), title: 'console', needs: 'login' },
  '/rules': { page: later(() => import('./rules').then(({ Rules }) => Rules)), title: 'rulesTitle', needs: 'nothing' },
  '/me': { page: later(() => import('./me').then(({ Me }) => Me)), title: 'me', needs: 'login' },
};

/** Signing in happens there, so that a link leads to the room and nowhere else. */
const ROOM: Route = {
  page: later(
    () => import('./room/page').then(({ RoomPage }) => RoomPage),
    (words) => <Framed title="roomTitle">{words}</Framed>,
  ),
  title: 'roomTitle',
  needs: 'nothing',
  full: true,
};

const pageAt = (path: string): Route | undefined => (roomOf(path) ? ROOM : PAGES[path]);

/** Where somebody is sent who can't be on this page (yet). */
function elsewhere(page: Route | undefined): string | null {
  if (!page || page.needs === 'nothing' || !ready.value) return null;
  if (!me.value) return '/';
  return page.needs === 'login and age' && !me.value.ageDeclared ? '/check' : null;
}

export function App() {
  return (
    <>
      <ServerAway />
      <Notices />
      <Safety />
      <Ringing />
      <Page />
    </>
  );
}

function Page() {
  const page = pageAt(path.value);
  const away = elsewhere(page);
  useEffect(() => {
    if (away) go(away, 'replace');
  }, [away]);
  const unknown = !ready.value && (page?.needs !== 'nothing' || (path.value === '/' && wasSignedIn));
  if (page && (away || (unknown && !me.value))) return <Framed title={null}>{<Waiting />}</Framed>;
  if (!page) return <Framed title="notFoundTitle">{<NotFound />}</Framed>;
  const { page: Shown, title, full } = page;
  return full ? <Shown /> : <Framed title={title}>{<Shown />}</Framed>;
}

function NotFound() {
  return (
    <section class="card narrow">
      <h1>{t('notFoundTitle')}</h1>
      <p>{t('notFound')}</p>
      <a class="button primary" href="/" onClick={follow}>
        {t('toStart')}
      </a>
    </section>
  );
}
