"""usersim: the commands about simulated users."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from simworld.cli.screen import out, say, table
from simworld.errors import UsageError

INTENT_TOKENS = 512
"""Tokens of a model's answer about an intent: a sentence or two, and room for what it thinks before."""

usersim = typer.Typer(
    help="From people's conversations to a user simulator.", no_args_is_help=True, rich_markup_mode=None
)


def register(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.add_typer(usersim, name="usersim")


@usersim.callback()
def _root() -> None:
    """From people's conversations to a user simulator."""


@usersim.command()
def prepare(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE...", help="PATH[:ends=known,kind=...,name=...,messages=COLUMN,...]"),
    ],
    to: Annotated[Path, typer.Option("--out", metavar="CORPUS", help="The corpus folder to make.")],
    recipe: Annotated[
        str, typer.Option(metavar="repaired|paper", help="What is done; `paper`: as PlatoLM did.")
    ] = "repaired",
    steps: Annotated[str | None, typer.Option(metavar="STEP,...", help="These steps instead of the recipe's.")] = None,
    without: Annotated[str | None, typer.Option(metavar="STEP,...", help="The recipe's steps but for these.")] = None,
    language: Annotated[str, typer.Option(metavar="CODE,...", help="Languages to keep.")] = "en",
    min_rounds: Annotated[int, typer.Option(metavar="N", help="Answered human turns, at least.", min=0)] = 1,
    max_tokens: Annotated[
        int | None, typer.Option(metavar="N", help="Tokens of a conversation, at most; default: any (paper: 2048).")
    ] = None,
    tokenizer: Annotated[str | None, typer.Option(metavar="PATH", help="Whose tokens; default: an estimate.")] = None,
    near: Annotated[float, typer.Option(metavar="S", help="Similarity from which on near duplicates go.")] = 0.8,
    ends: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN=known|unknown|auto", help="Whether ends are true, for sources of this name."),
    ] = None,
    validation: Annotated[float, typer.Option(metavar="SHARE", help="Share of the roots to hold out.")] = 0.1,
    conditioned: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Share whose user is told intent and persona; default: 0.5 (paper: 0)."),
    ] = None,
    intents: Annotated[
        str, typer.Option(metavar="extract|data|none|BACKEND", help="Where intents come from.")
    ] = "extract",
    base_url: Annotated[str | None, typer.Option(metavar="U", help="Address of the server that is asked.")] = None,
    jobs: Annotated[int, typer.Option(metavar="J", help="Calls to it at once.", min=1)] = 16,
    root_field: Annotated[str, typer.Option(metavar="F", help="Field that names the whole conversation.")] = "",
    intent_field: Annotated[str, typer.Option(metavar="F", help="Field that says what the person wants.")] = "",
    persona_field: Annotated[str, typer.Option(metavar="F", help="Field that says who the person is.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Make a corpus of people's conversations: cleaned, split by root, ends and conditioning marked."""
    from simworld.backends.sampling import Sampling
    from simworld.usersim.prepare.facts import Facts
    from simworld.usersim.prepare.recipe import recipe_of
    from simworld.usersim.prepare.run import Settings
    from simworld.usersim.prepare.run import prepare as run
    from simworld.usersim.prepare.sources import parse_source, with_ends

    chosen = recipe_of(
        recipe, steps=_listed(steps), without=_listed(without) or (), language=language, min_rounds=min_rounds,
        max_tokens=max_tokens, tokenizer=tokenizer, near=near,
    )  # fmt: skip
    settings = Settings(
        validation=validation, conditioned=conditioned, intents=intents, jobs=jobs,
        sampling=Sampling(base_url=base_url, max_tokens=INTENT_TOKENS),
        fields=Facts(root=root_field, intent=intent_field, persona=persona_field),
    )  # fmt: skip
    places = [with_ends(parse_source(one), [_pattern(rule) for rule in ends or ()]) for one in sources]
    report = run(places, to, chosen, settings, watch=_told if sys.stderr.isatty() else None)
    if as_json:
        out(json.dumps(report.facts(), ensure_ascii=False, indent=1))
        return
    table(report.rows(), ("step", "what", "conversations", "human turns", "why"))
    for line in report.lines():
        say(line)


def _told(read: int, kept: int) -> None:
    sys.stderr.write(f"\r{read:,} read, {kept:,} kept ")
    sys.stderr.flush()


def _listed(given: str | None) -> list[str] | None:
    return [name.strip() for name in given.split(",") if name.strip()] if given is not None else None


def _pattern(rule: str) -> tuple[str, str]:
    pattern, equals, ends = rule.rpartition("=")
    if not equals or not pattern:
        raise UsageError(f"--ends '{rule}': should be PATTERN=known, such as 'convai*=known'")
    return pattern, ends
