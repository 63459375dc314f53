"""train: from a corpus to a checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from simworld.cli.screen import console, out, say
from simworld.errors import UsageError

if TYPE_CHECKING:
    from simworld.loop.train import Rows
    from simworld.train.recipe import Recipe

MASK = "--show-mask"


class _Train(TyperCommand):
    """`--show-mask` may stand without an id: then the first row is shown."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given = list(args)
        for at in [at for at, arg in enumerate(given) if arg == MASK][::-1]:
            if at + 1 == len(given) or given[at + 1].startswith("-"):
                given.insert(at + 1, "")
        return super().parse_args(ctx, given)


def register(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command(cls=_Train)(train)


def train(
    corpora: Annotated[list[Path], typer.Argument(metavar="CORPUS...")],
    to: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="The checkpoint folder to make.")] = None,
    speaker: Annotated[
        str, typer.Option(metavar="user|main|each|assistant|ID|NAME", help="Whose turns are learnt.")
    ] = "user",
    base: Annotated[
        str, typer.Option(metavar="HUB-ID|PATH|tiny", help="What to begin with; `tiny`: a small one made of the data.")
    ] = "tiny",
    minutes: Annotated[float | None, typer.Option(metavar="M", help="Time to train; default for tiny: 10.")] = None,
    epochs: Annotated[float | None, typer.Option(metavar="N", help="Times through the rows; default: 3.")] = None,
    steps: Annotated[int | None, typer.Option(metavar="N", help="Optimizer steps.")] = None,
    context: Annotated[int | None, typer.Option(metavar="N", help="Tokens of the longest row; default: 1024.")] = None,
    batch: Annotated[
        int | None, typer.Option(metavar="N", help="Packed sequences in a step, over all devices; default: 8, tiny: 1.")
    ] = None,
    micro_batch: Annotated[int, typer.Option(metavar="N", help="Of these, on a device at once.")] = 1,
    rate: Annotated[float | None, typer.Option(metavar="R", help="Learning rate at its height.")] = None,
    optimizer: Annotated[str, typer.Option(metavar="auto|adamw|muon", help="auto: adamw; tiny: muon.")] = "auto",
    decay: Annotated[float, typer.Option("--weight-decay", metavar="D")] = 0.0,
    warm_start: Annotated[
        str | None,
        typer.Option(
            metavar="none|all-tokens[:SHARE]",
            help="Learn all tokens first, for a share of the training; default for tiny: all-tokens, else none.",
        ),
    ] = None,
    lora: Annotated[int, typer.Option(metavar="RANK", help="Train an adapter of this rank.", min=0)] = 0,
    lora_alpha: Annotated[float | None, typer.Option(metavar="A", help="Default: twice the rank.")] = None,
    activation_checkpointing: Annotated[
        bool, typer.Option("--activation-checkpointing", help="Less memory, a third more time.")
    ] = False,
    dtype: Annotated[
        str, typer.Option(metavar="auto|float32|bfloat16", help="auto: bfloat16 on a CUDA device that has it.")
    ] = "auto",
    thoughts: Annotated[str, typer.Option(metavar="keep|drop", help="The speaker's own thoughts.")] = "keep",
    notes: Annotated[str, typer.Option(metavar="keep|drop", help="The private notes of its prompts.")] = "keep",
    include: Annotated[
        list[str] | None, typer.Option(metavar="STATUS", help="Statuses beside `complete`, or `rejected`.")
    ] = None,
    validation: Annotated[
        float, typer.Option(metavar="SHARE", help="Held out, where the corpus has no split of its own.")
    ] = 0.05,
    split_by: Annotated[
        str, typer.Option(metavar="root|persona", help="Hold out whole conversations, or whole people.")
    ] = "root",
    seed: Annotated[int, typer.Option(metavar="S")] = 0,
    evaluations: Annotated[int, typer.Option(metavar="N", help="Looks at the held-out part while training.")] = 10,
    vocabulary: Annotated[int, typer.Option(metavar="N", help="Of tiny: tokens.")] = 4096,
    width: Annotated[int, typer.Option(metavar="N", help="Of tiny: a multiple of 64.")] = 256,
    depth: Annotated[int, typer.Option(metavar="N", help="Of tiny: layers.")] = 4,
    dropout: Annotated[float, typer.Option(metavar="P", help="Of tiny, and of adapters.")] = 0.0,
    mask: Annotated[
        str | None, typer.Option(MASK, metavar="[ID]", help="Print a row with its learnt tokens marked; train nothing.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train a checkpoint on the turns of one speaker; the same command goes on with an interrupted training."""
    from simworld.train.recipe import Recipe, warm_start_of

    recipe = Recipe(
        base=base, out=to or Path(), speaker=speaker, thoughts=_keeps("--thoughts", thoughts),
        notes=_keeps("--notes", notes), minutes=minutes, epochs=epochs, steps=steps, context=context, batch=batch,
        micro_batch=micro_batch, rate=rate, optimizer=optimizer, decay=decay,
        all_tokens=warm_start_of(warm_start), seed=seed, evaluations=evaluations, lora=lora, lora_alpha=lora_alpha,
        activation_checkpointing=activation_checkpointing, dtype=dtype, vocabulary=vocabulary, width=width,
        depth=depth, dropout=dropout,
    ).checked()  # fmt: skip
    from simworld.loop.train import Rows
    from simworld.train.training import train as train_rows

    rows = Rows(
        corpora, speaker, thoughts=recipe.thoughts, notes=recipe.notes, validation=validation, split_by=split_by,
        include=tuple(include or ()),
    )  # fmt: skip
    if mask is not None:
        _show_mask(rows, recipe, mask)
        return
    if to is None:
        raise UsageError("--out is missing; give the folder that the checkpoint shall be made in")
    result = train_rows(rows, recipe, tell=say)
    if result is None:
        return
    if as_json:
        out(json.dumps(result.facts(), ensure_ascii=False, indent=1))
    else:
        for line in result.lines():
            out(line)


def _show_mask(rows: Rows, recipe: Recipe, id: str) -> None:
    from simworld.train.begin import begin, fitted, require_extra
    from simworld.train.show import show_mask

    require_extra()
    recipe = fitted(recipe)
    chosen, ends = rows.find(id)
    base = begin(recipe, rows, ends=ends)
    console().print(show_mask(base.template, chosen, base.conversation_end), end="")


def _keeps(option: str, value: str) -> bool:
    if value not in ("keep", "drop"):
        raise UsageError(f"{option} '{value}' is not known; allowed: keep, drop")
    return value == "keep"
