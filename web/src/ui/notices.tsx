/** What happened elsewhere, over the page, read aloud once. */
import { X } from 'lucide-preact';

import { dismiss, notices } from '../app/notices';
import { t } from '../i18n';
import { IconButton } from './button';

export function Notices() {
  return (
    <div class="notices" role="status" aria-relevant="additions">
      {notices.value.map(({ id, is, values }) => (
        <p key={id}>
          <span>{t(is, values)}</span>
          <IconButton icon={X} name={t('close')} press={() => dismiss(id)} />
        </p>
      ))}
    </div>
  );
}
