"""Completion: what a model gave for one prompt."""

from __future__ import annotations

from dataclasses import dataclass

ENDED = "end_of_conversation"
"""Finish reason of a reply with which a user simulator closes the conversation."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A reply, and what the endpoint told about it."""

    text: str
    """The reply as written, reasoning left out; may be empty."""
    input_tokens: int | None = None
    """Tokens of the prompt; None where the endpoint told none."""
    output_tokens: int | None = None
    """Tokens of the reply, reasoning included; None where the endpoint told none."""
    finish_reason: str = ""
    """Why the model stopped: `stop`, `length`, `content_filter`, `end_of_conversation` (a user simulator closes the
    conversation, after its text where there is any) ..., or empty where the endpoint told none."""
    reasoning: int = 0
    """Characters of model reasoning that came beside the text and were dropped."""
    retries: int = 0
    """Tries that failed before this reply came."""
    ignored: tuple[str, ...] = ()
    """Options that the reply shows the endpoint to have ignored."""
    guards: tuple[str, ...] = ()
    """Guards of a user simulator that acted on this reply, one entry each time."""
    end_probability: float | None = None
    """0..1, of ending the conversation in place of a next message, before any guard; None where nobody told it."""
    by: str = ""
    """Spec of who answered, where that is told: another backend may have stood in."""
    paid: tuple[int, int] | None = None
    """Tokens in and out that the budget was charged, tries without a reply included; None where there is no budget."""
