"""Report: the findings of one look at packs, each said in plain words at its place.

    report = Report()
    report.add(mark, "seats.nurse.emotion", "unknown-word", "'tens' is not an emotion", word="tens", allowed=["Tense"])
    report.sorted()[0].nearest      # 'Tense'

What a stranger's file holds is shown in short and with its control characters made visible.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from simworld.errors import PackError, nearest
from simworld.packs.node import Mark
from simworld.schema import Problem

SHOWN = 80
"""Characters of a file's content that a message repeats at the most."""
LISTED = 12
"""Allowed words that a message lists at the most."""
PER_FILE = 500
"""Problems of one file that are listed; the rest is counted."""
NEAREST_PER_FILE = 100
"""Problems of one file for which the nearest word is sought: the search is the dear part."""
IN_ERROR = 20
"""Problems that the text of a PackError repeats."""


class Report:
    """Collects problems; the same finding twice is one."""

    def __init__(self) -> None:
        self._problems: dict[Problem, None] = {}
        self._per_file: Counter[str] = Counter()
        self._unlisted: Counter[str] = Counter()

    def __bool__(self) -> bool:
        return bool(self._problems)

    def add(
        self, mark: Mark, field: str, code: str, what: str, *, allowed: Collection[str] | None = None, word: str = ""
    ) -> None:
        """Note that `what` is wrong at `mark`; `word` is what was written where one of `allowed` was wanted."""
        file = shown(mark.file, 400)
        if self._per_file[file] >= PER_FILE:
            self._unlisted[file] += 1
            return
        seek = allowed is not None and 0 < len(word) <= SHOWN and self._per_file[file] < NEAREST_PER_FILE
        problem = Problem(
            file=file,
            line=mark.line,
            column=mark.column,
            field=shown(field, 200),
            code=code,
            message=what if allowed is None else f"{what}; allowed: {listed(allowed)}",
            nearest=nearest(word, allowed) if allowed is not None and seek else "",
        )
        if problem not in self._problems:
            self._problems[problem] = None
            self._per_file[file] += 1

    def sorted(self) -> list[Problem]:
        """Every problem by file, line and column; a file with too many ends with their number."""
        rest = [
            Problem(
                file=file, line=1, column=1, field="", code="too-many-problems",
                message=f"{number} more problems in this file are not listed; mend the others first",
            )
            for file, number in self._unlisted.items()
        ]  # fmt: skip
        return sorted([*self._problems, *rest], key=lambda p: (p.file, p.line, p.column, p.field, p.code))

    def refuse(self, what: str) -> None:
        """Raise PackError with every problem of `what` (a path or a scene) if there is any."""
        problems = self.sorted()
        if not problems:
            return
        lines = [str(problem) for problem in problems[:IN_ERROR]]
        if len(problems) > IN_ERROR:
            lines.append(f"and {len(problems) - IN_ERROR} more: `simworld check` lists them all")
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise PackError("\n".join([f"{shown(what, 400)}: {count}", *lines]), problems)


def shown(text: str, limit: int = SHOWN) -> str:
    """`text` on one line, at most `limit` characters, control and direction characters written as escapes."""
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: limit + 1])
    return safe if len(safe) <= limit else safe[: limit - 1] + "…"


def listed(words: Collection[str]) -> str:
    """The allowed words, the first dozen of them and how many more there are."""
    first = [shown(word) for word in sorted(words)[:LISTED]]
    more = len(words) - len(first)
    return (", ".join(first) or "(none)") + (f" and {more} more" if more else "")
