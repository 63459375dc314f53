"""Conversations of people with an assistant -> a pack and a corpus.

    report = import_sharegpt(Path("train.jsonl"), Path("out"))      # {"conversations": [{"from", "value"}]}
    report = import_messages(Path("chats.json"), Path("out"))       # {"messages": [{"role", "content"}]}

JSON Lines, or one top-level array. Text is kept byte for byte; a system message is what the assistant's seat was told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from simworld import __version__
from simworld.corpus.imports.conversations_rows import ROLES, MessagesRow, Said, Shared, ShareGPTRow, text_of
from simworld.corpus.imports.lines import json_values, record
from simworld.corpus.imports.names import Ids, safe
from simworld.corpus.imports.report import Anomalies, ImportReport
from simworld.corpus.imports.write import Target, import_into
from simworld.errors import CorpusError
from simworld.prompts import Situation, brief, field_values, forms
from simworld.schema import Ending, Persona, Scene, Seat, SeatRecord, Transcript, Turn

USER, ASSISTANT = "user", "assistant"
OTHER = {USER: ASSISTANT, ASSISTANT: USER}
BACKEND = "imported"
PERSONAS = (Persona(id=USER, name="User"), Persona(id=ASSISTANT, name="Assistant"))
SCENE = Scene(
    id="conversation",
    title="A conversation",
    seats=(Seat(id=USER, persona=USER, role=USER), Seat(id=ASSISTANT, persona=ASSISTANT, role=ASSISTANT, main=True)),
)
WORDINGS = {
    "content_not_text": "conversations with a message that is not text (pictures, calls of tools), left out",
    "empty_message": "messages without text, left out",
    "id_twice": "conversations whose id an earlier one has; a number stands behind it",
    "key_left_out": "keys of messages that a turn has no field for, left out",
    "nothing_said": "conversations without a message, left out",
    "same_speaker": "messages that follow one of the same speaker; both are turns of one act",
    "several_systems": "conversations with more than one system message before the first turn; joined by a blank line",
    "starts_with_assistant": "conversations that the assistant opens",
    "system_inside": "conversations with a system message after the first turn, left out",
    "unknown_role": "conversations with a speaker who is neither user nor assistant, left out",
}


def import_sharegpt(source: Path, out: Path) -> ImportReport:
    """Read ShareGPT's form. Raises CorpusError where the file is broken or `out` is not empty."""
    return _import(source, out, "sharegpt", _of_sharegpt)


def import_messages(source: Path, out: Path) -> ImportReport:
    """Read the messages of chat APIs. Raises CorpusError where the file is broken or `out` is not empty."""
    return _import(source, out, "messages", _of_messages)


@dataclass(frozen=True, slots=True)
class _Source:
    """A row of either form."""

    said: Sequence[Said | Shared]
    system: str | None
    rest: dict[str, Any]
    """The row's other keys."""


def _of_sharegpt(value: object, where: str) -> _Source:
    row = record(value, ShareGPTRow, where)
    return _Source(row.conversations, row.system, dict(row.model_extra or {}))


def _of_messages(value: object, where: str) -> _Source:
    row = record(value, MessagesRow, where)
    return _Source(row.messages, None, dict(row.model_extra or {}))


def _import(source: Path, out: Path, form: str, read: Callable[[object, str], _Source]) -> ImportReport:
    anomalies = Anomalies(WORDINGS)
    rows = 0
    values = json_values(source)
    with import_into(out, form) as target:
        conversations = _Conversations(form, source, anomalies)
        for rows, (where, value) in enumerate(values, 1):  # noqa: B007
            transcript = conversations.transcript(read(value, where), where, target.transcripts)
            if transcript is not None:
                target.transcript(transcript)
        if not rows:
            raise CorpusError(f"{source}: is empty; it should hold a conversation a line, or an array of them")
        _pack(target)
        target.manifest(anomalies.counts)
    return ImportReport(form, out, 0, len(PERSONAS), 1, target.transcripts, target.turns, anomalies)


def _pack(target: Target) -> None:
    for persona in PERSONAS:
        target.persona(persona)
    target.scene(SCENE)


