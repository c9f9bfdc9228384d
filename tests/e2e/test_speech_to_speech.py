"""A whole call held by a speech-to-speech model, from the request to its outcome. Its session dies once."""

from __future__ import annotations

from pathlib import Path

import pytest
from parts import Parts, assert_whole, words

SCENARIO = """\
name: cake-shop
summary: The cake shop has a cake, for a price that is agreed to after its owner was asked.
request: "Order a birthday cake at the cake shop for Saturday, for at most 40 dollars"
request_like: "birthday cake"

person:
  name: Alex Rivera
  contacts:
    - {name: Corner Cakes, phone: "+14155550144", aliases: [cake shop]}

calls:
  - number: "+14155550144"
    after: 0.5
    voice: en-us+f2
    greeting: "Corner Cakes, hello."
    says:
      - hears: "birthday cake"
        say: "We have one for thirty-five dollars."
        wait: 0.3
      - hears: "bye"
        say: "Bye bye."
        wait: 0.2
        then: hangUp

model:
  plan: Order a cake.
  turns:
    - {when: '\\(start\\)', say: "I would like a birthday cake for Saturday."}
    - when: "thirty-five"
      say: "Yes, please book it for thirty-five dollars. Thank you, goodbye."
      tool: {name: end_call, arguments: {reason: done}}
  outcome:
    kind: done
    summary: A birthday cake for Saturday is ordered for 35 dollars.
    reported:
      - {text: "The cake costs 35 dollars", evidence: "thirty-five"}

expect:
  status: completed
  outcome: done
  calls: 1
  heard: ["AI assistant", "birthday cake", "thirty-five dollars"]
"""


@pytest.mark.timeout(100)
async def test_a_call_held_by_a_speech_to_speech_model(tmp_path: Path) -> None:
    scenarios = tmp_path / "scenarios"
    scenarios.mkdir()
    (scenarios / "cake-shop.yaml").write_text(SCENARIO)
    # Recogniser and chat model are not those of the call: Google is not there at all.
    without_google = {"google_speech_endpoint": None, "google_speech_plaintext": False}
    async with Parts.standing(
        tmp_path, scenarios=scenarios, floyd_conversation="realtime", **without_google
    ) as parts:
        # The session dies in the middle of the answer to the price; Floyd answers all the same.
        await parts.control("POST", "/faults", {"on": "model", "kind": "die", "turn": 4})
        verdict = await parts.play("cake-shop")
        show = await parts.show(verdict)
        assert not verdict.problems, (verdict.problems, [line["text"] for line in show["transcript"]])
        assert_whole(show)
        assert await parts.control("GET", "/faults") == [], "it did die"
        assert "realtime.replaced" in parts.worker.log.read_text()
        (note,) = await parts.control("GET", "/calls?scenario=cake-shop")
        said = [word for utterance in note["said"] for word in words(utterance["text"])]
        heard = [
            word for line in show["transcript"] if line["speaker"] == "callee" for word in words(line["text"])
        ]
        assert heard == said, "every word of the callee is in the transcript, once and in order"
