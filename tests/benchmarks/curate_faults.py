"""What the filters of `simworld curate` find: flags of SimsConv, and 300 faults planted into sound dialogues.

    python -m tests.benchmarks.curate_faults --data $SIMWORLD_DATA        # the tables of docs/curation.md
    python -m tests.benchmarks.curate_faults --data $SIMWORLD_DATA --half dev --misses

(a) SimsConv is imported and curated; beside each of the source's `flags` stands how many of its dialogues a filter
    found, and how many dialogues of the 992 each filter finds anything in.
(b) Into 300 dialogues without a flag, drawn by a hash, faults of ten kinds are planted, 30 each, from text that
    the filters' word lists were not made from: sentences of another persona's profile in the first person, openings
    of assistants' answers, thoughts paraphrased by a small table of synonyms, people's last words, made-up private
    numbers, near copies, loops, the other speaker's lines, other languages, emotions that do not go with the words.
    Half of each kind is for tuning (`dev`); what is reported is the other half. What a filter finds in the dialogues
    without a plant counts as a false alarm, although SimsConv has faults of its own there.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

from simworld.corpus.cast import copy_cast
from simworld.corpus.imports.simsconv import import_simsconv
from simworld.corpus.store import Corpus, shard_file, to_line
from simworld.curate.recipe import recipe_of
from simworld.curate.run import curate
from simworld.schema import Transcript, Turn

EACH = 30
FLAGS = {
    "truncated": "cut", "speaker_not_in_roster": "outsider", "main_absent": "outsider absent", "no_partner": "absent",
    "narration": "", "role_held_text": "", "multi_partner": "", "literal_backslash_n": "markup",
    "action_held_text": "markup narration", "action_empty": "markup", "action_variant": "markup", "topic_nonlabel": "",
    "topic_free_text": "",
}  # fmt: skip
"""Flag of the source -> the filters that would see it in the text; none: it is no fault of the dialogue, or stands in
its header alone."""
FILTER_OF = {
    "persona": "contradiction", "assistant": "assistant_speak", "thought": "thought_leak", "goodbye": "endless_goodbye",
    "private": "pii", "copy": "near", "loop": "repetition", "others": "speaks_for_others", "language": "language",
    "emotion": "emotion_mismatch",
}  # fmt: skip
ENGLISH = frozenset("the and of to is that for with you it are on this i can your".split())  # noqa: SIM905
"""Of these a text in another language has none: what `lang` says is true of a conversation, not of each turn."""
SYNONYMS = {
    "need": "have", "make": "create", "think": "believe", "show": "prove", "understand": "grasp", "see": "notice",
    "important": "vital", "beautiful": "lovely", "interesting": "curious", "great": "grand", "good": "fine",
    "help": "aid",
    "people": "folk", "work": "labour", "right": "correct", "point": "argument", "start": "begin", "idea": "notion",
    "world": "planet", "way": "manner", "maybe": "perhaps", "feel": "sense", "words": "remarks", "keep": "hold",
    "hope": "trust", "love": "adore", "find": "discover", "talk": "speak", "change": "shift", "story": "tale",
}  # fmt: skip
FIRST_PERSON = (
    (r"\bYou are\b", "I am"), (r"\byou are\b", "I am"), (r"\bYou're\b", "I'm"), (r"\byou're\b", "I'm"),
    (r"\bYou\b", "I"), (r"\byou\b", "I"), (r"\bYour\b", "My"), (r"\byour\b", "my"), (r"\byourself\b", "myself"),
)  # fmt: skip


@dataclass(frozen=True)
class Plant:
    """A dialogue with its fault."""

    kind: str
    transcript: Transcript
    told: str
    """What was planted."""


class Sources:
    """Text to plant."""

    def __init__(self, data: Path) -> None:
        self.profiles = [json.loads(line) for line in _lines(data / "simsconv" / "characters.jsonl")]
        self.assistants: list[str] = []
        self.foreign: list[str] = []
        for line in _lines(data / "sharegpt_sample" / "train.jsonl"):
            row = json.loads(line)
            for turn in row["conversations"]:
                opening = "".join(re.split(r"(?<=[.!?:])(\s)", turn["value"].strip())[:5])
                if turn["from"] == "gpt" and row["lang"] == "en" and 12 <= len(opening.split()) <= 60:
                    self.assistants.append(opening)
                text = " ".join(turn["value"].split())[:200]
                english = sum(word in ENGLISH for word in re.findall(r"[a-z]+", text.lower()))
                if (
                    row["lang"] != "en"
                    and len(text) >= 60
                    and not english
                    and not re.search(r"http|```|import |Web", text)
                ):
                    self.foreign.append(text)
        self.goodbyes: list[str] = []
        self.moods: dict[str, list[str]] = {}
        for line in _lines(data / "topical_chat" / "conversations.jsonl"):
            turns = json.loads(line)["turns"]
            last = [turn["content"].strip() for turn in turns[-2:] if len(turn["content"].split()) <= 20]
            self.goodbyes += [
                text for text in last if re.search(r"chat|talk|day|night|bye|later|care|week", text, re.I)
            ]
            for turn in turns:
                if 15 <= len(turn["content"].split()) <= 60:
                    self.moods.setdefault(turn["sentiment"], []).append(turn["content"].strip())


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        yield from file


def plants(clean: Sequence[Transcript], sources: Sources, others: Sequence[Transcript]) -> list[Plant]:
    """A fault into each of these dialogues, kind after kind."""
    kinds: dict[str, Callable[[Transcript, Random], tuple[Transcript, str]]] = {
        "persona": lambda one, draw: _persona(one, sources, draw),
        "assistant": lambda one, draw: _said(one, draw.choice(sources.assistants), draw),
        "thought": _thought,
        "goodbye": lambda one, draw: _goodbye(one, sources, draw),
        "private": _private,
        "copy": lambda one, draw: _copy(one, others, sources, draw),
        "loop": _loop,
        "others": _others,
        "language": lambda one, draw: _said(one, draw.choice(sources.foreign), draw),
        "emotion": lambda one, draw: _emotion(one, sources, draw),
    }
    made: list[Plant] = []
    waiting = list(clean)
    for kind, make in kinds.items():
        for _ in range(EACH):
            host = next(one for one in waiting if _fits(kind, one))
            waiting.remove(host)
            transcript, told = make(host, Random(f"{kind}:{host.id}"))
            made.append(Plant(kind, transcript, told))
    return made


def _fits(kind: str, one: Transcript) -> bool:
    spoken = Counter(turn.seat for turn in one.turns if turn.kind == "say")
    if kind == "thought":
        return any(turn.kind == "think" and len(turn.text.split()) >= 12 for turn in one.turns[:-2]) and len(spoken) > 1
    return len(spoken) > 1 and min(spoken.values()) >= 2


def _renumbered(one: Transcript, turns: Iterable[Turn]) -> Transcript:
    made = tuple(turn.model_copy(update={"n": n}) for n, turn in enumerate(turns))
    return one.model_copy(update={"turns": made})


def _spoken(one: Transcript) -> list[Turn]:
    return [turn for turn in one.turns if turn.kind == "say"]


def _said(one: Transcript, text: str, draw: Random) -> tuple[Transcript, str]:
    """In place of one turn."""
    turn = draw.choice(_spoken(one)[1:])
    return _renumbered(one, [t.model_copy(update={"text": text}) if t is turn else t for t in one.turns]), text


def _after(one: Transcript, turn: Turn, text: str) -> tuple[Transcript, str]:
    """Behind what one turn says."""
    longer = turn.model_copy(update={"text": f"{turn.text} {text}"})
    return _renumbered(one, [longer if t is turn else t for t in one.turns]), text


def _persona(one: Transcript, sources: Sources, draw: Random) -> tuple[Transcript, str]:
    """The first sentence of another's profile that holds a job or another age, of whoever speaks."""
    turn = draw.choice(_spoken(one)[1:])
    own = one.seats[turn.seat]
    age = next((row["age"] for row in sources.profiles if row["name"] == own.name), 28)
    rows = [row for row in sources.profiles if row["name"] not in {seat.name for seat in one.seats.values()}]
    draw.shuffle(rows)
    for row in rows:
        first = re.split(r"(?<=[a-z]{3}[.!?])\s*(?=[A-Z])", row["profile"])[0].replace(f"{row['name']}, ", "")
        if (abs(row["age"] - age) >= 2 and str(row["age"]) in first) or re.search(
            r"works? as|career|profession|\bjob\b", first
        ):
            for pattern, word in FIRST_PERSON:
                first = re.sub(pattern, word, first)
            return _after(one, turn, first)
    raise LookupError(one.id)


