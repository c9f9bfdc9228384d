"""Which line calls go over, by FLOYD_LINE: the one place that knows all of them. Only its client is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from worker.phone.carrier import Carrier

if TYPE_CHECKING:
    from worker.phone.browser_line import Reach
    from worker.settings import Settings
    from worker.speech.voice import Voice


def carrier_of(settings: Settings, voice: Voice, reach: Reach) -> Carrier:
    """`voice` says what somebody types at the browser line; `reach` tells whose calls those are."""
    match settings.floyd_line:
        case "telephone":
            from worker.phone.twilio import TwilioCarrier

            return TwilioCarrier(settings)
        case "browser":
            from worker.phone.browser_line import LineHub

            return LineHub(voice, reach)
        case unknown:
            assert_never(unknown)
