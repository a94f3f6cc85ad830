/** Where moderators work: cases that wait, the one in hand, appeals; and what is for admins. Light, and quiet. */
import '../../style/console.css';

import { Keyboard } from 'lucide-preact';
import { useCallback, useEffect, useState } from 'preact/hooks';

import { me } from '../../app/account';
import { deskError, exposure, inHand, lookAgain, takeNext, waits } from '../../app/console';
import { t } from '../../i18n';
import { c, type ConsoleKey } from '../../i18n/console';
import { IconButton } from '../button';
import { later } from '../later';
import { Help, isWriting, type KeyWords, singleKeys } from '../settings';
import { DeskAlert } from './alert';
import { Appeals } from './appeals';
import { Case } from './case';
import { useDeskKeys } from './keys';
import { Queue } from './queue';

/** What waits is looked at again so often, as long as somebody looks at it. */
const AGAIN_MS = 20_000;

const KEYS: KeyWords<ConsoleKey>[] = [
  ['N', 'keysN'], ['1–4', 'keysMeasure'], ['P', 'keysP'], ['D', 'keysD'], ['U', 'keysU'], ['B', 'keysB'],
  ['L', 'keysL'], ['S', 'keysS'], ['T', 'keysT'], ['?', 'keysHelp'],
];

type Tab = 'cases' | 'appeals' | 'figures' | 'people';

/** Loaded by those who may see it. */
const Figures = later(() => import('./figures').then(({ Figures }) => Figures));
const People = later(() => import('./people').then(({ People }) => People));

export function Console() {
  const [tab, setTab] = useState<Tab>('cases');
  const [returns, setReturns] = useState(false);
  const go = (to: Tab, back = false): void => {
    setReturns(back);
    setTab(to);
  };
  useEffect(() => {
    document.documentElement.classList.add('light');
    return () => document.documentElement.classList.remove('light');
  }, []);
  const [help, setHelp] = useState(false);
  const closeHelp = useCallback(() => setHelp(false), []);
  useDeskKeys({ n: () => void takeNext() }, tab === 'cases');
  useDeskKeys({ '?': () => setHelp(true) });
  const decides = me.value?.role === 'moderator' || me.value?.role === 'admin';
  useEffect(() => (decides ? looksAgain() : undefined), [decides]);
  if (!decides) {
    return <p class="card narrow">{c('notForYou')}</p>;
  }
  const tabs: Tab[] = me.value?.role === 'admin' ? ['cases', 'appeals', 'figures', 'people'] : ['cases', 'appeals'];
  // Whoever is no admin any more is back at the cases.
  const shown = tabs.includes(tab) ? tab : 'cases';
  return (
    <div class="console" data-keys={singleKeys.value ? 'on' : 'off'}>
      <header class="row">
        <h1>{c('title')}</h1>
        <div class="row tabs" role="group" aria-label={c('title')}>
          {tabs.map((one) => (
            <button key={one} type="button" class="plain" aria-pressed={shown === one} onClick={() => go(one)}>
              {c(one)}
              <Waits of={one} />
            </button>
          ))}
        </div>
        <Meter />
        <IconButton icon={Keyboard} name={t('help')} press={() => setHelp(true)} class="keys-button" />
      </header>
      <DeskAlert error={deskError.value} />
      {shown === 'figures' && <Figures />}
      {shown === 'people' && <People />}
      {shown === 'appeals' && <Appeals look={() => go('cases')} returns={returns} />}
      {shown === 'cases' && (
        <div class="desk" data-in-hand={inHand.value !== null}>
          <Queue />
          {inHand.value ? <Case key={inHand.value.case.id} view={inHand.value} toAppeal={() => go('appeals', true)} /> : <p class="card quiet">{c('pick')}</p>}
        </div>
      )}
      {help && <Help keys={KEYS} words={c} close={closeHelp} />}
    </div>
  );
}

/** How many wait there. */
function Waits({ of }: { of: Tab }) {
  const n = of === 'cases' || of === 'appeals' ? waits.value[of] : '';
  if (!n) return null;
  return (
    <>
      <span class="waits" aria-hidden="true">
        {n}
      </span>
      <span class="sr-only">({c('waits', { n })})</span>
    </>
  );
}

/** Never while somebody types: nothing may move under their hands. Gives what ends it. */
function looksAgain(): () => void {
  const look = (): void => {
    if (!document.hidden && !isWriting(document.activeElement)) void lookAgain();
  };
  look();
  const timer = setInterval(look, AGAIN_MS);
  document.addEventListener('visibilitychange', look);
  return () => {
    clearInterval(timer);
    document.removeEventListener('visibilitychange', look);
  };
}

/** How long I looked at pictures today: a limit that protects whoever looks. */
function Meter() {
  const now = exposure.value;
  if (!now) return null;
  const [used, limit] = [Math.ceil(now.seconds / 60), Math.round(now.limitSeconds / 60)];
  const words = now.seconds >= now.limitSeconds ? c('enough') : c('exposure', { used, limit });
  return (
    <p class="exposure">
      <meter aria-label={words} value={Math.min(used, limit)} max={limit} high={limit * 0.8} />
      <span>{words}</span>
    </p>
  );
}
