"""A transcript, seen from one seat, as rows for a trainer: what is learnt, and where the conversation is over.

    for row in train_rows(transcript, "user", thoughts=True, notes=True):
        row["messages"][-1]   # {"role": "assistant", "content": "", "loss": True, "end": True}

Only a seat with the role `user` is taught ends, and only where the source tells that the conversation was over. Over
after an assistant's turn: one more own message without content. Over after an own turn: that turn. Unknown: what
closes the last own turn is not learnt.
"""

from __future__ import annotations

from simworld.perspective import stretches
from simworld.perspective.layout import Stretch
from simworld.schema import Transcript
from simworld.train.rows import TrainMessage, TrainRow

OVER = frozenset({"imported", "said_goodbye", "left", "goal_reached"})
"""Reasons after which a conversation is over for the user, whoever's turn was last."""


def train_rows(transcript: Transcript, seat: str, *, thoughts: bool, notes: bool) -> list[TrainRow]:
    """A row for each stretch between cuts of the seat's prompt; none where it never acted.

    `thoughts`: the speaker's own stay; `notes`: the private notes in its prompts stay. Root and split are those of
    `about`; without them the transcript's id, and `train`.
    """
    found = stretches(
        transcript.turns, seat, transcript.seats, transcript.forms, places=transcript.places, thoughts=thoughts,
        notes=notes,
    )  # fmt: skip
    last, taught = len(found) - 1, transcript.seats[seat].role == "user"
    return [
        TrainRow(
            id=f"{transcript.id}/{seat}/{number}",
            root=transcript.about.get("root") or transcript.id,
            split="validation" if transcript.about.get("split") == "validation" else "train",
            messages=_ended(stretch, over=is_over(transcript, seat)) if taught and number == last else _going(stretch),
        )
        for number, stretch in enumerate(found)
    ]


def is_over(transcript: Transcript, seat: str) -> bool:
    """Whether it is known that the conversation was over for this seat where the transcript ends."""
    ending = transcript.ending
    if transcript.status != "complete" or not ending.known:
        return False
    return ending.reason in OVER or (ending.reason == "end_of_conversation" and ending.by == seat)


def _going(stretch: Stretch) -> list[TrainMessage]:
    """The messages of a stretch after which the conversation goes on, or whose seat is taught no ends."""
    return [
        TrainMessage(
            role=message["role"],  # pyright: ignore[reportArgumentType]
            content=message["content"],
            loss=loss,
            end=False if message["role"] == "assistant" else None,
        )
        for message, loss in zip(stretch["messages"], stretch["loss"], strict=True)
    ]


def _ended(stretch: Stretch, *, over: bool) -> list[TrainMessage]:
    """The messages of the last stretch of a seat that is taught ends."""
    messages = _going(stretch)
    if over and stretch["heard"]:
        heard = TrainMessage(role="user", content=stretch["heard"], loss=False, end=None)
        return [*messages, heard, TrainMessage(role="assistant", content="", loss=True, end=True)]
    # somebody answered: the turn was no end, whatever came of the conversation
    messages[-1]["end"] = False if stretch["heard"] else over or None
    return messages
