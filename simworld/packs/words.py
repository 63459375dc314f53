"""Vocabulary: the words that careers, aspirations, traits, skills, emotions, topics and genders are chosen from.

    built_in().canonical("emotions", "tense")       # 'Tense'
    built_in().careers                              # ('accountant', ...)

The built-in words are lists in `templates/vocabularies`; a pack adds to them with `vocabularies/careers.yaml` and the
like. A word's case does not matter where it is used; records hold the vocabulary's own spelling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from simworld.errors import UsageError
from simworld.packs.node import EACH, Node, select
from simworld.packs.reader import read_path
from simworld.packs.report import Report, shown

BUILT_IN = Path(__file__).parent.parent / "templates" / "vocabularies"
KINDS = ("aspirations", "careers", "emotions", "genders", "skills", "topics", "traits")
LONGEST_WORD = 80
MOST_WORDS = 2000
"""Words that one file of a pack may add."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Kind -> words in their order; `canonical` finds one whatever its case."""

    words: Mapping[str, tuple[str, ...]]
    _spelling: Mapping[str, Mapping[str, str]]

    def canonical(self, kind: str, word: str) -> str | None:
        """The spelling of `word` in the vocabulary `kind`, or None where it is not in it."""
        return self._spelling[kind].get(folded(word))

    def with_words(self, more: Mapping[str, tuple[str, ...]]) -> Vocabulary:
        """A vocabulary that also has these words; those it has keep their spelling."""
        return made({kind: (*self.words[kind], *more.get(kind, ())) for kind in KINDS})

    @property
    def careers(self) -> tuple[str, ...]:
        return self.words["careers"]

    @property
    def aspirations(self) -> tuple[str, ...]:
        return self.words["aspirations"]

    @property
    def traits(self) -> tuple[str, ...]:
        return self.words["traits"]

    @property
    def skills(self) -> tuple[str, ...]:
        return self.words["skills"]

    @property
    def emotions(self) -> tuple[str, ...]:
        return self.words["emotions"]

    @property
    def topics(self) -> tuple[str, ...]:
        return self.words["topics"]

    @property
    def genders(self) -> tuple[str, ...]:
        return self.words["genders"]


def folded(word: str) -> str:
    """`word` as it is compared: without regard to case and to the width of gaps."""
    return " ".join(word.split()).casefold()


def made(words: Mapping[str, tuple[str, ...]]) -> Vocabulary:
    """The vocabulary of these words; of two that differ in case alone the first."""
    spelling: dict[str, dict[str, str]] = {}
    for kind in KINDS:
        known = spelling[kind] = {}
        for word in words.get(kind, ()):
            known.setdefault(folded(word), word)
    return Vocabulary({kind: tuple(known.values()) for kind, known in spelling.items()}, spelling)


@cache
def built_in() -> Vocabulary:
    """The words that simworld brings."""
    report = Report()
    words = {kind: _words(BUILT_IN / f"{kind}.yaml", f"vocabularies/{kind}.yaml", report) for kind in KINDS}
    report.refuse(str(BUILT_IN))
    empty = [kind for kind, listed in words.items() if not listed]
    if empty:
        raise UsageError(f"{BUILT_IN} has no words for {', '.join(empty)}: the installation is broken; install again")
    return made(words)


def extended(files: Mapping[str, tuple[Path, str]], report: Report) -> Vocabulary:
    """The built-in words and those of a pack; `files`: kind -> path and the name that problems give it."""
    if not files:
        return built_in()
    return built_in().with_words({kind: _words(path, name, report) for kind, (path, name) in files.items()})


def _words(path: Path, file: str, report: Report) -> tuple[str, ...]:
    node = read_path(path, file, report)
    if node is None:
        return ()
    if not isinstance(node.value, list):
        report.add(node.mark, "", "wrong-type", f"should be a list of words, is {node.form}")
    if len(node.items) > MOST_WORDS:
        report.add(node.mark, "", "too-long", f"has {len(node.items)} words; at most {MOST_WORDS}")
        return ()
    return tuple(item.text for (position,), item in select(node, EACH) if _is_word(item, str(position), report))


def _is_word(item: Node, field: str, report: Report) -> bool:
    if not isinstance(item.value, str) or not item.text.strip():
        report.add(item.mark, field, "wrong-type", f"should be a word, is {item.form if not item.text else 'blank'}")
    elif len(item.text) > LONGEST_WORD or not item.text.isprintable():
        what = f"'{shown(item.text)}' should be at most {LONGEST_WORD} characters on one line"
        report.add(item.mark, field, "too-long", what)
    else:
        return True
    return False
