/** The random chat: two pictures, the conversation, and what can be done. It only shows the machine's state. */
import { useCallback, useEffect, useState } from 'preact/hooks';

import { chat, give, partnerName } from '../../app/random';
import { connect } from '../../app/socket';
import { t } from '../../i18n';
import * as devices from '../../media/devices';
import { meant } from '../../state/chat';
import { Header } from '../header';
import { Title } from '../title';
import { Controls } from './controls';
import { type Ask, Dialogs, type Open, opened } from './dialogs';
import { useKeys } from './keys';
import { Conversation } from './messages';
import { Stage } from './stage';
import { Announcement } from './status';
import { useSwipeUp } from './swipe';

export function Chat() {
  const [open, setOpen] = useState<Open>(null);
  const ask = useCallback((what: Ask) => setOpen(opened(what, meant(chat.value))), []);
  const close = useCallback(() => setOpen(null), []);
  const state = chat.value;
  const armed = useKeys({ ask, isOpen: open !== null });
  const swipe = useSwipeUp(() => give({ is: 'next' }));
  useHold(open !== null);
  useEffect(() => {
    connect();
    // Whoever goes to another page leaves the call and puts the camera away.
    return () => {
      give({ is: 'stop' });
      devices.close();
    };
  }, []);

  return (
    <div class="frame chat-frame">
      <Title page="chatTitle" name={state.room ? partnerName.value : ''} />
      <Header />
      <main class="chat" data-state={state.phase} data-online={state.online}>
        <h1 class="sr-only">{t('chatTitle')}</h1>
        <Announcement state={state} armed={armed} />
        <div class="stage" ref={swipe}>
          <Stage state={state} armed={armed} />
        </div>
        <Conversation roomId={state.room?.id ?? null} empty={state.room ? 'noMessages' : 'noMessagesYet'}>
          {state.room && <span class="by-finger">{t('swipeHint')}</span>}
        </Conversation>
        <Controls state={state} ask={ask} />
      </main>
      <Dialogs open={open} close={close} />
    </div>
  );
}

/** Nobody is met by somebody who is filling in a form, or looks elsewhere. */
function useHold(busy: boolean): void {
  useEffect(() => {
    const tell = (): void => give({ is: 'hold', on: busy || document.hidden });
    tell();
    document.addEventListener('visibilitychange', tell);
    return () => document.removeEventListener('visibilitychange', tell);
  }, [busy]);
}
