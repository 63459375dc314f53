"""Pure functions over World: who is where, who perceives what, what a turn changes."""

from simworld.world.places import opening_world, perceivers, place_named, present, settle, witnesses

__all__ = ["opening_world", "perceivers", "place_named", "present", "settle", "witnesses"]
