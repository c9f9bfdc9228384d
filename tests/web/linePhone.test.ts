// @vitest-environment jsdom
/** The page's telephone, from the ringing to the end, before a worker and a browser's audio that the test plays. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Id } from "../../web/src/api";
import type { Worker } from "../../web/src/audio/worker";
import { Phone, type PhoneState } from "../../web/src/line/phone";

type Channel = {
  readyState: string;
  send: (text: string) => void;
  close: () => void;
  onopen?: () => void;
  onclose?: () => void;
  onmessage?: (event: { data: string }) => void;
};

/** The browser's connection of the call under way. */
let connection: Connection;

class Connection {
  connectionState = "new";
  localDescription = { sdp: "the page's offer" };
  onconnectionstatechange: (() => void) | null = null;
  sent: unknown[] = [];
  tracks: unknown[] = [];
  channel: Channel = {
    readyState: "connecting",
    send: (text) => this.sent.push(JSON.parse(text)),
    close: () => undefined,
  };

  constructor() {
    connection = this;
  }
  createDataChannel = () => this.channel;
  addTransceiver = () => ({
    receiver: { track: {} },
    sender: { replaceTrack: async (track: unknown) => void this.tracks.push(track) },
  });
  createOffer = async () => ({});
  setLocalDescription = async () => undefined;
  setRemoteDescription = async () => undefined;
  close = () => undefined;

  stand(): void {
    this.connectionState = "connected";
    this.onconnectionstatechange?.();
    this.channel.readyState = "open";
    this.channel.onopen?.();
  }
  say(message: object): void {
    this.channel.onmessage?.({ data: JSON.stringify(message) });
  }
}

const asked: string[] = [];
/** What the workers answer, by address. */
let answers: Record<string, [number, object]>;

