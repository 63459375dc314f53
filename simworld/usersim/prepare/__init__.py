"""Prepare: people's conversations, cleaned, split and marked, as a corpus to learn from. `run.prepare` does it all."""
