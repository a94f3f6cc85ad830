/** In the call: pictures, what stands beside them, and the bar. */
import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

import { give, inRoom, room, unread } from '../../app/room';
import { t } from '../../i18n';
import { isOfTwo } from '../../state/call';
import { nameOf, type State } from '../../state/room';
import { Captions, useCaptions } from '../captions';
import { Conversation } from '../chat/messages';
import { Leave, useGuard, useTabKept } from '../leave';
import { Title } from '../title';
import { Bar } from './bar';
import { type Ask, Dialogs, type Open } from './dialogs';
import { useKeys } from './keys';
import { Announcement, Notes } from './notes';
import { People } from './people';
import { Stage } from './stage';
import { Voices } from './voices';

export type Panel = 'chat' | 'people' | null;

export function Call({ state }: { state: State }) {
  const [panel, setPanel] = useState<Panel>(null);
  const [open, setOpen] = useState<Open>(null);
  const turn = useCallback((to: Panel) => setPanel((now) => (now === to ? null : to)), []);
  const ask = useCallback((what: Ask) => setOpen(what), []);
  const close = useCallback(() => setOpen(null), []);
  const [away, stay] = useGuard(() => inRoom.peek());
  useKeys({ turn, ask, isOpen: open !== null || away !== null });
  useTabKept(state.people.length > 1);
  useCaptions(state.call?.way !== 'p2p' && state.link === 'connected' ? state.roomId : null, captionName);
  const waiting = unread.value;
  useEffect(() => {
    if (panel === 'chat') unread.value = 0;
  }, [panel, waiting]);
  const main = useRef<HTMLElement>(null);
  // The keyboard and the screen reader come along from the lobby.
  useEffect(() => main.current?.focus({ preventScroll: true }), []);
  return (
    <>
      <Title page={state.call ? 'callTitle' : 'roomTitle'} name={titleOf(state)} />
      <main ref={main} tabIndex={-1} class={`room ${panel ? 'with-panel' : ''}`} data-state="in" data-link={state.link} data-online={state.online}>
        <h1 class="sr-only">{titleOf(state) || t('roomTitle')}</h1>
        <Announcement state={state} />
        <Stage state={state} ask={ask} />
        <Notes state={state} />
        <Captions />
        {panel && (
          <Side key={panel} close={() => setPanel(null)}>
            {panel === 'chat' ? <Conversation roomId={state.roomId} empty="noMessagesRoom" names={!isOfTwo(state)} /> : <People state={state} ask={ask} />}
          </Side>
        )}
        <Bar state={state} panel={panel} turn={turn} ask={ask} />
        <Voices />
      </main>
      <Dialogs state={state} open={open} ask={ask} close={close} />
      {away && <Leave title={t('leaveTitle')} hint={t(state.call ? 'leaveCallHint' : 'leaveRoomHint')} end={() => give({ is: 'leave' })} go={away} close={stay} />}
    </>
  );
}

const captionName = (id: string): string => nameOf(room.peek(), id);

/** What a room is called, and a call by whom it is with. */
const titleOf = ({ call, name }: State): string => (call ? call.name : name);

/** What was opened has the focus; Escape closes it and gives the focus back. */
function Side({ close, children }: { close: () => void; children: ComponentChildren }) {
  const side = useRef<HTMLElement>(null);
  useEffect(() => {
    const [element, before] = [side.current, document.activeElement];
    const first = element?.querySelector<HTMLElement>('input:not([readonly]), button');
    (first ?? element)?.focus({ preventScroll: true });
    return () => {
      if (before instanceof HTMLElement && element?.contains(document.activeElement)) before.focus();
    };
  }, []);
  return (
    <aside
      ref={side}
      class="side"
      tabIndex={-1}
      onKeyDown={(event) => {
        if (event.key === 'Escape') close();
      }}
    >
      {children}
    </aside>
  );
}