class _Conversations:
    """Makes transcripts of rows and counts what is odd in them."""

    def __init__(self, form: str, source: Path, anomalies: Anomalies) -> None:
        self._form, self._source, self._anomalies = form, source, anomalies
        self._roles = ROLES[form]
        self._ids = Ids()
        self._records, self._hashes = _records()

    def transcript(self, row: _Source, where: str, index: int) -> Transcript | None:
        """The conversation as it was; None where it cannot be kept (and an anomaly says why)."""
        said = self._readable(row, where)
        if said is None:
            return None
        systems = [text for role, text in said if role == "system"]
        turns = tuple(self._turns([one for one in said if one[0] != "system"], where))
        if not turns:
            self._anomalies.note("nothing_said", where)
            return None
        if len(systems) > 1:
            self._anomalies.note("several_systems", where)
        if turns[0].seat == ASSISTANT:
            self._anomalies.note("starts_with_assistant", where)
        return Transcript(
            id=self._id(row, where, index), index=index, scene=SCENE.id, title=SCENE.title,
            seats=self._seats("\n\n".join(systems) if systems else None), seed=0, status="complete",
            ending=Ending(reason="imported", known=False), turns=turns, forms=forms(), prompts=self._hashes,
            versions={"simworld": __version__}, about=self._about(row, where),
        )  # fmt: skip

    def _readable(self, row: _Source, where: str) -> list[tuple[str, str]] | None:
        """Role and text of each message; None where one of them can be no turn."""
        said = [("system", row.system)] if row.system else []
        for message in row.said:
            role, text = self._roles.get(message.role.lower()), text_of(message.content)
            odd = "unknown_role" if role is None else "content_not_text" if text is None else ""
            if role == "system" and any(before != "system" for before, _ in said):
                odd = "system_inside"
            if odd or role is None or text is None:
                self._anomalies.note(odd, f"{where} {message.role[:40]!r}")
                return None
            for key in message.model_extra or {}:
                self._anomalies.note("key_left_out", f"{where} {key[:40]!r}")
            said.append((role, text))
        return said

    def _turns(self, said: Sequence[tuple[str, str]], where: str) -> Iterator[Turn]:
        act, n, last = -1, 0, ""
        for seat, text in said:
            if not text.strip():
                self._anomalies.note("empty_message", where)
                continue
            if seat == last:
                self._anomalies.note("same_speaker", where)
            act += seat != last
            yield Turn(n=n, act=act, seat=seat, kind="say", text=text, heard_by=(OTHER[seat],))
            n, last = n + 1, seat

    def _seats(self, system: str | None) -> dict[str, SeatRecord]:
        """The seats; the assistant's told by the conversation's own system message where it has one."""
        if system is None:
            return self._records
        record = self._records[ASSISTANT]
        briefing = record.briefing.model_copy(update={"system": system})
        return {**self._records, ASSISTANT: record.model_copy(update={"briefing": briefing})}

    def _id(self, row: _Source, where: str, index: int) -> str:
        given = row.rest.get("id")
        wanted = safe(str(given)) if isinstance(given, str | int) else f"{safe(self._source.stem)}-{index:06d}"
        id = self._ids.new(wanted)
        if id != wanted:
            self._anomalies.note("id_twice", f"{where} {wanted}")
        return id

    def _about(self, row: _Source, where: str) -> dict[str, str]:
        """The row's other keys, and where it came from; what is no text is written as JSON."""
        named = {key: value for key, value in row.rest.items() if key != "id" and value is not None}
        about = {key: value if isinstance(value, str) else orjson.dumps(value).decode() for key, value in named.items()}
        given = row.rest.get("id")
        own = {"source": self._form, "source_place": where.removeprefix(f"{self._source}").lstrip(": ")}
        return {**about, **own, **({"source_id": str(given)} if given is not None else {})}


def _records() -> tuple[dict[str, SeatRecord], dict[str, str]]:
    """Both seats as they are told where a conversation has no system message, and the templates' hashes."""
    cast = {persona.id: persona for persona in PERSONAS}
    situation = Situation(SCENE, cast, "", {}, field_values(SCENE, cast, ""))
    records: dict[str, SeatRecord] = {}
    hashes: dict[str, str] = {}
    for seat in SCENE.seats:
        briefing, used = brief(situation, seat.id)
        hashes |= used
        records[seat.id] = SeatRecord(
            persona=seat.id, name=cast[seat.id].name, role=seat.role, format="plain", backend=BACKEND, main=seat.main,
            briefing=briefing,
        )  # fmt: skip
    return records, hashes
