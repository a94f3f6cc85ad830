/** The random chat: two pictures, the conversation, and what can be done. It only shows the machine's state. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

import { chat, give, partnerName } from '../../app/random';
import { connect } from '../../app/socket';
import { lookForSuspension } from '../../app/suspension';
import { t } from '../../i18n';
import * as devices from '../../media/devices';
import { meant, type State, wouldEnd } from '../../state/chat';
import { Header } from '../header';
import { Leave, useGuard, useTabKept } from '../leave';
import { hasMoved } from '../route';
import { Title } from '../title';
import { Captions, useCaptions } from '../captions';
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
  const [away, stay] = useGuard(() => wouldEnd(chat.value) !== null);
  const busy = open !== null || away !== null;
  const armed = useKeys({ ask, isOpen: busy });
  const swipe = useSwipeUp(() => give({ is: 'next' }));
  const talks = state.phase === 'live' || state.phase === 'reconnecting';
  useHold(busy);
  useCaptions(talks && state.room?.transport === 'sfu' ? state.room.id : null, captionName);
  useTabKept(talks);
  const refused = state.phase === 'suspended';
  useEffect(() => void lookForSuspension(), [refused]);
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    connect();
    // The keyboard and the screen reader come along from the page before.
    if (hasMoved()) main.current?.focus({ preventScroll: true });
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
      <main ref={main} tabIndex={-1} class="chat" data-state={state.phase} data-online={state.online}>
        <h1 class="sr-only">{t('chatTitle')}</h1>
        <Announcement state={state} armed={armed} />
        <div class="stage" ref={swipe}>
          <Stage state={state} armed={armed} />
          <Captions />
        </div>
        <Conversation roomId={state.room?.id ?? null} empty={state.room ? 'noMessages' : 'noMessagesYet'}>
          {state.room && <span class="by-finger">{t('swipeHint')}</span>}
        </Conversation>
        <Controls state={state} ask={ask} />
      </main>
      <Dialogs open={open} close={close} />
      {away && <Leave {...leaveWords(state)} end={() => give({ is: 'stop' })} go={away} close={stay} />}
    </div>
  );
}

/** There is only one other. */
const captionName = (id: string): string => (id === chat.peek().room?.peerId ? partnerName.peek() : '');

/** What is about to be left: the search may have become a call, or the call may be over, while somebody thinks. */
function leaveWords(state: State): { title: string; hint: string } {
  if (wouldEnd(state) === 'call') return { title: t('leaveTitle'), hint: t('leaveHint', { name: partnerName.value }) };
  return { title: t('leaveSearchTitle'), hint: t(wouldEnd(state) ? 'leaveSearchHint' : 'leaveOverHint') };
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
