"""show, export, import: the commands about corpora."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simworld.cli.screen import out, print_transcript, say, table
from simworld.errors import UsageError

if TYPE_CHECKING:
    from simworld.corpus.store import Corpus


def register(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.command()(show)
    app.command()(export)
    app.command("import")(import_)


def show(
    what: Annotated[str, typer.Argument(metavar="CORPUS|SCENE|STORY")],
    dialogue: Annotated[str | None, typer.Argument(metavar="[ID]", help="Id or index of a dialogue.")] = None,
    graph: Annotated[bool, typer.Option("--graph", help="Print the graph of a scene or story as Mermaid.")] = False,
    mind: Annotated[
        str | None, typer.Option(metavar="SEAT", help="What this seat felt, remembered and was told.")
    ] = None,
    at: Annotated[
        int | None,
        typer.Option(metavar="TURN", help="For --mind: after this turn (-1: at the start); default: the end."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the transcript, or the mind, as JSON.")] = False,
) -> None:
    """Print a transcript, a mind in it, the dialogues of a corpus, or a graph."""
    if graph:
        from simworld.simulate.graph import compile_scene
        from simworld.simulate.stage import Stage
        from simworld.simulate.stages import stages_of
        from simworld.simulate.story import compile_story

        for stage in stages_of(what):
            made = compile_scene(stage.scene) if isinstance(stage, Stage) else compile_story(stage.story)
            out(made.get_graph().draw_mermaid().rstrip())
        return
    from simworld.corpus.store import Corpus, to_line

    corpus = Corpus(what)
    if dialogue is None and mind is None and at is None:
        _list_dialogues(corpus)
    elif dialogue is None or (mind is None and at is not None):
        raise UsageError("a mind is shown by `simworld show CORPUS ID --mind SEAT [--at TURN]`")
    elif mind is not None:
        from simworld.cli.minds import print_mind

        print_mind(corpus.find(dialogue), mind, at, as_json=as_json)
    elif as_json:
        out(to_line(corpus.find(dialogue)).decode().rstrip())
    else:
        print_transcript(corpus.find(dialogue))


def _list_dialogues(corpus: Corpus) -> None:
    heads = ("id", "scene", "who", "topic", "turns", "ending")
    rows: list[tuple[str, ...]] = []
    for row, _ in corpus.rows():
        who = ", ".join(seat["name"] for seat in row["seats"].values())
        rows.append((row["id"], row["scene"], who, row["topic"], str(len(row["turns"])), row["ending"]["reason"]))
        if len(rows) == 500:
            table(rows, heads)
            rows = []
    table(rows, heads)


def export(
    corpus: Annotated[Path, typer.Argument(metavar="CORPUS")],
    form: Annotated[str, typer.Option("--as", metavar="messages|sharegpt|text")] = "messages",
    speaker: Annotated[str, typer.Option(metavar="main|each|user|assistant|ID|NAME", help="Whose viewpoint.")] = "main",
    thoughts: Annotated[str, typer.Option(metavar="keep|drop", help="The speaker's own thoughts.")] = "keep",
    notes: Annotated[
        str,
        typer.Option(
            metavar="keep|drop", help="The private notes (feelings, the end coming near) that closed the prompts."
        ),
    ] = "keep",
    with_: Annotated[
        str | None,
        typer.Option(
            "--with", metavar="emotion,memory,relations", help="What own messages carry of what lay behind them."
        ),
    ] = None,
    include: Annotated[
        list[str] | None,
        typer.Option(metavar="STATUS", help="Statuses beside `complete`: truncated, stopped_by_budget, failed."),
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="X.jsonl, X.parquet or X.txt; default: stdout.")
    ] = None,
) -> None:
    """Turn transcripts into training rows, one per viewpoint."""
    from simworld.corpus.exports.write import export_corpus

    report = export_corpus(
        corpus, to, form=form, speaker=speaker, thoughts=_keeps("--thoughts", thoughts), notes=_keeps("--notes", notes),
        include=tuple(include or ()), inside=_listed(with_),
    )  # fmt: skip
    for line in report.lines():
        say(line)


def _listed(given: str | None) -> list[str]:
    return [name.strip() for name in given.split(",")] if given is not None else []


def _keeps(option: str, value: str) -> bool:
    if value not in ("keep", "drop"):
        raise UsageError(f"{option} '{value}' is not known; allowed: keep, drop")
    return value == "keep"


def import_(
    kind: Annotated[str, typer.Argument(metavar="simsconv|sharegpt|messages|wildchat|oasst|rows")],
    source: Annotated[Path, typer.Argument(metavar="DIR|FILE")],
    to: Annotated[Path, typer.Option("--out", metavar="DIR")],
    map_: Annotated[
        str | None,
        typer.Option(
            "--map",
            metavar="KEY=COLUMN,...",
            help="rows: messages=, role=, content=, user=, assistant=, or prompt=, response=; also system=, id=.",
        ),
    ] = None,
    paths: Annotated[
        str | None, typer.Option(metavar="best|all", help="oasst: the best-ranked way through a tree, or every one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Make a pack and a corpus of other people's conversations."""
    from simworld.corpus.imports.table import run_import

    report = run_import(kind, source, to, map=map_, paths=paths)
    if as_json:
        out(json.dumps(report.facts(), ensure_ascii=False, indent=1))
    else:
        for line in report.lines():
            out(line)
    if not report.transcripts and report.anomalies.counts:
        say("no dialogue could be imported")
        raise typer.Exit(1)
