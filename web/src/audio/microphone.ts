/** The microphone, and why there is none. */

export type NoMicrophone = "insecure" | "denied" | "none" | "busy";

const messages: Record<NoMicrophone, string> = {
  insecure: "Browsers give the microphone only to pages with https, or on this computer itself.",
  denied: "The microphone is blocked for this page. Allow it in the browser's address bar, then try again.",
  none: "No microphone was found. Plug one in, or turn it on.",
  busy: "The microphone can't be used: another program may have it.",
};

/** `message` can be shown. */
export class MicrophoneError extends Error {
  readonly code: NoMicrophone;
  constructor(code: NoMicrophone) {
    super(messages[code]);
    this.code = code;
  }
}

/** Asks the person where they have not decided yet. Raises `MicrophoneError`. Let go of it with `release`. */
export async function openMicrophone(): Promise<MediaStream> {
  // Without https the browser hides all of it.
  if (navigator.mediaDevices?.getUserMedia === undefined) throw new MicrophoneError("insecure");
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
    });
  } catch (error) {
    throw new MicrophoneError(reasonOf(error instanceof DOMException ? error.name : ""));
  }
}

/** The browser shows that it is on until then. */
export function release(microphone: MediaStream | null | undefined): void {
  for (const track of microphone?.getTracks() ?? []) track.stop();
}

/** The names are those of the standard (Media Capture and Streams, getUserMedia). */
function reasonOf(name: string): NoMicrophone {
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return "denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "none";
    default:
      return "busy";
  }
}
