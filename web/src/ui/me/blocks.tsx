/** People I never want to meet again. */
import { api } from '../../app/account';
import { friends } from '../../app/friends';
import { t } from '../../i18n';
import { Alert } from '../trouble';
import { useLoaded } from './loaded';

export function Blocks() {
  // A block ends a friendship: the lists change together.
  const { value, error, change } = useLoaded(() => api.blocks(), friends.value.friends);
  return (
    <section class="card">
      <h2>{t('blocks')}</h2>
      <Alert error={error} />
      {value?.length === 0 && <p class="quiet">{t('noBlocks')}</p>}
      {value && value.length > 0 && (
        <ul class="people">
          {value.map(({ user }) => (
            <li key={user.id}>
              <span>{user.displayName || t('somebodyGone')}</span>
              <button
                type="button"
                aria-label={t('unblockWho', { name: user.displayName || t('somebodyGone') })}
                onClick={() => void change(() => api.unblock(user.id))}
              >
                {t('unblock')}
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
