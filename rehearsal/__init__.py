"""The rehearsal: stand-ins for Twilio, OpenAI and Google Speech, and the people who answer the phone.

They speak the vendors' wire protocols on loopback, so that Floyd runs whole without keys. See README.md here.
"""
