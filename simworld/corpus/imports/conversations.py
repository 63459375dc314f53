"""Conversations of people with an assistant -> a pack and a corpus.

    report = import_sharegpt(Path("train.jsonl"), Path("out"))      # {"conversations": [{"from", "value"}]}
    report = import_messages(Path("chats.json"), Path("out"))       # {"messages": [{"role", "content"}]}
    report = import_wildchat(Path("shards"), Path("out"))           # {"conversation": [...]}, a folder of Parquet files
    report = import_oasst(Path("trees.jsonl.gz"), Path("out"), paths="all")
    report = import_rows(Path("mine.parquet"), Path("out"), map="prompt=question,response=answer")

A file or a folder of them: JSON Lines (also .gz), one top-level array, Parquet. Text is kept byte for byte; a system
message is what the assistant's seat was told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import orjson

from simworld import __version__
from simworld.corpus.imports.columns import parse_map
from simworld.corpus.imports.conversations_rows import Reader
from simworld.corpus.imports.files import data_files, values_of
from simworld.corpus.imports.forms import form_in, reader_of
from simworld.corpus.imports.names import Ids, safe
from simworld.corpus.imports.report import Anomalies, ImportReport
from simworld.corpus.imports.talk import ASSISTANT, USER, WORDINGS, Spoken, Talk, Talks
from simworld.corpus.imports.write import Target, import_into
from simworld.errors import CorpusError, UsageError
from simworld.prompts import Situation, brief, field_values, forms
from simworld.schema import Briefing, Ending, Persona, Scene, Seat, SeatRecord, Transcript, Turn

OTHER = {USER: ASSISTANT, ASSISTANT: USER}
BACKEND = "imported"
PERSONAS = (Persona(id=USER, name="User"), Persona(id=ASSISTANT, name="Assistant"))
SCENE = Scene(
    id="conversation",
    title="A conversation",
    seats=(Seat(id=USER, persona=USER, role=USER), Seat(id=ASSISTANT, persona=ASSISTANT, role=ASSISTANT, main=True)),
)
ID_TWICE = {"id_twice": "conversations whose id an earlier one has; a number stands behind it"}


def import_sharegpt(source: Path, out: Path) -> ImportReport:
    """Read ShareGPT's form. Raises CorpusError where a file is broken or `out` is not empty."""
    return _import(source, out, "sharegpt", reader_of("sharegpt"))


def import_messages(source: Path, out: Path) -> ImportReport:
    """Read the messages of chat APIs. Raises CorpusError where a file is broken or `out` is not empty."""
    return _import(source, out, "messages", reader_of("messages"))


def import_wildchat(source: Path, out: Path) -> ImportReport:
    """Read rows of WildChat or LMSYS-Chat. Raises CorpusError where a file is broken or `out` is not empty."""
    return _import(source, out, "wildchat", reader_of("wildchat"))


def import_oasst(source: Path, out: Path, *, paths: str = "best") -> ImportReport:
    """Read OpenAssistant's trees, nested or flat. `paths`: `best`, or `all` ways from a prompt to a leaf.

    Raises CorpusError where a file is broken or `out` is not empty.
    """
    form = next((form_in(value) for path in data_files(source) for _, value in values_of(path)), "")
    return _import(
        source, out, "oasst", reader_of("oasst_messages" if form == "oasst_messages" else "oasst", paths=paths)
    )


def import_rows(source: Path, out: Path, *, map: str = "") -> ImportReport:
    """Read rows of any form by a map of their columns (see `columns`). Raises as the others, and for a wrong map."""
    if not map:
        raise UsageError(
            "import rows needs --map, such as messages=turns,role=speaker,content=text or prompt=q,response=a"
        )
    return _import(source, out, "rows", reader_of("rows", columns=parse_map(map)))


def _import(source: Path, out: Path, form: str, read: Reader) -> ImportReport:
    anomalies = Anomalies(WORDINGS | ID_TWICE)
    files = data_files(source)
    talks, makes = Talks(anomalies), Transcripts(form, source, anomalies)
    count = 0
    with import_into(out, form) as target:
        rows = chain.from_iterable(_rows(path, read) for path in files)
        for count, (where, spoken) in enumerate(rows, 1):  # noqa: B007
            talk = talks.talk(spoken, where)
            if talk is not None:
                target.transcript(makes.transcript(talk, target.transcripts))
        if not count:
            raise CorpusError(f"{source}: is empty; it should hold a conversation a line, or an array of them")
        write_pack(target)
        target.manifest(anomalies.counts)
    return ImportReport(form, out, 0, len(PERSONAS), 1, target.transcripts, target.turns, anomalies)


