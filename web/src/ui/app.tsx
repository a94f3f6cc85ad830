/** Which page is shown at which address, and the shell around it. */
import type { ComponentChildren, ComponentType } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

import { me, ready, unreachable, wasSignedIn } from '../app/account';
import { type Key, t } from '../i18n';
import { Chat } from './chat/page';
import { Check } from './check';
import { Header } from './header';
import { Magic } from './magic';
import { Me } from './me';
import { follow, go, path } from './route';
import { Start } from './start';
import { Title } from './title';
import { Alert } from './trouble';

interface Page {
  page: ComponentType;
  title: Key | null;
  needs: 'nothing' | 'login' | 'login and age';
  /** Brings its own `main`, which fills the window. */
  full?: true;
}

const PAGES: Record<string, Page> = {
  '/': { page: Start, title: null, needs: 'nothing' },
  '/login/magic': { page: Magic, title: 'magicTitle', needs: 'nothing' },
  '/check': { page: Check, title: 'checkTitle', needs: 'login' },
  '/chat': { page: Chat, title: 'chatTitle', needs: 'login and age', full: true },
  '/me': { page: Me, title: 'me', needs: 'login' },
};

/** Where somebody is sent who can't be on this page (yet). */
function elsewhere(page: Page | undefined): string | null {
  if (!page || page.needs === 'nothing' || !ready.value) return null;
  if (!me.value) return '/';
  return page.needs === 'login and age' && !me.value.ageDeclared ? '/check' : null;
}

export function App() {
  const page = PAGES[path.value];
  const away = elsewhere(page);
  useEffect(() => {
    if (away) go(away, 'replace');
  }, [away]);
  const unknown = !ready.value && (page?.needs !== 'nothing' || (path.value === '/' && wasSignedIn));
  if (page && (away || (unknown && !me.value))) return <Framed title={null}>{<Waiting />}</Framed>;
  if (!page) return <Framed title="notFoundTitle">{<NotFound />}</Framed>;
  const { page: Shown, title, full } = page;
  if (!full) return <Framed title={title}>{<Shown />}</Framed>;
  return (
    <>
      <Title page={title} />
      <Shown />
    </>
  );
}

function Framed({ title, children }: { title: Key | null; children: ComponentChildren }) {
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const at = path.value;
  useEffect(() => {
    // After a step from page to page the keyboard and the screen reader go on in the new one.
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
  }, [at]);
  return (
    <div class="frame">
      <Title page={title} />
      <Header />
      <main ref={main} tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

/** Until it is known who is here; a server that can't be reached is asked again by itself. */
function Waiting() {
  if (!unreachable.value) return <p class="quiet center">{t('loading')}</p>;
  return (
    <div class="center">
      <Alert error={unreachable.value} />
      <p class="quiet">{t('tryingAgain')}</p>
    </div>
  );
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
