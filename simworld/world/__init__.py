"""Pure functions over World: who is where, who perceives what, what a turn changes, what has come to hold."""

from simworld.world.conditions import Course, holds
from simworld.world.places import opening_world, perceivers, place_named, place_of, present, settle, witnesses

__all__ = [
    "Course", "holds", "opening_world", "perceivers", "place_named", "place_of", "present", "settle", "witnesses",
]  # fmt: skip
