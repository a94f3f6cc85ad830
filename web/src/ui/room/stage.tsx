/** Everybody's pictures, each where the layout has it. They never change their place in the document, so none flickers. */
import { EllipsisVertical, Hand, Pin, PinOff, UserRound } from 'lucide-preact';
import type { RefObject } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import { clock } from '../../app/clock';
import { give, qualities, reactions, room, screen, show, streamOf } from '../../app/room';
import { type Key, t } from '../../i18n';
import * as devices from '../../media/devices';
import type { Participant } from '../../protocol/types';
import { arrange, keyOf, place, type Rect, type TileRef } from '../../state/layout';
import type { Quality } from '../../state/link';
import { isAway, type State } from '../../state/room';
import { IconButton } from '../button';
import { CopyLink } from '../copy';
import { privacyOfTwo } from '../of-two';
import { Tile } from '../tile';
import type { Ask } from './dialogs';
import { EMOJI } from './reactions';

const GAP = 8;
/** More than twice as fine nobody sees. */
const FINEST = 2;

export function Stage({ state, ask }: { state: State; ask: (what: Ask) => void }) {
  const [box, size] = useSize();
  const { self, pins, layout, floor } = state;
  const people = state.people;
  const places = useMemo(() => {
    // What I share myself I see already.
    const seen = people.map((one) => (one.id === self ? { ...one, media: { ...one.media, screen: false } } : one));
    return place(arrange({ people: seen, self, pins, layout, floor }), size.width, size.height, GAP);
  }, [people, self, pins, layout, floor, size.width, size.height]);
  useEffect(() => {
    const fine = Math.min(FINEST, window.devicePixelRatio);
    show(tilesOf(people).flatMap((tile) => {
      const rect = places.get(keyOf(tile));
      return rect ? [{ tile, lines: Math.min(rect.height, tile.source === 'screen' ? (rect.width * 9) / 16 : rect.height) * fine }] : [];
    }));
  }, [places]);
  return (
    <div class="tiles" ref={box} role="group" aria-label={t('pictures')}>
      {size.width > 0 && tilesOf(people).map((tile) => {
        const rect = places.get(keyOf(tile));
        const person = people.find(({ id }) => id === tile.id);
        return rect && person && <OneTile key={keyOf(tile)} tile={tile} person={person} rect={rect} state={state} ask={ask} />;
      })}
      {state.people.length === 1 && <Alone state={state} />}
    </div>
  );
}

const tilesOf = (people: Participant[]): TileRef[] =>
  people.flatMap(({ id, media }) => [
    { id, source: 'camera' as const },
    ...(media.screen ? [{ id, source: 'screen' as const }] : []),
  ]);

function useSize(): [RefObject<HTMLDivElement>, { width: number; height: number }] {
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    if (!box.current) return;
    const watch = new ResizeObserver(([entry]) => {
      if (entry) setSize({ width: Math.floor(entry.contentRect.width), height: Math.floor(entry.contentRect.height) });
    });
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  return [box, size];
}

interface OneProps {
  tile: TileRef;
  person: Participant;
  rect: Rect;
  state: State;
  ask: (what: Ask) => void;
}

