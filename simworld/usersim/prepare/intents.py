"""What the person wanted, in a sentence: from the data, extracted, or asked of a model.

    extracted(case)       # 'To have something written: sincere apology, longtime friend'

Extracted is a form by the kind of request (`templates/usersim/intents.yaml`), and up to five topics of at most three
words from the person's first turn (their second too, where the first says too little): content words, so that no four
words of theirs stand there in a row. It says what the conversation is about, not how it goes on.
"""

from __future__ import annotations

import re
from functools import cache

from simworld.corpus.imports.talk import USER
from simworld.prompts import data
from simworld.text.words import content_words, stem
from simworld.usersim.prepare.case import Case

TOPICS, TOPIC_WORDS, ENOUGH = 5, 3, 2
"""Topics, words of one, and content words from which on a turn says enough."""
FIRST = 3
"""Words of a sentence that are its head."""
READ = 600
"""Characters of a turn from which topics are taken: what people want stands before what they paste, or behind it."""
_PASTED = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|<[A-Z]+>|[|{}<>=;_#*\\]+", re.DOTALL)
_SENTENCE = re.compile(r"[.!?\n]+")
_WORDS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def extracted(case: Case) -> str:
    """One line, 160 characters at most."""
    turns = [_asked(text) for seat, text in case.said if seat == USER]
    table = data("usersim/intents.yaml")
    topics: list[str] = []
    form = ""
    for text in turns[:3]:
        own, word = _form(text)
        form = form or own
        topics += [topic for topic in _topics(text, word) if topic not in topics]
        if sum(len(topic.split()) for topic in topics) >= ENOUGH:
            break
    if not topics:
        return table["nothing"]
    return (form or table["otherwise"]).format(topics=", ".join(topics[:TOPICS]))[:160]


def _asked(text: str) -> str:
    """A turn without what was pasted; of a long one its head and its last line, where the request stands."""
    plain = _PASTED.sub(" | ", text).strip()
    if len(plain) <= READ:
        return plain
    last = plain.splitlines()[-1]
    return f"{plain[: READ // 2]} | {last[-READ // 2 :]}"


def _form(text: str) -> tuple[str, str]:
    """The form, and the word that calls for it; both empty where no word does."""
    by_word, by_first = _forms()
    for clause in _SENTENCE.split(text):
        for number, found in enumerate(_WORDS.finditer(clause)):
            word = found[0].lower()
            if form := by_word.get(word) or (by_first.get(word) if number < FIRST else None):
                return form, found[0]
    return "", ""


@cache
def _forms() -> tuple[dict[str, str], dict[str, str]]:
    """Word -> form, of words that count wherever they stand, and of those that count at the head of a sentence."""
    table = data("usersim/intents.yaml")["forms"]
    anywhere, first = (
        {word: row["form"] for row in reversed(table) if bool(row.get("first")) == at_head for word in row["words"]}
        for at_head in (False, True)
    )
    return anywhere, first


def _topics(text: str, called: str) -> list[str]:
    """Runs of content words that stand side by side, cut to three words, in their order; `called` is none."""
    no_topic = _no_topic()
    topics: list[str] = []
    for clause in re.split(r"[^\w\s'’-]+|\n", text):
        run: list[str] = []
        words = {word.text: word for word in content_words(clause)}
        for found in [*_WORDS.findall(clause), ""]:
            word = words.get(found)
            if word is not None and found != called and word.stem not in no_topic and len(run) < TOPIC_WORDS:
                run.append(word.text)
                continue
            if run:
                topics.append(" ".join(run))
            run = []
    return list(dict.fromkeys(topics))


@cache
def _no_topic() -> frozenset[str]:
    return frozenset(stem(word) for word in data("usersim/intents.yaml")["no_topic"])
