"""A stand-in for Twilio's Programmable Voice and Messaging, as far as an assistant that places calls uses them.

``rest`` serves the REST API, ``call`` is the life of one call, ``stream`` its Media Stream, ``line`` its audio.
"""