def _thought(one: Transcript, draw: Random) -> tuple[Transcript, str]:
    """A thought, paraphrased, said by its thinker next, or by somebody else."""
    thought = draw.choice([t for t in one.turns[:-2] if t.kind == "think" and len(t.text.split()) >= 12])
    later = [t for t in _spoken(one) if t.n > thought.n]
    heard = [t for t in later if t.seat != thought.seat]
    own = [t for t in later if t.seat == thought.seat]
    text = paraphrased(thought.text)
    if heard and (draw.random() < 0.6 or not own):
        for pattern, word in (
            (r"\bI'm\b", "you're"),
            (r"\bI\b", "you"),
            (r"\bmy\b", "your"),
            (r"\bme\b", "you"),
            (r"\bam\b", "are"),
        ):
            text = re.sub(pattern, word, text)
        return _after(one, heard[0], text)
    if not own:
        return _after(one, _spoken(one)[-1], text)
    said = own[0].model_copy(update={"text": text})
    return _renumbered(one, [said if t is own[0] else t for t in one.turns]), text


def paraphrased(text: str) -> str:
    """Other words for the common ones, and each sentence's parts about a comma turned round."""
    sentences: list[str] = []
    for sentence in re.split(r"(?<=[.!?]) ", text):
        head, comma, tail = sentence.rstrip(".!?").partition(", ")
        turned = f"{tail[:1].upper()}{tail[1:]}, {head[:1].lower()}{head[1:]}" if comma else head
        sentences.append(turned + (sentence[-1] if sentence[-1] in ".!?" else ""))
    return re.sub(r"[A-Za-z]+", lambda match: SYNONYMS.get(match[0], match[0]), " ".join(sentences))


