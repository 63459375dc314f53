"""Curate: filters with reasons over a corpus; what they reject stays, marked. `run.curate` does it all."""
