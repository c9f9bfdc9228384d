"""A whole call with Google's voice, and with things that are not said as they are written."""

from __future__ import annotations

from pathlib import Path

import pytest
from parts import Parts, assert_whole

SCENARIO = """
name: pick-up
summary: A bakery is told which order is picked up when.
request: Tell the bakery when I pick up my cake
person: {name: Alex Rivera, contacts: [{name: Corner Bakery, phone: "+14155550188", aliases: [bakery]}]}
calls:
  - number: "+14155550188"
    greeting: "Corner Bakery, hello."
    says:
      - {hears: "three thirty", say: "All right, we will have it ready. Bye.", wait: 0.3}
      - {hears: "bye", say: "Bye.", wait: 0.3, then: hangUp}
model:
  plan: Say when the cake is picked up.
  turns:
    - {when: '\\(start\\)', say: "Order 48213 is picked up on 3/5 at 3:30 pm."}
    - {when: "ready", say: "Thank you. Goodbye.", tool: {name: end_call, arguments: {reason: done}}}
  outcome: {kind: done, summary: The bakery knows when the cake is picked up.}
expect:
  heard: ["AI assistant", "four eight two one three", "March fifth at three thirty"]
"""


@pytest.mark.timeout(100)
async def test_a_call_with_googles_voice(tmp_path: Path) -> None:
    folder = tmp_path / "scenarios"
    folder.mkdir()
    (folder / "pick-up.yaml").write_text(SCENARIO)
    settings = {"floyd_voice": "google", "openai_tts_voice": "nobody"}  # OpenAI's would be refused: nobody's heard
    async with Parts.standing(tmp_path, scenarios=folder, **settings) as parts:
        verdict = await parts.play("pick-up", limit_s=60)
        assert not verdict.problems, (verdict, await parts.show(verdict))
        show = await parts.show(verdict)
        assert_whole(show)
        said = " ".join(line["text"] for line in show["transcript"] if line["speaker"] == "floyd")
        assert "Order 48213 is picked up on 3/5 at 3:30 pm." in said  # the transcript keeps what was written
