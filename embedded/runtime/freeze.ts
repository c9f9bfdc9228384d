/**
 * Makes queries and mutations repeatable: inside them the clock stands still, random numbers come from the run's own
 * seed, and there is no way to wait for, or talk to, the outside.
 */
import { currentRun } from "./context.ts";

export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  // mulberry32, by Tommy Ettinger; public domain
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const NEEDS_ACTION = ["fetch", "setTimeout", "setInterval", "setImmediate"] as const;
const ABSENT = ["WebSocket", "EventSource", "XMLHttpRequest", "BroadcastChannel", "Worker"];

export function freezeGlobals(env: Record<string, string>): void {
  const RealDate = Date;
  const realNow = Date.now.bind(Date);
  const realRandom = Math.random.bind(Math);
  const now = () => currentRun.getStore()?.frozen?.nowMs ?? realNow();
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as Date,
    apply: () => new RealDate(now()).toString(),
    get: (target, key) => (key === "now" ? now : Reflect.get(target, key)),
  });
  Math.random = () => currentRun.getStore()?.frozen?.random() ?? realRandom();
  for (const name of NEEDS_ACTION) {
    define(name, () => {
      throw new Error(
        `Can't use ${name}() in queries and mutations. Please consider using an action. See https://docs.convex.dev/functions/actions for more details.`,
      );
    });
  }
  for (const name of ABSENT) define(name, undefined);
  define("process", { env });
}

function define(name: string, value: unknown): void {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
