"""Every error simworld raises on purpose.

    SimworldError
    ├── UsageError              a wrong name, option or value                        exit 2
    │   ├── PackError           a persona, scene or pack that cannot be used          exit 2
    │   ├── CorpusError         a corpus folder that cannot be read, or is another's  exit 2
    │   └── MissingDependency   an extra that is not installed, a key that is not set exit 2
    ├── TemplateError           a template that is not allowed, or failed
    ├── BackendError            a model call that failed for good: ends one dialogue
    │   ├── Refused             the endpoint will refuse every call: ends the run     exit 2
    │   └── OutOfLines          a scripted or recorded speaker has no more lines
    ├── OutOfBudget             a call that the budget cannot hold                    exit 3
    ├── Drift                   a replayed request differs from the journaled one
    └── RunStopped              a run that ended before its plan did                  exit 1

A message says what is wrong, where, what is allowed, and what to do next; it never holds a key.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


class SimworldError(Exception):
    """Anything simworld refuses or could not do."""


class UsageError(SimworldError):
    """A wrong name, option or value: the user can mend it."""


class PackError(UsageError):
    """A persona, scene or pack that cannot be used; `problems` lists every `schema.Problem`, in file order."""

    def __init__(self, message: str, problems: Iterable[Any] = ()) -> None:
        super().__init__(message)
        self.problems: tuple[Any, ...] = tuple(problems)


class CorpusError(UsageError):
    """A corpus folder that cannot be read, is locked, or was made by another run."""


class MissingDependency(UsageError):
    """An optional package that is not installed, or a key that is not set; the message says which."""


class TemplateError(SimworldError):
    """A template that is not allowed, is too long, or names something that is not there."""


class BackendError(SimworldError):
    """A model call that failed after its retries: one dialogue ends as `failed`, the others go on."""


class Refused(BackendError):
    """The endpoint will refuse every call (key, model name, address): the run ends."""


class OutOfLines(BackendError):
    """A scripted or recorded speaker has said all it had: the scene ends as `left`."""


class OutOfBudget(SimworldError):
    """The budget cannot hold one more call: the dialogue stops where it is, and goes on with a larger one."""


class Drift(SimworldError):
    """The request now differs from the journaled one of the same dialogue, seat and call."""


class RunStopped(SimworldError):
    """The run ended before its plan did (disk full, endpoint down); the corpus so far is valid."""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """The allowed word most like `name`, or '' where none is near."""
    by_fold = {word.casefold(): word for word in allowed}
    found = get_close_matches(name.casefold(), by_fold, n=1, cutoff=0.6)
    return by_fold[found[0]] if found else ""


def unknown(what: str, name: str, allowed: Iterable[str], hint: str = "") -> UsageError:
    """The error for a name that is not in a table: what, allowed, nearest, and what to do next."""
    options = sorted(allowed)
    near = nearest(name, options)
    message = f"{what} '{name}' is not known; allowed: {', '.join(options) or '(none)'}"
    if near:
        message += f"; nearest: {near}"
    return UsageError(f"{message}. {hint}" if hint else message)
