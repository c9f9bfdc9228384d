"""Google Speech-to-Text and Text-to-Speech, as the rehearsal serves them."""
