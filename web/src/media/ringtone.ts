/** A calm tone for a call: two soft notes, again and again. Of several tabs only one sounds. */

/** From one pair of notes to the next. */
const EVERY_MS = 2_600;
/** A fifth, and how long each note takes to fade. */
const NOTES = [523.25, 783.99];
const APART_S = 0.28;
const FADE_S = 1.2;
/** Softly: it may come while somebody has headphones on. */
const GAIN = 0.12;

const LOCK = 'visavis-ringtone';

let stop: (() => void) | null = null;

function chime(context: AudioContext): void {
  NOTES.forEach((frequency, i) => {
    const at = context.currentTime + i * APART_S;
    const gain = new GainNode(context, { gain: 0 });
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(GAIN, at + 0.03);
    gain.gain.exponentialRampToValueAtTime(0.0001, at + FADE_S);
    const note = new OscillatorNode(context, { type: 'sine', frequency });
    note.connect(gain).connect(context.destination);
    note.start(at);
    note.stop(at + FADE_S);
  });
}

/** Sounds until the returned function is called. A browser that hasn't been clicked in yet may keep silent. */
function play(): () => void {
  const context = new AudioContext();
  void context.resume().catch(() => undefined);
  chime(context);
  const timer = setInterval(() => chime(context), EVERY_MS);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}

export function ringing(on: boolean): void {
  if (on === (stop !== null)) return;
  if (!on) {
    stop?.();
    stop = null;
    return;
  }
  let ended = false;
  const over = new Promise<void>((done) => {
    stop = () => {
      ended = true;
      done();
    };
  });
  const sound = async (): Promise<void> => {
    // Its turn may come when it has ended here long ago.
    if (ended) return;
    const end = play();
    await over;
    end();
  };
  if (navigator.locks) void navigator.locks.request(LOCK, sound);
  else void sound();
}
