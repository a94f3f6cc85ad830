/** Where moderators work: cases that wait, the one in hand, appeals; and what is for admins. Light, and quiet. */
import '../../style/console.css';

import { useEffect, useState } from 'preact/hooks';

import { me } from '../../app/account';
import { deskError, exposure, inHand, takeNext } from '../../app/console';
import { c } from '../../i18n/console';
import { later } from '../later';
import { DeskAlert } from './alert';
import { Appeals } from './appeals';
import { Case } from './case';
import { useDeskKeys } from './keys';
import { Queue } from './queue';

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
  useDeskKeys({ n: () => void takeNext() }, tab === 'cases');
  if (me.value?.role !== 'moderator' && me.value?.role !== 'admin') {
    return <p class="card narrow">{c('notForYou')}</p>;
  }
  const tabs: Tab[] = me.value.role === 'admin' ? ['cases', 'appeals', 'figures', 'people'] : ['cases', 'appeals'];
  // Whoever is no admin any more is back at the cases.
  const shown = tabs.includes(tab) ? tab : 'cases';
  return (
    <div class="console">
      <header class="row">
        <h1>{c('title')}</h1>
        <div class="row tabs" role="group" aria-label={c('title')}>
          {tabs.map((one) => (
            <button key={one} type="button" class="plain" aria-pressed={shown === one} onClick={() => go(one)}>
              {c(one)}
            </button>
          ))}
        </div>
        <Meter />
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
    </div>
  );
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
