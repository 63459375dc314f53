"""A checkpoint on disk, as acting and training both read it: opened, its chat template tried out, its tokens."""
