"""What the command line prints: results to stdout, all else to stderr, strangers' text as text."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from simworld.text.visible import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from simworld.schema import SeatRecord, StoryLink, Transcript, Turn

COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "red", "bright_cyan", "bright_yellow")


def say(text: str) -> None:
    """A message to the user, on stderr."""
    sys.stderr.write(visible(text) + "\n")


def out(text: str) -> None:
    """A result, on stdout."""
    sys.stdout.write(visible(text) + "\n")


def console() -> Console:
    """stdout; colours where it is a terminal, plain lines where not."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, soft_wrap=not sys.stdout.isatty())


def table(rows: Sequence[Sequence[str]], heads: Sequence[str]) -> None:
    """Rows under heads: a table on a terminal, tab-separated lines elsewhere."""
    if not sys.stdout.isatty():
        for row in rows:
            out("\t".join(visible(cell, one_line=True) for cell in row))
        return
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False)
    for head in heads:
        grid.add_column(head, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(visible(cell, one_line=True)) for cell in row))
    console().print(grid)


def print_transcript(transcript: Transcript) -> None:
    """A transcript one enjoys reading: names in colour, emotion beside them, thoughts dim."""
    screen = console()
    for line in transcript_lines(transcript):
        screen.print(line)


def transcript_lines(transcript: Transcript) -> Iterable[Text]:
    """The lines that `print_transcript` prints."""
    from rich.text import Text

    colours = dict(zip(transcript.seats, COLOURS, strict=False))
    about = " · ".join(part for part in (transcript.title or transcript.scene, transcript.topic) if part)
    yield Text(visible(about, one_line=True), style="bold")
    yield Text(f"{transcript.id}  {', '.join(sorted({seat.backend for seat in transcript.seats.values()}))}", "dim")
    if transcript.story:
        yield Text(visible(_chapter(transcript.story), one_line=True), "dim")
    yield Text()
    last: tuple[str, int] | None = None
    for turn in transcript.turns:
        seat = transcript.seats.get(turn.seat)
        if seat is None or seat.role == "narrator":
            yield Text(f"  [{visible(turn.text)}]", style="italic")
            last = None
            continue
        if (turn.seat, turn.act) != last:
            yield _name(turn, seat, colours.get(turn.seat, "white"))
        last = (turn.seat, turn.act)
        yield _turn(transcript, turn)
    yield Text()
    by = f" by {transcript.seats[transcript.ending.by].name}" if transcript.ending.by in transcript.seats else ""
    detail = f" ({transcript.ending.detail})" if transcript.ending.detail else ""
    yield Text(visible(f"{transcript.status}: {transcript.ending.reason}{by}{detail}"), style="dim")


def _chapter(link: StoryLink) -> str:
    """Where a transcript stands in its story, and how it came there."""
    from simworld.prompts import ago

    since = ago(link.minutes) if link.before else ""
    came = f", {link.way.replace('_', ' ')}" if link.way else ""
    before = f" (the chapter before: {since}{came})" if since else ""
    return f"{link.title or link.story}, chapter {link.number + 1}: {link.chapter.replace('_', ' ')}{before}"


def _name(turn: Turn, seat: SeatRecord, colour: str) -> Text:
    from rich.text import Text

    line = Text(visible(seat.name, one_line=True), style=f"bold {colour}")
    if turn.emotion:
        line.append(f" {turn.emotion}", style="dim")
    if turn.faults:
        line.append(f" !{', '.join(turn.faults)}", style="red")
    if turn.guards:
        line.append(f" ~{', '.join(turn.guards)}", style="yellow")
    return line


def _turn(transcript: Transcript, turn: Turn) -> Text:
    from rich.text import Text

    text = visible(turn.text).replace("\n", "\n  ")
    names = ", ".join(transcript.seats[id].name for id in turn.to if id in transcript.seats)
    if turn.kind == "think":
        return Text(f"  ({text})", style="dim italic")
    if turn.kind == "do":
        return Text(f"  *{text}*", style="italic")
    if turn.kind == "move":
        place = transcript.places.get(turn.text, turn.text)
        return Text(f"  → {f'comes in: {place}' if turn.source and place else place or 'comes in'}", style="italic")
    to = f"[{turn.manner}{' to ' + names if names else ''}] " if turn.manner else f"[to {names}] " if names else ""
    return Text(f"  {visible(to, one_line=True)}{text}")
