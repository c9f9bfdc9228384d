"""OpenAI's chat completions and speech, as the rehearsal serves them."""
