"""How often one address may ask: a token bucket for each (a pure function of time, so that tests need none)."""

from __future__ import annotations

from collections import OrderedDict


class Allowance:
    """`burst` requests at once, then `per_second` of them. At most `most_addresses` are remembered: the one that
    was quiet for longest is forgotten first, which gives it no more than a new address has."""

    def __init__(self, *, burst: int, per_second: float, most_addresses: int) -> None:
        self._burst = burst
        self._per_second = per_second
        self._most = most_addresses
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Address -> (what was left, when in seconds)."""

    def wait_s(self, address: str, now_s: float) -> float:
        """0 when this request may go ahead, and it counts; else the seconds until one may."""
        left, at_s = self._buckets.pop(address, (float(self._burst), now_s))
        left = min(self._burst, left + max(0.0, now_s - at_s) * self._per_second)
        allowed = left >= 1
        self._buckets[address] = (left - 1 if allowed else left, now_s)
        while len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._per_second
