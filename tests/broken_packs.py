"""Packs that are broken, each in one way: what `check` must say of it, and where.

The sign § stands in a file where the problem is to be found; it is taken out before the file is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SIGN = "§"

ROSA = """\
id: rosa
name: Rosa Oyelaran
career: teacher
traits: [stubborn, warm]
gender: woman
age: 71
"""
BEN = """\
name: Ben Achterberg
career: nurse
age: 34
"""
WARD = """\
id: ward
title: The ward at night
time: 22:40
places:
  - id: corridor
    name: the corridor
    exits: [office]
  - id: office
    name: the office
background: The lift is out. {{ nurse.name }} is alone.
seats:
  - id: nurse
    persona: ben
    goal: finish the round
    emotion: Tense
    place: office
  - id: visitor
    persona: rosa
relations:
  - {of: visitor, to: nurse, kind: neighbour of}
topics: [health]
openings:
  - seat: visitor
    text: May I?
happenings:
  - at: 3
    text: A bell rings.
    to: [nurse]
director:
  name: alternate
  first: visitor
end:
  max_turns: 8
  min_turns: 2
"""
NIGHTS = """\
title: Two nights
cast:
  - id: visitor
    persona: rosa
  - id: carer
    persona: ben
conditions:
  cold: {seat: visitor, toward: carer, warmth: "<0"}
chapters:
  - id: first
    scene: ward
    seats: {nurse: carer}
    then:
      - {when: cold, to: end}
  - id: second
    scene: ward
    seats:
      nurse: carer
    after: 3 days
    background: The lift runs again, and {{ nurse.name }} has company.
    goals: {nurse: get home early}
    openings:
      visitor: ["{{ nurse.name }}, again?"]
    topics: [health]
    max_turns: 6
"""
DUSK = """\
title: Dusk
seats:
  - {id: nurse, persona: ben}
  - {id: guest, enters: 5}
end: {max_turns: 8}
"""
SOUND: dict[str, str | bytes] = {"personas/rosa.yaml": ROSA, "personas/ben.yaml": BEN, "scenes/ward.yaml": WARD}


@dataclass(frozen=True)
class Broken:
    """One broken pack and the one problem it has."""

    name: str
    code: str
    files: dict[str, str | bytes]
    """Path in the pack -> what stands there; the file with the sign is where the problem is."""
    says: str = ""
    """Part of the message."""
    nearest: str = ""
    field: str = ""
    alone: bool = True
    """Whether nothing else is wrong."""
    file: str = ""
    """Where no sign can stand: the file, and the problem is at its first line and column."""

    def write(self, root: Path) -> Path:
        """Put the pack into a folder."""
        return write_pack(root, self.files)

    @property
    def place(self) -> tuple[str, int, int]:
        """File in the pack, line and column of the problem."""
        for path, text in self.files.items():
            if isinstance(text, str) and SIGN in text:
                before = text[: text.index(SIGN)]
                return path, before.count("\n") + 1, len(before) - before.rfind("\n")
        return self.file, 1, 1


def write_pack(root: Path, files: dict[str, str | bytes]) -> Path:
    """Write files, without the sign, under a folder."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        data = text.replace(SIGN, "", 1).encode() if isinstance(text, str) else text
        (root / path).write_bytes(data)
    return root


def edited(text: str, old: str, new: str) -> str:
    """`text` with one piece replaced, which must be there once."""
    assert text.count(old) == 1, old
    return text.replace(old, new)


def ward(old: str, new: str, **more: str | bytes) -> dict[str, str | bytes]:
    """The sound pack with one piece of its scene replaced, and further files by path."""
    return {**SOUND, "scenes/ward.yaml": edited(WARD, old, new), **more}


def rosa(old: str, new: str, **more: str | bytes) -> dict[str, str | bytes]:
    """The sound pack with one piece of a persona replaced, and further files by path."""
    return {**SOUND, "personas/rosa.yaml": edited(ROSA, old, new), **more}


def wards(*edits: tuple[str, str]) -> dict[str, str | bytes]:
    """The sound pack with several pieces of its scene replaced."""
    scene = WARD
    for old, new in edits:
        scene = edited(scene, old, new)
    return {**SOUND, "scenes/ward.yaml": scene}


def story(*edits: str, more: str = "") -> dict[str, str | bytes]:
    """The sound pack with a story, pieces of which are replaced (old, new, old, new ...), and more at its end."""
    text = NIGHTS
    for old, new in zip(edits[::2], edits[1::2], strict=True):
        text = edited(text, old, new)
    return {**SOUND, "stories/nights.yaml": text + more}


def dusk(part: str, more: str = "") -> dict[str, str | bytes]:
    """The sound pack with a story of one part and one chapter, whose scene has an open seat that enters later.

    Without a sign the problem is at the chapter's scene.
    """
    sign = "" if SIGN in part + more else SIGN
    text = f"title: D\ncast:\n- {{{part}}}\nchapters:\n- {{id: a, scene: {sign}dusk{more}}}\n"
    return with_files({"scenes/dusk.yaml": DUSK, "stories/a.yaml": text})


