/** A telephone's sounds, made of sines: nothing is loaded, nothing is loud. */

/** Hz; the North American ringing tone (ITU-T E.180). */
const RING_HZ = [440, 480];
const RING_MS = 2_000;
const PAUSE_MS = 4_000;
const CHIME_MS = 450;
/** Of full scale: heard across a desk, not across a room. */
const RING_LEVEL = 0.05;
const KEY_LEVEL = 0.04;
const KEY_MS = 120;
/** So long to rise and to fall, without a click. */
const EDGE_S = 0.03;
/** Of all tabs only the one that holds it is heard: five would ring five times as loud. */
const LOCK = "floyd-ring";

/** Rings until `signal` is aborted. `gently`: one short chime instead of two seconds of ringing. */
export function ring(gently: boolean, signal: AbortSignal): void {
  const context = new AudioContext();
  signal.addEventListener("abort", () => void context.close(), { once: true });
  // Before the first click a browser plays nothing; the first one anywhere lets it ring.
  for (const event of ["pointerdown", "keydown"]) {
    document.addEventListener(event, () => void context.resume().catch(() => undefined), { signal });
  }
  void context
    .resume()
    .then(() => alone(signal, () => ringing(context, gently, signal)))
    // The context was closed before anything was to be heard.
    .catch(() => undefined);
}

/** A key's two tones, for whoever pressed it. */
export function keyTone(key: string): void {
  const tones = keyTones(key);
  if (tones === null) return;
  const context = new AudioContext();
  play(context, tones, KEY_MS, KEY_LEVEL);
  setTimeout(() => void context.close(), 2 * KEY_MS);
}

/** The frequencies of a key (ITU-T Q.23), in Hz; null for anything else. */
export function keyTones(key: string): [number, number] | null {
  const at = key.length === 1 ? "123A456B789C*0#D".indexOf(key) : -1;
  const low = [697, 770, 852, 941][Math.floor(at / 4)];
  const high = [1209, 1336, 1477, 1633][at % 4];
  return low === undefined || high === undefined ? null : [low, high];
}

async function alone(signal: AbortSignal, make: () => Promise<void>): Promise<void> {
  // Only pages with https, or on this computer, have locks.
  if (navigator.locks === undefined) return make();
  await navigator.locks.request(LOCK, { signal }, make);
}

function ringing(context: AudioContext, gently: boolean, signal: AbortSignal): Promise<void> {
  const once = () =>
    play(context, RING_HZ, gently ? CHIME_MS : RING_MS, gently ? RING_LEVEL / 2 : RING_LEVEL);
  once();
  const timer = setInterval(once, RING_MS + PAUSE_MS);
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => {
      clearInterval(timer);
      resolve();
    });
  });
}

function play(context: AudioContext, tones: number[], forMs: number, level: number): void {
  const begin = context.currentTime;
  const end = begin + forMs / 1_000;
  const volume = context.createGain();
  volume.gain.setValueAtTime(0, begin);
  volume.gain.linearRampToValueAtTime(level, begin + EDGE_S);
  volume.gain.setValueAtTime(level, end - EDGE_S);
  volume.gain.linearRampToValueAtTime(0, end);
  volume.connect(context.destination);
  for (const frequency of tones) {
    const tone = new OscillatorNode(context, { frequency });
    tone.connect(volume);
    tone.start(begin);
    tone.stop(end);
  }
}
