"""Pure functions over Mind: what a character feels and has taken in."""

from simworld.mind.emotion import absorb, begin, feel, tell

__all__ = ["absorb", "begin", "feel", "tell"]
