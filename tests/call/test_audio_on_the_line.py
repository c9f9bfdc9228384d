"""What is heard on the line: the sound itself, from the voice through clauses and playback to the carrier."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import virtual_time
from recorder import ESPEAK, RATE, Recorder, SpeakingVoice, db, is_sound, linear, mulaw_of, now, sound_of

from worker.audio.loudness import SPEECH_DBFS, speech_dbfs
from worker.call.clock import Clock, Signal
from worker.call.playback import Playback, Saying
from worker.call.ready_made import ReadyMade
from worker.call.recording import Recording
from worker.call.reply import CascadedReply
from worker.model.language_model import Finished, ModelEvent, Prompt, TextDelta
from worker.speech.spoken import spoken
from worker.speech.spoken_voice import SpokenVoice
from worker.speech.telephone_voice import CLAUSE_PAUSE_S, SENTENCE_PAUSE_S, TelephoneVoice
from worker.speech.voice import Voice

LIKE_A_VENDOR = {"before_s": 0.22, "after_s": 0.35}
"""Silence around each clause, as hosted voices make it."""

TEXT = (
    "Hi there Dana, I'm calling about Mara Rivera, who is home sick today. "
    "She has had a fever since last night. Half of the class has it, she says. Thanks!"
)
CLAUSES = [
    "Hi there Dana,",
    "I'm calling about Mara Rivera, who is home sick today.",
    "She has had a fever since last night.",
    "Half of the class has it, she says.",
    "Thanks!",
]


class Model:
    """Writes a text, word by word."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def stream(self, prompt: Prompt) -> AsyncIterator[ModelEvent]:
        for word in self._text.split(" "):
            yield TextDelta(f"{word} ")
            await asyncio.sleep(0.017)
        yield Finished("stop")

    async def complete(self, prompt: Prompt) -> str:
        raise NotImplementedError

    async def warm_up(self) -> None: ...
    async def close(self) -> None: ...


class Line:
    """A reply on its way to the carrier. Make it inside the running loop."""

    def __init__(self, voice: Voice, away_s: float = 0.0) -> None:
        self.voice = voice
        self.clock = Clock()
        self.carrier = Recorder(away_s)
        self.recording = Recording(self.clock.now())
        self.playback = Playback(
            self.carrier,
            self.clock,
            Signal(),
            on_audio=self.recording.floyd_says,
            on_cut=self.recording.floyd_cut,
        )
        self.carrier.on_mark = self.playback.on_mark
        self.saying: Saying = self.playback.begin()

    async def say(self, text: str) -> None:
        reply = CascadedReply(Prompt(()), model=Model(text), voice=self.voice, clock=self.clock)
        reply.start()
        try:
            async for clause in reply.clauses():
                span = self.playback.open_clause(self.saying, clause.text)
                async for chunk in clause.chunks():
                    await self.playback.send(self.saying, span, chunk)
                await self.playback.close_clause(self.saying, span)
        finally:
            await reply.cancel()

    async def say_until(self, text: str, after_s: float) -> None:
        """Speak, and stop so long after the first sound was sent."""
        speaking = asyncio.create_task(self.say(text))
        await self.carrier.begun.wait()
        assert self.saying.first_sent_at is not None
        await asyncio.sleep(self.saying.first_sent_at + after_s - now())
        await self.playback.halt(self.saying)
        speaking.cancel()
        await asyncio.gather(speaking, return_exceptions=True)
        await asyncio.sleep(1)  # what is on its way arrives


def heard_from(source: SpeakingVoice, text: str = TEXT) -> Recorder:
    async def call() -> Recorder:
        line = Line(TelephoneVoice(source))
        await line.say(text)
        return line.carrier

    return virtual_time.run(call())


