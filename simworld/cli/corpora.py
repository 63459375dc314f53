"""show, export, import: the commands about corpora."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simworld.cli.screen import out, print_transcript, say, table
from simworld.errors import UsageError

if TYPE_CHECKING:
    from simworld.corpus.exports.viewpoints import RowOrder
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
    form: Annotated[str, typer.Option("--as", metavar="messages|sharegpt|simschat|text")] = "messages",
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
        typer.Option(
            metavar="STATUS",
            help="What leaves beside complete dialogues: truncated, stopped_by_budget, failed; rejected (by curate).",
        ),
    ] = None,
    out_: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE|DIR", help="X.jsonl, X.parquet, X.txt or, split, a folder; default: stdout."
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="persona|scene|both|random|given", help="Make a dataset: train, validation, test, a card."
        ),
    ] = None,
    shares: Annotated[
        str | None, typer.Option(metavar="A,B,C", help="Of train, validation, test; default: 0.9,0.05,0.05.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="S", help="Decides among equal splits; default: 0.")] = None,
    partners: Annotated[
        str | None,
        typer.Option(metavar="strict|allow", help="Whether partners of the main person count too; default: strict."),
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="parquet|jsonl", help="Files of a dataset; default: parquet.")
    ] = None,
    license: Annotated[
        str | None, typer.Option(metavar="NAME", help="What the card says of the licence; default: unknown.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(metavar="CODE,...", help="What the card says of the language; default: found out.")
    ] = None,
    push_to: Annotated[
        str | None, typer.Option(metavar="OWNER/NAME", help="Then push the dataset to this name on a hub, private.")
    ] = None,
) -> None:
    """Turn transcripts into training rows, one per viewpoint."""
    from simworld.corpus.exports.viewpoints import RowOrder

    order = RowOrder(
        form, speaker, _keeps("--thoughts", thoughts), _keeps("--notes", notes), tuple(include or ()),
        tuple(_listed(with_)),
    )  # fmt: skip
    of_dataset = {
        "--shares": shares, "--seed": seed, "--partners": partners, "--to": to, "--license": license,
        "--language": language, "--push-to": push_to,
    }  # fmt: skip
    given = {option: value for option, value in of_dataset.items() if value is not None}
    lines = _dataset(corpus, out_, split, order, given) if split is not None else _rows(corpus, out_, order, given)
    for line in lines:
        say(line)


def _rows(corpus: Path, to: Path | None, order: RowOrder, given: Mapping[str, object]) -> list[str]:
    """Write one file."""
    from simworld.corpus.exports.write import write_rows

    if given:
        raise UsageError(
            f"{next(iter(given))} belongs to a dataset: give --split persona, scene, both, random or given"
        )
    return write_rows(corpus, to, order).lines()


def _dataset(corpus: Path, to: Path | None, split: str, order: RowOrder, given: Mapping[str, Any]) -> list[str]:
    """Write a folder of train, validation and test."""
    from simworld.corpus.card import CardOrder
    from simworld.corpus.exports.dataset import export_dataset
    from simworld.corpus.splits import SHARES, SplitOrder

    if to is None or str(to) == "-":
        raise UsageError("--split makes a folder of files: give --out DIR")
    shares = _shares(given["--shares"]) if "--shares" in given else SHARES
    report = export_dataset(
        corpus, to, SplitOrder(split, shares, given.get("--seed", 0), given.get("--partners", "strict")), order,
        to=given.get("--to", "parquet"), push_to=given.get("--push-to", ""),
        about=CardOrder(given.get("--license", "unknown"), tuple(_listed(given.get("--language")))),
    )  # fmt: skip
    return report.lines()


def _shares(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--shares '{text}' is not allowed; three numbers, such as 0.9,0.05,0.05") from None


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
