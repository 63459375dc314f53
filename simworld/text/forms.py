"""The form of a person's turn, by the word lists of `templates/text/turns.yaml`: does it ask, request, thank, go on?

is_question("how do i exit vim")            # True: it starts as questions do
is_request("rewrite it, shorter")           # True
goes_on("continue")                         # True
gives_thanks("ok thx!")                     # True
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).parents[1] / "templates" / "text" / "turns.yaml"
_FIRST = re.compile(r"[a-z]+(?:['’][a-z]+)?")


def is_question(text: str) -> bool:
    """Whether it holds a question mark, or starts with a question word or an auxiliary."""
    return "?" in text or _first(text) in _lists().asking


def is_request(text: str) -> bool:
    """Whether its first word is a verb that tells somebody to do something."""
    return _first(text) in _lists().verbs


def goes_on(text: str) -> bool:
    """Whether it starts by asking for more of the same."""
    return text.lstrip().lower().startswith(_lists().more)


def gives_thanks(text: str) -> bool:
    """Whether a word of thanks stands anywhere in it."""
    return bool(_lists().thanks.search(text.lower()))


def is_lower_start(text: str) -> bool:
    """Whether its first character is a small letter."""
    return text.lstrip()[:1].islower()


def is_unmarked_end(text: str) -> bool:
    """Whether its last character is a letter or digit: no mark closes it."""
    return text.rstrip()[-1:].isalnum()


def _first(text: str) -> str:
    found = _FIRST.search(text[:200].lower())
    return found[0].replace("’", "'") if found else ""


@dataclass(frozen=True, slots=True)
class _Lists:
    asking: frozenset[str]
    verbs: frozenset[str]
    more: tuple[str, ...]
    thanks: re.Pattern[str]


@cache
def _lists() -> _Lists:
    import yaml

    data: dict[str, str] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    part = {key: tuple(word.strip() for word in text.split("|") if word.strip()) for key, text in data.items()}
    return _Lists(
        frozenset((*part["question_words"], *part["auxiliaries"])), frozenset(part["imperatives"]), part["more"],
        re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, part['thanks']))})"),
    )  # fmt: skip
