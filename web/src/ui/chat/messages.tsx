/** What was written in this call. Gone when the next one begins. */
import { RotateCw, Send } from 'lucide-preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { type Message, messages, say } from '../../app/messages';
import { partnerName } from '../../app/random';
import { t, wordsFor } from '../../i18n';
import { troubleOf } from '../../protocol/types';
import type { Room } from '../../state/chat';

/** As the protocol allows. */
const MAX_CHARS = 2_000;
/** From here on the page tells how many are left. */
const TELL_FROM = 1_800;

export function Conversation({ room }: { room: Room | null }) {
  const end = useRef<HTMLLIElement>(null);
  const count = messages.value.length;
  useEffect(() => end.current?.scrollIntoView({ block: 'end' }), [count]);
  return (
    <section class="conversation" aria-label={t('chat')}>
      {/* A region that scrolls can be reached by keyboard. */}
      <ol class="messages" aria-live="polite" tabIndex={0} aria-label={t('chat')}>
        {count === 0 && (
          <li class="quiet">
            {t(room ? 'noMessages' : 'noMessagesYet')} {room && <span class="by-finger">{t('swipeHint')}</span>}
          </li>
        )}
        {messages.value.map((message) => (
          <Line key={message.key} message={message} again={room && (() => void say(room.id, message.text, message.key))} />
        ))}
        <li ref={end} class="end" aria-hidden="true" />
      </ol>
      <Compose send={room && ((text) => void say(room.id, text))} />
    </section>
  );
}

function Line({ message, again }: { message: Message; again: (() => void) | null }) {
  // What was held back once will be again.
  const helpless = troubleOf(message.error).code === 'held-back';
  return (
    <li class={`message ${message.mine ? 'mine' : 'theirs'} ${message.state}`} data-testid="message">
      <span class="sr-only">{message.mine ? t('you') : partnerName.value}: </span>
      <span>{message.text}</span>
      {message.state === 'failed' && (
        <span class="failure">
          {t('sendFailed')} {wordsFor(message.error)}
          {again && !helpless && (
            <button type="button" class="plain" onClick={again}>
              <RotateCw aria-hidden="true" />
              {t('tryAgain')}
            </button>
          )}
        </span>
      )}
    </li>
  );
}

function Compose({ send }: { send: ((text: string) => void) | null }) {
  const [text, setText] = useState('');
  // As the server counts them.
  const length = [...text].length;
  const ready = send !== null && text.trim() !== '' && length <= MAX_CHARS;
  return (
    <form
      class="compose"
      onSubmit={(event) => {
        event.preventDefault();
        if (!ready) return;
        send(text);
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
        disabled={!send}
        aria-describedby="left"
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button class="icon" aria-label={t('send')} title={t('send')} disabled={!ready}>
        <Send aria-hidden="true" />
      </button>
      <span id="left" class="left" role="status">
        {length > TELL_FROM ? t('remaining', { n: MAX_CHARS - length }) : ''}
      </span>
    </form>
  );
}
