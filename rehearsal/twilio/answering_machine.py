"""Answering machine detection: when Twilio would say who answered, and what.

Twilio listens to the greeting; a stand-in knows who answers, and times its verdict as the real one comes: a human
is one whose greeting is followed by 1.2 s of silence (MachineDetectionSpeechEndThreshold), a machine one who
speaks for more than 2.4 s (MachineDetectionSpeechThreshold), and its end is the beep. Who says nothing for 5 s is
unknown (MachineDetectionSilenceTimeout).
"""

from __future__ import annotations

from rehearsal.callee import Callee

SPEECH_END_S = 1.2
MACHINE_SPEECH_S = 2.4
SILENCE_TIMEOUT_S = 5.0


def verdict(callee: Callee, mode: str, timeout_s: float) -> str | None:
    """``AnsweredBy`` as of now; None: not yet known. ``mode`` is ``Enable`` or ``DetectMessageEnd``."""
    now = callee.now_s
    if callee.is_machine:
        if mode == "Enable" and now >= MACHINE_SPEECH_S:
            return "machine_start"
        if mode == "DetectMessageEnd" and callee.beeped_at_s is not None:
            return "machine_end_beep"
    elif not callee.said and now >= SILENCE_TIMEOUT_S:
        return "unknown"
    elif callee.said and callee.greeted_at_s is not None and now >= callee.greeted_at_s + SPEECH_END_S:
        return "human"
    return "unknown" if now >= timeout_s else None
