import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { relays, Rtc } from './rtc';

interface Line {
  mid: string | null;
  kind: string;
  direction: string;
  rids: string[];
  sent: unknown[];
}

/** A browser's connection, as far as it is used: lines get their names with the first description. */
class Connection {
  static all: Connection[] = [];
  lines: Line[] = [];
  offers: string[] = [];
  answers: string[] = [];
  restarts = 0;
  signalingState = 'stable';
  connectionState = 'new';
  iceConnectionState = 'new';
  localDescription: { sdp: string } | null = null;
  onconnectionstatechange: (() => void) | null = null;
  oniceconnectionstatechange: (() => void) | null = null;
  closed = false;

  constructor() {
    Connection.all.push(this);
  }

  addTransceiver(kind: string, { direction, sendEncodings = [] }: { direction: string; sendEncodings?: { rid: string }[] }) {
    const line: Line = { mid: null, kind, direction, rids: sendEncodings.map(({ rid }) => rid), sent: [] };
    this.lines.push(line);
    return this.#show(line);
  }

  #show(line: Line) {
    return {
      get mid() {
        return line.mid;
      },
      receiver: { track: { kind: line.kind } },
      sender: { track: null, replaceTrack: (track: unknown) => Promise.resolve(line.sent.push(track)) },
    };
  }

  getTransceivers() {
    return this.lines.map((line) => this.#show(line));
  }

  createOffer() {
    return Promise.resolve({ sdp: `offer ${this.offers.length + 1} with ${this.lines.length} lines, restarts ${this.restarts}` });
  }

  setLocalDescription(offer: { sdp: string }) {
    this.lines.forEach((line, i) => (line.mid = String(i)));
    this.offers.push(offer.sdp);
    this.localDescription = offer;
    this.signalingState = 'have-local-offer';
    return Promise.resolve();
  }

  setRemoteDescription({ sdp }: { sdp: string }) {
    this.answers.push(sdp);
    this.signalingState = 'stable';
    return Promise.resolve();
  }

  restartIce() {
    this.restarts += 1;
  }

  close() {
    this.closed = true;
  }
}

const settled = (): Promise<void> => new Promise((done) => setTimeout(done));

test('on the way to the server there is no STUN: what comes from such an address is taken for its answer', () => {
  const turn = { urls: ['turn:turn.example:3478', 'turns:turn.example:5349'], username: 'u', credential: 'c' };
  expect(relays([{ urls: 'stun:media.example:7882' }, { urls: ['stuns:media.example:7883'] }, turn])).toEqual([turn]);
  expect(relays([{ ...turn, urls: ['stun:turn.example:3478', 'turn:turn.example:3478'] }])).toEqual([{ ...turn, urls: ['turn:turn.example:3478'] }]);
});

describe('the connection to the server', () => {
  const said: string[] = [];
  const asked: string[] = [];
  let answer: (sdp: string) => Promise<string>;

  const open = (limit: number): [Rtc, Connection] => {
    const rtc = new Rtc(limit, [], {
      offer: (sdp) => {
        asked.push(sdp);
        return answer(sdp);
      },
      link: (state) => said.push(state),
      figures: () => undefined,
    });
    return [rtc, Connection.all.at(-1)!];
  };

  beforeEach(() => {
    vi.stubGlobal('RTCPeerConnection', Connection);
    vi.stubGlobal('RTCRtpReceiver', { getCapabilities: () => null });
    vi.stubGlobal('MediaStream', class { constructor(readonly tracks: unknown[]) {} });
    answer = (sdp) => Promise.resolve(`answer to ${sdp}`);
    said.length = 0;
    asked.length = 0;
  });
  afterEach(() => vi.unstubAllGlobals());

  test('has its lines in the order of the protocol, as many as the room needs', () => {
    const [rtc, { lines }] = open(10);
    expect(lines.slice(0, 4).map(({ kind, direction, rids }) => `${kind} ${direction} ${rids.join()}`)).toEqual([
      'audio sendonly ', 'video sendonly l,m,h', 'video sendonly l,h', 'audio sendonly ',
    ]);
    const receiving = lines.slice(4);
    expect(receiving.every(({ direction }) => direction === 'recvonly')).toBe(true);
    expect(receiving.map(({ kind }) => kind)).toEqual([...Array<string>(4).fill('audio'), ...Array<string>(11).fill('video')]);
    rtc.close();
  });

  test('offers once; tracks come and go without another description', async () => {
    const [rtc, pc] = open(4);
    rtc.offer();
    await settled();
    const track = { id: 'camera' } as MediaStreamTrack;
    rtc.publish('camera', track);
    rtc.publish('camera', null);
    await settled();
    expect([pc.offers.length, pc.answers]).toEqual([1, [`answer to ${pc.offers[0]}`]]);
    expect([rtc.stream('4'), rtc.stream('0')].map((stream) => stream !== null)).toEqual([true, false]);
    rtc.close();
  });

  test('looks for a new way over the same lines', async () => {
    const [rtc, pc] = open(4);
    rtc.offer();
    rtc.mend();
    await settled();
    expect([pc.offers.length, pc.answers.length, pc.restarts, pc.lines.length]).toEqual([2, 2, 1, 4 + 4 + 5]);
    rtc.close();
  });

  test('says the very same again when the answer was lost', async () => {
    const [rtc, pc] = open(4);
    answer = () => Promise.reject(new Error('no answer'));
    rtc.offer();
    await settled();
    expect(said).toEqual(['broken']);
    answer = (sdp) => Promise.resolve(sdp);
    rtc.mend();
    await settled();
    expect([asked[0] === asked[1], pc.offers.length, pc.answers.length]).toEqual([true, 1, 1]);
    rtc.close();
  });

  test('gets more receiving lines when the room grows, behind the others', async () => {
    const [rtc, pc] = open(4);
    rtc.offer();
    rtc.grow(2);
    await settled();
    expect(pc.lines.length).toBe(4 + 4 + 5 + 2);
    expect(rtc.stream('14')).not.toBe(null);
    rtc.close();
  });

  test('tells when it breaks and when it is whole, and nothing once it is closed', async () => {
    const [rtc, pc] = open(4);
    pc.connectionState = 'connected';
    pc.onconnectionstatechange?.();
    pc.iceConnectionState = 'disconnected';
    pc.oniceconnectionstatechange?.();
    expect(said).toEqual(['connected', 'broken']);
    answer = () => Promise.reject(new Error('too late'));
    rtc.offer();
    rtc.close();
    await settled();
    expect([pc.closed, said.length]).toEqual([true, 2]);
  });
});
