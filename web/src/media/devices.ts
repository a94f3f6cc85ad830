/** Camera, microphone and speaker of this person, and what they chose last time. */
import { signal } from '@preact/signals';

export type DeviceProblem = 'blocked' | 'missing' | 'busy' | 'unfit' | 'insecure';
export type Kind = 'camera' | 'microphone' | 'speaker';

type Choice = Partial<Record<Kind, string>>;

const KEY = 'visavis-devices';

/** What is sent; empty when the person goes on without devices. */
export const local = signal<MediaStream | null>(null);
export const problem = signal<DeviceProblem | null>(null);
export const devices = signal<MediaDeviceInfo[]>([]);
export const choice = signal<Choice>(remembered());
export const microphoneOn = signal(true);
export const cameraOn = signal(true);
/**
 * Kinds that the device has taken for something else: a telephone call, another app in front, a lid that was closed. Nothing comes
 * from them meanwhile; to the others they are off, or a last picture would stand there.
 */
export const taken = signal<ReadonlySet<string>>(new Set());

/** Running requests for devices, so that nobody is asked twice at once. */
let opening: Promise<boolean> | null = null;
/** Grows with each `close`: a camera that opens after it is shut again at once. */
let closings = 0;

function remembered(): Choice {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? '{}') as Choice;
  } catch {
    return {};
  }
}

function problemOf(error: unknown): DeviceProblem {
  switch (error instanceof DOMException ? error.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'blocked';
    case 'NotFoundError':
      return 'missing';
    case 'NotReadableError':
    case 'AbortError':
      return 'busy';
    default:
      return 'unfit';
  }
}

const chosen = (id: string | undefined): MediaTrackConstraints => (id ? { deviceId: { ideal: id } } : {});
const tracks = (): MediaStreamTrack[] => local.value?.getTracks() ?? [];
const isLive = (track: MediaStreamTrack): boolean => track.readyState === 'live';

/** Opens camera and microphone; with only one of the two there, that one. */
export function open(): Promise<boolean> {
  if (tracks().some(isLive)) return Promise.resolve(true);
  return reopen();
}

/** Opens them anew: another one was chosen, or one is gone. */
function reopen(): Promise<boolean> {
  if (opening) return opening;
  const mine = acquire().finally(() => {
    if (opening === mine) opening = null;
  });
  opening = mine;
  return mine;
}

async function acquire(): Promise<boolean> {
  if (!navigator.mediaDevices) {
    problem.value = 'insecure';
    return false;
  }
  const before = closings;
  const video = { ...chosen(choice.value.camera), width: { ideal: 1280 }, height: { ideal: 720 } };
  const audio = chosen(choice.value.microphone);
  let first: unknown;
  for (const wanted of [{ audio, video }, { audio }, { video }]) {
    try {
      const stream = await navigator.mediaDevices.getUserMedia(wanted);
      if (before === closings) return adopt(stream);
      stream.getTracks().forEach((track) => track.stop());
      return false;
    } catch (error) {
      first ??= error;
      if (problemOf(error) === 'blocked') break;
    }
  }
  if (before !== closings) return false;
  problem.value = problemOf(first);
  const left = tracks().filter(isLive);
  local.value = left.length ? new MediaStream(left) : null;
  await list();
  return false;
}

function adopt(stream: MediaStream): true {
  stop();
  for (const track of stream.getTracks()) {
    // Unplugged, or taken away by the browser; our own `stop` isn't told here.
    track.onended = () => void reopen();
    track.onmute = lookWhatIsTaken;
    track.onunmute = lookWhatIsTaken;
  }
  local.value = stream;
  lookWhatIsTaken();
  problem.value = null;
  applySwitches();
  void list();
  return true;
}

function lookWhatIsTaken(): void {
  const kinds = tracks().filter(({ muted }) => muted).map(({ kind }) => kind);
  if (kinds.length !== taken.value.size || kinds.some((kind) => !taken.value.has(kind))) taken.value = new Set(kinds);
}

function stop(): void {
  for (const track of tracks()) {
    track.onended = null;
    track.onmute = null;
    track.onunmute = null;
    track.stop();
  }
}

/** Goes on without camera and microphone: sees and hears, isn't seen or heard. */
export function goWithout(): void {
  local.value ??= new MediaStream();
}

export function close(): void {
  closings += 1;
  opening = null;
  stop();
  local.value = null;
  problem.value = null;
  lookWhatIsTaken();
}

/** Opens them unasked if the person has allowed it for good before. */
export async function openIfAllowed(): Promise<void> {
  const names = ['camera', 'microphone'] as PermissionName[];
  const asked = names.map((name) => navigator.permissions?.query({ name }).then(({ state }) => state === 'granted'));
  const allowed = await Promise.all(asked).catch(() => [false]);
  if (allowed.every(Boolean)) await open();
}

async function list(): Promise<void> {
  devices.value = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
}

export async function choose(kind: Kind, id: string): Promise<void> {
  choice.value = { ...choice.value, [kind]: id };
  localStorage.setItem(KEY, JSON.stringify(choice.value));
  if (kind === 'speaker') return;
  await opening;
  // Not every phone can have two cameras open at once.
  stop();
  await reopen();
}

export function toggle(kind: 'audio' | 'video'): void {
  const on = kind === 'audio' ? microphoneOn : cameraOn;
  // Switched on, but there is none (yet), or something else has it: look once more.
  const lacking = local.value !== null && (!has(kind) || taken.value.has(kind));
  on.value = lacking || !on.value;
  applySwitches();
  if (lacking) void reopen();
}

function applySwitches(): void {
  for (const track of tracks()) track.enabled = track.kind === 'audio' ? microphoneOn.value : cameraOn.value;
}

export const has = (kind: 'audio' | 'video'): boolean => tracks().some((track) => track.kind === kind && isLive(track));

/** Whether the other side hears or sees me, or would. */
export const isOn = (kind: 'audio' | 'video'): boolean =>
  (kind === 'audio' ? microphoneOn : cameraOn).value && !taken.value.has(kind) && (local.value === null || has(kind));

/** The microphone's level, 0 to 1, some times a second, until the returned function is called. */
export function meter(stream: MediaStream, show: (level: number) => void): () => void {
  if (!stream.getAudioTracks().length) return () => undefined;
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 512 });
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    // -60 dB is silence, 0 dB is as loud as it gets.
    show(Math.min(1, Math.max(0, 1 + Math.log10(power + 1e-6) / 6)));
  }, 100);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}

navigator.mediaDevices?.addEventListener?.('devicechange', () => void list());
