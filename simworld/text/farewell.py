"""Placeholder until the authored data is there."""


def is_farewell(text: str) -> bool:
    """Whether a spoken turn takes leave."""
    return text.lower().startswith(("goodbye", "good night", "bye"))
