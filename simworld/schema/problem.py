"""Problem: one finding in a pack, told with its place."""

from __future__ import annotations

from simworld.schema.record import Record


class Problem(Record, frozen=True):
    """What is wrong, where, and what would be right; printed one a line by `simworld check`."""

    file: str
    """The file, as the user named its pack."""
    line: int
    """Line, from 1."""
    column: int
    """Column, from 1."""
    field: str
    """Dotted path of the field, such as `seats.nurse.goal`; empty for the whole file."""
    code: str
    """Short kebab-case kind of the problem, such as `unknown-key`."""
    message: str
    """What is wrong and, after `allowed:`, what may stand there."""
    nearest: str = ""
    """The allowed word most like what was written, or empty."""

    def __str__(self) -> str:
        tail = f"; nearest: {self.nearest}" if self.nearest else ""
        return f"{self.file}:{self.line}:{self.column}: {self.field or '(file)'}: {self.message}{tail}"
