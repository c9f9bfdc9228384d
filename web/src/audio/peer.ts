/**
 * One WebRTC connection to the worker: audio in one or both directions, and a data channel of small JSON objects.
 *
 * The page makes the offer and posts it, the answer comes back in the reply. The worker finds nothing out about
 * this page's addresses: the page comes to it. Only where STUN or TURN servers are set are candidates gathered
 * before the offer goes out.
 */
import { ask, type Worker, WorkerError } from "./worker";

export type Message = { kind: string; [name: string]: unknown };

/** `closed` by us, or by the worker after it had said why; `lost` otherwise. */
export type PeerState = "connecting" | "connected" | "lost" | "closed";

export type PeerOptions = {
  /** Where the offer goes, as in `/rtc/listen`, and what goes with it. */
  path: string;
  body?: Record<string, unknown>;
  /** `send`: the microphone only; `receive`: sound only. */
  direction: "send" | "receive" | "both";
  microphone?: MediaStream | null;
  onState?: (state: PeerState) => void;
  onMessage?: (message: Message) => void;
  /** Gives up what is under way. */
  signal?: AbortSignal;
};

export type Peer = {
  /** What the worker sends; it has a track from the beginning. */
  sound: MediaStream;
  send: (message: Message) => void;
  /** Speak with this microphone from now on; null: with none. Not with `direction: "receive"`. */
  speakWith: (microphone: MediaStream | null) => Promise<void>;
  close: () => void;
};

/** From the answer to the first sound. The worker waits as long. */
const CONNECT_MS = 15_000;
/** Candidates that take longer than this are of networks that don't work. */
const GATHER_MS = 3_000;
/** A connection that does not come back by itself in this time is lost: people walk out of a wireless network. */
const RECOVER_MS = 4_000;
const CHANNEL = "events";
const MAX_MESSAGE_CHARS = 20_000;

const directions = { send: "sendonly", receive: "recvonly", both: "sendrecv" } as const;

/** Resolves when the worker has taken the offer; `onState` tells when it stands. Raises `WorkerError`. */
export async function openPeer(worker: Worker, options: PeerOptions): Promise<Peer> {
  if (typeof RTCPeerConnection === "undefined") {
    throw new WorkerError("NO_WEBRTC", "This browser has no WebRTC, which sound needs.");
  }
  const servers = await iceServers(worker);
  options.signal?.throwIfAborted();
  const connection = new RTCPeerConnection({ iceServers: servers, bundlePolicy: "max-bundle" });
  const channel = connection.createDataChannel(CHANNEL);
  const track = options.microphone?.getAudioTracks()[0];
  const transceiver = connection.addTransceiver(track ?? "audio", {
    direction: directions[options.direction],
  });
  const sound = new MediaStream([transceiver.receiver.track]);
  let state: PeerState = "connecting";
  const early: string[] = [];

  function change(next: PeerState): void {
    if (state === next || state === "closed" || state === "lost") return;
    state = next;
    if (next !== "connected") clearTimeout(timer);
    if (next === "lost" || next === "closed") {
      channel.close();
      connection.close();
    }
    options.onState?.(next);
  }

  let timer = setTimeout(() => change("lost"), CONNECT_MS);
  const close = () => change("closed");
  options.signal?.addEventListener("abort", close, { once: true });

  connection.onconnectionstatechange = () => {
    switch (connection.connectionState) {
      case "connected":
        clearTimeout(timer);
        change("connected");
        return;
      case "disconnected":
        clearTimeout(timer);
        timer = setTimeout(() => change("lost"), RECOVER_MS);
        return;
      case "failed":
      case "closed":
        change("lost");
    }
  };
  channel.onopen = () => {
    for (const text of early.splice(0)) channel.send(text);
  };
  channel.onclose = () => change("lost");
  channel.onmessage = (event: MessageEvent<unknown>) => {
    const message = messageIn(event.data);
    if (message !== null) options.onMessage?.(message);
  };

  try {
    await connection.setLocalDescription(await connection.createOffer());
    if (servers.length > 0) await gathered(connection);
    const answer = await ask(worker, "POST", options.path, {
      ...options.body,
      sdp: connection.localDescription?.sdp,
    });
    const sdp = (answer as { sdp?: unknown } | null)?.sdp;
    if (typeof sdp !== "string") throw new WorkerError("REFUSED", "Floyd's answer can't be understood.");
    options.signal?.throwIfAborted();
    await connection.setRemoteDescription({ type: "answer", sdp });
  } catch (error) {
    clearTimeout(timer);
    connection.close();
    throw error;
  }

  return {
    sound,
    send: (message) => {
      const text = JSON.stringify(message);
      if (channel.readyState === "open") channel.send(text);
      else if (channel.readyState === "connecting") early.push(text);
    },
    speakWith: (microphone) => transceiver.sender.replaceTrack(microphone?.getAudioTracks()[0] ?? null),
    close,
  };
}

const known = new Map<string, RTCIceServer[]>();

async function iceServers(worker: Worker): Promise<RTCIceServer[]> {
  const before = known.get(worker.url);
  if (before !== undefined) return before;
  const found = (await ask(worker, "GET", "/rtc/ice")) as { iceServers?: RTCIceServer[] } | null;
  const servers = Array.isArray(found?.iceServers) ? found.iceServers : [];
  known.set(worker.url, servers);
  return servers;
}

function gathered(connection: RTCPeerConnection): Promise<void> {
  return new Promise((resolve) => {
    if (connection.iceGatheringState === "complete") {
      resolve();
      return;
    }
    const timer = setTimeout(resolve, GATHER_MS);
    connection.onicegatheringstatechange = () => {
      if (connection.iceGatheringState !== "complete") return;
      clearTimeout(timer);
      resolve();
    };
  });
}

function messageIn(data: unknown): Message | null {
  if (typeof data !== "string" || data.length > MAX_MESSAGE_CHARS) return null;
  try {
    const found: unknown = JSON.parse(data);
    const kind = (found as { kind?: unknown } | null)?.kind;
    return typeof kind === "string" ? (found as Message) : null;
  } catch {
    return null;
  }
}
