"""The person, or the voicemail, at the other end of a call.

A callee lives in steps of 20 ms: each takes the frame that was played to them and returns the frame they send.
Nothing here knows a clock, a socket or a thread, so that a whole conversation can be played at any speed.

A person speaks the greeting, then answers what they understand: when the caller has finished, the first unused
line that matches everything said since their last words is spoken after its ``wait``; if the caller goes on before
that, they listen on. What is said while they speak themselves is answered afterwards. A voicemail speaks its
greeting and a beep, then records.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rehearsal import g711, tones
from rehearsal.lines import Lines
from rehearsal.scenario import CalleeCall, Line, found

FRAME_S = 0.02
FRAME_BYTES = 160
SILENCE = b"\xff" * FRAME_BYTES

# Louder than the quantisation noise of mu-law, softer than any speech: somebody is making a sound.
AUDIBLE_PEAK = 400
# Who did not understand, or heard only an introduction, waits a while for more before asking.
OTHERWISE_WAIT_S = 1.5
# People don't put the phone down on their last syllable.
HANG_UP_WAIT_S = 0.3
# Where mailboxes usually stop.
MAX_MESSAGE_S = 120.0
NOISE_LOOP_S = 5.0


class Understood(Protocol):
    """What an ear reports: a growing hypothesis, and one final one when the utterance has ended."""

    @property
    def text(self) -> str: ...
    @property
    def final(self) -> bool: ...
    @property
    def start_s(self) -> float: ...


class Listener(Protocol):
    """The ear a callee hears with. Times count from its first sample."""

    def feed(self, samples: NDArray[np.int16]) -> Iterable[Understood]: ...
    def finish(self) -> Iterable[Understood]:
        """The end of all audio: what is still open becomes final."""
        ...


@dataclass(frozen=True)
class Note:
    """Words heard or said. ``at_s`` is when they began, in seconds since the answer."""

    text: str
    at_s: float


@dataclass
class _Utterance:
    text: str
    audio: bytes
    hang_up: bool = False
    press: str = ""
    position: int = 0

    @property
    def over(self) -> bool:
        return self.position >= len(self.audio)


@dataclass
class _Reply:
    """Words to be said at ``due_s``; ``line`` is the line they come from, unless they are the ``otherwise``."""

    text: str
    due_s: float
    line: Line | None = None


class Callee:
    """One answered call. ``heard``, ``said`` and ``keys`` are the notes of it."""

    def __init__(self, call: CalleeCall, lines: Lines, ear: Listener, *, seed: int = 1) -> None:
        self._call = call
        self._lines = lines
        self._ear = ear
        self._frames = 0
        self._speaking: _Utterance | None = None
        self._reply: _Reply | None = None
        self._unused = list(call.says)
        self._cuts = list(call.interrupts)
        self._unanswered: list[str] = []
        """What was understood since the callee's last words."""
        self._hearing: Note | None = None
        """The utterance that is still going on."""
        self._skip_words = 0
        """Words of the utterance going on that an interruption already reacted to."""
        self._was_cut = False
        self._prompts = 0
        self._quiet_since = 0.0
        self._hang_up_at: float | None = None
        self._noise: NDArray[np.int16] | None = None
        if call.noise_db is not None:
            self._noise = tones.noise(call.noise_db, NOISE_LOOP_S, seed)
        self._echo_gain = 0.0 if call.echo_db is None else 10 ** (-call.echo_db / 20)
        delay = round(call.echo_ms / 1000 / FRAME_S)
        self._incoming: deque[bytes] = deque([SILENCE] * (delay + 1), maxlen=delay + 1)
        self.heard: list[Note] = []
        self.said: list[Note] = []
        self.keys_heard = ""
        self.pressed: list[str] = []
        """Keys that the callee has pressed and nobody has taken yet."""
        self.hung_up = False
        self.greeted_at_s: float | None = None
        """When the greeting ended; None: not yet."""
        self.beeped_at_s: float | None = None
        self.recording: bytearray | None = bytearray() if call.answer == "voicemail" else None
        """A voicemail's message as mu-law, from the beep on."""
        if call.greeting.strip():
            self._reply = _Reply(call.greeting, call.greeting_wait)
        else:
            self.greeted_at_s = 0.0

    @property
    def now_s(self) -> float:
        """Seconds since the answer."""
        return self._frames * FRAME_S

    @property
    def speaking(self) -> bool:
        return self._speaking is not None

    @property
    def is_machine(self) -> bool:
        return self._call.answer == "voicemail"

    def tick(self, incoming: bytes) -> bytes:
        """20 ms: ``incoming`` was played to the callee; returns what they send. 160 bytes of mu-law each."""
        self._listen(incoming)
        self._act()
        frame = self._voice_frame()
        self._frames += 1
        self._incoming.append(incoming)
        return self._over_the_line(frame)

    def hear_keys(self, digits: str) -> None:
        """Note keys that the caller pressed."""
        self.keys_heard += digits

    def line_closed(self) -> None:
        """The call is over: note what was still being heard."""
        for understood in self._ear.finish():
            self._understand(understood)
        if self._hearing is not None:
            self.heard.append(self._hearing)
            self._hearing = None

    def _listen(self, incoming: bytes) -> None:
        if self.recording is not None and self.beeped_at_s is not None:
            self.recording += incoming
        samples = g711.decode(incoming)
        if incoming != SILENCE and int(np.abs(samples.astype(np.int32)).max()) > AUDIBLE_PEAK:
            self._quiet_since = self.now_s
        for understood in self._ear.feed(samples):
            self._understand(understood)

    def _understand(self, understood: Understood) -> None:
        if not understood.final:
            self._hearing = Note(understood.text, understood.start_s)
            self._listen_on()
            self._cut_in()
            return
        self._hearing = None
        self.heard.append(Note(understood.text, understood.start_s))
        news = " ".join(understood.text.split()[self._skip_words :])
        was_cut, self._was_cut, self._skip_words = self._was_cut, False, 0
        self._prompts = 0
        if self.is_machine:
            return
        if news or not was_cut:
            self._unanswered.append(news)
        if self._speaking is None and not self._saying_greeting():
            self._consider(cut=was_cut)

    def _listen_on(self) -> None:
        """The caller speaks: a reply that was about to be given waits until they have finished."""
        if self._reply is not None and not self._saying_greeting():
            self._reply = None

    def _saying_greeting(self) -> bool:
        return self.greeted_at_s is None

    def _cut_in(self) -> None:
        """Interrupt the caller if what was heard so far calls for it."""
        if self._hearing is None or self._speaking is not None or self._saying_greeting() or self.is_machine:
            return
        words = self._hearing.text.split()
        so_far = " ".join([*self._unanswered, *words[self._skip_words :]])
        for cut in self._cuts:
            if found(cut.when, so_far):
                self._cuts.remove(cut)
                self._unanswered.clear()
                self._skip_words, self._was_cut = len(words), True
                self._speak(cut.say)
                return

    def _consider(self, *, cut: bool = False) -> None:
        """Choose what to answer to everything that is unanswered."""
        if not self._unanswered or self._hearing is not None:
            return
        text = " ".join(self._unanswered)
        for line in self._unused:
            if found(line.hears, text):
                self._reply = _Reply(line.say, self.now_s + line.wait, line)
                return
        if cut:
            # The rest of a sentence that the callee interrupted themselves: they wait for what comes now.
            self._unanswered.clear()
        elif self._call.otherwise.strip():
            self._reply = _Reply(self._call.otherwise, self.now_s + OTHERWISE_WAIT_S)

    def _act(self) -> None:
        if self._hang_up_at is not None:
            self.hung_up = self.hung_up or self.now_s >= self._hang_up_at
            return
        if self._speaking is not None:
            self._quiet_since = self.now_s
            if self._speaking.over:
                self._finish_speaking(self._speaking)
        elif self._reply is not None:
            self._quiet_since = self.now_s
            if self.now_s >= self._reply.due_s:
                self._give(self._reply)
        elif self._hearing is not None:
            self._quiet_since = self.now_s
        elif self.is_machine:
            self._end_message()
        elif self.now_s - self._quiet_since >= self._call.silence.after:
            self._prompt()

    def _give(self, reply: _Reply) -> None:
        self._reply = None
        line = reply.line
        if line is not None:
            self._unused.remove(line)
        if not self._saying_greeting():
            self._unanswered.clear()
        self._speak(
            reply.text, hang_up=line is not None and line.then == "hangUp", press=line.press if line else ""
        )

    def _speak(self, text: str, *, hang_up: bool = False, press: str = "") -> None:
        self.said.append(Note(text, self.now_s))
        self._reply = None
        self._speaking = _Utterance(text, self._lines[text], hang_up, press)

    def _finish_speaking(self, spoken: _Utterance) -> None:
        self._speaking = None
        if spoken.press:
            self.pressed += spoken.press
        if spoken.hang_up:
            self._hang_up_at = self.now_s + HANG_UP_WAIT_S
            return
        if self.greeted_at_s is None:
            self.greeted_at_s = self.now_s
            if self.is_machine:
                self._speaking = _Utterance("", tones.beep())
                return
        elif self.is_machine and self.beeped_at_s is None:
            self.beeped_at_s = self.now_s
            return
        self._consider()

    def _prompt(self) -> None:
        """Nobody has spoken for long: ask, and in the end give up."""
        self._quiet_since = self.now_s
        if self._prompts >= self._call.silence.times:
            self._hang_up_at = self.now_s
            return
        self._prompts += 1
        self._speak(self._call.silence.say)

    def _end_message(self) -> None:
        if self.beeped_at_s is None:
            return
        quiet = self.now_s - self._quiet_since >= self._call.silence.after
        if quiet or self.now_s - self.beeped_at_s >= MAX_MESSAGE_S:
            self._hang_up_at = self.now_s

    def _voice_frame(self) -> bytes:
        spoken = self._speaking
        if spoken is None:
            return SILENCE
        frame = spoken.audio[spoken.position : spoken.position + FRAME_BYTES]
        spoken.position += FRAME_BYTES
        return frame if len(frame) == FRAME_BYTES else frame + SILENCE[len(frame) :]

    def _over_the_line(self, frame: bytes) -> bytes:
        """What arrives of a frame: with the noise, and the echo."""
        if self._noise is None and not self._echo_gain:
            return frame
        mixed = g711.decode(frame).astype(np.int32)
        if self._echo_gain and self._frames * FRAME_S >= self._call.echo_from:
            mixed += (g711.decode(self._incoming[0]) * self._echo_gain).astype(np.int32)
        if self._noise is not None:
            start = self._frames * FRAME_BYTES % (self._noise.size - FRAME_BYTES)
            mixed += self._noise[start : start + FRAME_BYTES]
        return g711.encode(np.clip(mixed, -32768, 32767).astype(np.int16))
