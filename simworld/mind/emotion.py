"""The categorical emotion: the last named feeling, and what the character was told of it."""

from __future__ import annotations

from simworld.schema import Mind


def begin(emotion: str) -> Mind:
    """The mind at the scene's start; the briefing has told its starting emotion."""
    return Mind(emotion=emotion, told=emotion)


def absorb(mind: Mind, seen: int) -> Mind:
    """The mind after it has taken in the dialogue up to turn `seen`."""
    return mind if mind.taken_in == seen else mind.model_copy(update={"taken_in": seen})


def feel(mind: Mind, appraisal: str, known: frozenset[str]) -> Mind:
    """The mind after an appraisal: one of the `known` emotions (case ignored), or unchanged where it is none.

    Who has said what they feel need not be told of it in a note.
    """
    wanted = appraisal.strip().strip(".").casefold()
    emotion = next((name for name in known if name.casefold() == wanted), "")
    if not emotion or emotion == mind.emotion:
        return mind
    return mind.model_copy(update={"emotion": emotion, "told": emotion})


def tell(mind: Mind) -> tuple[str, Mind]:
    """The emotion to tell of in the next note (empty: it has not changed), and the mind that has been told."""
    if mind.emotion == mind.told:
        return "", mind
    return mind.emotion, mind.model_copy(update={"told": mind.emotion})
