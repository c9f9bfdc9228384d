"""When has somebody finished dictating a request? A pure decision, on top of endpointing's for telephone calls.

In a call, hardly any silence is asked for after a complete sentence, because an answer is thrown away when more
follows. A request goes out, and has several sentences as often as one ("Call the school. Mara is sick today"): so
here a pause for thought is waited for after each of them.
"""

from __future__ import annotations

from worker.call import endpointing
from worker.call.endpointing import Verdict, View
from worker.call.words import words_of

BETWEEN_SENTENCES_S = 1.3
"""People pause for up to 1.3 s in the middle of what they say."""


def decide(view: View) -> Verdict:
    """Whether the request is complete."""
    if not words_of(view.text):
        return Verdict(over=False)
    verdict = endpointing.decide(view)
    wait_s = BETWEEN_SENTENCES_S - view.silence_s
    if not verdict.over:
        look_again_s = verdict.look_again_s
        return Verdict(over=False, look_again_s=None if look_again_s is None else max(look_again_s, wait_s))
    # A steady noise has no silence: then it is the words that have come to an end.
    if wait_s <= 0 or view.since_words_s >= endpointing.NOISY_S + BETWEEN_SENTENCES_S:
        return verdict
    return Verdict(over=False, look_again_s=wait_s)
