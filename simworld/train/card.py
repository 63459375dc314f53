"""The model card: README.md of a checkpoint, from what its training was."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simworld import __version__
from simworld.prompts.render import page


def write_card(facts: Mapping[str, Any], out: Path, *, bf16: bool) -> None:
    """Write the card into `out`; `facts` are those of a training's result."""
    speaker, parts = facts["recipe"]["speaker"], facts["parts"]
    ends = parts["train"]["ends"] > 0
    seats = {"user": f"user=usersim:{out}", "assistant": f"assistant=local:{out}"}
    left = ", ".join(f"{count} {what}" for what, count in facts["data"].get("left_out", {}).items() if count)
    text = page(
        "model_card", r=facts, t=parts["train"], v=parts["validation"], title=out.name, version=__version__,
        ends=ends, seat=seats.get(speaker, f"ID=local:{out}"), left=left, bf16=bf16,
    )  # fmt: skip
    (out / "README.md").write_text(text, encoding="utf-8")
