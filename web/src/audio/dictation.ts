/**
 * Spoken words as text, while they are spoken. The worker's side is `worker/web/rtc/dictate.py`: it sends all words
 * so far each time they change, and `end` when the speaker has fallen silent or `finish` was sent.
 */
import { useCallback, useEffect, useRef, useState } from "react";
import { useConfig } from "../config";
import { MicrophoneError, type NoMicrophone, openMicrophone, release } from "./microphone";
import { type Message, openPeer, type Peer } from "./peer";
import { useWorker, type Worker, WorkerError } from "./worker";

export type Problem = {
  code: NoMicrophone | "noRecogniser" | "nothingHeard" | "lost";
  /** Can be shown. */
  message: string;
};

export type Dictation =
  | { state: "off" }
  /** The person is asked for the microphone, and the connection is made: not yet the time to speak. */
  | { state: "starting" }
  | { state: "listening"; words: string; microphone: MediaStream }
  /** Nothing more is heard; the last words are on their way. */
  | { state: "finishing"; words: string }
  | { state: "done"; words: string }
  | { state: "failed"; words: string; problem: Problem };

export type UseDictation = {
  dictation: Dictation;
  /** `hold`: it goes on until `finish`, however long the pauses. */
  start: (options: { hold: boolean }) => void;
  /** The button was only tapped: from now on a silence ends it. */
  handsFree: () => void;
  /** That was all. */
  finish: () => void;
  /** Stop at once. The words so far have been told. */
  cancel: () => void;
};

/** The worker takes up to 2 s for the last words. */
const FINISH_MS = 5_000;

const NO_RECOGNISER = "Floyd can't recognise speech right now.";

/** `onWords` gets all words since `start`, each time they change. */
export function useDictation(onWords: (words: string) => void): UseDictation {
  const worker = useWorker();
  const { recogniser } = useConfig();
  const [dictation, setDictation] = useState<Dictation>({ state: "off" });
  const latest = useRef(onWords);
  latest.current = onWords;
  const run = useRef<Run | null>(null);

  const end = useCallback(() => {
    run.current?.end();
    run.current = null;
  }, []);
  const start = useCallback(
    ({ hold }: { hold: boolean }) => {
      end();
      if (!recogniser) {
        setDictation(failed("", { code: "noRecogniser", message: NO_RECOGNISER }));
        return;
      }
      run.current = new Run(worker, hold, setDictation, (words) => latest.current(words));
    },
    [end, recogniser, worker],
  );
  const handsFree = useCallback(() => run.current?.handsFree(), []);
  const finish = useCallback(() => run.current?.finish(), []);
  const cancel = useCallback(() => {
    end();
    setDictation({ state: "off" });
  }, [end]);

  useEffect(() => end, [end]);
  return { dictation, start, handsFree, finish, cancel };
}

/** One dictation, from the press of the button to its last word. */
class Run {
  private words = "";
  private microphone: MediaStream | null = null;
  private peer: Peer | null = null;
  private over = false;
  private finished = false;
  private hands = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly stopping = new AbortController();
  private readonly change: (dictation: Dictation) => void;
  private readonly tellWords: (words: string) => void;

  constructor(
    worker: Worker,
    hold: boolean,
    change: (dictation: Dictation) => void,
    tellWords: (words: string) => void,
  ) {
    this.change = change;
    this.tellWords = tellWords;
    change({ state: "starting" });
    void this.open(worker, hold);
  }

  /** Whatever happens now, nothing more is told. */
  end(): void {
    this.over = true;
    clearTimeout(this.timer);
    this.stopping.abort();
    this.peer?.close();
    release(this.microphone);
  }

  handsFree(): void {
    this.hands = true;
    this.peer?.send({ kind: "handsFree" });
  }

  finish(): void {
    if (this.over || this.finished) return;
    this.finished = true;
    if (this.peer === null) {
      // Let go before anything could be heard.
      this.stop({ state: "done", words: this.words });
      return;
    }
    this.peer.send({ kind: "finish" });
    release(this.microphone);
    this.change({ state: "finishing", words: this.words });
    this.timer = setTimeout(() => this.stop({ state: "done", words: this.words }), FINISH_MS);
  }

  private async open(worker: Worker, hold: boolean): Promise<void> {
    try {
      const microphone = await openMicrophone();
      this.microphone = microphone;
      if (this.over || this.finished) {
        release(microphone);
        return;
      }
      const peer = await openPeer(worker, {
        path: "/rtc/dictate",
        body: { hold },
        direction: "send",
        microphone,
        signal: this.stopping.signal,
        onMessage: (message) => this.hear(message),
        onState: (state) => {
          if (state === "connected") this.listen(microphone);
          else if (state === "lost")
            this.fail({ code: "lost", message: "The connection to Floyd was lost." });
        },
      });
      this.peer = peer;
      if (this.over || this.finished) peer.close();
      else if (this.hands) peer.send({ kind: "handsFree" });
    } catch (error) {
      if (this.over) return;
      if (error instanceof MicrophoneError) this.fail({ code: error.code, message: error.message });
      else if (error instanceof WorkerError) this.fail({ code: "lost", message: error.message });
      else throw error;
    }
  }

  private listen(microphone: MediaStream): void {
    if (!this.over && !this.finished) this.change({ state: "listening", words: this.words, microphone });
  }

  private hear(message: Message): void {
    if (this.over) return;
    switch (message.kind) {
      case "words":
        if (typeof message.text !== "string" || message.text === this.words) return;
        this.words = message.text;
        this.tellWords(this.words);
        if (this.finished) this.change({ state: "finishing", words: this.words });
        else if (this.microphone !== null) this.listen(this.microphone);
        return;
      case "end":
        this.stop({ state: "done", words: this.words });
        return;
      case "error":
        this.fail(
          message.code === "NOTHING_HEARD"
            ? { code: "nothingHeard", message: "No words were heard. Is the microphone on?" }
            : { code: "noRecogniser", message: NO_RECOGNISER },
        );
        return;
    }
  }

  private fail(problem: Problem): void {
    this.stop(failed(this.words, problem));
  }

  private stop(last: Dictation): void {
    if (this.over) return;
    this.end();
    this.change(last);
  }
}

function failed(words: string, problem: Problem): Dictation {
  return { state: "failed", words, problem };
}
