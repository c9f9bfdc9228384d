/**
 * A few shared words by which the main thread sees what a function thread is doing, even while that thread is stuck
 * in a loop and answers nothing.
 *
 * The database thread moves IDLE -> RUNNING (a function runs) -> COMMITTING -> IDLE; the watchdog moves RUNNING ->
 * KILLED. Both use compare-and-swap, so a function that is being ended can't commit, and one that is committing
 * can't be ended: what the caller is told is what happened.
 */
export const IDLE = 0;
export const RUNNING = 1;
export const COMMITTING = 2;
export const KILLED = 3;

const STATE = 0;
const REQUEST = 1;
const BEAT = 2;
const PART = 3;
const STARTED = 1; // index of the float after the four words

export class Pulse {
  readonly buffer: SharedArrayBuffer;
  private readonly words: Int32Array;
  private readonly times: Float64Array;

  constructor(buffer = new SharedArrayBuffer(32)) {
    this.buffer = buffer;
    this.words = new Int32Array(buffer, 0, 4);
    this.times = new Float64Array(buffer, 16, 2);
  }

  /**
   * Function thread: a function starts, as part `part` of a request. False if the watchdog has ended this thread; then
   * it must do no more.
   */
  start(request: number, part: number, nowMs: number): boolean {
    this.times[STARTED] = nowMs;
    Atomics.store(this.words, REQUEST, request);
    Atomics.store(this.words, PART, part);
    return this.move(IDLE, RUNNING);
  }

  /** Function thread: false if the watchdog has ended this function; then nothing may be committed. */
  committing(): boolean {
    return this.move(RUNNING, COMMITTING);
  }

  /** Function thread: the function has ended, committed or not. False if the watchdog has ended it before. */
  finish(): boolean {
    return this.move(RUNNING, IDLE) || this.move(COMMITTING, IDLE);
  }

  private move(from: number, to: number): boolean {
    return Atomics.compareExchange(this.words, STATE, from, to) === from;
  }

  /** Main thread: how long the current function has been running; 0 if none. */
  runningFor(nowMs: number): number {
    return Atomics.load(this.words, STATE) === RUNNING ? nowMs - (this.times[STARTED] ?? nowMs) : 0;
  }

  request(): number {
    return Atomics.load(this.words, REQUEST);
  }

  part(): number {
    return Atomics.load(this.words, PART);
  }

  /** Main thread: claims the running function; true if it was still running. */
  kill(): boolean {
    return this.move(RUNNING, KILLED);
  }

  beat(): void {
    Atomics.add(this.words, BEAT, 1);
  }

  beats(): number {
    return Atomics.load(this.words, BEAT);
  }
}