def condition(more: str) -> dict[str, str | bytes]:
    """The sound pack with a condition in its scene."""
    return ward("topics:", f"conditions:\n  night: {more}\ntopics:")


def intervention(more: str) -> dict[str, str | bytes]:
    """The sound pack with an intervention in its scene."""
    return ward("director:", f"interventions:\n  - {more}\ndirector:")


def with_files(files: dict[str, str | bytes]) -> dict[str, str | bytes]:
    """The sound pack and further files."""
    return {**SOUND, **files}


def bomb() -> str:
    """Aliases of aliases: nine lines that would be ten to the ninth values."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for name, under in zip("bcdefgh", "abcdefg", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{under}'] * 10)}]")
    return "\n".join(lines).replace("&e [*d", f"&e [{SIGN}*d", 1)


def deep(opener: str) -> str:
    """A hundred thousand lists or mappings in one another; the sign at the first that is too deep."""
    return opener * 32 + SIGN + opener * 100_000


def alone_at(id: str) -> dict[str, str | bytes]:
    """A scene with one seat of this id."""
    return with_files({"scenes/a.yaml": f"title: Alone\nseats:\n  - id: {id}\n    persona: ben\n"})


def backend(spec: str) -> dict[str, str | bytes]:
    """The sound pack with a seat that this speaks for."""
    return ward("persona: rosa", f"persona: rosa\n    backend: {spec}")


def chain(length: int) -> dict[str, str | bytes]:
    """Fragments that extend one another, and a persona at their head."""
    files: dict[str, str | bytes] = {
        f"personas/fragments/f{n}.yaml": f"extends: [fragments/f{n + 1}]\n" for n in range(length)
    }
    return {**SOUND, **files, f"personas/fragments/f{length}.yaml": "skills: [teaching]\n"}


NINE = ", ".join(f"{{id: s{n}}}" for n in range(9))
WIDE = "a:\n" + "- x\n" * 19_997 + f"- {SIGN}x\n"
TEXT_BOMB = f"a: &t {'x' * 900_000}\nb: [*t, {SIGN}*t]\n"
DEEP_ALIAS = f"a: &d {'[' * 17}{']' * 17}\nb: {'[' * 16}{SIGN}*d{']' * 16}\n"
TWO_MAINS = f"title: T\nseats:\n- {{id: a, persona: rosa, main: on}}\n- {{id: b, persona: ben, main: {SIGN}true}}\n"
HUGE = b"# " + b"x" * (1 << 20)

FORM = [
    Broken("typo in a key", "unknown-key", rosa("career:", "§carrer:"), "allowed: age, aspiration", "career", "carrer"),
    Broken("typo in a seat", "unknown-key", ward("goal: f", "§gaol: f"), "backend", "goal", "seats.nurse.gaol"),
    Broken("typo in a voice", "unknown-key", rosa("age: 71", "voice: {§tonne: low}"), "address", "tone", "voice.tonne"),
    Broken("a name of Python's", "unknown-key", ward("persona: rosa", "who: {§not_: [rosa]}"), "not", "not"),
    Broken("key twice", "duplicate-key", rosa("age: 71", "§name: R. O."), "on line 2 and on line 6"),
    Broken("text for a number", "wrong-type", rosa("71", "§old"), "a whole number between 0 and 120, is 'old'"),
    Broken("a fraction of a year", "wrong-type", rosa("71", "§70.5"), "whole number"),
    Broken("age out of range", "out-of-range", rosa("71", "§171"), "between 0 and 120, is '171'", field="age"),
    Broken("share out of range", "out-of-range", rosa("age: 71", "big_five: {openness: §7}"), "number between 0 and 1"),
    Broken("not a number", "out-of-range", ward("time: 22:40", "minutes: §nan"), "above 0 and at most 1440"),
    Broken("text for a list", "wrong-type", rosa("[stubborn, warm]", "§warm"), "a list, such as [a, b], is 'warm'"),
    Broken("list for a text", "wrong-type", ward("The ward at night", "§[a, b]"), "should be text, is a list"),
    Broken("text for a mapping", "wrong-type", rosa("age: 71", "voice: §low"), "should be a mapping (key: value)"),
    Broken("nothing for a text", "wrong-type", rosa("career: teacher", "career: §~"), "should be text, is empty"),
    Broken(
        "perhaps true", "wrong-type", ward("persona: rosa", "main: §maybe"), "true or false, is 'maybe'; allowed: f"
    ),
    Broken("no name", "missing", {**SOUND, "personas/ben.yaml": "§career: nurse\n"}, "is missing", field="name"),
    Broken("no seats", "missing", {"scenes/a.yaml": "§title: Alone\n"}, "is missing", field="seats"),
    Broken("empty seats", "missing", {"scenes/a.yaml": "title: Alone\nseats: §[]\n"}, "should not be empty"),
    Broken("empty name", "missing", rosa("Rosa Oyelaran", '§""'), "should not be empty", field="name"),
    Broken("text too long", "too-long", rosa("age: 71", f"origin: §{'x' * 700}"), "700 characters long; at most 600"),
    Broken(
        "too many", "too-long", rosa("[stubborn, warm]", f"§[{', '.join(['calm'] * 13)}]"), "13 entries; at most 12"
    ),
    Broken("nine seats", "too-long", {"scenes/a.yaml": f"title: Full\nseats: §[{NINE}]\n"}, "has 9 entries; at most 8"),
    Broken("unknown role", "unknown-choice", ward("persona: rosa", "role: §asistant"), "character", "assistant"),
    Broken("unknown pace", "unknown-choice", rosa("age: 71", "voice: {pace: §evn}"), "clipped, even, flowing", "even"),
    Broken("pronouns", "bad-form", rosa("age: 71", "pronouns: §She"), "such as she/her"),
    Broken("age bound", "bad-form", ward("persona: rosa", "who: {age: §old}"), "such as >=60"),
    Broken("id in capitals", "bad-name", ward("id: visitor", "id: §Visitor"), "begin with a small letter", alone=False),
    Broken("list on top", "not-a-mapping", {**SOUND, "personas/ben.yaml": "§- name: Ben\n"}, "the file holds a list"),
    Broken("empty file", "not-a-mapping", with_files({"scenes/a.yaml": ""}), "file is empty", file="scenes/a.yaml"),
    Broken("id of another", "id-mismatch", rosa("id: rosa", "id: §rose"), "the file's name says 'rosa'"),
    Broken(
        "file name no id", "bad-name", with_files({"personas/Mrs X.yaml": "§name: X\n"}), "the file's name is the id"
    ),
    Broken("id twice", "duplicate-id", with_files({"personas/rosa.yml": "§name: X\n"}), "rosa.yaml already"),
    Broken("vocabulary of a pack", "bad-name", with_files({"vocabularies/carers.yaml": "§- x\n"}), "no voc", "careers"),
    Broken("no list of words", "wrong-type", with_files({"vocabularies/careers.yaml": "§a: x\n"}), "a list of words"),
    Broken("no word", "wrong-type", with_files({"vocabularies/careers.yaml": "- §[x]\n"}), "should be a word"),
    Broken("long word", "too-long", with_files({"vocabularies/careers.yaml": f"- §{'x' * 81}\n"}), "at most 80"),
    Broken("nothing in it", "empty-pack", {"personas/README.md": "x", "scenes/README.md": ""}, "holds no pe", file="."),
]

YAML = [
    Broken("alias bomb", "too-many-nodes", with_files({"scenes/a.yaml": bomb()}), "more than 20000 values"),
    Broken("very wide", "too-many-nodes", with_files({"scenes/a.yaml": WIDE}), "more than 20000 values"),
    Broken("text bomb", "too-large", with_files({"scenes/a.yaml": TEXT_BOMB}), "more than 2097152 characters"),
    Broken("alias in itself", "bad-yaml", with_files({"scenes/a.yaml": "a: &x [b, §*x]\n"}), "inside its own anchor"),
    Broken("alias of nothing", "bad-yaml", with_files({"scenes/a.yaml": "a: §*x\n"}), "has no anchor before it"),
    Broken("deep lists", "too-deep", with_files({"scenes/a.yaml": deep("[")}), "deeper than 32 levels"),
    Broken("deep mappings", "too-deep", with_files({"scenes/a.yaml": deep("{a: ")}), "deeper than 32 levels"),
    Broken("deep dashes", "too-deep", with_files({"scenes/a.yaml": deep("- ")}), "deeper than 32 levels"),
    Broken("deep by alias", "too-deep", with_files({"scenes/a.yaml": DEEP_ALIAS}), "deeper than 32 levels"),
    Broken("python tag", "bad-tag", rosa("71", "§!!python/object/apply:os.getpid []"), "is not allowed", alone=False),
    Broken("tag of its own", "bad-tag", rosa("teacher", "§!job teacher"), "the tag !job is not allowed"),
    Broken("standard tag", "bad-tag", rosa("71", "§!!int 71"), "is not allowed", field="age"),
    Broken("tag on a key", "bad-tag", rosa("age: 71", "§!!str age: 71"), "neither tag nor anchor"),
    Broken("two documents", "bad-yaml", rosa("age: 71", "age: 71\n§---\nname: X"), "a second document"),
    Broken("merge key", "bad-yaml", rosa("age: 71", "voice: &v {tone: low}\n§<<: *v"), "merge keys"),
    Broken("directive", "bad-yaml", rosa("id: rosa", "§%TAG ! tag:x,2000:\n---\nid: rosa"), "directive %TAG"),
    Broken("tab", "bad-yaml", rosa("age: 71", "voice:\n§\ttone: low"), "spaces, not tabs"),
    Broken(
        "colon in a text", "bad-yaml", rosa("71", "71\norigin: Lagos§: the island"), "quotes around a text that holds"
    ),
    Broken("template unquoted", "bad-yaml", ward("The lift is out. {{ n", "{§{ n"), "quotes around", alone=False),
    Broken("never closed", "bad-yaml", rosa("age: 71\n", 'origin: "Lagos\n§'), "cannot be read as YAML"),
    Broken("not UTF-8", "bad-encoding", with_files({"scenes/a.yaml": b"\xff\xfet"}), "not UTF-8", file="scenes/a.yaml"),
    Broken("control character", "bad-encoding", rosa("Rosa", "§\x07Rosa"), "\\x07, which YAML does not allow"),
    Broken("control escape", "bad-encoding", rosa("teacher", 'teacher\norigin: §"\\e[31m"'), "\\x1b, which is not"),
    Broken("half a character", "bad-yaml", rosa("teacher", 'teacher\norigin: "\\u§d800"'), "cannot be read as YAML"),
    Broken("key turned round", "bad-name", rosa("age: 71", '§"a\u202ege": 71'), "'a\\u202ege' holds a control"),
    Broken("larger than a file", "too-large", with_files({"scenes/a.yaml": HUGE}), "1048576 b", file="scenes/a.yaml"),
]

CAST = [
    Broken("trait unknown", "unknown-word", rosa("[stubborn,", "[§stubbron,"), "10", "stubborn", "traits.0"),
    Broken("career unknown", "unknown-word", rosa("teacher", "§teecher"), "vocabulary careers", "teacher", "career"),
    Broken("aspiration unknown", "unknown-word", rosa("age: 71", "aspiration: §companionshp"), "", "companionship"),
    Broken("skill unknown", "unknown-word", rosa("age: 71", "skills: [§gardning]"), "and", "gardening"),
    Broken("gender unknown", "unknown-word", rosa("gender: woman", "gender: §womann"), "genders", "woman"),
    Broken("emotion unknown", "unknown-word", ward("Tense", "§Tens"), "more", "Tense", "seats.nurse.emotion"),
    Broken("emotions unknown", "unknown-word", ward("topics:", "emotions: [Sad, §Hapy]\ntopics:"), "", "Happy"),
    Broken("topic unknown", "unknown-word", ward("[health]", "[§helth]"), "vocabulary topics", "health", "topics.0"),
    Broken("career of a seat", "unknown-word", ward("persona: rosa", "who: {career: [teacher, §nurs]}"), "", "nurse"),
    Broken("trait of a seat", "unknown-word", ward("persona: rosa", "who: {traits: [warm, §waarm]}"), "", "warm"),
    Broken(
        "skill of a seat", "unknown-word", ward("persona: rosa", "who: {skills: [§ches]}"), "", "chess", alone=False
    ),
    Broken("gender of a seat", "unknown-word", ward("persona: rosa", "who: {gender: [woman, §mann]}"), "", "man"),
    Broken("no such persona", "unknown-persona", ward("persona: rosa", "persona: §roza"), "no persona 'roza'", "rosa"),
    Broken("nobody refused", "unknown-persona", ward("persona: rosa", "who: {not: [§bem]}"), "", "ben"),
    Broken("in two seats", "same-persona-twice", ward("persona: rosa", "persona: §ben"), "already, on line 13"),
    Broken("nobody may sit", "no-candidate", ward("persona: rosa", 'who: §{age: ">119"}'), "no persona of this pack"),
    Broken("age upside down", "out-of-range", ward("persona: rosa", "who: {age: §55-40}"), "smaller", alone=False),
    Broken("fragment missing", "bad-include", rosa("age", "extends: [§zzz]\nage"), "no fragment"),
    Broken(
        "fragment misspelt",
        "bad-include",
        rosa("age", "extends: [§fragments/kin]\nage", **{"personas/fragments/kind.yaml": "traits: [kind]"}),
        "allowed: ",
        "fragments/kind",
    ),
    Broken("fragment above", "bad-include", rosa("age", "extends: [§../ben]\nage"), "not the name of a fragment"),
    Broken("fragment afar", "bad-include", rosa("age", "extends: §/etc/passwd\nage"), "no absolute path"),
    Broken(
        "fragment in a circle",
        "bad-include",
        rosa("age", "extends: [fragments/a]\nage", **{"personas/fragments/a.yaml": "extends: [§fragments/a]\n"}),
        "in a circle",
    ),
    Broken("fragments in a mapping", "wrong-type", rosa("age", "extends: §{a: b}\nage"), "should be a list"),
    Broken("fragments, many", "too-long", rosa("age", f"extends: §[{', '.join('a' * 17)}]\nage"), "17", alone=False),
    Broken(
        "fragment no mapping",
        "not-a-mapping",
        rosa("age", "extends: [fragments/a]\nage", **{"personas/fragments/a.yaml": "§- x\n"}),
        "the file holds a list",
    ),
    Broken(
        "fragment with a typo",
        "unknown-key",
        rosa("age", "extends: [fragments/a]\nage", **{"personas/fragments/a.yaml": "§skils: [chess]\n"}),
        "",
        "skills",
    ),
    Broken(
        "fragment nobody uses",
        "unknown-word",
        with_files({"personas/fragments/a.yaml": "skills: [§ches]"}),
        "",
        "chess",
    ),
]

SCENE = [
    Broken("relation of nobody", "unknown-seat", ward("{of: visitor", "{of: §guest"), "", field="relations.0.of"),
    Broken("relation to nobody", "unknown-seat", ward("to: nurse", "to: §nurs"), "allowed: nurse, visitor", "nurse"),
    Broken("opening of nobody", "unknown-seat", ward("- seat: visitor", "- seat: §vistor"), "", "visitor"),
    Broken("happening to nobody", "unknown-seat", ward("[nurse]", "[§nurses]"), "", "nurse", "happenings.0.to.0"),
    Broken("nobody first", "unknown-seat", ward("first: visitor", "first: §rosa"), "no seat 'rosa'"),
    Broken("nobody in order", "unknown-seat", ward("first: visitor", "order: [nurse, §visit]"), "", "visitor"),
    Broken(
        "nobody's goal", "unknown-seat", ward("  max", "  goal: [{seat: §nure, words: [home]}]\n  max"), "", "nurse"
    ),
    Broken("seat nowhere", "unknown-place", ward("place: office", "place: §ofice"), "corridor, office", "office"),
    Broken("happening nowhere", "unknown-place", ward("    to: [nurse]", "    place: §roof"), "no place 'roof'"),
    Broken("exit to nowhere", "unknown-place", ward("[office]", "[office, §attic]"), "no place 'attic'"),
    Broken("heard from nowhere", "unknown-place", ward("name: the office", "name: o\n    hears: [§hall]"), "'hall'"),
    Broken(
        "no way there",
        "unreachable-place",
        ward("background:", "  - id: §attic\n    name: up\nbackground:"),
        "no exits",
    ),
    Broken("seat twice", "duplicate-seat", ward("- id: visitor", "- id: §nurse"), "on line 12", alone=False),
    Broken(
        "place twice", "duplicate-place", ward("background:", "  - {id: §office, name: o}\nbackground:"), "on line 8"
    ),
    Broken("two mains", "duplicate-main", with_files({"scenes/a.yaml": TWO_MAINS}), "on line 3 is main already"),
    Broken("seat director", "bad-name", alone_at("§director"), "has a meaning of its own"),
    Broken("seat narrator", "bad-name", alone_at("§narrator"), "unless its role is narrator"),
    Broken("seat __end__", "bad-name", alone_at("§__end__"), "a meaning of its own", alone=False),
    Broken("seat topic", "bad-name", alone_at("§topic"), "choose another"),
    Broken(
        "place out", "bad-name", ward("background:", "  - {id: §out, name: o, exits: [office]}\nbackground:"), "leaves"
    ),
    Broken("script without lines", "no-end", ward("name: alternate", "name: §scripted"), "needs an order"),
    Broken("director unknown", "unknown-director", ward("alternate", "§alternating"), "", "alternate"),
    Broken(
        "least over most", "out-of-range", ward("min_turns: 2", "min_turns: §9"), "min_turns is 9, but max_turns is 8"
    ),
    Broken("after the end", "out-of-range", ward("at: 3", "at: §8"), "ends after 8 acts"),
    Broken(
        "template", "bad-template", ward("The lift is out. {{ nurse.name }} is alone.", '§"{{ nurse.nam }}"'), "'.nam'"
    ),
    Broken(
        "template of a seat",
        "bad-template",
        ward("finish", '§"{{ ghost.name }}" #'),
        "'ghost'",
        field="seats.nurse.goal",
    ),
    Broken(
        "template of many",
        "bad-template",
        ward("A bell rings.", '[a, §"{{ ghost }}"]'),
        "",
        field="happenings.0.text.1",
    ),
    Broken("an address", "forbidden", ward("goal: f", "§base_url: f"), "only the user's command or Python may"),
    Broken("a key in a voice", "forbidden", rosa("age: 71", "voice: {§API-Key: x}"), "may not set 'API-Key'"),
    Broken("a model", "forbidden", ward("name: alternate", "§model: x"), "may not set 'model'", field="director.model"),
    Broken("checkpoint", "forbidden", backend("§local:/models/7b"), "may not seat 'local:'; only the user"),
    Broken("a corpus", "forbidden", backend("§recorded:corpus"), "may not seat 'recorded:'"),
    Broken("address for a name", "forbidden", backend("§openai:http://x.example/v1"), "an address; allowed: human"),
    Broken("shell for a name", "forbidden", backend('§"openai:a b;c"'), "more than a model's name"),
    Broken("script elsewhere", "forbidden", backend("§scripted:../x.txt"), "path within the pack"),
    Broken("script from the root", "forbidden", backend("§scripted:/etc/passwd"), "not absolute"),
    Broken("script missing", "unreadable", backend("§scripted:x.txt"), "the pack has no file 'x.txt'"),
    Broken("backend unknown", "unknown-backend", backend("§improve"), "no backend; allowed: human, improv", "improv"),
]

CONDITION = [
    Broken("condition of nothing", "empty-condition", condition("§{}"), "asks for nothing", field="conditions.night"),
    Broken("condition of somebody", "empty-condition", condition("§{seat: nurse, toward: visitor}"), "give one of aft"),
    Broken("condition of no time", "empty-condition", condition('§{after: 0, minutes: "0.0", said: []}'), "nothing"),
    Broken("toward for nothing", "pointless", condition("{said: [hi], toward: §nurse}"), "warmth, trust, familiarity"),
    Broken("toward oneself", "pointless", condition('{seat: nurse, toward: §nurse, trust: ">0"}'), "to themselves"),
    Broken("condition of nobody", "unknown-seat", condition("{seat: §nurs, after: 1}"), "", "nurse"),
    Broken(
        "toward nobody",
        "unknown-seat",
        condition('{toward: §vistor, trust: ">0"}'),
        "",
        "visitor",
        "conditions.night.toward",
    ),
    Broken("condition nowhere", "unknown-place", condition("{place: §ofice}"), "corridor, office, out", "office"),
    Broken(
        "condition of a feeling",
        "unknown-word",
        condition("{feels: [Sad, §Hapy]}"),
        "",
        "Happy",
        "conditions.night.feels.1",
    ),
    Broken("condition of an end", "only-in-stories", condition("{ended: §[left]}"), "in a story only"),
    Broken("condition misspelt", "unknown-key", condition("{§sayd: [hi]}"), "allowed: after", "said"),
    Broken("bound of a relation", "bad-form", condition("{trust: §2}"), "such as >=0.5 or <-0.2, is '2'"),
    Broken("name of a condition", "bad-name", ward("topics:", "conditions: {§Night: {after: 1}}\ntopics:"), "'Night'"),
    Broken("condition is a list", "wrong-type", condition("§[a]"), "a mapping", field="conditions.night"),
    Broken(
        "enters after the end",
        "out-of-range",
        wards(("persona: rosa", "persona: rosa\n    enters: §8"), ("first: visitor", "first: nurse")),
        "8 acts",
        alone=False,
    ),
    Broken("all enter", "nobody-there", alone_at("a\n    enters: §3"), "every seat enters later"),
    Broken(
        "opens before entering",
        "not-there-yet",
        wards(
            ("persona: rosa", "persona: rosa\n    enters: 2"),
            ("first: visitor", "first: nurse"),
            ("seat: visitor", "seat: §visitor"),
        ),
        "'visitor' enters later",
        field="openings.0.seat",
    ),
    Broken(
        "first before entering",
        "not-there-yet",
        wards(("place: office", "place: office\n    enters: 2"), ("first: visitor", "first: §nurse")),
        "'nurse' enters later",
    ),
    Broken("happens at no time", "no-cue", ward("- at: 3\n    text", "- §text"), "at, when, enters"),
    Broken("happening without its at", "no-cue", ward("at: 3", "§at: ~"), "nothing says when"),
    Broken("waits for nothing there", "unknown-condition", ward("at: 3", "when: §nihgt"), "no condition 'nihgt'"),
    Broken(
        "waits for what is misspelt",
        "unknown-condition",
        wards(("topics:", "conditions: {night: {after: 2}}\ntopics:"), ("at: 3", "when: §nigth")),
        "allowed: night",
        "night",
    ),
    Broken("entered nowhere", "unknown-place", ward("at: 3", "enters: §ofice"), "", "office", "happenings.0.enters"),
    Broken("entered by nobody", "unknown-seat", ward("at: 3", "enters: office\n    by: [§nurze]"), "", "nurse"),
    Broken("by without enters", "pointless", ward("at: 3", "at: 3\n    by: §[nurse]"), "who must enter"),
    Broken("chance over one", "out-of-range", ward("at: 3", "at: 3\n    probability: §1.5"), "between 0 and 1"),
    Broken("changes nobody", "unknown-seat", intervention("{seat: §nurze, at: 1, goal: g}"), "", "nurse"),
    Broken("changes at no time", "no-cue", intervention("§{seat: nurse, goal: g}"), "one of at, when"),
    Broken("changes nothing", "no-effect", intervention("§{seat: nurse, at: 1, goal: ''}"), "memory, whisper, goal"),
    Broken("changes too late", "out-of-range", intervention("{seat: nurse, at: §8, goal: g}"), "ends after 8 acts"),
    Broken("changes on no condition", "unknown-condition", intervention("{seat: nurse, when: §x, goal: g}"), "(none)"),
    Broken(
        "changes to no emotion",
        "unknown-word",
        intervention("{seat: nurse, at: 1, emotion: §Sadd}"),
        "",
        "Sad",
        "interventions.0.emotion",
    ),
    Broken("memory's template", "bad-template", intervention('{seat: nurse, at: 1, memory: §"{{ x }}"}'), "'x'"),
    Broken("whisper's template", "bad-template", intervention('{seat: nurse, at: 1, whisper: §"{{ x }}"}'), "'x'"),
    Broken("new goal's template", "bad-template", intervention('{seat: nurse, at: 1, goal: §"{{ x }}"}'), "'x'"),
    Broken(
        "warmth out of range", "out-of-range", ward("kind: neighbour of", "kind: n, warmth: §2"), "between -1 and 1"
    ),
]

STORY = [
    Broken(
        "no cast", "missing", with_files({"stories/a.yaml": "§title: T\nchapters: []\n"}), "", field="cast", alone=False
    ),
    Broken(
        "no chapters",
        "missing",
        with_files({"stories/a.yaml": "title: T\ncast: [{id: a}]\nchapters: §[]\n"}),
        "not be empty",
        alone=False,
    ),
    Broken("chapter misspelt", "unknown-key", story("after: 3", "§aftr: 3"), "", "after", "chapters.second.aftr"),
    Broken("no length of time", "bad-form", story("3 days", "§a while"), "such as 20 minutes"),
    Broken(
        "story and scene of one id",
        "duplicate-id",
        with_files({"stories/ward.yaml": NIGHTS}),
        "is the id of the scene",
        field="id",
        file="stories/ward.yaml",
    ),
    Broken(
        "two stories of one id",
        "duplicate-id",
        {**story(), "scenes/stories/nights.yaml": NIGHTS},
        "'nights' is the id of",
        file="scenes/stories/nights.yaml",
    ),
    Broken("story of another name", "id-mismatch", story("title:", "id: §days\ntitle:"), "file's name says 'nights'"),
    Broken("part twice", "duplicate-part", story("id: carer", "id: §visitor"), "on line 3", alone=False),
    Broken("part of a meaning", "bad-name", story("  - id: carer", "  - id: §main\n  - id: carer"), "", alone=False),
    Broken("chapter twice", "duplicate-chapter", story("id: second", "id: §first"), "on line 10", alone=False),
    Broken("chapter end", "bad-name", story("id: second", "id: §end"), "'end' has a meaning"),
    Broken(
        "chapter of the graph", "bad-name", story("id: second", "id: §__end__"), "a meaning of its own", alone=False
    ),
    Broken("chapter of the state", "bad-name", story("id: second", "id: §minds"), "choose another"),
    Broken("part is nobody", "unknown-persona", story("persona: ben", "persona: §bem"), "no persona 'bem'", "ben"),
    Broken("part refuses nobody", "unknown-persona", story("persona: ben", "who: {not: [§bem]}"), "", "ben"),
    Broken("one persona, two parts", "same-persona-twice", story("persona: ben", "persona: §rosa"), "on line 4"),
    Broken("nobody for a part", "no-candidate", story("persona: ben", 'who: §{age: ">119"}'), "this open part"),
    Broken("part of no age", "out-of-range", story("persona: ben", "who: {age: §55-40}"), "smaller", alone=False),
    Broken("part's career", "unknown-word", story("persona: ben", "who: {career: [nurse, §nurs]}"), "", "nurse"),
    Broken("part's trait", "unknown-word", story("persona: ben", "who: {traits: [warm, dry, §waarm]}"), "", "warm"),
    Broken("part's skill", "unknown-word", story("persona: ben", "who: {skills: [chess, §ches]}"), "", "chess"),
    Broken("part's gender", "unknown-word", story("persona: ben", "who: {gender: [man, §mann]}"), "", "man"),
    Broken(
        "part without a seat", "unseated-part", story("conditions:", "  - id: §ghost\nconditions:"), "no seat in any"
    ),
    Broken(
        "no such scene",
        "unknown-scene",
        {**SOUND, "stories/nights.yaml": NIGHTS.replace("scene: ward", "scene: §wardd", 1)},
        "no scene 'wardd'",
        "ward",
        "chapters.first.scene",
    ),
    Broken(
        "seat not of the scene",
        "unknown-seat",
        story("      nurse: carer", "      nurse: carer\n      §nurze: visitor"),
        "allowed: nurse, visitor",
        "nurse",
        "chapters.second.seats.nurze",
    ),
    Broken("part not of the story", "unknown-part", story("      nurse: carer", "      nurse: §caror"), "", "carer"),
    Broken(
        "part in two seats",
        "same-part-twice",
        story("      nurse: carer", "      nurse: §visitor"),
        "the seats 'nurse' and 'visitor'",
        alone=False,
    ),
    Broken(
        "nobody in a seat",
        "untaken-seat",
        dusk("id: nurse"),
        "is open in this scene: guest;",
        field="chapters.a.scene",
    ),
    Broken(
        "persona as part and as guest",
        "same-persona-twice",
        dusk("id: guest, persona: ben"),
        "'ben' at 'nurse'",
    ),
    Broken(
        "nobody but the guest",
        "no-candidate",
        dusk("id: guest, who: §{career: [nurse], age: '34'}"),
        "this open part",
    ),
    Broken("way to nowhere", "unknown-chapter", story("to: end", "to: §secnd"), "no chapter 'secnd'", "second"),
    Broken("way without its condition", "unknown-condition", story("when: cold", "when: §colt"), "", "cold"),
    Broken(
        "way never taken",
        "unreachable-way",
        story("      - {when: cold, to: end}", "      - to: second\n      - §{when: cold, to: end}"),
        "way on line 14 has no `when`",
    ),
    Broken(
        "chapter never reached",
        "unreachable-chapter",
        story(
            "{when: cold, to: end}",
            "{to: third}",
            "id: second",
            "id: §second",
            more="  - {id: third, scene: ward, seats: {nurse: carer}}\n",
        ),
        "no way leads to 'second'",
    ),
    Broken("time before the first", "pointless", story("    then:", "    after: §2 hours\n    then:"), "comes before"),
    Broken(
        "story's condition of nothing",
        "empty-condition",
        story('{seat: visitor, toward: carer, warmth: "<0"}', "§{seat: visitor}"),
        "asks for nothing",
    ),
    Broken("story's condition of nobody", "unknown-part", story("seat: visitor", "seat: §nurse"), "carer, visitor"),
    Broken("story's condition toward nobody", "unknown-part", story("toward: carer", "toward: §karer"), "", "carer"),
    Broken(
        "story's condition nowhere",
        "unknown-place",
        story('warmth: "<0"', 'warmth: "<0", place: §ofice'),
        "corridor, office, out",
        "office",
    ),
    Broken(
        "story's condition of a feeling",
        "unknown-word",
        story('toward: carer, warmth: "<0"', "feels: [§Sadd]"),
        "",
        "Sad",
    ),
    Broken(
        "story's condition of no end",
        "unknown-choice",
        story('warmth: "<0"', 'warmth: "<0", ended: [§lft]'),
        "",
        "left",
    ),
    Broken("goal of no seat", "unknown-seat", story("{nurse: get", "{§carer: get"), "allowed: nurse, visitor"),
    Broken("line of no seat", "unknown-seat", story("      visitor: [", "      §vistor: ["), "", "visitor"),
    Broken(
        "line before entering",
        "not-there-yet",
        dusk("id: guest", ", openings: {§guest: Hello?}"),
        "'guest' enters later",
    ),
    Broken("chapter too short to enter", "out-of-range", dusk("id: guest", ", max_turns: §5"), "enters before act 5"),
    Broken("chapter too short", "out-of-range", story("max_turns: 6", "max_turns: §1"), "min_turns is 2"),
    Broken("chapter's topic", "unknown-word", story("[health]", "[§helth]"), "", "health", "chapters.second.topics.0"),
    Broken(
        "chapter's background",
        "bad-template",
        story("The lift runs again, and {{ nurse.name }} has company.", '§"{{ carer.name }}"'),
        "'carer'",
        field="chapters.second.background",
    ),
    Broken("chapter's status", "bad-template", story("    after:", '    status: §"{{ x }}"\n    after:'), "'x'"),
    Broken("chapter's goal", "bad-template", story("{nurse: get home early}", '{nurse: §"{{ x }}"}'), "'x'"),
    Broken(
        "chapter's line",
        "bad-template",
        story('["{{ nurse.name }}, again?"]', '[a, §"{{ x }}"]'),
        "'x'",
        field="chapters.second.openings.visitor.1",
    ),
    Broken("chapter's only line", "bad-template", story('["{{ nurse.name }}, again?"]', '§"{{ x }}"'), "'x'"),
    Broken("address in a story", "forbidden", story("after: 3", "§base_url: 3"), "only the user's command"),
    Broken("bomb of a story", "too-many-nodes", with_files({"stories/a.yaml": bomb()}), "more than 20000 values"),
    Broken("story no mapping", "not-a-mapping", with_files({"stories/a.yaml": "§- x\n"}), "the file holds a list"),
    Broken(
        "story larger than a file", "too-large", with_files({"stories/a.yaml": HUGE}), "10485", file="stories/a.yaml"
    ),
]

ALL = [*FORM, *YAML, *CAST, *SCENE, *CONDITION, *STORY]
