/** Over every page: something was decided about me. Read aloud at once, and there until it is put away. */
import { ShieldAlert, X } from 'lucide-preact';

import { dismiss, verdict } from '../app/safety';
import { type Key, language, t } from '../i18n';
import { IconButton } from './button';
import { follow } from './route';

export function Safety() {
  const about = verdict.value;
  return (
    <div class="safety" role="alert">
      {about && (
        <p>
          <ShieldAlert aria-hidden="true" />
          <span>
            {t(`safety_${about.action}` as Key, { when: about.until ? when(about.until) : '' })}{' '}
            {about.automated && t('safetyAutomated')}{' '}
            <a
              href="/me#decisions"
              onClick={(event) => {
                dismiss();
                follow(event);
              }}
            >
              {t('safetyWhy')}
            </a>
          </span>
          <IconButton icon={X} name={t('close')} press={dismiss} />
        </p>
      )}
    </div>
  );
}

export const when = (at: string): string => new Date(at).toLocaleString(language.value, { dateStyle: 'medium', timeStyle: 'short' });
