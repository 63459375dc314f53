"""Reflection: what a mind makes of what it remembers: beliefs, each with pointers to its evidence.

    if due(mind):
        memories = chosen(mind)
        beliefs = condense(memories, "Marek Brenner", {"ana": "Ana Reis"})      # or read_beliefs(a model's answer, ids)
        as_memories(beliefs, mind, scene="ward-000003", at=31)

`condense` needs no model: it finds what somebody comes back to; its sentences are templates/mind/reflection.yaml.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from simworld.mind.gist import LONGEST, words_of
from simworld.prompts import data
from simworld.schema import Memory, Mind
from simworld.text.words import content_words, stem

EVERY = 12.0
"""Importance that must gather before a mind reflects. Dialogues of 16 to 22 acts over half of the built-in scenes
brought 3.3 on average and 5.0 at the most, with the embedded default: an ordinary one does not come to it, a long one
or a story of a few scenes does."""
CHOSEN = 30
"""Memories that a reflection looks at."""
TOLD = 180
"""Characters of the words that an extracted belief quotes."""


@dataclass(frozen=True, slots=True)
class Belief:
    """What a reflection has condensed."""

    text: str
    evidence: tuple[int, ...]
    """Ids of the memories it rests on."""
    who: tuple[str, ...] = ()
    """Personas it is about; empty: those of its evidence."""
    importance: float = 0.0
    """0..1; at least that of its weightiest evidence."""


def due(mind: Mind, every: float = EVERY) -> bool:
    """Whether enough has gathered since the last reflection (`Mind.unreflected`) to reflect now."""
    return mind.unreflected >= every


def chosen(mind: Mind) -> tuple[Memory, ...]:
    """The at most 30 weightiest episodes since the last reflection that brought a belief, the oldest first."""
    last = max((memory.id for memory in mind.memories if memory.kind == "belief" and memory.evidence), default=-1)
    fresh = [memory for memory in mind.memories if memory.kind == "episode" and memory.id > last]
    weighty = sorted(fresh, key=lambda memory: (-memory.importance, -memory.id))[:CHOSEN]
    return tuple(sorted(weighty, key=lambda memory: memory.id))


def condense(memories: Sequence[Memory], me: str, names: Mapping[str, str], most: int = 3) -> tuple[Belief, ...]:
    """At most `most` beliefs by extraction: who comes back to what. No memory is evidence for two of them.

    `me` is the name of the one who reflects, `names` those of others by persona id. A belief rests on two memories or
    more of one person, on one matter, and never on private and open ones together: what was whispered is not told as
    said aloud.
    """
    unsaid = _no_matter().union(word.stem for name in (me, *names.values()) for word in content_words(f"name {name}"))
    told = [_told(memory, names) for memory in memories]
    groups = _groups(told, unsaid)
    beliefs: list[Belief] = []
    used: set[int] = set()
    while len(beliefs) < most:
        left = {key: [one for one in group if one.memory.id not in used] for key, group in groups.items()}
        left = {key: group for key, group in left.items() if len(group) > 1}
        if not left:
            break
        key = max(left, key=lambda key: (sum(one.memory.importance for one in left[key]), len(left[key]), key))
        beliefs.append(_belief(key[-1], left[key], names))
        used.update(one.memory.id for one in left[key])
    return tuple(beliefs)


def as_memories(beliefs: Sequence[Belief], mind: Mind, *, scene: str, at: int) -> tuple[Memory, ...]:
    """The beliefs as this mind's next memories; without those that it holds already in the same words.

    A belief is private where any of its evidence is.
    """
    by_id = {memory.id: memory for memory in mind.memories}
    known = {memory.text for memory in mind.memories if memory.kind == "belief"}
    new = {belief.text: belief for belief in beliefs if belief.text not in known}
    made: list[Memory] = []
    for belief in new.values():
        evidence = [by_id[id] for id in belief.evidence if id in by_id]
        made.append(
            Memory(
                id=mind.next_id + len(made), kind="belief", text=belief.text, minutes=mind.minutes, scene=scene, at=at,
                who=belief.who or tuple(dict.fromkeys(who for memory in evidence for who in memory.who)),
                private=any(memory.private for memory in evidence),
                importance=max([belief.importance, *(memory.importance for memory in evidence)]),
                emotion=mind.emotion.name, evidence=belief.evidence,
            )
        )  # fmt: skip
    return tuple(made)


_LINE = re.compile(
    r"^\s*(?:[-*•–—]+\s+|\(?\d{1,3}[.):]\s+)?(?P<text>\S.*?)\s*(?P<ids>\[[^\[\]]*\d[^\[\]]*\](?:[\s,;and]*\[[^\[\]]*\])*)[\s.*]*$"
)
_IDS = re.compile(r"(\d+)(?:\s*[-–]\s*(\d+))?")


def read_beliefs(text: str, known: Collection[int], most: int = 5) -> tuple[Belief, ...] | None:
    """The beliefs in a model's answer, one a line, each ending in its evidence: `She does not trust me. [3, 7]`.

    Bullets and numbers before it are passed over, and so are ids that are not `known`; a belief without any that is
    known is dropped. None where no line is a belief.
    """
    lines = [match for line in text.splitlines() if (match := _LINE.match(line))]
    if not lines:
        return None
    read = [Belief(_tidy(line["text"]), _evidence(line["ids"], known)) for line in lines]
    return tuple(belief for belief in read if belief.text and belief.evidence)[:most]


def _tidy(text: str) -> str:
    bare = re.sub(r"[*_`]{2,}", "", " ".join(text.split())).strip(' "“”')
    return bare if len(bare) <= LONGEST else f"{bare[: LONGEST - 1].rsplit(' ', 1)[0]}…"


def _evidence(ids: str, known: Collection[int]) -> tuple[int, ...]:
    found: set[int] = set()
    for first, last in _IDS.findall(ids):
        low, high = int(first), int(last or first)
        found.update(id for id in known if low <= id <= high)
    return tuple(sorted(found))


class _Told(NamedTuple):
    """A memory and how it is told: by whom, in which of the forms, with which words."""

    memory: Memory
    who: str
    """Persona id; '' where it is oneself or nobody."""
    form: str
    words: str


_SENTENCE = re.compile(r"(?<=[.!?…])\s+")
_Key = tuple[str, str, str]
"""Persona id, form, stem."""


def _told(memory: Memory, names: Mapping[str, str]) -> _Told:
    """Read from the memory's words: who did it is told first."""
    who = memory.who[0] if memory.who and memory.who[0] in names else ""
    name = names[who] if who else ""
    for one, kind, form in _READ:
        words = words_of(name if one == "other" else "", kind, memory.text) if name or one == "own" else None
        if words:
            return _Told(memory, who if one == "other" else "", _private(form) if memory.private else form, words)
    if name and memory.text.startswith(f"{name} "):
        return _Told(memory, who, "confided" if memory.private else "did", memory.text)
    return _Told(memory, "", "own_thought" if memory.private else "happened", memory.text)