def _goodbye(one: Transcript, sources: Sources, draw: Random) -> tuple[Transcript, str]:
    """Three to five farewells of each side behind the last turn."""
    seats = list(dict.fromkeys(turn.seat for turn in reversed(_spoken(one))))[:2]
    texts = draw.sample(sources.goodbyes, 2 * draw.randint(3, 5))
    last = one.turns[-1]
    more = [
        Turn(n=0, act=last.act + 1 + at, seat=seats[(at + 1) % 2], kind="say", text=text)
        for at, text in enumerate(texts)
    ]
    return _renumbered(one, [*one.turns, *more]), " / ".join(texts)


def _private(one: Transcript, draw: Random) -> tuple[Transcript, str]:
    digits = "".join(str(draw.randint(0, 9)) for _ in range(12))
    kind = draw.choice(["mail", "phone", "plus", "card", "iban", "ssn", "ip"])
    name = draw.choice(["k.velasco", "jutta_brandt", "obi.nwosu88", "theodora.p"])
    made = {
        "mail": f"Write to me at {name}@{draw.choice(['fastpost.net', 'northlake.org', 'quillmail.co.uk'])}.",
        "phone": f"Ring me on ({draw.randint(201, 989)}) {draw.randint(201, 989)}-{digits[:4]} tonight.",
        "plus": f"My number is +{draw.choice(['44', '49', '33'])} {digits[1:4]} {digits[4:7]} {digits[7:11]}.",
        "card": f"Put it on {_card(digits)}, the usual one.",
        "iban": f"Send it to {_iban(digits)} by Friday.",
        "ssn": f"My social is {draw.randint(101, 665)}-{draw.randint(11, 99)}-{draw.randint(1001, 9999)}.",
        "ip": f"The camera is at {'.'.join(str(draw.randint(11, 99)) for _ in range(4))}.",
    }[kind]
    return _after(one, draw.choice(_spoken(one)), made)


def _card(digits: str) -> str:
    body = f"4{digits[:12]}00"
    for check in range(10):
        number = f"{body}{check}"
        doubled = [int(c) * 2 - 9 * (int(c) * 2 > 9) if at % 2 == 0 else int(c) for at, c in enumerate(number)]
        if sum(doubled) % 10 == 0:
            return " ".join(number[at : at + 4] for at in range(0, 16, 4))
    raise AssertionError


