/** Who is who: an admin looks somebody up, says why, and says what they may do. */
import { Search } from 'lucide-preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { api, me } from '../../app/account';
import { t } from '../../i18n';
import { p } from '../../i18n/place';
import { type Account, Place, type Role } from '../../protocol/place';
import { troubleOf } from '../../protocol/types';
import { Avatar } from '../avatar';
import { Dialog } from '../dialog';
import { when } from '../safety';
import { Alert } from '../trouble';

const place = new Place(api);
const ROLES: Role[] = ['user', 'moderator', 'admin'];
const SHORTEST = 3;

export function People() {
  const [who, setWho] = useState('');
  const [why, setWhy] = useState('');
  const [found, setFound] = useState<Account | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const asked = who.trim() !== '' && why.trim().length >= SHORTEST;
  const look = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    setFound(null);
    try {
      setFound(await place.find(who.trim(), why.trim()));
    } catch (problem) {
      setError(problem);
    }
    setBusy(false);
  };
  const trouble = error ? troubleOf(error) : null;
  const words = trouble?.code === 'not-found' ? p('nobody') : trouble?.fields.includes('who') ? p('whole') : undefined;
  return (
    <section class="people" aria-label={p('people')}>
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          if (asked && !busy) void look();
        }}
      >
        <h2>{p('lookUp')}</h2>
        <label>
          {p('who')}
          <input
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            maxLength={254}
            aria-describedby="who-hint"
            value={who}
            onInput={(event) => setWho(event.currentTarget.value)}
          />
        </label>
        <p id="who-hint" class="quiet hint">
          {p('whole')}
        </p>
        <label>
          {p('why')}
          <input autocomplete="off" maxLength={200} aria-describedby="look-hint" value={why} onInput={(event) => setWhy(event.currentTarget.value)} />
        </label>
        <p id="look-hint" class="quiet hint">
          {p('whyHint')}
        </p>
        <button class="primary" disabled={!asked || busy}>
          <Search aria-hidden="true" />
          {p('look')}
        </button>
        <Alert error={error} words={words} />
      </form>
      {found && <Found key={found.card.id} account={found} changed={setFound} />}
    </section>
  );
}

function Found({ account, changed }: { account: Account; changed: (to: Account) => void }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const [role, setRole] = useState<Role>(account.role);
  const [sure, setSure] = useState(false);
  const [said, setSaid] = useState('');
  useEffect(() => heading.current?.focus(), []);
  const { card, privateId, createdAt, suspended } = account;
  const own = card.id === me.value?.id;
  return (
    <section class="card" aria-labelledby="found">
      <header class="row">
        <Avatar of={card} />
        <h2 id="found" ref={heading} tabIndex={-1}>
          {card.displayName}
        </h2>
        <span class="tag">{p(`role_${account.role}`)}</span>
        {suspended && <span class="tag grave">{p('suspended', { until: when(suspended.until), rule: suspended.rule })}</span>}
      </header>
      <dl class="facts">
        <dt>{p('band')}</dt>
        <dd>{t(`band_${card.band}`)}</dd>
        <dt>{p('since')}</dt>
        <dd>{when(createdAt)}</dd>
        <dt>{p('privateId')}</dt>
        <dd>{privateId}</dd>
        <dt>{p('id')}</dt>
        <dd>{card.id}</dd>
      </dl>
      {own ? (
        <p class="quiet">{p('ownRole')}</p>
      ) : (
        <div class="row role">
          <label>
            {p('role')}
            <select value={role} onChange={(event) => setRole(event.currentTarget.value as Role)}>
              {ROLES.map((one) => (
                <option key={one} value={one}>
                  {p(`role_${one}`)}
                </option>
              ))}
            </select>
          </label>
          <button type="button" disabled={role === account.role} onClick={() => setSure(true)}>
            {p('change')}
          </button>
        </div>
      )}
      <p role="status">{said}</p>
      {sure && (
        <Sure
          account={account}
          role={role}
          close={() => setSure(false)}
          done={(now) => {
            setSure(false);
            setSaid(p('changed', { name: card.displayName, role: p(`role_${now.role}`) }));
            changed(now);
          }}
        />
      )}
    </section>
  );
}

interface SureProps {
  account: Account;
  role: Role;
  close: () => void;
  done: (now: Account) => void;
}

function Sure({ account, role, close, done }: SureProps) {
  const [why, setWhy] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const { displayName: name, id } = account.card;
  const change = async (): Promise<void> => {
    setBusy(true);
    try {
      done(await place.setRole(id, role, why.trim()));
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  return (
    <Dialog title={p('sure', { name, role: p(`role_${role}`) })} onClose={close}>
      <p>{p(`may_${role}`)}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy && why.trim().length >= SHORTEST) void change();
        }}
      >
        <label>
          {p('why')}
          <input autocomplete="off" maxLength={200} value={why} onInput={(event) => setWhy(event.currentTarget.value)} />
        </label>
        <div class="row end-row">
          <button type="button" onClick={close}>
            {t('cancel')}
          </button>
          <button class="primary" disabled={busy || why.trim().length < SHORTEST}>
            {p('change')}
          </button>
        </div>
      </form>
      <Alert error={error} />
    </Dialog>
  );
}
