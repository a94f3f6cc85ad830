/** The random chat: two pictures, the conversation, and what can be done. It only shows the machine's state. */
import { useEffect, useState } from 'preact/hooks';

import { block, chat, connect, give, me, partnerName, report } from '../../app';
import { Header } from '../header';
import { Dialogs, type Open } from './dialogs';
import { useKeys } from './keys';
import { Conversation } from './messages';
import { Controls } from './controls';
import { Stage } from './stage';
import { StatusLine } from './status';
import { useSwipeUp } from './swipe';

export function Chat() {
  const [open, setOpen] = useState<Open>(null);
  const state = chat.value;
  const armed = useKeys({ open: setOpen, isOpen: open !== null });
  const swipe = useSwipeUp(() => give({ is: 'next' }));
  useEffect(() => {
    if (me.value) connect();
    // A page that goes away leaves, so that nobody waits for it.
    return () => give({ is: 'stop' });
  }, []);
  // A dialog about somebody who has gone is about nobody.
  const gone = state.room === null;
  useEffect(() => {
    if (gone) setOpen((was) => (was === 'help' ? was : null));
  }, [gone]);

  return (
    <div class="frame chat-frame">
      <Header />
      <main class="chat" data-state={state.phase} data-online={state.online}>
        <div class="stage" ref={swipe}>
          <Stage state={state} />
          <StatusLine state={state} armed={armed} />
        </div>
        <Conversation state={state} />
        <Controls state={state} open={setOpen} />
      </main>
      <Dialogs
        open={open}
        name={partnerName.value}
        close={() => setOpen(null)}
        onReport={report}
        onBlock={block}
      />
    </div>
  );
}
