"""Sampling: how a backend is asked, as the user's command says it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simworld.schema.record import Record

CONTEXT_TOKENS = 8192
"""Context that is assumed where the user names none."""
REPLY_TOKENS = 1024
"""Tokens kept free for a reply whose length the user did not bound."""


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
    call_timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 600.0
    """Seconds that a call may take, all its tries together; waiting for a server that is down does not count."""
    wait: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 3600.0
    """Seconds that calls wait for a server that is down or only says 429, before the run stops."""
    yields: bool = False
    """Do not wait for it at all: another backend stands by."""
    rpm: Annotated[int, Field(ge=1)] | None = None
    """Requests a minute, to one model at one server."""
    tpm: Annotated[int, Field(ge=1)] | None = None
    """Tokens a minute, to one model at one server."""
    context: Annotated[int, Field(ge=256)] | None = None
    """Tokens that prompt and reply may have together; default: a local model's own, else 8192."""
    device: str | None = None
    """Where a local model runs: `cpu`, `cuda`, `cuda:1`, `mps`; default: the best there is."""
    dtype: Literal["float32", "bfloat16", "float16"] | None = None
    """Numbers of a local model; default: bfloat16 on a GPU that has it, else float32."""
    adapter: str | None = None
    """Folder of a LoRA adapter on top of a local model."""
    batch: Annotated[int, Field(ge=1)] = 64
    """Rows that a local model answers in one forward pass, at most."""
    cache_gb: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Memory, in 10**9 bytes, for what a local model keeps of prompts it read; default: a quarter of what is free."""
    trust_remote_code: bool = False
    """Let a local model's folder bring Python code of its own; only the user's command sets it."""

    @property
    def context_tokens(self) -> int:
        """The context, or what is assumed where none is named."""
        return self.context or CONTEXT_TOKENS
