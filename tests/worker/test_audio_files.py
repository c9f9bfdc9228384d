"""Audio files: openings and recordings."""

from __future__ import annotations

import os
import stat
import wave
from pathlib import Path

import numpy as np
import pytest

from worker.audio import dtmf, files, g711


async def test_an_opening_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "openings" / "opening.wav"
    mulaw = dtmf.tones("123")
    await files.save_opening(path, mulaw)
    assert await files.load_opening(path) == mulaw
    with wave.open(str(path)) as written:
        assert (written.getframerate(), written.getsampwidth(), written.getnchannels()) == (8000, 2, 1)


async def test_the_openings_used_last_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_OPENINGS", 2)
    mulaw = dtmf.tones("1")
    old, used = tmp_path / "old.wav", tmp_path / "used.wav"
    for path in (used, old):
        await files.save_opening(path, mulaw)
    for age_s, path in ((200, old), (300, used)):
        os.utime(path, (path.stat().st_mtime - age_s,) * 2)
    await files.load_opening(used)
    await files.save_opening(tmp_path / "new.wav", mulaw)
    assert set(os.listdir(tmp_path)) == {"used.wav", "new.wav"}


async def test_an_opening_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert await files.load_opening(tmp_path / "none.wav") is None


async def test_any_wav_is_converted(tmp_path: Path) -> None:
    path = tmp_path / "studio.wav"
    t = np.arange(24_000) / 24_000
    stereo = np.repeat((8_000 * np.sin(2 * np.pi * 440 * t)).astype("<i2"), 2)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes(stereo.tobytes())
    mulaw = await files.load_opening(path)
    assert mulaw is not None
    assert len(mulaw) == pytest.approx(8_000, abs=2)
    spectrum = np.abs(np.fft.rfft(g711.decode(mulaw)))
    assert int(np.argmax(spectrum)) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"not audio at all" * 40, b"RIFF\x10\x00\x00\x00WAVEfmt "])
async def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(content)
    with pytest.raises(files.UnreadableAudio, match=r"broken\.wav"):
        await files.load_opening(path)


async def test_a_recording_has_the_callee_left_and_floyd_right(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    callee, floyd = dtmf.tones("1"), dtmf.tones("99")
    await files.write_recording(path, callee, floyd)
    with wave.open(str(path)) as written:
        assert (written.getframerate(), written.getnchannels()) == (8000, 2)
        both = np.frombuffer(written.readframes(written.getnframes()), dtype="<i2").reshape(-1, 2)
    assert len(both) == len(floyd)
    assert np.array_equal(both[: len(callee), 0], g711.decode(callee))
    assert not both[len(callee) :, 0].any()
    assert np.array_equal(both[:, 1], g711.decode(floyd))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_nothing_is_left_when_the_file_can_not_be_written(tmp_path: Path) -> None:
    target = tmp_path / "call.wav"
    target.mkdir()  # moving a file over a folder fails at the last step
    with pytest.raises(OSError):  # noqa: PT011 - which one differs by system
        await files.write_recording(target, b"\xff" * 160, b"\xff" * 160)
    assert os.listdir(tmp_path) == [target.name]
