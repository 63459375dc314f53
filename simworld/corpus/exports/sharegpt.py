"""`--as sharegpt`: a viewpoint in ShareGPT's form; it has no loss flags.

{"id", "system", "conversations": [{"from": "human" | "gpt", "value"}]}
"""

from __future__ import annotations

from simworld.corpus.exports.messages import messages_rows
from simworld.corpus.exports.rows import ShareGPTRow, ShareGPTTurn
from simworld.schema import Transcript

FROM = {"user": "human", "assistant": "gpt"}


def sharegpt_rows(transcript: Transcript, speaker: str, /, *, thoughts: bool, notes: bool) -> list[ShareGPTRow]:
    """The rows of `messages`, written as ShareGPT does: `human` first, strictly alternating."""
    return [
        ShareGPTRow(
            id=row["id"],
            system=row["messages"][0]["content"],
            conversations=[
                ShareGPTTurn({"from": FROM[message["role"]], "value": message["content"]})
                for message in row["messages"][1:]
            ],
        )
        for row in messages_rows(transcript, speaker, thoughts=thoughts, notes=notes)
    ]
