"""Where conversations come from: `PATH[:KEY=VALUE,...]`, read as cases.

    source = parse_source("convai2018:ends=known")
    source = parse_source("talk.jsonl:messages=turns,role=speaker,content=text,user=agent_1,assistant=agent_2")
    for case in read_cases(source, skipped, Facts()): ...

PATH is a file or folder of any form that the importers read (told by its first conversation, or by `kind=`), or a
corpus folder. `ends=known` says that its conversations are whole: each is over after its last turn, and begins with its
first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from simworld.corpus.imports.columns import KEYS, Columns, columns_of
from simworld.corpus.imports.conversations import about_of
from simworld.corpus.imports.conversations_rows import Reader
from simworld.corpus.imports.files import data_files, values_of
from simworld.corpus.imports.forms import FORMS, form_in, guess, reader_of
from simworld.corpus.imports.lines import BadLine, as_object
from simworld.corpus.imports.names import safe
from simworld.corpus.imports.report import Anomalies
from simworld.corpus.imports.talk import USER, WORDINGS, Talk, Talks
from simworld.errors import CorpusError, UsageError, unknown
from simworld.usersim.prepare.case import Case
from simworld.usersim.prepare.facts import Facts, Known, facts_in

SKIPPED = WORDINGS | {
    "empty_file": "files without a line, left out",
    "no_human_turn": "conversations without a turn of the person, left out",
    "not_json": "lines that are not JSON, left out",
    "not_utf8": "lines that are not UTF-8, left out",
    "too_large": "conversations of more than 4 MB of text, left out",
    "too_long": "lines longer than 16 MiB, left out",
    "wrong_form": "lines that hold no conversation of this form, left out",
    "no_user_seat": "dialogues without a seat for a user and one for an assistant, left out",
}
Ends = Literal["auto", "known", "unknown"]
ENDS = ("auto", "known", "unknown")
OWN = ("kind", "name", "ends")
OWN_FACTS = frozenset({"root", "split", "data", "intent", "conditioned", "persona", "true_start", "recipe"})
"""Names in `about` that a prepared transcript gives a meaning of its own."""
LARGEST = 4 << 20
"""Characters of a conversation."""
_OPTIONS = re.compile(r":(?=[a-z_]+=)")
_SHAREGPT_ID = re.compile(r"([A-Za-z0-9]{7})_\d+")
"""How ShareGPT's ids look where a long conversation was split."""


@dataclass(frozen=True, slots=True)
class Source:
    """A place with what is said about it."""

    path: Path
    name: str
    kind: str = ""
    """Form; empty: told by the first conversation."""
    ends: Ends = "auto"
    columns: Columns | None = None
    paths: str = "best"
    """`oasst`: which ways through a tree."""


def parse_source(given: str) -> Source:
    """A source as it is written. Raises UsageError where a key or value is not known, or nothing is there."""
    path, options = given, ""
    if not Path(given).exists() and (found := _OPTIONS.search(given)):
        path, options = given[: found.start()], given[found.end() :]
    pairs = dict(_pair(one, given) for one in options.split(",") if one.strip())
    kind, ends = pairs.pop("kind", ""), pairs.pop("ends", "auto")
    paths = pairs.pop("paths", "best")
    if ends not in ENDS:
        raise unknown(f"{given}: ends", ends, ENDS)
    if kind and kind not in FORMS:
        raise unknown(f"{given}: kind", kind, FORMS)
    place = Path(path).expanduser()
    if not place.exists():
        raise UsageError(f"{path}: there is no such file or folder; a source is PATH[:ends=known,kind=...,name=...]")
    name = pairs.pop("name", "") or (place.resolve().name if place.is_dir() else place.name.partition(".")[0])
    columns = columns_of(pairs) if pairs else None
    return Source(place, safe(name), kind or ("rows" if columns else ""), ends, columns, paths)


def _pair(text: str, given: str) -> tuple[str, str]:
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not value or key not in (*OWN, "paths", *KEYS):
        raise UsageError(
            f"{given}: '{text}' is not known; allowed: {', '.join((*OWN, 'paths', *KEYS))}, each as KEY=VALUE"
        )
    return key, value


def with_ends(source: Source, rules: Sequence[tuple[str, str]]) -> Source:
    """The source with what the last rule that fits its name or path says of its ends."""
    for pattern, ends in reversed(rules):
        if ends not in ENDS:
            raise unknown(f"--ends {pattern}", ends, ENDS)
        if fnmatch(source.name, pattern) or fnmatch(str(source.path), pattern):
            return replace(source, ends=ends)
    return source


