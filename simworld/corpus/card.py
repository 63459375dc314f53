"""The card of an exported dataset: `README.md` with the hub's YAML header, and what a reader must know of the data.

    card(report.facts(), seen, corpus.manifest, RowOrder(), ".parquet", CardOrder(license="cc-by-4.0"), "ward")

The wording stands in `templates/pages/dataset_card.md`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

from simworld import __version__
from simworld.corpus.exports.viewpoints import RowOrder
from simworld.corpus.imports.write import as_yaml
from simworld.corpus.splits import ALIKE, SIDES, WAYS, SplitOrder
from simworld.corpus.survey import STAND_IN
from simworld.prompts import data, page
from simworld.schema import Transcript

IMPORTED = "imported"
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10**7, "1M<n<10M"))
LARGEST = "10M<n<100M"
READ = 800
"""Characters of a dialogue by which its language is told."""
FIRST, EVERY = 200, 25
"""The first dialogues of a corpus are all looked at for their language, then one in so many."""
COMMON = 0.02
"""Share of the dialogues looked at from which on a language is named."""


@dataclass(frozen=True, slots=True)
class CardOrder:
    """What only the one who exports can say."""

    license: str = "unknown"
    """A licence as the hub names them; another text goes as its name."""
    languages: tuple[str, ...] = ()
    """Codes such as `en`; empty: told by py3langid, where it is installed."""


@dataclass(slots=True)
class Seen:
    """What is counted of the transcripts as they are read and written."""

    spoken: Counter[str] = field(default_factory=Counter[str])
    """Backend -> dialogues written in which it spoke."""
    sources: Counter[str] = field(default_factory=Counter[str])
    """Source of imported data -> dialogues written."""
    versions: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    scenes: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """Side -> ids of its scenes."""
    languages: Counter[str] = field(default_factory=Counter[str])
    silent: int = 0
    """Dialogues on a side that gave no row."""
    curated: int = 0
    found: Counter[str] = field(default_factory=Counter[str])
    """Filter -> transcripts in which it found anything, those that stayed among them."""
    rejected: Counter[str] = field(default_factory=Counter[str])
    """Filter -> transcripts rejected for it."""
    _written: int = 0

    def look(self, transcript: Transcript, reason: str) -> None:
        """Count what a curation found in a transcript, whether it leaves or stays."""
        del reason
        if transcript.curation is None:
            return
        self.curated += 1
        self.found.update({one.filter for one in transcript.curation.findings})
        if not transcript.curation.kept:
            self.rejected.update({one.filter for one in transcript.curation.findings if one.drops})

    def wrote(self, transcript: Transcript, side: str, rows: int) -> None:
        """Count a transcript that stands on a side."""
        self.silent += not rows
        self.scenes.setdefault(side, set()).add(transcript.scene)
        spoke = {seat.backend for seat in transcript.seats.values()}
        spoke |= {usage.fallback for usage in transcript.usage.values() if usage.fallback_calls}
        self.spoken.update(spoke)
        source = transcript.about.get("data") or transcript.about.get("source")
        if source:
            self.sources[source] += 1
        for name, version in transcript.versions.items():
            self.versions.setdefault(name, set()).add(version)
        if self._written < FIRST or not self._written % EVERY:
            self.languages[_language(transcript)] += 1
        self._written += 1


def card(
    facts: Mapping[str, Any],
    seen: Seen,
    manifest: Mapping[str, Any],
    rows: RowOrder,
    suffix: str,
    about: CardOrder,
    name: str,
    order: SplitOrder,
) -> str:
    """The whole of `README.md`. `facts`: those of the export's report; `name`: the folder's."""
    stand_in = any(_kind(spec) == STAND_IN for spec in seen.spoken)
    languages = about.languages or _common(seen.languages)
    written = [side for side in SIDES if facts["rows"].get(side)]
    header = _header(facts, written, languages, suffix, about.license, name, stand_in, IMPORTED in seen.spoken)
    return page(
        "dataset_card",
        header=as_yaml(header),
        title=_line(name),
        folder=name,
        version=__version__,
        d=facts,
        r=asdict(rows),
        suffix=suffix,
        one=_first_file(facts, suffix),
        columns=data("pages/dataset_columns.yaml"),
        stand_in=stand_in,
        spoken=_counted(seen.spoken),
        imported=seen.spoken[IMPORTED],
        sources=_counted(seen.sources),
        scenes={side: len(seen.scenes.get(side, ())) for side in SIDES},
        kind=_line(f"{manifest.get('kind', 'unknown')} {manifest.get('source', '')}"),
        seed=manifest.get("identity", {}).get("seed"),
        versions={_line(name): sorted(map(_line, found)) for name, found in sorted(seen.versions.items())},
        languages=_told_languages(seen.languages, about.languages),
        license=_line(about.license),
        way=WAYS[order.by],
        partners=order.partners,
        shares="as given" if order.by == "given" else ", ".join(f"{share:.0%}" for share in order.shares),
        split_seed=order.seed,
        alike=ALIKE,
        left=_left(facts, seen),
        curated=seen.curated,
        filters=_filters(seen, manifest),
    )


def _header(
    facts: Mapping[str, Any],
    sides: list[str],
    languages: tuple[str, ...],
    suffix: str,
    license: str,
    name: str,
    stand_in: bool,
    imported: bool,
) -> dict[str, Any]:
    """What the hub reads."""
    known = license in _licenses()
    tags = ["simworld", "conversational", "role-play"]
    tags += ["synthetic"] if not imported else []
    tags += ["stand-in"] if stand_in else []
    files = [{"split": side, "path": f"data/{side}-*{suffix}"} for side in sides]
    return {
        "pretty_name": _line(name),
        **({"language": list(languages)} if languages else {}),
        "license": license if known else "other",
        **({} if known else {"license_name": _line(license)}),
        "task_categories": ["text-generation"],
        "size_categories": [_size(sum(facts["rows"].values()))],
        "tags": tags,
        "configs": [{"config_name": "default", "data_files": files}],
    }


def _first_file(facts: Mapping[str, Any], suffix: str) -> str:
    return f"train-00000-of-{facts['files']['train']:05d}{suffix}"


def _size(rows: int) -> str:
    return next((name for most, name in SIZES if rows < most), LARGEST)


def _left(facts: Mapping[str, Any], seen: Seen) -> dict[str, int]:
    """Why -> dialogues that gave no row."""
    reasons = {
        **{f"{status}" if status == "rejected" else f"not complete: {status}": count
           for status, count in facts["left_out"]["skipped"].items()},
        "straddling: what they are tied to stands on two sides": facts["straddling"],
        "no side given": facts["unassigned"],
        "no such speaker, or silent": seen.silent,
    }  # fmt: skip
    return {why: count for why, count in reasons.items() if count}


def _filters(seen: Seen, manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Filter -> what it found, counted on the transcripts; what it is, as the curation told."""
    told: dict[str, dict[str, Any]] = manifest.get("curation", {}).get("filters", {}) if seen.curated else {}
    used = [name for name, facts in told.items() if facts.get("use") != "off"]
    names = dict.fromkeys([*used, *sorted(seen.found)])
    return {
        name: {
            "found": seen.found[name],
            "rejected": seen.rejected[name],
            "about": _line(str(told.get(name, {}).get("about", ""))),
        }
        for name in names
    }