def pauses(sound: bytes, source: SpeakingVoice) -> list[tuple[int, int]]:
    """The silence after each clause but the last, from sample to sample."""
    found, at = [], 0
    for clause in CLAUSES[:-1]:
        said = source.said[clause]
        # Where the clause lies best: the speech itself is the same to the last sample.
        wave = linear(sound[at : at + len(said) + 2 * RATE])
        at += int(np.argmax(np.correlate(wave, linear(said)[: RATE // 2], "valid"))) + sound_of(said)[1]
        near = max(0, at - RATE // 20)
        silent = ~is_sound(sound[near : at + RATE // 2])
        changes = np.flatnonzero(np.diff(np.concatenate(([0], silent, [0]))))
        start, end = max(changes.reshape(-1, 2), key=lambda run: run[1] - run[0])
        found.append((near + int(start) * 40, near + int(end) * 40))
    return found


@pytest.mark.parametrize("silence", [{}, LIKE_A_VENDOR], ids=["a voice without silence", "a voice with silence"])
def test_clauses_follow_each_other_without_a_gap(silence: dict[str, float]) -> None:
    carrier = heard_from(SpeakingVoice(**silence))
    assert carrier.gaps_s == []


def test_the_pauses_are_those_of_one_who_goes_on_speaking() -> None:
    source = SpeakingVoice(**LIKE_A_VENDOR)
    sound = heard_from(source).sound
    for clause, (start, end) in zip(CLAUSES, pauses(sound, source), strict=False):
        wanted = SENTENCE_PAUSE_S if clause.endswith(".") else CLAUSE_PAUSE_S
        assert (end - start) / RATE == pytest.approx(wanted, abs=0.04), clause


def test_the_answer_begins_with_its_first_sound() -> None:
    sound = heard_from(SpeakingVoice(**LIKE_A_VENDOR)).sound
    assert sound_of(sound)[0] <= 0.025 * RATE


def test_silence_in_front_of_the_answer_is_not_waited_for() -> None:
    """Of the 220 ms that the voice begins with, what is left is what they take to arrive."""
    text = "I would like to book a table for two, please."

    async def first_heard_s(voice: Voice) -> float:
        await Line(voice).say(TEXT)  # nobody waits for a voice's very first words
        line, asked_at = Line(voice), now()
        await line.say(text)
        return line.carrier.began_at + sound_of(line.carrier.sound)[0] / RATE - asked_at

    source = SpeakingVoice(**LIKE_A_VENDOR)
    as_it_comes = virtual_time.run(first_heard_s(source))
    assert virtual_time.run(first_heard_s(TelephoneVoice(source))) <= as_it_comes - 0.13


def test_there_is_no_click_where_clauses_meet() -> None:
    source = SpeakingVoice(**LIKE_A_VENDOR)
    sound = heard_from(source).sound
    steps = np.abs(np.diff(linear(sound)))
    for start, end in pauses(sound, source):
        assert steps[start - 16 : end].max() <= 0.02
    # And nowhere a larger step than the voice itself makes.
    assert steps.max() <= max(np.abs(np.diff(linear(said))).max() for said in source.said.values()) + 1e-9
    # The first sample and the last are near silence.
    assert abs(linear(sound)[0]) < 0.005
    assert abs(linear(sound)[-1]) < 0.005


@pytest.mark.parametrize(
    "text",
    [
        "Half past three",
        "Fifty dollars.",
        "Thank you.",
        "She has a cough",
        "Sick leaf",
        "Hot tea",
        "If",
        "Please wait.",
        "Yes, please",
        "On March fifth",
    ],
)
@pytest.mark.parametrize("silence", [{}, LIKE_A_VENDOR], ids=["without silence", "with silence"])
def test_no_first_and_no_last_sound_is_clipped(text: str, silence: dict[str, float]) -> None:
    source = SpeakingVoice(**silence)
    heard = linear(heard_from(source, text).sound)
    own = linear(source.said[text])
    first, last = sound_of(source.said[text], above_dbfs=-45)
    offset = int(np.argmax(np.correlate(np.append(heard, np.zeros(RATE)), own[first:last], "valid"))) - first
    window = RATE // 20
    for start in (first, last - window):
        ours = heard[max(0, start + offset) : start + offset + window]
        assert db(float((ours**2).mean())) == pytest.approx(
            db(float((own[start : start + window] ** 2).mean())), abs=1.0
        )


def test_loud_and_quiet_voices_and_phrases_rendered_before_are_equally_loud(tmp_path: Path) -> None:
    async def levels(gain_db: float) -> tuple[float, float, float]:
        source = SpeakingVoice(gain_db=gain_db)
        voice = TelephoneVoice(source)
        phrase = await ReadyMade(tmp_path / str(gain_db), voice, "v").get(
            "Are you still there? I can hardly hear."
        )
        line = Line(voice)
        await line.say(TEXT)
        peak = float(np.abs(linear(line.carrier.sound)).max())
        return speech_dbfs(phrase.mulaw), speech_dbfs(line.carrier.sound), peak

    for gain_db in (-14.0, -6.0, 0.0, 5.0):
        phrase, live, peak = virtual_time.run(levels(gain_db))
        assert phrase == pytest.approx(SPEECH_DBFS, abs=3.5)
        assert live == pytest.approx(SPEECH_DBFS, abs=3.5)
        assert abs(phrase - live) <= 3.0
        assert peak < 0.99


def test_a_voice_that_is_loud_enough_is_passed_on_as_it_is() -> None:
    source = SpeakingVoice()
    sound = heard_from(source).sound
    said = source.said[CLAUSES[2]]
    first, last = sound_of(said)
    assert said[first + 40 : last - 40] in sound


@pytest.mark.parametrize("away_s", [0.0, 0.02, 0.08])
@pytest.mark.parametrize("after_s", [0.3, 1.03, 1.1, 2.35, 4.0, 4.32, 7.0])
def test_the_cut_is_where_playback_stopped(away_s: float, after_s: float, tmp_path: Path) -> None:
    """Within 50 ms, with the carrier up to 80 ms away: what counts as heard, and what is recorded, was played."""

    async def call() -> tuple[int, int, int]:
        line, opened_at = Line(TelephoneVoice(SpeakingVoice(**LIKE_A_VENDOR)), away_s), now()
        await line.say_until(TEXT, after_s)
        await line.recording.write(tmp_path / "call.wav")
        wav = await asyncio.to_thread((tmp_path / "call.wav").read_bytes)
        side = np.frombuffer(wav[44:], dtype="<i2").reshape(-1, 2)[:, 1]  # Floyd is on the right
        assert line.saying.first_sent_at is not None
        recorded = len(side) - round((line.saying.first_sent_at - opened_at) * RATE)
        return line.playback.position(line.saying), len(line.carrier.sound), recorded

    position, played, recorded = virtual_time.run(call())
    assert abs(position - played) <= 0.05 * RATE
    assert abs(recorded - played) <= 0.05 * RATE


def test_the_words_that_count_as_heard_are_those_that_were() -> None:
    """Numbers take longer to say than to write, and the pause behind a sentence belongs to no word."""
    text = "My number is 415-555-0134, and I am at home until six. Thank you very much for all your help."

    async def call(after_s: float) -> tuple[str, list[tuple[str, float, float]]]:
        line = Line(SpokenVoice(TelephoneVoice(SpeakingVoice(**LIKE_A_VENDOR))))
        await line.say_until(text, after_s)
        times = [word for span in line.saying.clauses for word in times_of(span.text.strip(), span.start / RATE)]
        return line.playback.heard(line.saying), times

    for after_s in np.arange(0.5, 9.0, 0.25):
        heard, times = virtual_time.run(call(float(after_s)))
        said = [word for word, _, end in times if end <= after_s - NEARLY_S]
        saying = [word for word, start, _ in times if start <= after_s + NEARLY_S]
        words = heard.split()
        assert words[: len(said)] == said, after_s
        assert saying[: len(words)] == words, after_s


@pytest.mark.parametrize("after_s", [1.4, 2.3, 3.35, 4.2])
def test_what_was_halted_goes_on_without_a_click(after_s: float) -> None:
    async def call() -> tuple[bytes, int, float]:
        source = SpeakingVoice(**LIKE_A_VENDOR)
        line = Line(TelephoneVoice(source))
        await line.say(TEXT)
        await asyncio.sleep(line.carrier.began_at + after_s - now())
        await line.playback.halt(line.saying)
        cut = len(line.carrier.sound)
        await asyncio.sleep(0.4)
        await line.playback.resume(line.saying)
        largest = max(np.abs(np.diff(linear(said))).max() for said in source.said.values())
        return line.carrier.sound, cut, largest

    sound, cut, largest = virtual_time.run(call())
    resumed = linear(sound[cut + 3_190 : cut + 3_240])  # silent for 400 ms, and then on
    assert np.abs(resumed).max() > 0
    assert abs(resumed[np.flatnonzero(resumed)[0]]) < 0.02
    assert np.abs(np.diff(linear(sound[cut + 100 :]))).max() <= largest


def test_a_sentence_cut_in_the_pause_behind_it_was_heard_whole() -> None:
    source = SpeakingVoice(**LIKE_A_VENDOR)
    start, _ = pauses(heard_from(source).sound, source)[1]

    async def call() -> str:
        line = Line(TelephoneVoice(source))
        await line.say_until(TEXT, start / RATE + 0.02)
        return line.playback.heard(line.saying)

    assert virtual_time.run(call()) == " ".join(CLAUSES[:2])


NEARLY_S = 0.3
"""Words are placed by their length, so a long one may be off by as much."""


def times_of(written: str, start_s: float) -> list[tuple[str, float, float]]:
    """Each written word with when it really begins and ends, as the voice's own marks have it."""
    tokens = [
        (word.start_s, word.end_s)
        for word in ESPEAK.render(spoken(written), voice="en-us+f5").words
        for _ in word.text.split()
    ]
    words, at = [], 0
    for match in re.finditer(r"\S+", written):
        until = len(spoken(written[: match.end()]).split())
        words.append((match[0], start_s + tokens[at][0], start_s + tokens[until - 1][1]))
        at = until
    return words


def test_a_voice_that_says_nothing_makes_no_sound() -> None:
    class Silent(SpeakingVoice):
        async def speak(self, text: str) -> AsyncIterator[bytes]:
            yield mulaw_of(np.zeros(24_000))

    async def call() -> bytes:
        return b"".join([chunk async for chunk in TelephoneVoice(Silent()).speak("Hello.")])

    assert virtual_time.run(call()) == b""
