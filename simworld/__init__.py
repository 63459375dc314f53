"""simworld: characters in scenes, a trainable user, trainer-ready transcripts."""

__version__ = "0.1.0"
