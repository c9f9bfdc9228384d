"""A whole call held by a speech-to-speech model, over the vendors' wire protocols, as `test_real_wire` has it."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_real_wire import House, play, rehearsal

from worker.call.contract import Ending


@pytest.mark.timeout(120)
async def test_the_school_is_told_by_a_speech_to_speech_model(tmp_path: Path) -> None:
    async with rehearsal() as line:
        house = House(line, tmp_path, floyd_conversation="realtime")
        report, notes = await play(house, "absence")
        assert report.ending is Ending.GOODBYE, report
        assert report.reason == "done"
        heard = " ".join(utterance["text"] for utterance in notes["heard"])
        assert "AI assistant" in heard
        assert "four B" in heard
        assert "Elm Street" not in heard
        # What the callee said is in the transcript, in their words and in their order.
        said = [line["text"] for line in house.deployment.lines if line["speaker"] == "callee"]
        assert said[: len(notes["said"])] == [utterance["text"] for utterance in notes["said"]][: len(said)]
        # And so is what Floyd said, as the callee heard it.
        told = " ".join(line["text"] for line in house.deployment.lines if line["speaker"] == "floyd")
        assert "four B" in told or "4B" in told
