"""One callee: follows a script step by step (20 ms each), and notes when Floyd was heard and fell silent."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator

from call.notes import CallNote, SoundNote, TurnNote
from call.playback import Playback
from call.script import GOODBYE, SOUNDS, Interjection, Script, Turn, back_channel
from call.sound import FRAME_MS, SILENT_PAYLOAD, Sound, Sounds

HESITATION_MS = 200
"""Up to so much is added to every wait, so that turns don't fall into step with anything."""
PATIENCE_S = 6.0
"""So long an answer is waited for; then the callee goes on."""
OVER_SECOND_PART_MS = 300
"""Floyd's audio in the pause, or so soon after the callee went on, is talking over them."""
EFFECT_S = 2.5
"""A clear that comes so soon after a sound was made over Floyd's words is put down to it."""
RESUMPTION_S = 3.0
"""So long after such a clear Floyd may resume before the callee goes on."""
FAREWELL_S = 5.0
"""So long after the last answer the callee hangs up, if Floyd has not."""


class Callee:
    def __init__(self, script: Script, sounds: Sounds, playback: Playback, note: CallNote) -> None:
        self.finish = False
        """Set: the next turn is the last."""
        self.hung_up = False
        self._script = script
        self._sounds = sounds
        self._playback = playback
        self._note = note
        self._random = random.Random(note.to)
        self._turns = self._follow(script)
        self._next: Turn | None = next(self._turns)
        self._wait_ms = self._hesitate(self._next)
        self._turn: TurnNote | None = None
        """The last one begun."""
        self._during: deque[tuple[int, Sound]] = deque()
        self._sound: Sound | None = None
        """What is being said, and how far it is."""
        self._speaks_turn = False
        self._at = 0
        self._own_end: float | None = None
        self._last_sound: SoundNote | None = None

    def step(self, now: float) -> str:
        """The next 20 ms to be sent, base64."""
        if self._sound is None:
            self._decide(now)
            if self._sound is None:
                return SILENT_PAYLOAD
        sound, at = self._sound, self._at
        if self._speaks_turn and at == sound.last:
            assert self._turn is not None
            self._turn.last_voiced_at = self._own_end = now
            self._playback.begin()
        elif not self._speaks_turn and at == sound.last:
            assert self._last_sound is not None
            self._last_sound.last_voiced_at = now
        self._at += 1
        if self._at == len(sound.frames):
            self._sound = None
        return sound.payloads[at]

    def hears(self, now: float) -> None:
        """Audible audio of Floyd's came in."""
        turn, sound = self._turn, self._last_sound
        if sound is not None and sound.cleared_at is not None and sound.heard_again_at is None:
            sound.heard_again_at = now
        if turn is None:
            return
        if self._sound is not None and self._speaks_turn:
            if turn.over_floyd:
                return
            if len(self._sound.part_starts) > 1:
                second = self._sound.part_starts[1]
                if self._sound.part_ends[0] < self._at < second + OVER_SECOND_PART_MS // FRAME_MS:
                    turn.talked_over = True
                    return
            turn.spoken_into = True
        elif turn.first_audio_at is None and (not turn.over_floyd or turn.cleared_at is not None):
            turn.first_audio_at = now

    def cleared(self, now: float) -> None:
        """Floyd stopped what it was saying."""
        turn, sound = self._turn, self._last_sound
        if turn is not None and turn.over_floyd and turn.cleared_at is None:
            turn.cleared_at, turn.heard_ms = now, self._playback.sound_ms
        elif sound is not None and now - sound.at < EFFECT_S and sound.cleared_at is None:
            sound.cleared_at = now
        elif not self._speaks_turn or self._sound is None:
            self._note.stray_clears += 1

    def _decide(self, now: float) -> None:
        """Begin to speak, if it is time."""
        if self._during and self._playback.waiting and self._playback.answer_ms >= self._during[0][0]:
            _, self._sound = self._during.popleft()
            self._at, self._speaks_turn = 0, False
            self._last_sound = SoundNote(self._sound.name, now)
            if self._turn is not None:
                self._turn.sounds.append(self._last_sound)
        elif self._next is None:
            self.hung_up = self._quiet_s(now) >= FAREWELL_S or self._given_up(now)
        elif self._is_time(self._next, now):
            self._begin(self._next, now)

    def _is_time(self, turn: Turn, now: float) -> bool:
        wait_s = self._wait_ms / 1000
        if self._own_end is None:
            assert self._note.answered_at is not None
            return now - self._note.answered_at >= wait_s
        if turn.begin == "own":
            return now - self._own_end >= wait_s
        if turn.begin == "into" and self._playback.waiting and self._playback.answer_ms >= turn.begin_ms:
            return True
        if self._given_up(now):
            assert self._turn is not None
            self._turn.unanswered = True
            return True
        return self._quiet_s(now) >= wait_s and not self._may_resume(now)

    def _quiet_s(self, now: float) -> float:
        """Since Floyd's answer was over; 0 if it has not begun or goes on."""
        answered = self._turn is not None and self._turn.first_audio_at is not None
        since = self._playback.empty_since
        return now - since if answered and since is not None else 0.0

    def _given_up(self, now: float) -> bool:
        silent = self._turn is not None and self._turn.first_audio_at is None
        return silent and self._own_end is not None and now - self._own_end >= PATIENCE_S

    def _may_resume(self, now: float) -> bool:
        sound = self._last_sound
        return (
            sound is not None
            and sound.cleared_at is not None
            and sound.heard_again_at is None
            and now - sound.cleared_at < RESUMPTION_S
        )

    def _begin(self, turn: Turn, now: float) -> None:
        over = turn.begin == "into" and self._playback.waiting > 0
        self._turn = TurnNote(turn.label, " ... ".join(turn.say), now, over_floyd=over)
        self._note.turns.append(self._turn)
        self._sound, self._at, self._speaks_turn = self._sounds.utterance(turn, self._script.voice), 0, True
        self._last_sound = None
        self._during.clear()
        for one in turn.during:
            self._during.append((one.at_ms, self._interjected(one)))
        self._next = GOODBYE if self.finish and turn is not GOODBYE else next(self._turns, None)
        if turn is GOODBYE:
            self._next = None
        if self._next is not None:
            self._wait_ms = self._hesitate(self._next)

    def _interjected(self, one: Interjection) -> Sound:
        if one.sound in SOUNDS:
            return self._sounds.noise(one.sound)
        return self._sounds.utterance(back_channel(one), self._script.voice)

    def _hesitate(self, turn: Turn) -> float:
        return turn.begin_ms + self._random.random() * HESITATION_MS if turn.begin != "into" else 800.0

    def _follow(self, script: Script) -> Iterator[Turn]:
        yield script.turns[0]
        while True:
            yield from script.turns[1:-1]
            if not script.repeat:
                break
        yield GOODBYE
