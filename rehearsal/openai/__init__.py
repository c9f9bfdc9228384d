"""A stand-in for the OpenAI API: chat completions and speech."""
