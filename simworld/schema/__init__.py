"""Frozen records: the nouns of simworld. No behaviour, no I/O."""

from simworld.schema.mind import Mind
from simworld.schema.persona import BigFive, Persona, Voice
from simworld.schema.problem import Problem
from simworld.schema.record import Record
from simworld.schema.scene import NARRATOR, Constraint, Direction, End, Happening, Opening, Place, Relation, Scene, Seat
from simworld.schema.transcript import Briefing, Ending, SeatRecord, Transcript, Usage
from simworld.schema.turn import Piece, Reply, Turn
from simworld.schema.world import OUT, World

__all__ = [
    "NARRATOR", "OUT", "BigFive", "Briefing", "Constraint", "Direction", "End", "Ending", "Happening", "Mind",
    "Opening", "Persona", "Piece", "Place", "Problem", "Record", "Relation", "Reply", "Scene", "Seat", "SeatRecord",
    "Transcript", "Turn", "Usage", "Voice", "World",
]  # fmt: skip
