"""Listening in on a call from its page: the sound of both sides really arrives, and soon."""

from __future__ import annotations

import asyncio
from typing import Any

from harness import CALL_S, SEE_S, WEB, Person, Site
from playwright.async_api import Locator, Page, expect

pytestmark = WEB

BEHIND_MS = 300
"""Between what is heard on the line and at the page, beyond what the browser holds back: on a busy machine that is
half a second and more, so that nothing is missing."""

LATEST_MS = 1_000
"""With it: who sends unevenly makes the browser hold back more."""

LOUD = 0.02
"""Of full scale; the voices have about 0.1, the codec's noise 0.0005."""

GAP_MS = 90
"""A shorter silence is one between words."""

PROBE = """
// What arrives, measured at the connection itself: its loudness every 10 ms, and WebRTC's own statistics.
window.probe = { peers: [], levels: [] };
const Original = window.RTCPeerConnection;
window.RTCPeerConnection = class extends Original {
  constructor(...args) {
    super(...args);
    window.probe.peers.push(this);
    this.addEventListener("track", ({ track }) => {
      const context = new AudioContext();
      const analyser = context.createAnalyser();
      analyser.fftSize = 512;
      context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
      const samples = new Float32Array(analyser.fftSize);
      setInterval(() => {
        analyser.getFloatTimeDomainData(samples);
        const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
        window.probe.levels.push([performance.timeOrigin + performance.now(), Math.sqrt(power)]);
      }, 10);
    });
  }
};
"""

STATISTICS = """async () => {
  const found = [];
  for (const report of (await window.probe.peers.at(-1).getStats()).values()) {
    if (report.type === "inbound-rtp" || report.type === "codec") found.push(report);
  }
  return JSON.parse(JSON.stringify(found));
}"""


HEARD_AGAIN = """new Promise((resolve) => {
  const look = () => {
    const began = window.probe.levels.length;
    const again = window.probe.peers[1]?.connectionState === "connected";
    setTimeout(() => {
      if (again && window.probe.levels.slice(began).some(([, level]) => level > 0.02)) resolve();
      else look();
    }, 100);
  };
  look();
})"""


def controls(page: Page) -> Locator:
    return page.get_by_role("region", name="Call controls")


async def listening(site: Site, person: Person) -> tuple[Page, str]:
    """The page of a call that has begun, listened in on; and the request's id."""
    page = await site.open(person)
    await page.context.add_init_script(PROBE)
    request_id = await site.ask(person)
    await page.goto(f"{site.url}/requests/{request_id}")
    button = controls(page).get_by_role("button", name="Listen in")
    await expect(button).to_be_enabled(timeout=CALL_S * 1000)
    await button.click()
    await expect(controls(page).get_by_role("status").first).to_have_text("You hear both voices")
    return page, request_id


def sounds(levels: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Beginning and end of each sound, epoch ms."""
    found: list[tuple[float, float]] = []
    for at, level in levels:
        if level < LOUD:
            continue
        if found and at - found[-1][1] < GAP_MS:
            found[-1] = (found[-1][0], at)
        else:
            found.append((at, at))
    return found


async def test_both_voices_are_heard_soon_and_to_the_end(site: Site) -> None:
    alex = await site.person(scenario="school")
    page, request_id = await listening(site, alex)
    await site.until_said(alex, request_id, 5)
    statistics = await page.evaluate(STATISTICS)
    # However it ends: that is what other tests are about.
    await expect(controls(page)).to_have_count(0, timeout=CALL_S * 1000)
    assert await page.evaluate("window.probe.peers.map((peer) => peer.connectionState)") == ["closed"]
    heard = sounds(await page.evaluate("window.probe.levels"))

    inbound = next(report for report in statistics if report["type"] == "inbound-rtp")
    codec = next(report for report in statistics if report["id"] == inbound["codecId"])
    assert codec["mimeType"] == "audio/PCMU"
    assert inbound["packetsReceived"] > 100
    assert inbound["totalAudioEnergy"] > 0.01

    turns = (await site.parts.control("GET", f"/calls?to={number_of(alex)}"))[-1]["turns"]
    behind = delays(heard, turns)
    print("behind the line, ms:", [round(one) for one in behind])
    kept_ms = 1000 * inbound["jitterBufferDelay"] / inbound["jitterBufferEmittedCount"]
    print(f"in the browser's buffer: {kept_ms:.0f} ms; packets lost: {inbound['packetsLost']}")
    assert len(behind) >= 2
    # A busy machine is late now and then: what counts is what is possible.
    latest_ms = min(BEHIND_MS + kept_ms, LATEST_MS)
    assert min(behind) < latest_ms
    # Both sides: Floyd's first words in an answer, and the callee's last ones before it.
    ends = [end - turn["lastVoicedAtMs"] for turn in turns for _, end in heard]
    assert any(-50 < late < latest_ms for late in ends)


def delays(heard: list[tuple[float, float]], turns: list[dict[str, Any]]) -> list[float]:
    """From the first sound of each answer on the line to the same at the page."""
    found = []
    for turn in turns:
        said_at = turn.get("firstHeardAtMs")
        begins = [begin - said_at for begin, _ in heard if said_at and -50 < begin - said_at < 2_000]
        if begins:
            found.append(min(begins))
    return found


def number_of(person: Person) -> str:
    return str(person.scenario["calls"][0]["number"]).replace("+", "%2B")


async def test_a_lost_connection_is_made_again(site: Site) -> None:
    alex = await site.person(scenario="school")
    page, request_id = await listening(site, alex)
    # As when the network goes away: the other side is not told, and this one finds out.
    await page.evaluate("window.probe.peers[0].close()")
    await page.evaluate("window.probe.peers[0].dispatchEvent(new Event('connectionstatechange'))")
    async with asyncio.timeout(SEE_S):
        await page.evaluate(HEARD_AGAIN)
    await alex.functions.mutation("requests:cancel", {"requestId": request_id})
    await site.until(alex, request_id, "cancelled")
