/** Camera, microphone and speaker of this person, and what they chose last time. */
import { signal } from '@preact/signals';

export type DeviceProblem = 'blocked' | 'missing' | 'busy' | 'unfit' | 'insecure';

interface Choice {
  camera?: string;
  microphone?: string;
  speaker?: string;
}

const KEY = 'visavis-devices';

/** What is sent; empty when the person goes on without devices. */
export const local = signal<MediaStream | null>(null);
export const problem = signal<DeviceProblem | null>(null);
export const devices = signal<MediaDeviceInfo[]>([]);
export const choice = signal<Choice>(remembered());
export const microphoneOn = signal(true);
export const cameraOn = signal(true);

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

const exactly = (id: string | undefined): MediaTrackConstraints => (id ? { deviceId: { ideal: id } } : {});

/** Opens camera and microphone; with only one of the two there, that one. */
export async function open(): Promise<boolean> {
  if (local.value?.getTracks().some((track) => track.readyState === 'live')) return true;
  if (!navigator.mediaDevices) {
    problem.value = 'insecure';
    return false;
  }
  const video = { ...exactly(choice.value.camera), width: { ideal: 1280 }, height: { ideal: 720 } };
  const audio = exactly(choice.value.microphone);
  let first: unknown;
  for (const wanted of [{ audio, video }, { audio }, { video }]) {
    try {
      adopt(await navigator.mediaDevices.getUserMedia(wanted));
      problem.value = null;
      return true;
    } catch (error) {
      first ??= error;
      if (problemOf(error) === 'blocked') break;
    }
  }
  problem.value = problemOf(first);
  await list();
  return false;
}

function adopt(stream: MediaStream): void {
  close();
  local.value = stream;
  applySwitches();
  void list();
}

/** Goes on without camera and microphone: sees and hears, isn't seen or heard. */
export function goWithout(): void {
  local.value ??= new MediaStream();
}

export function close(): void {
  for (const track of local.value?.getTracks() ?? []) track.stop();
  local.value = null;
}

export async function list(): Promise<void> {
  devices.value = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
}

export async function choose(kind: keyof Choice, id: string): Promise<void> {
  choice.value = { ...choice.value, [kind]: id };
  localStorage.setItem(KEY, JSON.stringify(choice.value));
  if (kind !== 'speaker') {
    close();
    await open();
  }
}

export function toggle(kind: 'audio' | 'video'): void {
  const on = kind === 'audio' ? microphoneOn : cameraOn;
  on.value = !on.value;
  applySwitches();
}

function applySwitches(): void {
  for (const track of local.value?.getTracks() ?? []) {
    track.enabled = track.kind === 'audio' ? microphoneOn.value : cameraOn.value;
  }
}

export const has = (kind: 'audio' | 'video'): boolean =>
  local.value?.getTracks().some((track) => track.kind === kind) ?? false;

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
