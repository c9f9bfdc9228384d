"""A whole call in which OpenAI's transcription listens, and Google is not there at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from parts import Parts, assert_whole, words

pytestmark = pytest.mark.timeout(120)

BAKERY = """\
name: rye-bread
summary: The bakery has bread.
request: "Ask the bakery whether they have rye bread today"
request_like: "bakery.*rye bread"

person:
  name: Alex Rivera
  contacts:
    - {name: Corner Bakery, phone: "+14155550143", aliases: [bakery]}

calls:
  - number: "+14155550143"
    after: 0.5
    voice: en-us+f2
    greeting: "Corner Bakery, good morning."
    says:
      - hears: "rye"
        say: "Yes, we have two loaves left."
        wait: 0.3
      - hears: "bye"
        say: "Bye bye."
        wait: 0.2
        then: hangUp

model:
  plan: Ask whether they have rye bread today.
  turns:
    - {when: '\\(start\\)', say: "Do you have rye bread today?"}
    - when: "loaves"
      say: "Thank you. Goodbye."
      tool: {name: end_call, arguments: {reason: done}}
  outcome:
    kind: done
    summary: The bakery has two loaves of rye bread left.
    reported:
      - {text: "Two loaves of rye bread are left", evidence: "two loaves"}

expect:
  status: completed
  outcome: done
  calls: 1
  heard: ["AI assistant", "rye bread"]
"""


async def test_a_call_with_openai_as_the_recogniser(tmp_path: Path) -> None:
    scenarios = tmp_path / "scenarios"
    scenarios.mkdir()
    (scenarios / "rye-bread.yaml").write_text(BAKERY)
    without_google = {"google_speech_endpoint": None, "google_speech_plaintext": False}
    async with Parts.standing(tmp_path, scenarios=scenarios, floyd_recognizer="openai", **without_google) as parts:
        # Its socket dies once while Floyd introduces itself, which nobody hears.
        await parts.control("POST", "/faults", {"on": "recognizer", "kind": "die", "at": 5.0})
        verdict = await parts.play("rye-bread")
        show = await parts.show(verdict)
        assert not verdict.problems, (verdict.problems, [line["text"] for line in show["transcript"]])
        assert_whole(show)
        assert await parts.control("GET", "/faults") == [], "it did die"
        assert "recognizer.died" in parts.worker.log.read_text()
        (note,) = await parts.control("GET", "/calls?scenario=rye-bread")
        said = [word for utterance in note["said"] for word in words(utterance["text"])]
        heard = [
            word for line in show["transcript"] if line["speaker"] == "callee" for word in words(line["text"])
        ]
        assert heard == said, "every word of the callee is in the transcript, once and in order"
