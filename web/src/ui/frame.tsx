/** The shell around the pages that are read. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

import { boot, unreachable } from '../app/account';
import { type Key, t } from '../i18n';
import { enter } from './focus';
import { Header } from './header';
import { hasMoved, path } from './route';
import { Title } from './title';
import { Alert } from './trouble';

interface Props {
  title: Key | null;
  /** In place of the page's own title. */
  name?: string;
  children: ComponentChildren;
}

export function Framed({ title, name = '', children }: Props) {
  const main = useRef<HTMLElement>(null);
  const at = path.value;
  useEffect(() => {
    // After a step from page to page the keyboard and the screen reader go on in the new one.
    return hasMoved() && main.current ? enter(main.current) : undefined;
  }, [at]);
  return (
    <div class="frame">
      <Title page={title} name={name} />
      <Header />
      <main ref={main} tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

/** Until it is known who is here; a server that can't be reached is asked again by itself. */
export function Waiting() {
  if (!unreachable.value) return <p class="quiet center">{t('loading')}</p>;
  return (
    <div class="center">
      <Alert error={unreachable.value} />
      <p class="quiet">{t('tryingAgain')}</p>
      <p>
        <button type="button" onClick={() => void boot()}>
          {t('tryNow')}
        </button>
      </p>
    </div>
  );
}
