"""Which columns of somebody's own file hold a conversation: `--map`.

    columns = parse_map("messages=turns,role=speaker,content=text,user=agent_1,assistant=agent_2,id=key")
    columns = parse_map("prompt=question,response=answer")          # one round a row
    read = mapped_rows(columns)

A column may be a path (`data.turns`). `messages` names a list of messages, or of texts, which then are the user's and
the assistant's in turn. Several names of one speaker are parted by `|`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from simworld.corpus.imports.conversations_rows import Reader, one_by_one
from simworld.corpus.imports.lines import BadLine, as_object, form_of
from simworld.corpus.imports.talk import ASSISTANT, ROLES, SYSTEM, USER, Spoken
from simworld.errors import UsageError, nearest
from simworld.schema.record import Record

KEYS = ("messages", "role", "content", "user", "assistant", "prompt", "response", "system", "id")
FORM = "a map is such as messages=turns,role=speaker,content=text,user=human,assistant=bot or prompt=q,response=a"


class Columns(Record, frozen=True):
    """Columns by what they hold. Either `messages`, or `prompt` (and `response`)."""

    messages: str = ""
    """The list of messages."""
    role: str = "role"
    """Of a message: who."""
    content: str = "content"
    """Of a message: what."""
    user: str = ""
    """What the user is called there, names parted by `|`; default: human, user, prompter and the like."""
    assistant: str = ""
    """Likewise the assistant; default: assistant, gpt, bot and the like."""
    prompt: str = ""
    """What the user says, where a row is one round."""
    response: str = ""
    """What the assistant answers; empty: nothing."""
    system: str = ""
    """What the assistant was told."""
    id: str = "id"


def parse_map(text: str) -> Columns:
    """A map as it is written. Raises UsageError where a key is not known or no conversation can be read by it."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    if bad := [key for key, equals, value in pairs if not equals or not value.strip()]:
        raise UsageError(f"--map: '{bad[0]}' is not KEY=COLUMN; {FORM}")
    return columns_of({key.strip(): value.strip() for key, _, value in pairs})


def columns_of(given: Mapping[str, str]) -> Columns:
    """The same from pairs."""
    for key in given:
        if key not in KEYS:
            near = nearest(key, KEYS)
            raise UsageError(
                f"map: '{key}' is not known; allowed: {', '.join(KEYS)}{f'; nearest: {near}' * bool(near)}"
            )
    columns = Columns(**given)
    if bool(columns.messages) == bool(columns.prompt):
        raise UsageError(f"map: name either messages= or prompt=; {FORM}")
    return columns


def mapped_rows(columns: Columns) -> Reader:
    """The reader of rows with these columns."""
    roles = _roles(columns)

    def read(value: Any, where: str) -> Spoken:
        row = as_object(value)
        if row is None:
            raise BadLine("wrong_form", f"{where}: should be an object, is {form_of(value)}")
        said, extra = _messages(row, columns, where) if columns.messages else (_round(row, columns, where), [])
        system = _at(row, columns.system) if columns.system else None
        used = {path.partition(".")[0] for path in (columns.messages, columns.prompt, columns.response, columns.system)}
        rest = {key: one for key, one in row.items() if key not in used}
        rest |= {"id": _at(row, columns.id)} if _at(row, columns.id) is not None else {}
        return Spoken(said, roles, system if isinstance(system, str) else None, rest, extra)

    return one_by_one(read)


def _roles(columns: Columns) -> Mapping[str, str]:
    known = {**ROLES["sharegpt"], **ROLES["messages"], **ROLES["oasst"]}
    for seat, names in ((USER, columns.user), (ASSISTANT, columns.assistant)):
        if names:
            known = {name: who for name, who in known.items() if who != seat or who == SYSTEM}
            known |= {name.strip().lower(): seat for name in names.split("|")}
    return known


def _messages(row: dict[str, Any], columns: Columns, where: str) -> tuple[list[tuple[str, object]], list[str]]:
    found = _at(row, columns.messages)
    if not isinstance(found, list):
        raise BadLine("wrong_form", f"{where}: '{columns.messages}' should be a list of messages, is {form_of(found)}")
    said: list[tuple[str, object]] = []
    extra: list[str] = []
    for number, message in enumerate(cast("list[Any]", found)):
        if isinstance(message, str):
            own = (columns.user, columns.assistant)[number % 2].partition("|")[0]
            said.append((own or (USER, ASSISTANT)[number % 2], message))
            continue
        role, content = _at(message, columns.role), _at(message, columns.content)
        own_keys = as_object(message)
        if own_keys is None or not isinstance(role, str):
            place = f"{where}: '{columns.messages}.{number}.{columns.role}'"
            raise BadLine("wrong_form", f"{place} should be a text that says who, is {form_of(role)}")
        said.append((role, content))
        used = {columns.role.partition(".")[0], columns.content.partition(".")[0]}
        extra += [key for key in own_keys if key not in used]
    return said, extra


def _round(row: dict[str, Any], columns: Columns, where: str) -> list[tuple[str, object]]:
    prompt = _at(row, columns.prompt)
    if not isinstance(prompt, str):
        raise BadLine("wrong_form", f"{where}: '{columns.prompt}' should be text, is {form_of(prompt)}")
    said: list[tuple[str, object]] = [(columns.user.partition("|")[0] or USER, prompt)]
    response = _at(row, columns.response) if columns.response else None
    return [*said, (columns.assistant.partition("|")[0] or ASSISTANT, response)] if response is not None else said


def _at(value: Any, path: str) -> Any:
    """What stands at a path of keys; None where there is nothing."""
    row = as_object(value)
    if row is not None and path in row:
        return row[path]
    for key in path.split("."):
        value = (as_object(value) or {}).get(key)
    return value
