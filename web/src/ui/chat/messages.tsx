/** What was written in this call. Gone when it ends. */
import { RotateCw, Send } from 'lucide-preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { type Message, messages, partnerName, say } from '../../app';
import { t, wordsFor } from '../../i18n';
import type { State } from '../../state/chat';

/** As the protocol allows. */
const MAX_CHARS = 2_000;
/** From here on the page tells how many are left. */
const TELL_FROM = 1_800;

export function Conversation({ state }: { state: State }) {
  const end = useRef<HTMLLIElement>(null);
  const count = messages.value.length;
  useEffect(() => end.current?.scrollIntoView({ block: 'end' }), [count]);
  const open = state.room !== null;
  return (
    <section class="conversation" aria-label={t('chat')}>
      {/* A region that scrolls can be reached by keyboard. */}
      <ol class="messages" aria-live="polite" tabIndex={0} aria-label={t('chat')}>
        {open && count === 0 && <li class="quiet">{t('noMessages')}</li>}
        {messages.value.map((message) => (
          <Line key={message.key} message={message} />
        ))}
        <li ref={end} class="end" aria-hidden="true" />
      </ol>
      <Compose open={open} />
    </section>
  );
}

function Line({ message }: { message: Message }) {
  return (
    <li class={`message ${message.mine ? 'mine' : 'theirs'} ${message.state}`} data-testid="message">
      <span class="sr-only">{message.mine ? t('you') : partnerName.value}: </span>
      <span>{message.text}</span>
      {message.state === 'failed' && (
        <button type="button" class="plain" onClick={() => void say(message.text, message.key)}>
          <RotateCw aria-hidden="true" />
          {t('sendFailed')} {message.error ? wordsFor(message.error) : ''} {t('tryAgain')}
        </button>
      )}
    </li>
  );
}

function Compose({ open }: { open: boolean }) {
  const [text, setText] = useState('');
  // As the server counts them.
  const length = [...text].length;
  return (
    <form
      class="compose"
      onSubmit={(event) => {
        event.preventDefault();
        if (!open || !text.trim() || length > MAX_CHARS) return;
        void say(text);
        setText('');
      }}
    >
      <label class="sr-only" for="message">
        {t('message')}
      </label>
      <input
        id="message"
        autocomplete="off"
        enterkeyhint="send"
        placeholder={t('typeHere')}
        value={text}
        disabled={!open}
        aria-describedby="left"
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button aria-label={t('send')} disabled={!open || !text.trim() || length > MAX_CHARS}>
        <Send aria-hidden="true" />
      </button>
      <span id="left" class="left" role="status">
        {length > TELL_FROM ? t('remaining', { n: MAX_CHARS - length }) : ''}
      </span>
    </form>
  );
}