def read_cases(source: Source, skipped: Anomalies, fields: Facts) -> Iterator[Case]:
    """Every conversation of a source that has a turn of the person; what is left out is counted in `skipped`.

    Raises CorpusError where a file cannot be read or is of no known form, and where nothing of it can be used.
    """
    talks = _corpus_talks(source, skipped) if _corpus_of(source.path) else _file_talks(source, skipped)
    before = sum(skipped.counts.values())
    number = 0
    for data, known, talk in talks:
        number += 1
        if not any(seat == USER for seat, _ in talk.said):
            skipped.note("no_human_turn", talk.where)
        elif sum(len(text) for _, text in talk.said) > LARGEST:
            skipped.note("too_large", talk.where)
        else:
            yield _case(source, data, talk, known, fields, number)
    if not number:
        left = sum(skipped.counts.values()) - before
        first = next((f": {kind} at {places[0]}" for kind, places in skipped.places.items()), "") if left else ""
        raise CorpusError(f"{source.path}: holds no conversation that can be read ({left} left out{first})")


def _case(source: Source, data: str, talk: Talk, known: Known | None, fields: Facts, number: int) -> Case:
    given = talk.rest.get("id")
    id = safe(str(given)) if isinstance(given, str | int) else f"{data.replace('/', '-')}-{number:06d}"
    where = talk.where.removeprefix(f"{source.path.parent}/")
    facts = facts_in(talk.rest, fields)
    root = facts.root or (split[1] if (split := _SHAREGPT_ID.fullmatch(str(given))) else str(given or id))
    over = facts.over if facts.over is not None else bool(known and known.over)
    if source.ends != "auto":
        over = source.ends == "known" and facts.over is not False
    starts = facts.starts
    if starts is None:
        starts = talk.said[0][0] == USER or over
    return Case(
        id=id, root=f"{source.name}:{root}", data=data, where=where, said=talk.said, system=talk.system,
        about=_about(talk, where), true_start=starts, over=over, intent=facts.intent, persona=facts.persona,
    )  # fmt: skip


def _about(talk: Talk, where: str) -> dict[str, str]:
    """What is kept of a row's other keys: short facts, no lists, and none under a name that means something here."""
    plain = {key: one for key, one in talk.rest.items() if not isinstance(one, list | dict) and key not in OWN_FACTS}
    short = {key: text for key, text in about_of(plain).items() if len(text) <= 200}
    given = talk.rest.get("id")
    return {**short, "source_place": where, **({"source_id": str(given)} if given is not None else {})}


def _file_talks(source: Source, skipped: Anomalies) -> Iterator[tuple[str, None, Talk]]:
    talks = Talks(skipped)

    def skip(bad: BadLine) -> None:
        skipped.note(bad.kind, str(bad).partition(": ")[0])

    files = data_files(source.path)
    for path in files:
        data = source.name if len(files) == 1 else f"{source.name}/{safe(path.name.partition('.')[0])}"
        values = values_of(path, skip=skip)
        first = next(values, None)
        if first is None:
            if not path.stat().st_size:
                skipped.note("empty_file", str(path))
            continue
        read = _reader(source, *first)
        for where, spoken in read(chain([first], values), skip):
            talk = talks.talk(spoken, where)
            if talk is not None:
                yield data, None, talk


def _reader(source: Source, where: str, value: Any) -> Reader:
    kind = source.kind
    if kind == "oasst":
        kind = form_in(value) if form_in(value).startswith("oasst") else kind
    kind = kind or form_in(value)
    row = as_object(value)
    columns = source.columns or (guess(row) if row is not None else None)
    if not kind or (kind == "rows" and columns is None):
        keys = ", ".join(list(row)[:8]) if row is not None else "not an object"
        raise CorpusError(
            f"{where}: no known form ({keys}); known: {', '.join(FORMS)}; say PATH:kind=..., or which columns hold it: "
            "PATH:messages=turns,role=speaker,content=text,user=NAME,assistant=NAME"
        )
    return reader_of(kind, columns=columns, paths=source.paths)


def _corpus_of(path: Path) -> Path | None:
    """The corpus that a folder is, or holds as an import left it; None where it is none."""
    return next((one for one in (path, path / "corpus") if (one / "transcripts").is_dir()), None)


def _corpus_talks(source: Source, skipped: Anomalies) -> Iterator[tuple[str, Known, Talk]]:
    from simworld.usersim.prepare.transcripts import read_transcripts

    place = _corpus_of(source.path)
    assert place is not None
    for known, talk in read_transcripts(place, skipped):
        yield source.name, known, talk
