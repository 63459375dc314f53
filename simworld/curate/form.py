"""Filters of a transcript's form: unfinished, cut, strangers, a silent main speaker, markup in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from simworld.curate.case import Bounds, Case, Found, shortened
from simworld.schema import NARRATOR

_TAG = re.compile(
    r"</?(?:say|think|thought|do|feel|move|note|speech|action)\b[^>]*>|<\|[^|>\n]{1,40}\|>|\[/?INST\]|</?s>"
    r"|<(?:start|end)_of_turn>|<br ?/?>|\\n|&(?:amp|lt|gt|quot|nbsp);"
)
_STAGE = re.compile(r"(?:^|(?<=[.!?…\"”] )|\n)\s*(?:\*[^*\n]{3,}\*|\([^()\n]{3,80}\)|\[[^\[\]\n]{3,80}\])")
_LABEL = re.compile(r"^\s*\(?(?:speaking|thinking|narration|says|thinks)\)?\s*:")
_QUOTE = re.compile(r"[\"“”]")
_NARRATED = re.compile(
    r"[,.!?…—-][\"”]\s+(?P<who>[Hh]e|[Ss]he|[Tt]hey|I|[A-Z][\w'’-]+)"
    r"(?: [A-Z][\w'’-]+)?,? (?:[a-z]+ly )?[a-z]+(?:s|ed|d|t)\b"
)
_WHO = frozenset({"he", "she", "they", "i"})
_ENDED = re.compile(r"[.!?…。！？\"”’')\]*~:;—–-]\s*$")


def incomplete(case: Case, bounds: Bounds) -> Iterator[Found]:
    """The dialogue did not come to its end."""
    del bounds
    status = case.transcript.status
    if status != "complete":
        detail = case.transcript.ending.detail
        yield Found(f"{status}{f': {shortened(detail, 60)}' if detail else ''}")


def cut(case: Case, bounds: Bounds) -> Iterator[Found]:
    """A turn breaks off: its reply was cut, or a long one ends without a mark where all others have one."""
    marked = tuple(turn.n for turn in case.transcript.turns if "cut" in turn.faults)
    if marked:
        yield Found("cut", marked)
    texts = [
        turn
        for turn in (*case.said, *case.thoughts)
        if case.people.get(turn.seat) and case.people[turn.seat].role == "character"
    ]
    open_ended = [turn for turn in texts if not _ENDED.search(turn.text)]
    if len(open_ended) <= bounds["open_share"] * len(texts):
        torn = tuple(
            sorted(turn.n for turn in open_ended if len(turn.text.split()) >= bounds["words"] and turn.n not in marked)
        )
        if torn:
            yield Found("ends without a mark, as nothing else here does", torn)


def outsider(case: Case, bounds: Bounds) -> Iterator[Found]:
    """Somebody speaks who has no seat, or of whom nothing but the name is known while others have profiles."""
    del bounds
    strangers = [turn for turn in case.transcript.turns if turn.seat != NARRATOR and turn.seat not in case.people]
    for seat in dict.fromkeys(turn.seat for turn in strangers):
        yield Found(f"'{seat}' has no seat", tuple(turn.n for turn in strangers if turn.seat == seat))
    characters = case.characters
    if any(one.profile for one in characters):
        for one in characters:
            if not one.profile:
                yield Found(
                    f"nothing is known of {one.name} but the name", tuple(turn.n for turn in case.said_by(one.seat))
                )


def absent(case: Case, bounds: Bounds) -> Iterator[Found]:
    """The main speaker says nothing, or nobody else does."""
    del bounds
    speakers = {turn.seat for turn in case.said}
    main = case.transcript.main
    if main not in speakers:
        yield Found(f"{case.transcript.seats[main].name}, the main speaker, says nothing")
    if len(speakers) == 1 and len(case.transcript.seats) == 1:
        yield Found("there is nobody to talk to")


def markup(case: Case, bounds: Bounds) -> Iterator[Found]:
    """What is said or thought holds tags, stage directions, or a label of its kind."""
    tags = [
        (turn.n, hit[0])
        for turn in case.transcript.turns
        if (hit := _TAG.search(turn.text) or _LABEL.search(turn.text))
    ]
    if tags:
        yield Found(
            f"markup in the text: {shortened(tags[0][1].strip(), 30)}", tuple(n for n, _ in tags), float(len(tags))
        )
    staged = [turn for turn in case.said if case.people[turn.seat].role == "character" and _STAGE.search(turn.text)]
    if len(staged) >= max(1, bounds["staged_share"] * len(case.said)):
        first = _STAGE.search(staged[0].text)
        told = shortened(first[0].strip(), 40) if first else ""
        yield Found(
            f"an action in what is said: {told}", tuple(turn.n for turn in staged), len(staged) / len(case.said)
        )


def narration(case: Case, bounds: Bounds) -> Iterator[Found]:
    """What is said is told as a book tells it: '"Come in," she says, and smiles.'"""
    found: list[tuple[int, str]] = []
    names = {name for one in case.people.values() for name in one.names}
    for turn in case.said:
        quote = _QUOTE.search(turn.text)
        # who tells what somebody else said opens the quotation in mid-sentence
        if quote and (not turn.text[: quote.start()].strip() or not turn.text[quote.start() - 1].isspace()):
            told = [one for one in _NARRATED.finditer(turn.text) if one["who"].lower() in _WHO or one["who"] in names]
            if told:
                found.append((turn.n, told[0][0]))
    if len(found) >= bounds["turns"]:
        yield Found(f"narrated: '{shortened(found[0][1], 40)}'", tuple(n for n, _ in found), float(len(found)))
