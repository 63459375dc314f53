"""Filters of how it is said: repetition, goodbyes, length, language, private numbers, unwanted words, thoughts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

from simworld.curate.case import Bounds, Case, Found, shortened
from simworld.text.farewell import is_farewell
from simworld.text.minhash import split_words
from simworld.text.private import masked
from simworld.text.words import stop_words, whole
from simworld.usersim.prepare.language import identify

_LETTERS = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def repetition(case: Case, bounds: Bounds) -> Iterator[Found]:
    """The same line again, a loop inside a turn, or a dialogue that goes in circles."""
    yield from _lines_again(case, bounds)
    for turn in case.said:
        words = split_words(turn.text)
        times, run = looped(words)
        if times >= bounds["loop_times"] and times * len(run) >= bounds["loop_words"]:
            yield Found(f"loop: '{shortened(' '.join(run), 40)}' {times} times in a row", (turn.n,), float(times))
        elif (share := _looped_share(words, bounds)) >= bounds["loop_share"]:
            yield Found(f"{share:.0%} of the turn are phrases that it has three times or more", (turn.n,), share)
    yield from _circles(case, bounds)


def _lines_again(case: Case, bounds: Bounds) -> Iterator[Found]:
    seen: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for turn in case.said:
        words = tuple(split_words(turn.text))
        if len(words) >= bounds["line_words"]:
            seen.setdefault((turn.seat, words), []).append(turn.n)
    for (_, words), turns in seen.items():
        if len(turns) > bounds["same_lines"]:
            yield Found(f"said again: '{shortened(' '.join(words), 60)}'", tuple(turns), float(len(turns)))


def looped(words: Sequence[str]) -> tuple[int, Sequence[str]]:
    """How often the most repeated run of 1 to 12 words follows itself without a gap, and that run."""
    best, found = 1, words[:0]
    for period in range(1, min(12, len(words) // 2) + 1):
        same = longest = end = 0
        for at in range(period, len(words)):
            same = same + 1 if words[at] == words[at - period] else 0
            if same > longest:
                longest, end = same, at + 1
        if longest // period + 1 > best:
            best, found = longest // period + 1, words[end - period : end]
    return best, found


def _looped_share(words: Sequence[str], bounds: Bounds) -> float:
    """Share of a turn's words in runs of four that stand in it three times or more."""
    if len(words) < bounds["loop_least_words"]:
        return 0.0
    counts = Counter(tuple(words[at : at + 4]) for at in range(len(words) - 3))
    inside = [False] * len(words)
    for at in range(len(words) - 3):
        if counts[tuple(words[at : at + 4])] >= 3:
            inside[at : at + 4] = [True] * 4
    return sum(inside) / len(words)


def _circles(case: Case, bounds: Bounds) -> Iterator[Found]:
    """Turns most of whose runs of four words were said before, by whomever."""
    seen: set[tuple[str, ...]] = set()
    again: list[int] = []
    counted = 0
    for turn in case.said:
        words = split_words(turn.text)
        runs = {tuple(words[at : at + 4]) for at in range(len(words) - 3)}
        if len(words) >= bounds["circle_least_words"]:
            counted += 1
            if len(runs & seen) >= bounds["circle_likeness"] * len(runs):
                again.append(turn.n)
        seen |= runs
    if len(again) >= bounds["circle_turns"] and len(again) >= bounds["circle_share"] * counted:
        yield Found("goes in circles: most of these turns was said before", tuple(again), len(again) / counted)


def endless_goodbye(case: Case, bounds: Bounds) -> Iterator[Found]:
    """Both sides take leave over and over at the end."""
    tail: list[tuple[int, str, bool]] = []
    for turn in reversed(case.said):
        tail.append((turn.n, turn.seat, is_farewell(turn.text) or _is_parting(turn.text)))
    best: list[tuple[int, str]] = []
    leaves: list[tuple[int, str]] = []
    for length, (n, seat, leaving) in enumerate(tail, 1):
        if leaving:
            leaves.append((n, seat))
            if len(leaves) >= bounds["tail_share"] * length:
                best = list(leaves)
    by_seat = Counter(seat for _, seat in best)
    several = sum(count >= bounds["each"] for count in by_seat.values()) > 1
    if len(best) > bounds["farewells"] and several:
        yield Found(f"{len(best)} farewells at the end", tuple(sorted(n for n, _ in best)), float(len(best)))


def _is_parting(text: str) -> bool:
    """Whether a short turn wishes well in parting, as 'You too, take care!' does."""
    return len(_WORD.findall(text)) <= 25 and _partings().search(text) is not None