def _counted(counts: Counter[str]) -> dict[str, int]:
    return {_line(name): count for name, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))}


def _kind(spec: str) -> str:
    return spec.partition(":")[0]


def _line(text: str) -> str:
    """A text in one line that a cell of a table can hold."""
    return re.sub(r"\s+", " ", text).replace("|", "/").strip()


@cache
def _licenses() -> frozenset[str]:
    """Licences as the hub names them."""
    return frozenset(data("pages/licenses.yaml"))


def _language(transcript: Transcript) -> str:
    """The language of a dialogue; empty where it cannot be told."""
    if (library := _identifier()) is None:
        return ""
    text = ""
    for turn in transcript.turns:
        if turn.kind == "say":
            text += f" {turn.text}"
        if len(text) > READ:
            break
    return str(library.classify(text[:READ])[0]) if len(text) > 40 else ""


@cache
def _identifier() -> Any:
    try:
        return import_module("py3langid")
    except ImportError:
        return None


def _common(counts: Counter[str]) -> tuple[str, ...]:
    total = sum(counts.values())
    return tuple(code for code, count in _ranked(counts) if code and count >= COMMON * total)


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def _told_languages(counts: Counter[str], given: tuple[str, ...]) -> str:
    if given:
        return f"{', '.join(given)}, as whoever exported it says"
    total, known = sum(counts.values()), _common(counts)
    if not known:
        return "not told: `--language CODE` says it, and py3langid (extra `prepare`) finds it out"
    shares = ", ".join(f"{code} {counts[code] / total:.0%}" for code in known)
    return f"{shares} of {total} dialogues looked at, by py3langid"
