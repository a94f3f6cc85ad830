/** Which page is shown at which address, and the shell around it. */
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';

import { me, ready, wasSignedIn } from '../app';
import { type Key, t } from '../i18n';
import { Chat } from './chat/page';
import { Check } from './check';
import { Header } from './header';
import { Magic } from './magic';
import { Me } from './me';
import { go, path } from './route';
import { Start } from './start';

interface Page {
  page: ComponentType;
  title: Key | null;
  /** Whoever isn't signed in is sent to the start page. */
  signedIn: boolean;
}

const PAGES: Record<string, Page> = {
  '/': { page: Start, title: null, signedIn: false },
  '/login/magic': { page: Magic, title: 'magicTitle', signedIn: false },
  '/check': { page: Check, title: 'checkTitle', signedIn: true },
  '/chat': { page: Chat, title: 'chatTitle', signedIn: true },
  '/me': { page: Me, title: 'me', signedIn: true },
};

export function App() {
  const found = PAGES[path.value];
  const away = found?.signedIn && ready.value && !me.value;
  useEffect(() => {
    if (away) go('/');
  }, [away]);
  useEffect(() => {
    document.title = found?.title ? `${t(found.title)} · Visavis` : 'Visavis';
  });
  if (!found) return <Framed page={NotFound} />;
  if (found.signedIn && !me.value) return <Framed page={Loading} />;
  if (path.value === '/' && wasSignedIn && !ready.value) return <Framed page={Loading} />;
  return path.value === '/chat' ? <Chat /> : <Framed page={found.page} />;
}

function Framed({ page: Page }: { page: ComponentType }) {
  return (
    <div class="frame">
      <Header />
      <main>
        <Page />
      </main>
    </div>
  );
}

function Loading() {
  return <p class="quiet center">{t('loading')}</p>;
}

function NotFound() {
  return (
    <section class="card narrow">
      <h1>{t('notFound')}</h1>
      <a class="button primary" href="/">
        {t('toStart')}
      </a>
    </section>
  );
}
