// A group room from inside a browser, without a page of ours: one RTCPeerConnection with the lines of protocol section 5.
// Signalling runs in the test; what the browser is told, it is told by `evaluate`.

import { until } from '../../../tests/node/lib/wait.mjs';
import { signIn } from '../../../tests/node/lib/person.mjs';
import { LONG, Visitor } from './browser.mjs';

/** Runs in the browser: the connection and everything it heard. */
const PAGE = () => {
  const calls = { answers: 0, slots: [], lines: new Map() };
  window.__call = calls;

  calls.offer = async ({ limit, width, height, camera }) => {
    const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    calls.pc = pc;
    const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: camera ? { width, height } : false });
    const rid = (rid, scaleResolutionDownBy, maxBitrate) => ({ rid, scaleResolutionDownBy, maxBitrate });
    const send = (kind, track, sendEncodings) => pc.addTransceiver(track ?? kind, { direction: 'sendonly', ...(sendEncodings ? { sendEncodings } : {}) });
    calls.mic = send('audio', media.getAudioTracks()[0]);
    calls.camera = send('video', media.getVideoTracks()[0], [rid('l', 4, 150_000), rid('m', 2, 500_000), rid('h', 1, 1_700_000)]);
    calls.screen = send('video', null, [rid('l', 2, 300_000), rid('h', 1, 1_500_000)]);
    calls.screenAudio = send('audio', null);
    for (let i = 0; i < 4; i += 1) pc.addTransceiver('audio', { direction: 'recvonly' });
    for (let i = 0; i < limit - 1 + 2; i += 1) pc.addTransceiver('video', { direction: 'recvonly' });
    const wanted = (kind) => RTCRtpReceiver.getCapabilities(kind).codecs.filter(({ mimeType }) => /VP8|rtx/i.test(mimeType));
    for (const line of pc.getTransceivers()) if (line.receiver.track.kind === 'video') line.setCodecPreferences(wanted('video'));
    await pc.setLocalDescription(await pc.createOffer());
    for (const line of pc.getTransceivers().slice(4)) calls.lines.set(line.mid, line);
    return pc.localDescription.sdp;
  };

  calls.answer = async (sdp) => {
    calls.answers += 1;
    await calls.pc.setRemoteDescription({ type: 'answer', sdp });
  };

  calls.restart = async () => {
    await calls.pc.setLocalDescription(await calls.pc.createOffer({ iceRestart: true }));
    return calls.pc.localDescription.sdp;
  };

  /** A moving picture of a colour, as a screen. */
  calls.share = async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
    const pen = canvas.getContext('2d');
    let n = 0;
    calls.painting = setInterval(() => {
      pen.fillStyle = `hsl(${(n += 7) % 360} 80% 50%)`;
      pen.fillRect(0, 0, 640, 360);
      pen.fillStyle = '#fff';
      pen.fillText(String(n), 20 + (n % 500), 100);
    }, 66);
    await calls.screen.sender.replaceTrack(canvas.captureStream(15).getVideoTracks()[0]);
  };
  calls.unshare = async () => {
    clearInterval(calls.painting);
    await calls.screen.sender.replaceTrack(null);
  };

  /** What each receiving line has decoded or heard, and how the connection is. */
  calls.stats = async () => {
    const lines = {};
    let rtt = null;
    for (const report of (await calls.pc.getStats()).values()) {
      if (report.type === 'inbound-rtp') {
        const { mid, kind, framesDecoded, packetsReceived, packetsLost, frameHeight, freezeCount, totalFreezesDuration, audioLevel } = report;
        lines[mid] = { kind, framesDecoded, packetsReceived, packetsLost, frameHeight, freezeCount, totalFreezesDuration, audioLevel };
      }
      if (report.type === 'candidate-pair' && report.nominated) rtt = report.currentRoundTripTime;
    }
    return { lines, rtt, state: calls.pc.connectionState, answers: calls.answers };
  };
  calls.candidates = async () => [...(await calls.pc.getStats()).values()].filter(({ type }) => type === 'remote-candidate').map(({ address, protocol }) => ({ address, protocol }));
};

/** Somebody in a room with a browser of their own. */
export class Guest {
  slots = [];

  static async start(server, { name, test, camera = true } = {}) {
    const guest = new Guest();
    guest.person = await signIn(server, { test });
    await guest.connect();
    const visitor = await Visitor.start(server, { name, test });
    Object.assign(guest, { visitor, name, camera, page: visitor.page });
    await visitor.page.goto('/healthz');
    await visitor.page.evaluate(PAGE);
    return guest;
  }

  /** One after the other: a browser's start takes all there is of a small machine. */
  static async all(server, names, options) {
    const guests = [];
    for (const name of names) guests.push(await Guest.start(server, { name, ...options }));
    return guests;
  }

  async connect() {
    this.socket = await this.person.open();
    this.socket.socket.on('slots', ({ slots }) => (this.slots = slots));
  }

  async join(roomId, { limit = 10, width = 640, height = 360, tcpOnly = false } = {}) {
    Object.assign(this, { roomId, tcpOnly });
    const ack = await this.socket.do('join-room', { roomId });
    this.self = ack.self;
    const sdp = await this.page.evaluate((options) => window.__call.offer(options), { limit, width, height, camera: this.camera });
    await this.offer(sdp);
    return ack;
  }

  async offer(sdp) {
    this.offered = sdp;
    const { answer } = await this.socket.do('offer', { roomId: this.roomId, sdp });
    // A network that lets no UDP pass.
    this.answered = this.tcpOnly ? answer.sdp.replace(/a=candidate:\S+ \d+ udp .*\r\n/g, '') : answer.sdp;
    await this.page.evaluate((sdp) => window.__call.answer(sdp), this.answered);
  }

  stats() {
    return this.page.evaluate(() => window.__call.stats());
  }

  /** The line on which this guest has a source of the other. */
  line(other, source = 'camera') {
    return this.slots.find((slot) => slot.participantId === other.self && slot.source === source)?.mid;
  }

  /** Frames of the other's source that were decoded so far. */
  async frames(other, source = 'camera') {
    const { lines } = await this.stats();
    return lines[this.line(other, source)]?.framesDecoded ?? 0;
  }

  /** Waits until `more` further frames of the other are decoded. */
  async sees(other, { source = 'camera', more = 10, within = LONG } = {}) {
    await until(() => this.line(other, source), within, () => `${this.name}: a line for ${other.name}'s ${source}: ${JSON.stringify(this.slots)}`);
    const before = await this.frames(other, source);
    let last;
    await until(async () => (last = await this.frames(other, source)) >= before + more, within, () => `${this.name}: ${more} more frames of ${other.name}'s ${source} than ${before}, ${last}`);
  }

  async hears(other, { more = 50, within = LONG } = {}) {
    await until(() => this.line(other, 'mic'), within, () => `${this.name}: a line for ${other.name}'s voice`);
    const packets = async () => (await this.stats()).lines[this.line(other, 'mic')]?.packetsReceived ?? 0;
    const before = await packets();
    await until(async () => (await packets()) >= before + more, within, () => `${this.name} hears ${other.name}`);
  }
}