@cache
def _partings() -> re.Pattern[str]:
    from simworld.prompts import data

    found = sorted(
        (one.strip() for one in str(data("curate/phrases.yaml")["partings"]).split("|")), key=len, reverse=True
    )
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, found))})\b", re.IGNORECASE)


def length(case: Case, bounds: Bounds) -> Iterator[Found]:
    """Too few or too many turns, too few words in all, turns that are empty or far too long."""
    said = len(case.said)
    if said < bounds["least_turns"]:
        yield Found(f"{said} spoken turns, fewer than {bounds['least_turns']}", (), float(said))
    if said > bounds["most_turns"]:
        yield Found(f"{said} spoken turns, more than {bounds['most_turns']}", (), float(said))
    counts = [(turn.n, len(turn.text.split())) for turn in case.said]
    total = sum(count for _, count in counts)
    if said and total < bounds["least_words"]:
        yield Found(f"{total} words in all, fewer than {bounds['least_words']}", (), float(total))
    long = tuple(n for n, count in counts if count > bounds["most_words"])
    if long:
        yield Found(f"more than {bounds['most_words']} words", long, float(max(count for _, count in counts)))
    empty = tuple(
        turn.n for turn in case.transcript.turns if turn.kind in ("say", "think", "do") and not turn.text.strip()
    )
    if len(empty) > bounds["empty_turns"]:
        yield Found("empty", empty, float(len(empty)))


def thought_share(case: Case, bounds: Bounds) -> Iterator[Found]:
    """The share of thoughts among what is said and thought lies outside its bounds."""
    both = len(case.said) + len(case.thoughts)
    acted = any(seat.format == "acted" for seat in case.transcript.seats.values())
    if not both or not acted:
        return
    share = len(case.thoughts) / both
    if not bounds["least_share"] <= share <= bounds["most_share"]:
        yield Found(f"{share:.0%} of the turns are thoughts", (), share)


def language(case: Case, bounds: Bounds) -> Iterator[Found]:
    """Turns in another language than those that are wanted; short ones of a speaker are read together."""
    wanted = bounds["wanted"]
    for texts in _readable(case, int(bounds["letters"])):
        text = " ".join(one for _, one in texts)
        if "en" in wanted and _is_plainly_english(text):
            continue
        found = identify(text[:1000])
        others = sorted((code for code in found if code not in wanted), key=lambda code: (-found[code], code))
        # neighbours share what is one language to a reader: Arabic and its dialects, Danish and Norwegian
        sure = sum(found[code] for code in others[:3])
        if sure >= bounds["sure"] and sum(found.get(code, 0.0) for code in wanted) < bounds["improbable"]:
            yield Found(f"reads as {others[0]}: '{shortened(text, 50)}'", tuple(n for n, _ in texts), sure)


def _is_plainly_english(text: str) -> bool:
    """Whether every third word is one of English's most common: no identifier need be asked."""
    found = [word.lower().replace("’", "'") for word in _WORD.findall(text[:1000])]
    return sum(word in stop_words() for word in found) * 3 >= len(found)


def _readable(case: Case, letters: int) -> Iterator[list[tuple[int, str]]]:
    """Each turn that is long enough to be read alone, and each speaker's others together where those are."""
    short: dict[str, list[tuple[int, str]]] = {}
    for turn in case.said:
        if _size(turn.text) >= letters:
            yield [(turn.n, turn.text)]
        else:
            short.setdefault(turn.seat, []).append((turn.n, turn.text))
    for texts in short.values():
        if sum(_size(text) for _, text in texts) >= letters:
            yield texts


def _size(text: str) -> int:
    """Bytes of the letters: of writing with many letters fewer are enough to tell a language."""
    return len("".join(_LETTERS.findall(text[:1000])).encode("utf-8", "surrogatepass"))


def pii(case: Case, bounds: Bounds) -> Iterator[Found]:
    """Addresses, numbers and keys of real people, as `text.private` knows them."""
    del bounds
    for turn in case.transcript.turns:
        text, count = masked(turn.text)
        if count:
            kinds = sorted(set(re.findall(r"<(EMAIL|PHONE|KEY|IBAN|CARD|SSN|IP)>", text)))
            yield Found(f"private: {', '.join(kinds).lower()}", (turn.n,), float(count))


def unwanted(case: Case, bounds: Bounds) -> Iterator[Found]:
    """One of the unwanted words stands whole in a turn, in any case."""
    words: tuple[str, ...] = tuple(bounds["words"])
    if not words:
        return
    pattern = whole(words, any_case=True)
    for turn in case.transcript.turns:
        found = sorted({match.casefold() for match in pattern.findall(turn.text)})
        if found:
            yield Found(f"unwanted: {', '.join(found)}", (turn.n,), float(len(found)))