function OneTile({ tile, person, rect, state, ask }: OneProps) {
  const self = tile.id === state.self;
  const isScreen = tile.source === 'screen';
  const away = clock.value > 0 && isAway(state, tile.id, Date.now());
  const cameraOn = self ? devices.isOn('video') : person.media.video;
  const microphoneOn = self ? devices.isOn('audio') : person.media.audio;
  const stream = self ? devices.local.value : streamOf(tile.id, tile.source);
  const name = isScreen ? t('screenOf', { name: person.displayName }) : self ? t('you') : person.displayName;
  const hand = isScreen ? 0 : state.hands.indexOf(tile.id) + 1;
  const speaking = !isScreen && microphoneOn && state.speaking === tile.id;
  const reaction = isScreen ? undefined : reactions.value[tile.id];
  const style = { left: `${rect.x}px`, top: `${rect.y}px`, width: `${rect.width}px`, height: `${rect.height}px` };
  return (
    <Tile
      of={self ? 'self' : 'other'}
      name={name}
      stream={isScreen || cameraOn ? stream : null}
      testId={isScreen ? 'screen' : self ? 'self-video' : 'picture'}
      cameraOn={isScreen || cameraOn}
      microphoneOn={isScreen || microphoneOn}
      stale={away || (!self && state.link === 'broken')}
      blurred={person.blurred ?? false}
      silent
      class={`${isScreen ? 'screen' : 'camera'} ${speaking ? 'speaking' : ''}`}
      style={style}
      behind={!isScreen && <Face person={person} />}
      // What goes directly isn't measured.
      about={!isScreen && state.call?.way !== 'p2p' && <Badge quality={qualities.value[tile.id] ?? 'good'} />}
    >
      {away && (
        <div class="words">
          <p class="phase">{t('away')}</p>
        </div>
      )}
      {hand > 0 && (
        <span class="hand">
          <Hand aria-hidden="true" />
          <span aria-hidden="true">{hand}</span>
          <span class="sr-only">{t('handOf', { n: hand })}</span>
        </span>
      )}
      {reaction && (
        <span class="reaction" role="img" aria-label={t(`react_${reaction.kind}` as Key)}>
          {EMOJI[reaction.kind]}
        </span>
      )}
      {self && screen.value && <span class="sharing">{t('youShare')}</span>}
      <div class="corner">
        <PinButton tile={keyOf(tile)} name={name} on={state.pins.includes(keyOf(tile))} />
        {!self && !isScreen && (
          <IconButton icon={EllipsisVertical} name={t('menuOf', { name })} press={() => ask({ ask: 'person', id: person.id })} />
        )}
      </div>
    </Tile>
  );
}

function PinButton({ tile, name, on }: { tile: string; name: string; on: boolean }) {
  const Icon = on ? PinOff : Pin;
  return (
    <button
      type="button"
      class={`icon pin ${on ? 'is-on' : ''}`}
      aria-pressed={on}
      aria-label={t('pin', { name })}
      title={t('pin', { name })}
      onClick={() => give({ is: 'pin', key: tile })}
    >
      <Icon aria-hidden="true" />
    </button>
  );
}

/** In place of a picture that is off. */
function Face({ person }: { person: Participant }) {
  return (
    <div class="face">
      {person.avatarUrl ? <img src={person.avatarUrl} alt="" /> : <UserRound class="placeholder" aria-hidden="true" />}
    </div>
  );
}

/** How many of three bars stand for it. */
const BARS: Record<Quality, number> = { good: 3, fair: 2, poor: 1 };

function Badge({ quality }: { quality: Quality }) {
  return (
    <span class={`quality ${quality}`} title={t(`quality_${quality}`)}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        {[1, 2, 3].map((n) => (
          <rect key={n} class={n <= BARS[quality] ? '' : 'lacking'} x={n * 5 - 4} y={15 - n * 4.5} width="4" height={n * 4.5} rx="1" />
        ))}
      </svg>
      <span class="sr-only">{t(`quality_${quality}`)}</span>
    </span>
  );
}

function Alone({ state }: { state: State }) {
  const { call } = state;
  if (call) {
    return (
      <div class="alone">
        <p>{t(call.ringing ? 'callsThem' : state.hadCompany ? 'aloneInCall' : 'theyCome', { name: call.name })}</p>
        {call.ringing && <p class="quiet">{privacyOfTwo()}</p>}
      </div>
    );
  }
  return (
    <div class="alone">
      <p>{t(state.hadCompany ? 'aloneAgain' : 'alone')}</p>
      <CopyLink link={state.joinUrl} />
    </div>
  );
}

/** For the keys 1 to 9: the nth picture, the others before me. */
export function pinNth(n: number): void {
  const { self } = room.peek();
  const people = room.peek().people;
  const ordered = [...people.filter(({ id }) => id !== self), ...people.filter(({ id }) => id === self)];
  const one = ordered[n - 1];
  if (one) give({ is: 'pin', key: keyOf({ id: one.id, source: 'camera' }) });
}