beforeEach(() => {
  asked.length = 0;
  answers = { "/rtc/ice": [200, { iceServers: [] }], "/rtc/line": [200, { sdp: "the answer" }] };
  vi.stubGlobal("RTCPeerConnection", Connection);
  vi.stubGlobal("MediaStream", class {});
  vi.stubGlobal("fetch", async (url: string) => {
    asked.push(url);
    const [status, body] = answers[url] ?? [404, {}];
    return new Response(JSON.stringify(body), { status });
  });
  vi.stubGlobal(
    "Audio",
    class {
      play = async () => undefined;
      pause = () => undefined;
    },
  );
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const worker: Worker = { url: "", accessToken: async () => "token" };
const call = {
  callId: "call" as Id<"calls">,
  requestId: "request" as Id<"requests">,
  to: "+14155550142",
  requestText: "Ask whether they are open",
};
const nowhere = async () => null;

function up(phone: Phone): Extract<PhoneState, { kind: "up" }> {
  const state = phone.current();
  if (state.kind !== "up") throw new Error(`the phone is ${state.kind}`);
  return state;
}

async function talking(): Promise<Phone> {
  const phone = new Phone();
  await phone.pickUp(worker, call, false, nowhere);
  connection.stand();
  await vi.waitFor(() => expect(up(phone).stage).toBe("talking"));
  return phone;
}

test("typed words wait until they are heard", async () => {
  const phone = new Phone();
  const picking = phone.pickUp(worker, call, false, nowhere);
  phone.say("  Rose's\n Flowers ");
  await picking;
  expect(up(phone).stage).toBe("connecting");
  connection.stand();
  await vi.waitFor(() => expect(connection.sent).toEqual([{ kind: "say", text: "Rose's Flowers" }]));
  phone.say("Yes.");
  phone.say(" ");
  expect(up(phone).typed.map((typed) => typed.text)).toEqual(["Rose's Flowers", "Yes."]);
  connection.say({ kind: "spoken", text: "Rose's Flowers" });
  expect(up(phone).typed.map((typed) => typed.text)).toEqual(["Yes."]);
});

test("words that can't be spoken are kept with the reason", async () => {
  const phone = await talking();
  phone.say("One.");
  phone.say("Two.");
  connection.say({ kind: "error", code: "NOT_SPOKEN", message: "No voice.", text: "One." });
  connection.say({ kind: "error", code: "NOT_SPOKEN", message: "Wait." });
  expect(up(phone).typed.map(({ text, failed }) => [text, failed])).toEqual([
    ["One.", "No voice."],
    ["Two.", "Wait."],
  ]);
  phone.forget(up(phone).typed[0]?.id ?? -1);
  expect(up(phone).typed.map((typed) => typed.text)).toEqual(["Two."]);
  expect(up(phone).problem).toBeNull();
});

test("other refusals are shown", async () => {
  const phone = await talking();
  connection.say({ kind: "error", code: "BAD_INPUT", message: "key must be one of 0-9, *, #, A-D" });
  expect(up(phone).problem).toBe("key must be one of 0-9, *, #, A-D");
});

test("a call that another window picked up is over here, and it is said", async () => {
  const message = "The call was picked up in another window.";
  answers["/rtc/line"] = [409, { error: { code: "CONFLICT", message } }];
  const phone = new Phone();
  await phone.pickUp(worker, call, false, nowhere);
  expect(phone.current()).toMatchObject({ kind: "over", problem: message, lasted: null });
  phone.putDown();
  expect(phone.current()).toEqual({ kind: "down" });
});

test("a call of another worker is picked up and declined there", async () => {
  const elsewhere: [number, object] = [
    409,
    { error: { code: "ELSEWHERE", message: "Another worker has it." } },
  ];
  answers["/rtc/line"] = elsewhere;
  answers["/rtc/line/decline"] = elsewhere;
  answers["https://b.example/rtc/ice"] = [200, { iceServers: [] }];
  answers["https://b.example/rtc/line"] = [200, { sdp: "the answer" }];
  answers["https://b.example/rtc/line/decline"] = [200, {}];
  const find = async () => "https://b.example";
  const phone = new Phone();
  await phone.pickUp(worker, call, false, find);
  expect(asked).toContain("https://b.example/rtc/line");
  expect(up(phone).stage).toBe("connecting");
  await new Phone().decline(worker, call.callId, find);
  expect(asked.at(-1)).toBe("https://b.example/rtc/line/decline");
  await expect(new Phone().decline(worker, call.callId, nowhere)).rejects.toThrow("Another worker has it.");
});

test("hanging up ends with the worker's word, or without it", async () => {
  let phone = await talking();
  phone.hangUp();
  expect(connection.sent.at(-1)).toEqual({ kind: "hangUp" });
  expect(up(phone).stage).toBe("ending");
  connection.say({ kind: "ended" });
  connection.channel.onclose?.();
  expect(phone.current()).toMatchObject({ kind: "over", problem: null });

  phone = await talking();
  vi.useFakeTimers();
  phone.hangUp();
  vi.runAllTimers();
  expect(phone.current()).toMatchObject({ kind: "over", problem: null });
});

test("a connection that is lost is no hang-up", async () => {
  const phone = await talking();
  connection.connectionState = "failed";
  connection.onconnectionstatechange?.();
  expect(phone.current()).toMatchObject({ kind: "over", problem: "The connection was lost." });
});

test("nothing of one person's call is left for the next", async () => {
  const phone = await talking();
  phone.forgetAll();
  expect(phone.current()).toEqual({ kind: "down" });
});

test("without a microphone it is said, and one types", async () => {
  const phone = new Phone();
  await phone.pickUp(worker, call, true, nowhere);
  connection.stand();
  await vi.waitFor(() => expect(up(phone).problem).toContain("You can type instead."));
  expect(up(phone)).toMatchObject({ muted: true, microphone: null });
});

test("a microphone that is given late is used; muted, it is silent", async () => {
  const track = { enabled: true, stop: vi.fn() };
  const given = Promise.withResolvers<object>();
  Object.defineProperty(navigator, "mediaDevices", {
    configurable: true,
    value: { getUserMedia: () => given.promise },
  });
  const phone = new Phone();
  await phone.pickUp(worker, call, true, nowhere);
  connection.stand();
  phone.mute();
  given.resolve({ getAudioTracks: () => [track], getTracks: () => [track] });
  await vi.waitFor(() => expect(connection.tracks).toEqual([track]));
  expect(track.enabled).toBe(false);
  await phone.unmute();
  expect(track.enabled).toBe(true);
  phone.hangUp();
  connection.say({ kind: "ended" });
  connection.channel.onclose?.();
  expect(track.stop).toHaveBeenCalled();
  Reflect.deleteProperty(navigator, "mediaDevices");
});
