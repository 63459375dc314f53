"""Nature: what is fixed about one seat's inside through a dialogue, and the mind with which it begins.

nature = Nature("ana", persona, scene, cast, insides=Insides(), dialogue="ward-000003")
mind = begin(nature, "Tense", kept=None)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from simworld.mind.emotion import EmotionModel
from simworld.mind.memory import MemoryModel
from simworld.mind.relations import begin_ties, drift, standing
from simworld.mind.temperament import temperament
from simworld.schema import Mind, Persona, Scene, Temperament


@dataclass(frozen=True, slots=True)
class Models:
    """What minds are made of in a run."""

    emotion: EmotionModel
    memory: MemoryModel


@dataclass(frozen=True)
class Nature:
    """One seat's inside, as far as it does not change in a dialogue."""

    seat: str
    scene: Scene
    cast: Mapping[str, Persona]
    """Seat id -> persona."""
    models: Models
    dialogue: str
    """Id of the dialogue."""
    began: float = 0.0
    """Its owner's clock as the scene begins, in minutes."""

    @property
    def persona(self) -> Persona:
        """Who sits there."""
        return self.cast[self.seat]

    @cached_property
    def temperament(self) -> Temperament:
        """How this one feels when nothing happens, and how readily it is moved."""
        return temperament(self.persona)

    @cached_property
    def several(self) -> bool:
        """Whether there are more than two people."""
        return sum(seat.role != "narrator" for seat in self.scene.seats) > 2


def begin(nature: Nature, emotion: str, kept: Mind | None = None) -> Mind:
    """The mind at the scene's start: with an assigned `emotion`, or the one that a kept mind brings, or its baseline.

    What a kept mind remembers and how it stands to others goes on; what it was told and wanted does not.
    """
    before = kept or Mind()
    model = nature.models.emotion
    felt = before.emotion if kept and not emotion else model.begin(emotion, nature.temperament)
    ties = begin_ties(nature.scene, nature.seat, nature.cast, before.ties)
    names = {persona.id: persona.name for persona in nature.cast.values()}
    told = {id: standing(tie, names[id]) for id, tie in ties.items() if id in names}
    return before.model_copy(
        update={
            "emotion": felt, "ties": ties, "taken_in": 0, "told": felt.name, "told_ties": told, "goal": "",
            "told_goal": "", "pressing": (),
        }
    )  # fmt: skip


def pass_time(mind: Mind, temperament: Temperament, model: EmotionModel, minutes: float) -> Mind:
    """The mind after a time in which nothing of note happened: emotion fades, ties drift, the clock goes on."""
    ties = {id: drift(tie, minutes) for id, tie in mind.ties.items()}
    felt = model.fade(mind.emotion, temperament, minutes)
    return mind.model_copy(update={"emotion": felt, "ties": ties, "minutes": mind.minutes + minutes})
