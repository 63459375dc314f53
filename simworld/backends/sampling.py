"""Sampling: how a backend is asked, as the user's command says it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from simworld.schema.record import Record

CONTEXT_TOKENS = 8192
"""Context that is assumed where the user names none."""


class Sampling(Record, frozen=True, hide_input_in_errors=True):
    """What is not set is not sent: the endpoint's own default holds.

    `base_url` comes from the user's command, Python or run file and from nowhere else.
    """

    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Longest reply, in tokens."""
    base_url: Annotated[str | None, Field(repr=False)] = None
    """Address of the server, with or without `/v1`."""
    timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 120.0
    """Seconds that one try may take."""
    context: Annotated[int, Field(ge=256)] | None = None
    """Tokens that prompt and reply may have together; default: 8192."""

    @property
    def context_tokens(self) -> int:
        """The context, or what is assumed where none is named."""
        return self.context or CONTEXT_TOKENS
