"""Make personas, scenes, interviews and whole packs."""