def _rows(path: Path, read: Reader) -> Iterator[tuple[str, Spoken]]:
    return read(values_of(path), None)


def write_pack(target: Target) -> None:
    """Whoever speaks in a conversation, and the scene that it is."""
    for persona in PERSONAS:
        target.persona(persona)
    target.scene(SCENE)


class Transcripts:
    """Makes transcripts of talks, each with an id of its own."""

    def __init__(self, form: str, source: Path, anomalies: Anomalies) -> None:
        self._form, self._source, self._anomalies = form, source, anomalies
        self._ids = Ids()
        self._records, self._hashes = seat_records()

    def transcript(self, talk: Talk, index: int) -> Transcript:
        """The conversation as it was, at this position of the corpus."""
        return Transcript(
            id=self._id(talk, index), index=index, scene=SCENE.id, title=SCENE.title,
            seats=with_system(self._records, talk.system), seed=0, status="complete",
            ending=Ending(reason="imported", known=False), turns=turns_of(talk.said), forms=forms(),
            prompts=self._hashes, versions={"simworld": __version__}, about=self._about(talk),
        )  # fmt: skip

    def _id(self, talk: Talk, index: int) -> str:
        given = talk.rest.get("id")
        wanted = safe(str(given)) if isinstance(given, str | int) else f"{safe(self._source.stem)}-{index:06d}"
        id = self._ids.new(wanted)
        if id != wanted:
            self._anomalies.note("id_twice", f"{talk.where} {wanted}")
        return id

    def _about(self, talk: Talk) -> dict[str, str]:
        """The row's other keys, and where it came from."""
        given = talk.rest.get("id")
        place = talk.where.removeprefix(f"{self._source}").lstrip(": ").lstrip("/")
        own = {"source": self._form, "source_place": place}
        return {**about_of(talk.rest), **own, **({"source_id": str(given)} if given is not None else {})}


def about_of(rest: Mapping[str, Any]) -> dict[str, str]:
    """The other keys of a row as facts; what is no text is written as JSON, what is nothing is left out."""
    named = {key: value for key, value in rest.items() if key != "id" and value is not None}
    return {key: value if isinstance(value, str) else as_json(value) for key, value in named.items()}


def as_json(value: Any) -> str:
    """A value of a row as JSON; times and what else JSON has no form for as text."""
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode().removeprefix('"').removesuffix('"')


def turns_of(said: tuple[tuple[str, str], ...]) -> tuple[Turn, ...]:
    """The turns of a conversation; what one says in a row is one act."""
    turns: list[Turn] = []
    for n, (seat, text) in enumerate(said):
        act = turns[-1].act + (turns[-1].seat != seat) if turns else 0
        turns.append(Turn(n=n, act=act, seat=seat, kind="say", text=text, heard_by=(OTHER[seat],)))
    return tuple(turns)


def with_system(records: dict[str, SeatRecord], system: str | None) -> dict[str, SeatRecord]:
    """The seats; the assistant's told by the conversation's own system message where it has one."""
    if system is None:
        return records
    record = records[ASSISTANT]
    told = record.briefing
    briefing = Briefing(system=system, opener=told.opener, nudge=told.nudge)
    return {**records, ASSISTANT: record.model_copy(update={"briefing": briefing})}


def seat_records(goal: str = "", user: Persona = PERSONAS[0]) -> tuple[dict[str, SeatRecord], dict[str, str]]:
    """Both seats as they are told where a conversation has no system message, and the templates' hashes.

    `goal`: a template, what the user wants; `user`: who they are.
    """
    cast = {USER: user, ASSISTANT: PERSONAS[1]}
    seats = tuple(seat.model_copy(update={"goal": goal}) if seat.id == USER else seat for seat in SCENE.seats)
    scene = SCENE.model_copy(update={"seats": seats})
    situation = Situation(scene, cast, "", {}, field_values(scene, cast, ""))
    records: dict[str, SeatRecord] = {}
    hashes: dict[str, str] = {}
    for seat in scene.seats:
        briefing, used = brief(situation, seat.id)
        hashes |= used
        records[seat.id] = SeatRecord(
            persona=seat.id, name=cast[seat.id].name, role=seat.role, format="plain", backend=BACKEND, main=seat.main,
            briefing=briefing,
        )  # fmt: skip
    return records, hashes
