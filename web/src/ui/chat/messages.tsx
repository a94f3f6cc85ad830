/** What was written in this call. Gone when the next one begins. */
import { Eye, EyeOff, RotateCw, Send } from 'lucide-preact';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { type Message, messages, say, uncover } from '../../app/messages';
import { type Key, t, wordsFor } from '../../i18n';
import { type Held, troubleOf } from '../../protocol/types';
import { kept } from '../kept';

/** As the protocol allows. */
const MAX_CHARS = 2_000;
/** From here on the page tells how many are left. */
const TELL_FROM = 1_800;

interface Props {
  /** The present call; without one nothing can be written. */
  roomId: string | null;
  /** In place of messages, as long as there are none. */
  empty: Key;
  /** There are several who may have written something. */
  names?: boolean;
  children?: ComponentChildren;
}

export function Conversation({ roomId, empty, names = false, children }: Props) {
  const end = useRef<HTMLLIElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const count = messages.value.length;
  useEffect(() => end.current?.scrollIntoView({ block: 'end' }), [count]);
  // A keyboard that comes up takes room: the newest line stays in sight.
  useEffect(() => {
    const room = new ResizeObserver(() => end.current?.scrollIntoView({ block: 'end' }));
    if (list.current) room.observe(list.current);
    return () => room.disconnect();
  }, []);
  return (
    <section class="conversation" aria-label={t('chat')}>
      {/* A region that scrolls can be reached by keyboard. */}
      <ol ref={list} class="messages" aria-live="polite" tabIndex={0} aria-label={t('chat')}>
        {count === 0 && (
          <li class="quiet">
            {t(empty)} {roomId !== null && t(kept())} {children}
          </li>
        )}
        {messages.value.map((message) => (
          <Line
            key={message.key}
            message={message}
            names={names}
            again={roomId !== null && ((anyway) => void say(roomId, message.text, message.key, anyway))}
          />
        ))}
        <li ref={end} class="end" aria-hidden="true" />
      </ol>
      <Compose send={roomId === null ? null : (text) => void say(roomId, text)} />
    </section>
  );
}

function Line({ message, names, again }: { message: Message; names: boolean; again: ((anyway: boolean) => void) | false }) {
  // What was held back once will be again, unless it goes covered.
  const helpless = troubleOf(message.error).code === 'held-back';
  return (
    <li class={`message ${message.mine ? 'mine' : 'theirs'} ${message.state}`} data-testid="message">
      <span class={names && !message.mine ? 'author' : 'sr-only'}>{message.mine ? t('you') : message.from}: </span>
      {message.held ? <Covered messageKey={message.key} held={message.held} /> : <span>{message.text}</span>}
      {message.state === 'failed' && (
        <span class="failure">
          {t('sendFailed')} {wordsFor(message.error)}
          {again && (
            <button type="button" class="plain" onClick={() => again(helpless)}>
              {helpless ? <EyeOff aria-hidden="true" /> : <RotateCw aria-hidden="true" />}
              {t(helpless ? 'sendCovered' : 'tryAgain')}
            </button>
          )}
        </span>
      )}
    </li>
  );
}

/** A message that leads away from here, until whoever reads it wants to see it. */
function Covered({ messageKey, held }: { messageKey: string; held: Held }) {
  return (
    <span class="covered">
      {t(`covered_${held}`)}{' '}
      <button type="button" class="plain" onClick={() => uncover(messageKey)}>
        <Eye aria-hidden="true" />
        {t('showAnyway')}
      </button>
    </span>
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
