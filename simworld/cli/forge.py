"""forge: make personas, scenes, interviews and whole packs."""

from __future__ import annotations

import typer

from simworld.cli import forge_packs, forge_people


def register(app: typer.Typer) -> None:
    """Add these commands to the app."""
    group = typer.Typer(help="Make personas, scenes, interviews and whole packs.", no_args_is_help=True)
    group.command("persona")(forge_people.persona)
    group.command("scenes")(forge_packs.scenes)
    group.command("interviews")(forge_packs.interviews)
    group.command("pack")(forge_packs.pack)
    app.add_typer(group, name="forge", rich_help_panel=None)
