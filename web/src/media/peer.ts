/** One direct connection to a partner: the browser's `RTCPeerConnection` with candidates kept until they can be used. */
import type { Source } from '../protocol/types';

export interface PeerEvents {
  signal(kind: 'offer' | 'answer', sdp: string): void;
  candidate(candidate: RTCIceCandidateInit | null): void;
  link(state: 'connecting' | 'connected' | 'failed'): void;
  /** The partner's microphone and camera. */
  stream(stream: MediaStream): void;
  /** The partner's screen, with its sound: black as long as they share none. */
  screen?(stream: MediaStream): void;
}

/** What a direct connection carries, in the order of its lines. */
export const FACES: Source[] = ['mic', 'camera'];
export const FACES_AND_SCREENS: Source[] = ['mic', 'camera', 'screen', 'screen-audio'];

const kindOf = (source: Source): 'audio' | 'video' => (source === 'camera' || source === 'screen' ? 'video' : 'audio');

declare global {
  interface Window {
    /** The connection, for automated browsers only. */
    __visavisPc?: RTCPeerConnection;
  }
}

export class PeerLink {
  readonly #pc: RTCPeerConnection;
  readonly #early: (RTCIceCandidateInit | null)[] = [];
  readonly #remote = new MediaStream();
  readonly #shown = new MediaStream();
  readonly #senders = new Map<Source, RTCRtpSender>();
  #work: Promise<void> = Promise.resolve();
  #local: MediaStream | null;
  #screen: MediaStream | null = null;

  constructor(
    iceServers: RTCIceServer[],
    local: MediaStream | null,
    private readonly events: PeerEvents,
    private readonly lines: Source[] = FACES,
  ) {
    const pc = new RTCPeerConnection({ iceServers, bundlePolicy: 'max-bundle' });
    this.#pc = pc;
    this.#local = local;
    if (navigator.webdriver) window.__visavisPc = pc;
    pc.onicecandidate = ({ candidate }) => events.candidate(candidate ? candidate.toJSON() : null);
    pc.ontrack = ({ track, transceiver }) => {
      const source = lines[pc.getTransceivers().indexOf(transceiver)];
      if (source === 'screen' || source === 'screen-audio') {
        this.#shown.addTrack(track);
        events.screen?.(this.#shown);
      } else {
        this.#remote.addTrack(track);
        events.stream(this.#remote);
      }
    };
    pc.onconnectionstatechange = () => {
      const state = pc.connectionState;
      if (state === 'connecting' || state === 'connected' || state === 'failed') events.link(state);
    };
  }

  /** Steps run one after the other; a failing one means that the two can't connect. */
  #then(step: () => Promise<void>): void {
    this.#work = this.#work.then(step).catch(() => {
      if (this.#pc.signalingState !== 'closed') this.events.link('failed');
    });
  }

  #addTracks(): void {
    this.lines.forEach((source, i) => {
      const line = this.#pc.getTransceivers()[i] ?? this.#pc.addTransceiver(kindOf(source), { direction: 'sendrecv' });
      line.direction = 'sendrecv';
      this.#senders.set(source, line.sender);
    });
    this.#send();
  }

  /** Servers that help to find a way; those of the join are the ones to use. */
  use(iceServers: RTCIceServer[]): void {
    this.#pc.setConfiguration({ ...this.#pc.getConfiguration(), iceServers });
  }

  /** The way between the two has broken: looks for a new one. */
  mend(): void {
    this.#pc.restartIce();
    this.offer();
  }

  offer(): void {
    this.#then(async () => {
      this.#addTracks();
      await this.#pc.setLocalDescription();
      this.events.signal('offer', this.#pc.localDescription?.sdp ?? '');
    });
  }

  take(kind: 'offer' | 'answer', sdp: string): void {
    this.#then(async () => {
      await this.#pc.setRemoteDescription({ type: kind, sdp });
      if (kind === 'offer') {
        this.#addTracks();
        await this.#pc.setLocalDescription();
        this.events.signal('answer', this.#pc.localDescription?.sdp ?? '');
      }
      for (const candidate of this.#early.splice(0)) await this.#add(candidate);
    });
  }

  takeCandidate(candidate: RTCIceCandidateInit | null): void {
    this.#then(async () => {
      if (this.#pc.remoteDescription) await this.#add(candidate);
      else this.#early.push(candidate);
    });
  }

  async #add(candidate: RTCIceCandidateInit | null): Promise<void> {
    // One bad candidate is one path less, not the end.
    await this.#pc.addIceCandidate(candidate ?? undefined).catch(() => undefined);
  }

  /** What the partner gets from now on: another camera or microphone, or none. */
  send(local: MediaStream | null): void {
    this.#local = local;
    this.#send();
  }

  /** The screen that the partner sees from now on, or none. */
  share(screen: MediaStream | null): void {
    this.#screen = screen;
    this.#send();
  }

  #send(): void {
    for (const [source, sender] of this.#senders) {
      const from = source === 'screen' || source === 'screen-audio' ? this.#screen : this.#local;
      const track = from?.getTracks().find(({ kind }) => kind === kindOf(source)) ?? null;
      // A connection that is being closed refuses, and needs nothing any more.
      if (sender.track !== track) void sender.replaceTrack(track).catch(() => undefined);
    }
  }

  close(): void {
    this.#pc.onconnectionstatechange = null;
    this.#pc.onicecandidate = null;
    this.#pc.ontrack = null;
    this.#pc.close();
  }
}
