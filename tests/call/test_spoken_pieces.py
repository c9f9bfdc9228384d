"""Which audio of a spoken answer may be played, and which words it belongs to. The voice here is loud in its
sentences and quiet between them, and the tests know which character it is speaking."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.call.spoken_pieces import BYTES_PER_S, FASTEST_PACE, Pace, SpokenPieces

QUIET, LOUD = 0xFF, 0x10
PAUSE_S = 0.25

WORDS = st.sampled_from(
    ["yes", "of", "course", "we", "can", "do", "that", "on Friday", "for", "sixty-five dollars"]
)
SENTENCE = st.builds(lambda words: " ".join(words) + ".", st.lists(WORDS, min_size=1, max_size=9))
ANSWER = st.lists(SENTENCE, min_size=1, max_size=6)


def spoken(sentences: list[str], pace: float) -> tuple[bytes, list[int]]:
    """The audio, and for each of its bytes how many characters of the text have begun by then."""
    audio, begun = bytearray(), []
    chars = 0
    for sentence in sentences:
        for _ in sentence:
            chars += 1
            size = int(BYTES_PER_S / pace)
            audio += bytes([LOUD]) * size
            begun += [chars] * size
        audio += bytes([QUIET]) * int(PAUSE_S * BYTES_PER_S)
        begun += [chars] * int(PAUSE_S * BYTES_PER_S)
        chars += 1  # the blank
    return bytes(audio), begun


def played(pieces: SpokenPieces) -> tuple[bytes, list[int]]:
    out = bytearray()
    ended: list[int] = []
    for number, mulaw in pieces.take():
        assert number == len(ended), "in order, and none after its end"
        out += mulaw or b""
        if mulaw is None:
            ended.append(number)
    return bytes(out), ended


@given(ANSWER, st.floats(8, FASTEST_PACE), st.floats(8, FASTEST_PACE), st.data())
def test_no_audio_is_played_beyond_the_words_that_were_checked(
    sentences: list[str], pace: float, believed: float, data: st.DataObject
) -> None:
    audio, begun = spoken(sentences, pace)
    pieces = SpokenPieces(Pace(believed))
    waiting = [audio[at : at + 800] for at in range(0, len(audio), 800)]
    checked = out = 0
    # Words and audio in any order, as long as both are in their own.
    for sentence in sentences:
        for _ in range(data.draw(st.integers(0, 12))):
            if waiting:
                pieces.add_audio(waiting.pop(0))
            out += sum(len(mulaw or b"") for _, mulaw in pieces.take())
        if out:
            assert begun[out - 1] <= checked
        pieces.add_words(sentence)
        checked += len(sentence) + 1
    for mulaw in waiting:
        pieces.add_audio(mulaw)
    out += sum(len(mulaw or b"") for _, mulaw in pieces.take())
    pieces.stop()
    out += sum(len(mulaw or b"") for _, mulaw in pieces.take())
    assert begun[out - 1] <= checked if out else True
    pieces.end()
    list(pieces.take())
    assert pieces.finished


@given(ANSWER, st.floats(8, FASTEST_PACE), st.floats(8, FASTEST_PACE), st.integers(1, 3000), st.booleans())
def test_a_whole_answer_is_played_whole(
    sentences: list[str], pace: float, believed: float, chunk: int, words_first: bool
) -> None:
    audio, _ = spoken(sentences, pace)
    pieces = SpokenPieces(Pace(believed))
    chunks = [audio[at : at + chunk] for at in range(0, len(audio), chunk)]
    out = bytearray()
    steps = [
        *([("words", one) for one in sentences] if words_first else []),
        *(("audio", one) for one in chunks),
        *([] if words_first else [("words", one) for one in sentences]),
    ]
    for kind, what in steps:
        if kind == "words":
            pieces.add_words(str(what))
        else:
            pieces.add_audio(what if isinstance(what, bytes) else b"")
        out += b"".join(mulaw or b"" for _, mulaw in pieces.take())
    pieces.end()
    rest = list(pieces.take())
    assert rest[-1] == (len(pieces.pieces) - 1, None)
    out += b"".join(mulaw or b"" for _, mulaw in rest)
    # The silence after the last word need not be.
    assert bytes(out) == audio[: len(out)]
    assert audio[len(out) :].strip(bytes([QUIET])) == b""
    assert " ".join(piece.text for piece in pieces.pieces) == " ".join(sentences)
    assert pieces.finished


@pytest.mark.parametrize("pace", [13.0, 15.0, 17.0])
def test_sentences_end_in_their_pauses(pace: float) -> None:
    sentences = [
        "Yes, of course.",
        "We can do that on Friday afternoon.",
        "It is sixty-five dollars.",
        "Is that okay?",
    ]
    audio, _ = spoken(sentences, pace)
    pieces = SpokenPieces(Pace())
    for sentence in sentences:
        pieces.add_words(sentence)
    sizes: dict[int, int] = {}
    # All words are there before their audio, as with the real one, and the audio comes in tenths of a second.
    for at in range(0, len(audio), 800):
        pieces.add_audio(audio[at : at + 800])
        for number, mulaw in pieces.take():
            sizes[number] = sizes.get(number, 0) + len(mulaw or b"")
    pieces.end()
    for number, mulaw in pieces.take():
        sizes[number] = sizes.get(number, 0) + len(mulaw or b"")
    ends = list(itertools.accumulate(sizes[number] for number in range(len(pieces.pieces))))
    ended = [end for end, piece in zip(ends, pieces.pieces, strict=True) if piece.ends_sentence]
    assert len(ended) == len(sentences)
    for end in ended[:-1]:
        assert audio[end] == QUIET, f"cut in a word at {end}"


def test_the_first_words_can_be_played_before_the_last_are_known() -> None:
    sentences = ["Yes, of course,", "I would like to order a large bouquet of red roses and white lilies."]
    audio, _ = spoken(sentences, 15.0)
    pieces = SpokenPieces(Pace())
    pieces.add_audio(audio[:8000])
    pieces.add_words(sentences[0])
    first = b"".join(mulaw or b"" for _, mulaw in pieces.take())
    assert 0.3 < len(first) / BYTES_PER_S < 1.0
    pieces.add_words(sentences[1])
    more = b"".join(mulaw or b"" for _, mulaw in pieces.take())
    assert len(first + more) == 8000
    assert not pieces.finished


def test_the_pace_is_learnt() -> None:
    pace = Pace()
    for _ in range(5):
        pieces = SpokenPieces(pace)
        pieces.add_words("We can do that on Friday afternoon, if it suits you.")
        pieces.add_audio(spoken(["We can do that on Friday afternoon, if it suits you."], 12.0)[0])
        pieces.end()
    assert pace.chars_per_s == pytest.approx(11.5, abs=0.6)  # its pause included
    pieces = SpokenPieces(pace)
    pieces.add_words("Hm.")
    pieces.add_audio(bytes(100_000))
    pieces.end()
    assert pace.chars_per_s == pytest.approx(11.5, abs=0.6), "too short to tell"