def _iban(digits: str) -> str:
    body = f"37040044{digits[:10]}"
    check = 98 - int(f"{body}131400") % 97
    return f"DE{check:02d}{body}"


def _copy(one: Transcript, others: Sequence[Transcript], sources: Sources, draw: Random) -> tuple[Transcript, str]:
    """The turns of an earlier dialogue, 15 % of the words others."""
    original = draw.choice(
        [other for other in others if other.index < one.index and len(other.seats) == len(one.seats)]
    )
    words = [word for texts in sources.moods.values() for word in texts[0].split()]
    seats = dict(zip(original.seats, one.seats, strict=True))
    turns = [
        turn.model_copy(update={
            "text": " ".join(draw.choice(words) if draw.random() < 0.15 else word for word in turn.text.split()),
            "seat": seats.get(turn.seat, turn.seat),
        })
        for turn in original.turns
    ]  # fmt: skip
    return _renumbered(one, turns), original.id


def _loop(one: Transcript, draw: Random) -> tuple[Transcript, str]:
    turn = draw.choice(_spoken(one)[1:])
    way = draw.choice(["sentence", "tail", "turn"])
    if way == "turn":
        again = [t for t in _spoken(one) if t.seat == turn.seat]
        later = Turn(n=0, act=one.turns[-1].act + 1, seat=turn.seat, kind="say", text=again[0].text)
        return _renumbered(one, [*one.turns, later]), f"again: {again[0].text}"
    sentences = re.split(r"(?<=[.!?]) ", turn.text)
    text = (
        " ".join([draw.choice(sentences)] * draw.randint(3, 5))
        if way == "sentence"
        else (" ".join([" ".join(turn.text.split()[-draw.randint(2, 6) :])] * draw.randint(5, 9)))
    )
    return _after(one, turn, text)


def _others(one: Transcript, draw: Random) -> tuple[Transcript, str]:
    """The line that somebody else says next, behind one's own."""
    turns = _spoken(one)
    pairs = [(a, b) for a, b in pairwise(turns) if a.seat != b.seat]
    turn, after = draw.choice(pairs)
    name = one.seats[after.seat].name
    label = draw.choice(
        [f"\n{name}: ", f"\n{name.split()[0]}: ", f"\n\n**{name}**: ", f" {name}: ", f"\n{name} (speaking): "]
    )
    longer = turn.model_copy(update={"text": f"{turn.text}{label}{after.text}"})
    return _renumbered(one, [longer if t is turn else t for t in one.turns]), f"{label!r}"


def _emotion(one: Transcript, sources: Sources, draw: Random) -> tuple[Transcript, str]:
    """Asleep over the speech that there is; or Happy over what people said disgusted, sad, angry or afraid."""
    main = one.main
    asleep = draw.random() < 0.5
    emotion = "Asleep" if asleep else draw.choice(["Happy", "Playful"])
    mood = draw.choice(["Disgusted", "Sad", "Angry", "Fearful"])
    turns: list[Turn] = []
    for turn in one.turns:
        change: dict[str, object] = {"emotion": emotion} if turn.seat == main else {}
        if not asleep and turn.seat == main and turn.kind == "say":
            change["text"] = draw.choice(sources.moods[mood])
        turns.append(turn.model_copy(update=change))
    seats = {**one.seats, main: one.seats[main].model_copy(update={"emotion": emotion})}
    return _renumbered(one.model_copy(update={"seats": seats}), turns), emotion if asleep else f"{emotion} over {mood}"


