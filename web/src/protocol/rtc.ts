/**
 * The one connection to the server's media (docs/protocol.md, section 5). All its lines are offered once; who is on which
 * of them is told by `slots`, never by another description. Tracks come and go by `replaceTrack`.
 */
import type { Source } from './types';

/** Receiving lines for sound: the loudest three and one to cross-fade. */
const VOICES = 4;
/** Screens that can be shared at once. */
const SCREENS = 2;
/** The order of the sending lines. */
const SENDS: Source[] = ['mic', 'camera', 'screen', 'screen-audio'];
/** Between looks at the figures. */
const STATS_MS = 2_000;

/** How one layer of the camera is sent; lowest first, as `l`, `m` and `h`. */
export interface Layer {
  active: boolean;
  scaleResolutionDownBy: number;
  maxBitrate: number;
  maxFramerate: number;
}

/** What a receiving line got since the connection began. */
export interface LineFigures {
  kind: 'audio' | 'video';
  packets: number;
  lost: number;
  frames: number;
  /** That came and couldn't be shown in time. */
  dropped: number;
  freezes: number;
}

/** Figures of the connection since it began. */
export interface Figures {
  lines: Record<string, LineFigures>;
  /** Seconds to the server and back. */
  roundTrip: number;
  /** Share of my packets that the server missed lately, 0 to 1. */
  lostByMe: number;
  /** What holds my camera back. */
  limit: 'none' | 'cpu' | 'bandwidth' | 'other';
}

export interface RtcEvents {
  /** Has the server's answer to this offer. */
  offer(sdp: string): Promise<string>;
  link(state: 'connected' | 'broken'): void;
  figures(figures: Figures): void;
}

declare global {
  interface Window {
    /** The connection, for automated browsers only. */
    __visavisPc?: RTCPeerConnection;
  }
}

/** VP8 first and H.264 second: with every codec the offer would be three times as long. */
function codecs(kind: 'audio' | 'video'): RTCRtpCodec[] {
  const all = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
  const named = (name: RegExp): RTCRtpCodec[] => all.filter(({ mimeType }) => name.test(mimeType));
  if (kind === 'audio') return named(/\/opus$/i);
  const plain = named(/\/h264$/i).filter(({ sdpFmtpLine: how = '' }) => /=42e0/i.test(how) && /packetization-mode=1/.test(how));
  return [...named(/\/vp8$/i), ...plain, ...named(/\/rtx$/i)];
}

/**
 * Without STUN: the server needn't learn where I am, it answers whoever asks. And Chromium takes all that comes from an
 * address of a STUN server for that one's answers: where it is the server's own, nothing else would be heard from there.
 */
export const relays = (servers: RTCIceServer[]): RTCIceServer[] =>
  servers
    .map((server) => ({ ...server, urls: [server.urls].flat().filter((url) => !url.startsWith('stun')) }))
    .filter(({ urls }) => urls.length > 0);

const rids = (names: string[]): RTCRtpEncodingParameters[] =>
  names.map((rid, i) => ({ rid, scaleResolutionDownBy: 2 ** (names.length - 1 - i) }));

export class Rtc {
  readonly #pc: RTCPeerConnection;
  readonly #senders = new Map<Source, RTCRtpSender>();
  readonly #streams = new Map<string, MediaStream>();
  readonly #timer: ReturnType<typeof setInterval>;
  #receivers: RTCRtpTransceiver[] = [];
  #work: Promise<void> = Promise.resolve();
  #closed = false;

  /** `limit` is how many the room takes at most: it decides how many lines there are. */
  constructor(
    limit: number,
    iceServers: RTCIceServer[],
    private readonly events: RtcEvents,
  ) {
    const pc = new RTCPeerConnection({ iceServers: relays(iceServers), bundlePolicy: 'max-bundle' });
    this.#pc = pc;
    if (globalThis.navigator?.webdriver) window.__visavisPc = pc;
    const layers: Partial<Record<Source, string[]>> = { camera: ['l', 'm', 'h'], screen: ['l', 'h'] };
    for (const source of SENDS) {
      const named = layers[source];
      const line = pc.addTransceiver(named ? 'video' : 'audio', {
        direction: 'sendonly',
        ...(named ? { sendEncodings: rids(named) } : {}),
      });
      this.#senders.set(source, line.sender);
    }
    this.#receive('audio', VOICES);
    this.#receive('video', limit - 1 + SCREENS);
    for (const line of pc.getTransceivers()) restrict(line);
    pc.onconnectionstatechange = () => this.#tell();
    pc.oniceconnectionstatechange = () => this.#tell();
    this.#timer = setInterval(() => void this.#look(), STATS_MS);
  }

