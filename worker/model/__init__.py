"""Language models and the prompts they get."""
