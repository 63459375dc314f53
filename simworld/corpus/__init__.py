"""A corpus: a folder of transcripts with a manifest."""
