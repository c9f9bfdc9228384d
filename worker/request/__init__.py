"""One request, from claim to outcome."""
