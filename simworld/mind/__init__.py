"""Pure functions over Mind: what a character feels, remembers, and how it stands to others."""

from simworld.mind.emotion import EMOTIONS, EmotionModel, emotion_model, named
from simworld.mind.history import mind_at
from simworld.mind.memory import MEMORIES, MemoryModel, memory_model
from simworld.mind.nature import Models, Nature, begin, pass_time
from simworld.mind.reflection import due
from simworld.mind.relations import standing, web
from simworld.mind.taking_in import Taken, absorb, move, own
from simworld.mind.temperament import temperament

__all__ = [
    "EMOTIONS", "MEMORIES", "EmotionModel", "MemoryModel", "Models", "Nature", "Taken", "absorb", "begin", "due",
    "emotion_model", "memory_model", "mind_at", "move", "named", "own", "pass_time", "standing", "temperament", "web",
]  # fmt: skip
