"""Audio files: the rendered opening, kept for calls that open alike, and the recording of a call.

All of it is file and codec work, so every function here does it in a thread. Files are WAV, 16 bits, 8,000 Hz;
reading takes whatever pydub can read and converts it. They hold what people said, so only their owner may
read them. A file is written beside its place and moved there, so that a full disk or a crash leaves no half
of one.
"""

from __future__ import annotations

import asyncio
import io
import os
import struct
import tempfile
import warnings
from pathlib import Path

import numpy as np

# pydub warns when there is no ffmpeg or ffprobe. WAV, which is all that Floyd itself writes, needs neither.
warnings.filterwarnings("ignore", "Couldn't find ff", RuntimeWarning)

from pydub import AudioSegment  # noqa: E402
from pydub.exceptions import CouldntDecodeError  # noqa: E402

from worker.audio.g711 import SILENCE, Pcm16, decode, encode  # noqa: E402

RATE_HZ = 8_000
_BYTES_PER_SAMPLE = 2

MOST_OPENINGS = 500
"""Kept in one folder, those used last: some 25 MB. Every person, voice and voice server has their own."""


class UnreadableAudio(Exception):
    """The file is not audio that can be read, or is damaged."""


async def load_opening(path: Path) -> bytes | None:
    """A rendered opening as mu-law, 8,000 Hz, or None if there is no such file. Raises `UnreadableAudio`."""
    return await asyncio.to_thread(_load, path)


async def save_opening(path: Path, mulaw: bytes) -> None:
    """Keep a rendered opening as WAV, and forget those that were not used for longest. Raises `OSError` (a full
    disk, no permission); nothing is left then."""
    await asyncio.to_thread(_write, path, mulaw)
    await asyncio.to_thread(_forget_oldest, path.parent)


async def write_recording(path: Path, callee: bytes, floyd: bytes) -> None:
    """Write a call's two sides (mu-law, 8,000 Hz, both from the start of the call) as one two-channel WAV:
    the callee left, Floyd right. The shorter side is filled up with silence. Raises `OSError`."""
    await asyncio.to_thread(_write, path, callee, floyd)


def _load(path: Path) -> bytes | None:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    segment = _decode_file(data, path.name)
    path.touch()  # used last: the last to be forgotten
    segment = segment.set_sample_width(_BYTES_PER_SAMPLE).set_channels(1).set_frame_rate(RATE_HZ)
    return encode(np.frombuffer(segment.raw_data, dtype="<i2").astype(np.int16))


def _forget_oldest(folder: Path) -> None:
    by_use = sorted(folder.glob("*.wav"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in by_use[MOST_OPENINGS:]:
        file.unlink(missing_ok=True)


def _decode_file(data: bytes, name: str) -> AudioSegment:
    try:
        # Told that it is a WAV, pydub reads it itself; anything else it hands to ffmpeg.
        return AudioSegment.from_file(io.BytesIO(data), format="wav" if data.startswith(b"RIFF") else None)
    except FileNotFoundError as error:  # no ffmpeg to try with
        raise UnreadableAudio(f"{name} is not a whole WAV file, and there is no ffmpeg to read others") from error
    except (CouldntDecodeError, ValueError, EOFError, IndexError, KeyError, struct.error) as error:
        raise UnreadableAudio(f"{name} is damaged or not audio: {type(error).__name__}") from error


def _segment(samples: Pcm16) -> AudioSegment:
    return AudioSegment(
        data=samples.astype("<i2").tobytes(), sample_width=_BYTES_PER_SAMPLE, frame_rate=RATE_HZ, channels=1
    )


def _write(path: Path, *channels: bytes) -> None:
    longest = max(len(channel) for channel in channels)
    sides = [_segment(decode(channel.ljust(longest, bytes([SILENCE])))) for channel in channels]
    audio = sides[0] if len(sides) == 1 else AudioSegment.from_mono_audiosegments(*sides)
    # Composed in memory: a WAV writer that a full disk cuts short complains again when it is collected.
    wav = io.BytesIO()
    audio.export(wav, format="wav")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # mkstemp makes the file readable by its owner only.
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(wav.getbuffer())
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
