/** People I never want to meet again. */
import { api } from '../../app';
import { t } from '../../i18n';
import { Alert } from '../trouble';
import { useLoaded } from './loaded';

export function Blocks() {
  const { value, error, again } = useLoaded(() => api.blocks());
  const unblock = async (id: string): Promise<void> => {
    await api.unblock(id).catch(() => undefined);
    await again();
  };
  return (
    <section class="card">
      <h2>{t('blocks')}</h2>
      <Alert error={error} />
      {value?.length === 0 && <p class="quiet">{t('noBlocks')}</p>}
      <ul class="people">
        {(value ?? []).map(({ user }) => (
          <li key={user.id}>
            <span>{user.displayName}</span>
            <button type="button" onClick={() => void unblock(user.id)}>
              {t('unblock', { name: user.displayName })}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