  #receive(kind: 'audio' | 'video', number: number): void {
    for (let i = 0; i < number; i += 1) this.#receivers.push(this.#pc.addTransceiver(kind, { direction: 'recvonly' }));
  }

  #tell(): void {
    const { connectionState, iceConnectionState } = this.#pc;
    if (connectionState === 'failed' || iceConnectionState === 'disconnected') this.events.link('broken');
    else if (connectionState === 'connected') this.events.link('connected');
  }

  /** Steps run one after the other; one that fails means that there is no connection for now. */
  #then(step: () => Promise<void>): void {
    this.#work = this.#work.then(step).catch(() => {
      if (!this.#closed) this.events.link('broken');
    });
  }

  /** Offers the lines, the first time or again to find a new way to the server. */
  offer(): void {
    this.#then(async () => {
      if (this.#closed) return;
      const pc = this.#pc;
      // The server may have missed the last one: the very same is answered the same.
      if (pc.signalingState !== 'have-local-offer') await pc.setLocalDescription(await pc.createOffer());
      for (const line of this.#receivers) {
        if (line.mid && !this.#streams.has(line.mid)) this.#streams.set(line.mid, new MediaStream([line.receiver.track]));
      }
      const sdp = await this.events.offer(pc.localDescription?.sdp ?? '');
      if (!this.#closed) await pc.setRemoteDescription({ type: 'answer', sdp });
    });
  }

  /** The way to the server has broken: looks for a new one, over the same lines. */
  mend(): void {
    this.#then(async () => this.#pc.restartIce());
    this.offer();
  }

  /** The room takes more people now. */
  grow(by: number): void {
    this.#then(async () => {
      const before = this.#receivers.length;
      this.#receive('video', by);
      this.#receivers.slice(before).forEach(restrict);
    });
    this.offer();
  }

  /** What I send; null sends nothing. */
  publish(source: Source, track: MediaStreamTrack | null): void {
    const sender = this.#senders.get(source);
    // A connection that is being closed refuses, and needs nothing any more.
    if (sender && sender.track !== track) void sender.replaceTrack(track).catch(() => undefined);
  }

  /** How the camera is sent, lowest layer first. */
  async layer(layers: Layer[]): Promise<void> {
    const sender = this.#senders.get('camera');
    const now = sender?.getParameters();
    if (!sender || !now || now.encodings.length !== layers.length) return;
    now.encodings.forEach((encoding, i) => Object.assign(encoding, layers[i]));
    await sender.setParameters(now).catch(() => undefined);
  }

  /** What comes over one of my receiving lines. */
  stream(mid: string): MediaStream | null {
    return this.#streams.get(mid) ?? null;
  }

  /** Pictures of a receiving line that were decoded so far. */
  async frames(mid: string): Promise<number> {
    const report = await this.#pc.getStats().catch(() => null);
    return report ? (figuresOf(report).lines[mid]?.frames ?? 0) : 0;
  }

  async #look(): Promise<void> {
    if (this.#pc.connectionState !== 'connected') return;
    const report = await this.#pc.getStats().catch(() => null);
    if (report && !this.#closed) this.events.figures(figuresOf(report));
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#pc.onconnectionstatechange = null;
    this.#pc.oniceconnectionstatechange = null;
    this.#pc.close();
  }
}

function restrict(line: RTCRtpTransceiver): void {
  const wanted = codecs(line.receiver.track.kind as 'audio' | 'video');
  // Without a say in it the browser offers all it has, which works too.
  if (wanted.length) line.setCodecPreferences?.(wanted);
}

/** The fields of `getStats` that are read here, of whichever report has them. */
interface Report {
  type: string;
  kind?: 'audio' | 'video';
  mid?: string;
  packetsReceived?: number;
  packetsLost?: number;
  framesDecoded?: number;
  framesDropped?: number;
  freezeCount?: number;
  fractionLost?: number;
  qualityLimitationReason?: Figures['limit'];
  nominated?: boolean;
  currentRoundTripTime?: number;
}

export function figuresOf(reports: { forEach(each: (report: Report) => void): void }): Figures {
  const figures: Figures = { lines: {}, roundTrip: 0, lostByMe: 0, limit: 'none' };
  reports.forEach((report) => {
    if (report.type === 'inbound-rtp' && report.mid !== undefined) {
      figures.lines[report.mid] = {
        kind: report.kind ?? 'video',
        packets: report.packetsReceived ?? 0,
        lost: report.packetsLost ?? 0,
        frames: report.framesDecoded ?? 0,
        dropped: report.framesDropped ?? 0,
        freezes: report.freezeCount ?? 0,
      };
    } else if (report.type === 'remote-inbound-rtp') {
      figures.lostByMe = Math.max(figures.lostByMe, report.fractionLost ?? 0);
    } else if (report.type === 'outbound-rtp' && report.qualityLimitationReason === 'cpu') {
      figures.limit = 'cpu';
    } else if (report.type === 'outbound-rtp' && report.qualityLimitationReason === 'bandwidth' && figures.limit === 'none') {
      figures.limit = 'bandwidth';
    } else if (report.type === 'candidate-pair' && report.nominated) {
      figures.roundTrip = report.currentRoundTripTime ?? 0;
    }
  });
  return figures;
}