_READ = (
    ("other", "whisper", "confided"), ("other", "say", "said"), ("own", "think", "own_thought"),
    ("own", "say", "own_said"), ("own", "whisper", "own_thought"), ("own", "aside", "own_thought"),
    ("own", "do", "own_did"),
)  # fmt: skip
"""Whose turns of which kind are told of by which form."""


def _private(form: str) -> str:
    """The form for what was not meant for all."""
    return {"said": "confided", "own_said": "own_thought", "own_did": "own_thought"}.get(form, form)


@cache
def _no_matter() -> frozenset[str]:
    return frozenset(stem(word) for word in data("mind/reflection.yaml")["no_matter"].split())


def _groups(told: Iterable[_Told], unsaid: Collection[str]) -> dict[_Key, list[_Told]]:
    """What is told by (person, form, stem of a content word); names are no matter to come back to."""
    groups: dict[_Key, list[_Told]] = defaultdict(list)
    for one in told:
        stems = dict.fromkeys(word.stem for word in content_words(one.words))
        for each in stems:
            if each not in unsaid and len(each) > 2 and not each[0].isdigit():
                groups[one.who, one.form, each].append(one)
    return groups


def _belief(topic: str, group: Sequence[_Told], names: Mapping[str, str]) -> Belief:
    """One sentence for a group: its matter, and the words of its weightiest memory."""
    best = max(group, key=lambda one: (one.memory.importance, one.memory.id))
    spelt = Counter(word.text.casefold() for one in group for word in content_words(one.words) if word.stem == topic)
    text = data("mind/reflection.yaml")[best.form].format(
        name=names.get(best.who, ""),
        topic=max(spelt, key=lambda word: (spelt[word], word)),
        text=_quoted(best.words, topic),
    )
    evidence = tuple(sorted(one.memory.id for one in group))
    importance = max(one.memory.importance for one in group)
    return Belief(text, evidence, (best.who,) if best.who else (), importance)


def _quoted(words: str, topic: str) -> str:
    """The sentence that speaks of the topic; the fullest where several do."""
    sentences = {one: [word.stem for word in content_words(one)] for one in _SENTENCE.split(words)}
    speaking = [one for one, stems in sentences.items() if topic in stems]
    bare = max(speaking, key=lambda one: len(sentences[one]), default=words).replace('"', "'")
    return bare if len(bare) <= TOLD else f"{bare[: TOLD - 1].rsplit(' ', 1)[0]}…"
