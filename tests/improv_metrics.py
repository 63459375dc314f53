"""How a corpus of improv is measured: what is told from it about speech, apart from any one line of code.

distinct_2(lines)                       # share of different word pairs among all
named(turns, hidden)                    # share of turns whose speaker a char-n-gram classifier names
told(texts, labels, groups, hidden)     # share of texts whose label it tells, folds by group
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np

from simworld.schema import Persona, Transcript, Turn

WORD = re.compile(r"[A-Za-z']+")
RUN = 8
STOP = frozenset(Path(__file__).with_name("stop_words.txt").read_text(encoding="utf-8").split())
"""Words that carry no subject: the closed classes of English and what is said in any talk."""


@dataclass(frozen=True)
class Spoken:
    """One spoken turn of a corpus."""

    dialogue: int
    speaker: str
    """Persona id."""
    text: str
    emotion: str
    """What the speaker felt as the dialogue began."""
    answers: str
    """The line before it, by another; empty where there is none."""
    answered: str
    """Persona id of who spoke that line."""


def words(text: str) -> list[str]:
    return [word.lower() for word in WORD.findall(text)]


def spoken(transcripts: Iterable[Transcript]) -> list[Spoken]:
    """Every line that improv spoke aloud, in order."""
    found: list[Spoken] = []
    for transcript in transcripts:
        before: Turn | None = None
        for turn in transcript.turns:
            if turn.kind != "say" or turn.seat not in transcript.seats:
                continue
            seat = transcript.seats[turn.seat]
            other = before if before and before.seat != turn.seat else None
            if turn.source != "scene":
                answered = transcript.seats[other.seat].persona if other else ""
                text = other.text if other else ""
                found.append(Spoken(transcript.index, seat.persona, turn.text, seat.emotion, text, answered))
            before = turn
    return found


def repeated(transcripts: Iterable[Transcript]) -> list[str]:
    """Lines that are spoken twice in one dialogue, case ignored."""
    found: list[str] = []
    for transcript in transcripts:
        lines = Counter(turn.text.casefold() for turn in transcript.turns if turn.kind == "say")
        found += [line for line, times in lines.items() if times > 1]
    return found


def distinct_2(lines: Sequence[str]) -> float:
    """Share of different word pairs among all word pairs of these lines."""
    pairs = [pair for said in map(words, lines) for pair in pairwise(said)]
    return len(set(pairs)) / len(pairs)


def hidden_words(personas: Iterable[Persona]) -> frozenset[str]:
    """Words of all names."""
    return frozenset(word for persona in personas for word in words(persona.name))


def overlap(lines: Sequence[Spoken], names: frozenset[str], seed: int = 1) -> tuple[float, float]:
    """Shares of lines with a content word of the line they answer, and of a random line of its speaker elsewhere."""
    frequent = {word for word, _ in Counter(word for line in lines for word in words(line.text)).most_common(200)}
    shut = STOP | names | frequent

    def content(text: str) -> set[str]:
        return {word for word in words(text) if word not in shut and len(word) > 1}

    by_speaker: dict[str, list[Spoken]] = defaultdict(list)
    for line in lines:
        by_speaker[line.speaker].append(line)
    chance, near, far, count = Random(seed), 0, 0, 0
    for line in lines:
        elsewhere = [other for other in by_speaker.get(line.answered, ()) if other.dialogue != line.dialogue]
        if not line.answers or not elsewhere:
            continue
        own = content(line.text)
        near += bool(own & content(line.answers))
        far += bool(own & content(chance.choice(elsewhere).text))
        count += 1
    return near / count, far / count


def longest_run_share(lines: Sequence[Spoken], personas: Mapping[str, Persona]) -> tuple[float, str]:
    """The run of eight words outside sample lines that stands in most dialogues: its share of them, and the run."""
    where: dict[tuple[str, ...], set[int]] = defaultdict(set)
    for line in lines:
        text = line.text
        for sample in personas[line.speaker].samples:
            text = text.replace(sample, "\n")
        for part in text.split("\n"):
            said = words(part)
            for at in range(len(said) - RUN + 1):
                where[tuple(said[at : at + RUN])].add(line.dialogue)
    run = max(where, key=lambda run: len(where[run]))
    return len(where[run]) / len({line.dialogue for line in lines}), " ".join(run)


def named(turns: Sequence[tuple[int, str, str]], hidden: frozenset[str], sizes: Sequence[int] = (2, 3, 4)) -> float:
    """Share of turns (dialogue, label, text) of unseen dialogues whose label a naive Bayes of char n-grams tells."""
    dialogues = sorted({dialogue for dialogue, _, _ in turns})
    Random(5).shuffle(dialogues)
    seen = set(dialogues[: len(dialogues) // 2])
    labels = sorted({label for _, label, _ in turns})
    index: dict[str, int] = {}
    rows = [(dialogue in seen, labels.index(label), _grams(text, hidden, sizes)) for dialogue, label, text in turns]
    for learn, _, grams in rows:
        if learn:
            for gram in grams:
                index.setdefault(gram, len(index))
    counts = np.full((len(index), len(labels)), 0.05)
    prior = np.ones(len(labels))
    for learn, label, grams in rows:
        if learn:
            prior[label] += 1
            for gram, times in grams.items():
                counts[index[gram], label] += times
    scores = np.log(counts / counts.sum(axis=0))
    right = [
        int(np.argmax(np.log(prior) + _score(grams, index, scores)) == label)
        for learn, label, grams in rows
        if not learn
    ]
    return sum(right) / len(right)


def told(texts: Sequence[str], labels: Sequence[str], groups: Sequence[int], hidden: frozenset[str]) -> float:
    """Share of texts whose label is told by ridge regression over char 2..4-grams (tf-idf), in four folds by group."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import RidgeClassifier
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    bare = [re.sub(WORD, lambda found: "" if found[0].lower() in hidden else found[0], text) for text in texts]
    grams = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=2, sublinear_tf=True)
    guess = cross_val_predict(make_pipeline(grams, RidgeClassifier()), bare, labels, groups=groups, cv=GroupKFold(4))
    return float(np.mean([said == label for said, label in zip(guess, labels, strict=True)]))


def _score(grams: Counter[str], index: Mapping[str, int], scores: np.ndarray) -> np.ndarray:
    known = [(index[gram], times) for gram, times in grams.items() if gram in index]
    if not known:
        return np.zeros(scores.shape[1])
    at, times = zip(*known, strict=True)
    return np.asarray(times, dtype=float) @ scores[list(at)]


def _grams(text: str, hidden: frozenset[str], sizes: Sequence[int]) -> Counter[str]:
    bare = f" {re.sub(WORD, lambda found: '' if found[0].lower() in hidden else found[0], text)} "
    return Counter(bare[at : at + size] for size in sizes for at in range(len(bare) - size + 1))
