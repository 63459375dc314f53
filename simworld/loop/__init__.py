"""The stages in a row: what joins a corpus with a trainer."""