def write(folder: Path, transcripts: Sequence[Transcript], cast: Path) -> Path:
    """A corpus of these."""
    (folder / "transcripts").mkdir(parents=True)
    copy_cast(cast, folder)
    for at in range(0, len(transcripts), 100):
        shard_file(folder, at // 100).write_bytes(b"".join(map(to_line, transcripts[at : at + 100])))
    return folder


def flags_table(before: Path, curated: Path) -> Iterator[str]:
    """(a): each flag, and what was found of it."""
    found = {one.id: {finding.filter for finding in one.curation.findings} for one in Corpus(curated) if one.curation}
    flags: dict[str, list[str]] = {}
    for one in Corpus(before):
        for flag in one.about.get("flags", "").split(", "):
            if flag:
                flags.setdefault(flag, []).append(one.id)
    yield "| flag of the source | dialogues | filters | found |\n| --- | --- | --- | --- |"
    for flag, ids in sorted(flags.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        filters = FLAGS[flag].split()
        hits = sum(bool(found[id] & set(filters)) for id in ids)
        yield f"| {flag} | {len(ids)} | {', '.join(filters) or '-'} | {hits if filters else '-'} |"


def planted_table(planted: Sequence[Plant], curated: Path, half: str) -> tuple[list[str], list[str]]:
    """(b): each kind with recall, false alarms and precision of its filter, on one half; and what was missed."""
    found = {one.id: {f.filter for f in one.curation.findings} for one in Corpus(curated) if one.curation}
    at = {plant.transcript.id: number for number, plant in enumerate(planted)}
    rest = [id for number, id in enumerate(sorted(set(found) - set(at))) if number % 2 == (half == "test")]
    lines = ["| planted | filter | recall | false alarms of the rest | precision |", "| --- | --- | --- | --- | --- |"]
    misses: list[str] = []
    hits_all = count_all = 0
    for kind, name in FILTER_OF.items():
        own = [plant for plant in planted if plant.kind == kind and at[plant.transcript.id] % 2 == (half == "test")]
        missed = [plant for plant in own if name not in found[plant.transcript.id]]
        misses += [f"{kind} {plant.transcript.id}: {plant.told[:300]}" for plant in missed]
        other = [p.transcript.id for p in planted if p.kind != kind and at[p.transcript.id] % 2 == (half == "test")]
        alarms = [id for id in (*rest, *other) if name in found[id]]
        kinds = {plant.transcript.id: f" (planted: {plant.kind})" for plant in planted}
        misses += [f"alarm of {name}: {id}{kinds.get(id, '')}" for id in alarms]
        hits = len(own) - len(missed)
        hits_all, count_all = hits_all + hits, count_all + len(own)
        precision = f"{hits / (hits + len(alarms)):.2f}" if hits + len(alarms) else "-"
        share = f"{len(alarms)} of {len(rest) + len(other)} ({len(alarms) / (len(rest) + len(other)):.1%})"
        lines.append(f"| {kind} | {name} | {hits / len(own):.2f} ({hits} of {len(own)}) | {share} | {precision} |")
    lines.append(f"| all | | {hits_all / count_all:.2f} ({hits_all} of {count_all}) | | |")
    return lines, misses


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=os.environ.get("SIMWORLD_DATA"))
    parser.add_argument("--half", choices=["dev", "test"], default="test")
    parser.add_argument("--misses", action="store_true", help="Print what was missed, and each alarm.")
    given = parser.parse_args(arguments)
    if given.data is None:
        sys.exit("--data FOLDER, or SIMWORLD_DATA: the folder that holds simsconv, sharegpt_sample and topical_chat")
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        import_simsconv(given.data / "simsconv", root / "sims")
        corpus = root / "sims" / "corpus"
        report = curate(corpus, root / "curated", workers=2)
        print("\n".join(flags_table(corpus, root / "curated")), end="\n\n")
        print("| filter | found in | of 992 |\n| --- | --- | --- |")
        for name, _, share, *_ in report.rows():
            print(f"| {name} | {share.split()[0]} | {share.split()[1].strip('()')} |")
        sound = [one for one in Corpus(corpus) if not one.about.get("flags")]
        hosts = sorted(sound, key=lambda one: Random(f"host:{one.id}").random())
        made = plants(
            [one for one in hosts if one.index > 100], Sources(given.data), [one for one in sound if one.index <= 100]
        )
        changed = {plant.transcript.id: plant.transcript for plant in made}
        whole = [changed.get(one.id, one) for one in sound]
        numbered = [one.model_copy(update={"index": index}) for index, one in enumerate(whole)]
        write(root / "planted", numbered, corpus)
        curate(root / "planted", root / "found", recipe_of(), workers=2)
        lines, misses = planted_table(made, root / "found", given.half)
        print(f"\n300 planted, {len(sound) - 300} without a plant; the half {given.half}\n")
        print("\n".join(lines))
        if given.misses:
            print("\nmissed, and alarms:", *misses, sep="\n")


if __name__ == "__main__":
    main()
