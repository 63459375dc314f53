"""Look: the filters of a recipe over the transcripts of a corpus, a file of them at a time, in one process or several.

    for seen in look_through(Path("out"), recipe, workers=2):
        seen.id, seen.findings, seen.marks

What is found in a transcript alone is found in the workers; what is compared with others is only marked there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from simworld.corpus.store import Corpus, from_row, parsed, read_shard
from simworld.curate.case import Bounds, Case, Found, People
from simworld.curate.recipe import Recipe
from simworld.curate.table import ACROSS, FILTERS, Across, Filter
from simworld.errors import UsageError
from simworld.registry import find, lookup
from simworld.schema import Finding, Transcript
from simworld.text.private import masked

FEW = 4
"""Files of transcripts up to which no worker is worth its start."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found in one transcript."""

    index: int
    id: str
    scene: str
    findings: tuple[Finding, ...]
    marks: Mapping[str, Any]
    """What those of ACROSS are to be told of it."""


class Look:
    """The filters of a recipe, loaded. Raises UsageError or MissingDependency where one cannot run."""

    def __init__(self, recipe: Recipe, people: People) -> None:
        self._people = people
        self.across: dict[str, Across] = {}
        self._filters: dict[str, tuple[Filter, Bounds, bool]] = {}
        for name, rule in recipe.items():
            if rule.use == "off":
                continue
            if name in ACROSS:
                self.across[name] = find("filter", name, ACROSS)(rule.bounds)
            elif lookup("filter", name, FILTERS) is not None:
                drops = rule.use == "on" and rule.bounds.get("do") != "mask"
                self._filters[name] = (find("filter", name, FILTERS), rule.bounds, drops)

    def at(self, transcript: Transcript) -> Seen:
        """What the filters find in it."""
        case = Case(transcript, self._people)
        findings = [
            finding(name, found, drops)
            for name, (look, bounds, drops) in self._filters.items()
            for found in look(case, bounds)
        ]
        marks = {name: one.mark(case) for name, one in self.across.items()}
        return Seen(transcript.index, transcript.id, transcript.scene, tuple(findings), marks)


def finding(name: str, found: Found, drops: bool) -> Finding:
    """As it stands in the corpus; what it quotes shows no address and no number."""
    value = round(float(found.value), 4) if found.value is not None else None
    return Finding(filter=name, detail=masked(found.detail)[0], turns=found.turns, value=value, drops=drops)


def require(recipe: Recipe) -> None:
    """Raises MissingDependency or UsageError where a filter of the recipe cannot run here; asked before any work."""
    if recipe["language"].use != "off":
        from simworld.usersim.prepare.language import languages

        wanted = recipe["language"].bounds["wanted"]
        assert isinstance(wanted, tuple)
        for code in wanted:
            if code not in languages():
                from simworld.errors import unknown

                raise unknown("language.wanted", code, languages())
        if not wanted:
            raise UsageError("language.wanted: names no language; say which, such as en, or leave the filter out")
    if recipe["near"].use != "off":
        from simworld.text.minhash import signature

        signature([b"a"])
    if recipe["similar"].use != "off":
        from simworld.embed import open_encoder

        open_encoder(str(recipe["similar"].bounds["encoder"]))


def look_through(corpus: Path, recipe: Recipe, *, workers: int) -> Iterator[Seen]:
    """What is found in each transcript, in the corpus's order."""
    shards = Corpus(corpus).shards()
    if workers < 2 or len(shards) <= FEW:
        _begin(str(corpus), recipe)
        for shard in shards:
            yield from _shard(shard)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin, (str(corpus), recipe)) as pool:
        waiting: deque[Future[list[Seen]]] = deque()
        for shard in shards:
            waiting.append(pool.submit(_shard, shard))
            if len(waiting) > 2 * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


_held: dict[str, Any] = {}
"""What this process looks through: set once, as it begins."""


def _begin(corpus: str, recipe: Recipe) -> None:
    opened = Corpus(corpus)
    _held.update(path=opened.path, look=Look(recipe, People(opened.personas)))


def _shard(shard: int) -> list[Seen]:
    path, look = _held["path"], _held["look"]
    found = read_shard(path, shard)
    places = {index: f"{path}: dialogue {index}" for index in sorted(found)}
    return [look.at(from_row(parsed(found[index], where), where)) for index, where in places.items()]
