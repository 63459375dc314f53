"""`--as messages`: a viewpoint as chat messages with loss flags.

    {"id", "transcript", "speaker", "messages": [{"role", "content", "loss"}]}

One system message as that seat had it, then user and assistant in strict alternation, the assistant last.
"""

from __future__ import annotations

from simworld.corpus.exports.rows import MessagesRow, TrainMessage, row_id
from simworld.perspective import stretches
from simworld.schema import Transcript


def messages_rows(transcript: Transcript, speaker: str, /, *, thoughts: bool, notes: bool) -> list[MessagesRow]:
    """A row for each stretch between cuts of the speaker's prompt."""
    found = stretches(
        transcript.turns, speaker, transcript.seats, transcript.forms, places=transcript.places, thoughts=thoughts,
        notes=notes,
    )  # fmt: skip
    return [
        MessagesRow(
            id=row_id(transcript.id, speaker, number),
            transcript=transcript.id,
            speaker=speaker,
            messages=[
                TrainMessage(role=message["role"], content=message["content"], loss=loss)
                for message, loss in zip(stretch["messages"], stretch["loss"], strict=True)
            ],
        )
        for number, stretch in enumerate(found)
    ]
