"""Content words: what is left of a text when the words that every text has are taken out, as stems.

>>> content_stems("Ana's brothers didn't pay the 40 euros.")
('ana', 'brother', 'pay', '40', 'euro')

Stems are those of the Snowball stemmer for English; words of other languages are cut a little or not at all, and
alike wherever they stand. Writing without spaces between words (Chinese, Japanese, Thai) makes one word of each run of
letters.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

_FILE = Path(__file__).parents[1] / "templates" / "text" / "stop_words.txt"
_WORD = re.compile(r"\d+(?:[.,:]\d+)*(?:(?:st|nd|rd|th)\b)?|[^\W\d_]+(?:['’][^\W\d_]+)*")
_ENDING = re.compile(r"(?:n't|'(?:s|re|ve|ll|d|m))$")
_OPENS = re.compile(r"(?:^|[.!?…:;\n\"“”«»(*\[—–-])[\s\"“”'‘’(*\[]*$")


class Word(NamedTuple):
    """A content word of a text."""

    stem: str
    text: str
    """As written, without the ending of a contraction or genitive."""


@lru_cache(maxsize=32768)
def content_stems(text: str) -> tuple[str, ...]:
    """The stems of the content words, in order, repeated ones too; numbers and names are kept."""
    return tuple(word.stem for word in content_words(text))


def content_words(text: str) -> list[Word]:
    """The content words with their stems, in order. A name that is spelt like a stop word ('Will') is kept where its
    capital shows it: inside a sentence."""
    found = (_word(text, match) for match in _WORD.finditer(text))
    return [word for word in found if word]


def inside_sentence(text: str, start: int) -> bool:
    """Whether the word that starts at this position follows another word of the same sentence."""
    return _OPENS.search(text, max(0, start - 8), start) is None


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The stem of one word, small letters; numbers stay, but for their commas and ordinal endings."""
    if word[0].isdigit():
        return re.sub(r"st|nd|rd|th|,", "", word)
    from snowballstemmer.english_stemmer import EnglishStemmer

    stemmer: Any = EnglishStemmer()  # one for each word: it keeps state, and threads may meet here
    return str(stemmer.stemWord(word.casefold()))


def _word(text: str, match: re.Match[str]) -> Word | None:
    written = match[0].replace("’", "'")
    bare = _ENDING.sub("", written)
    stops = stop_words()
    common = written.casefold() in stops or bare.casefold() in stops or not bare
    if common and not (bare[1:].islower() and bare[0].isupper() and inside_sentence(text, match.start())):
        return None
    return Word(stem(bare), bare)


@lru_cache(maxsize=2048)
def whole(words: tuple[str, ...], *, any_case: bool = False) -> re.Pattern[str]:
    """A pattern of any of these words, names or phrases, where it stands whole."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)", re.IGNORECASE if any_case else 0)


@cache
def stop_words() -> frozenset[str]:
    """The words that are no content, small letters, contractions among them."""
    return frozenset(_FILE.read_text(encoding="utf-8").split())
