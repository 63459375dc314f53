"""list, new, schema, check: the commands about packs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from simworld.cli.screen import out, say, table
from simworld.errors import unknown


def register(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.command("list")(list_)
    app.command()(new)
    app.command()(schema)
    app.command()(check)


def list_(
    what: Annotated[str, typer.Argument(metavar="packs|personas|scenes|stories|backends|directors|exporters")],
    path: Annotated[list[Path] | None, typer.Argument(help="A pack of your own to list as well.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A list of objects.")] = False,
) -> None:
    """List what there is."""
    from simworld.cli import listing

    lists = listing.LISTS
    if what not in lists:
        raise unknown("list of", what, lists)
    heads, rows = lists[what](path or [])
    if as_json:
        out(json.dumps([dict(zip(heads, row, strict=True)) for row in rows], ensure_ascii=False, indent=1))
    else:
        table(rows, heads)


def new(
    kind: Annotated[str, typer.Argument(metavar="pack", help="The word pack.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR")],
) -> None:
    """Write a small pack that plays, to change from there."""
    from simworld.packs import new_pack

    if kind != "pack":
        raise unknown("new", kind, ["pack"])
    for path in new_pack(folder):
        out(str(path))
    say(f"Play it with: simworld run {folder}")


def schema(kind: Annotated[str, typer.Argument(metavar="persona|scene|story")]) -> None:
    """Print the JSON Schema of a YAML file, for editors."""
    from simworld.packs import json_schema

    out(json.dumps(json_schema(kind), ensure_ascii=False, indent=2))


def check(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...")],
    as_json: Annotated[bool, typer.Option("--json", help="A list of problems as objects.")] = False,
) -> None:
    """Print every problem of a pack, one a line; exit 1 where there is any."""
    from simworld.packs import check as check_packs
    from simworld.prompts import check_template
    from simworld.registry import names
    from simworld.simulate.directors import DIRECTORS

    problems = check_packs(paths, check_template=check_template, directors=names("director", DIRECTORS))
    if as_json:
        out(json.dumps([problem.model_dump() for problem in problems], ensure_ascii=False, indent=1))
    else:
        for problem in problems:
            out(str(problem))
        say(f"{len(problems)} problem{'s' * (len(problems) != 1)}" if problems else "no problems")
    missing = [path for path in paths if not path.exists()]
    raise typer.Exit(2 if missing else 1 if problems else 0)
