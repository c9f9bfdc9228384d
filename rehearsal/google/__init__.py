"""Google Speech-to-Text, as the rehearsal serves it."""
