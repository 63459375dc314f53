"""Records: from the tree of a file to a Persona, a Scene or a Story, every misfit told at its line.

persona = record_of(Persona, node, report, PERSONA_WORDS, vocabulary(), file_id="rosa")
"""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from simworld.packs.names import is_forbidden, is_id
from simworld.packs.node import EACH, VALUES, Loc, Mark, Node, Plain, found, path_of, plain, select
from simworld.packs.report import Report, shown
from simworld.packs.wording import KEY, Json, has_free_keys, no_mapping, part_of, schema_of, told
from simworld.packs.words import LONGEST_WORD, Vocabulary

R = TypeVar("R", bound=BaseModel)
Words = tuple[tuple[tuple[object, ...], str], ...]
"""Which fields hold words of which vocabulary."""

PERSONA_WORDS: Words = (
    (("career",), "careers"),
    (("aspiration",), "aspirations"),
    (("traits", EACH), "traits"),
    (("skills", EACH), "skills"),
    (("gender",), "genders"),
)
SCENE_WORDS: Words = (
    (("emotions", EACH), "emotions"),
    (("topics", EACH), "topics"),
    (("seats", EACH, "emotion"), "emotions"),
    (("seats", EACH, "who", "career", EACH), "careers"),
    (("seats", EACH, "who", "traits", EACH), "traits"),
    (("seats", EACH, "who", "skills", EACH), "skills"),
    (("seats", EACH, "who", "gender", EACH), "genders"),
    (("conditions", VALUES, "feels", EACH), "emotions"),
    (("interventions", EACH, "emotion"), "emotions"),
)
STORY_WORDS: Words = (
    (("cast", EACH, "who", "career", EACH), "careers"),
    (("cast", EACH, "who", "traits", EACH), "traits"),
    (("cast", EACH, "who", "skills", EACH), "skills"),
    (("cast", EACH, "who", "gender", EACH), "genders"),
    (("conditions", VALUES, "feels", EACH), "emotions"),
    (("chapters", EACH, "topics", EACH), "topics"),
    (("chapters", EACH, "emotions", VALUES), "emotions"),
)


def record_of(
    model: type[R],
    node: Node,
    report: Report,
    words: Words,
    vocabulary: Vocabulary,
    *,
    file_id: str,
    part: bool = False,
) -> R | None:
    """The record that `node` describes, its words in the vocabulary's spelling; None (and problems) where it does not.

    `file_id` is the file's name, which is the record's id. `part`: a fragment, which may leave fields out.
    """
    if not isinstance(node.value, dict):
        report.add(node.mark, "", "not-a-mapping", no_mapping(node))
        return None
    data: dict[str, Any] = plain(node)  # pyright: ignore[reportAssignmentType]
    _spell(data, node, report, words, vocabulary)
    _drop_forbidden(data, node, report, schema_of(model))
    if part:
        data["id"] = "part"
    else:
        _name(data, node, report, file_id)
    try:
        return model.model_validate(data)
    except ValidationError as errors:
        _tell(errors, model, node, report, part)
        return None


def _name(data: dict[str, Any], node: Node, report: Report, file_id: str) -> None:
    """The file's name is the id: say where the two differ, and fill in what is left out."""
    given = node.child("id")
    if not is_id(file_id):
        what = f"the file's name is the id: '{shown(file_id)}' should be small letters, digits and _"
        report.add(Mark(node.mark.file, 1, 1), "", "bad-name", what)
    elif given is not None and given.text and is_id(given.text) and given.text != file_id:
        what = f"is '{shown(given.text)}', but the file's name says '{file_id}'; make them the same"
        report.add(given.mark, "id", "id-mismatch", what)
    if given is None:
        data["id"] = file_id if is_id(file_id) else "nameless"


def _spell(data: dict[str, Any], node: Node, report: Report, words: Words, vocabulary: Vocabulary) -> None:
    """Write each word as the vocabulary does; say which are not in it."""
    for steps, kind in words:
        for loc, item in select(node, *steps):
            if not item.text or len(item.text) > LONGEST_WORD:
                continue
            word = vocabulary.canonical(kind, item.text)
            if word is None:
                what = f"'{shown(item.text)}' is not in the vocabulary {kind} (a pack adds to it in vocabularies/)"
                allowed = vocabulary.words[kind]
                report.add(item.mark, path_of(node, loc), "unknown-word", what, allowed=allowed, word=item.text)
            elif word != item.text:
                _put(data, loc, word)


def _put(data: Any, loc: Loc, value: str) -> None:
    for step in loc[:-1]:
        data = data[step]
    data[loc[-1]] = value


def _drop_forbidden(data: Plain, node: Node, report: Report, schema: Json, at: Loc = ()) -> None:
    """Say which keys only the user may set, and take them out; where keys are ids, they set nothing."""
    for position, item in enumerate(node.items):
        _drop_forbidden(data[position], item, report, schema, (*at, position))  # pyright: ignore
    are_ids = bool(node.entries) and has_free_keys(part_of(schema, at))
    for key, entry in node.entries.items():
        if is_forbidden(key) and not are_ids:
            what = f"a pack may not set '{shown(key)}'; only the user's command or Python may"
            report.add(entry.mark, ".".join(map(str, (*at, key))), "forbidden", what)
            del data[key]  # pyright: ignore
        else:
            _drop_forbidden(data[key], entry.node, report, schema, (*at, key))  # pyright: ignore


def _tell(errors: ValidationError, model: type[BaseModel], node: Node, report: Report, part: bool) -> None:
    """Each of pydantic's errors at the place of the value it is about."""
    schema = schema_of(model)
    for error in errors.errors(include_url=False, include_input=False):
        loc: Loc = error["loc"]
        if part and error["type"] == "missing":
            continue
        value = found(node, loc)
        if loc[-1:] == (KEY,) and error["type"] != "extra_forbidden":  # else it is a key of that very name
            loc = loc[:-1]
            value = Node(found(node, loc[:-1]).entries[str(loc[-1])].mark, str(loc[-1]))
        complaint = told(error, schema, value)
        mark = value.mark
        if complaint.code == "unknown-key":
            mark = found(node, loc[:-1]).entries[str(loc[-1])].mark
        report.add(
            mark, path_of(node, loc), complaint.code, complaint.what, allowed=complaint.allowed, word=complaint.word
        )
