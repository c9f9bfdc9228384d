"""The call engine: one telephone conversation, from the dial to the hang-up.

Decisions are pure functions (`endpointing`, `barge_in`, `opening`, `answered_by`, `watchdog`, `heard`, `tools`,
`bounds`, `told`); the rest moves audio and text between the line, the recogniser, the model and the voice.
`calls.Calls` is the way in.
"""
