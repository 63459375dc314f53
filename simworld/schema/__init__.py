"""Frozen records: the nouns of simworld. No behaviour, no I/O."""

from simworld.schema.condition import Condition
from simworld.schema.curation import Curation, Finding
from simworld.schema.mind import Affect, Appraisal, Emotion, LetGo, Memory, Mind, Temperament, Tie
from simworld.schema.persona import BigFive, Persona, Voice
from simworld.schema.problem import Problem
from simworld.schema.record import Record
from simworld.schema.scene import (
    NARRATOR,
    Constraint,
    Direction,
    End,
    Happening,
    Intervention,
    Opening,
    Place,
    Relation,
    Scene,
    Seat,
)
from simworld.schema.story import Chapter, Story
from simworld.schema.training import Trained
from simworld.schema.transcript import (
    Briefing,
    Ending,
    Intervened,
    MindRecord,
    SeatRecord,
    StoryLink,
    Transcript,
    Usage,
)
from simworld.schema.turn import Piece, Reply, Turn
from simworld.schema.world import OUT, World

__all__ = [
    "NARRATOR", "OUT", "Affect", "Appraisal", "BigFive", "Briefing", "Chapter", "Condition", "Constraint", "Curation",
    "Direction", "Emotion", "End", "Ending", "Finding", "Happening", "Intervened", "Intervention", "LetGo", "Memory",
    "Mind", "MindRecord", "Opening", "Persona", "Piece", "Place", "Problem", "Record", "Relation", "Reply", "Scene",
    "Seat", "SeatRecord", "Story", "StoryLink", "Temperament", "Tie", "Trained", "Transcript", "Turn", "Usage",
    "Voice", "World",
]  # fmt: skip
