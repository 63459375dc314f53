"""Token counts where the model's own tokenizer is not at hand: an estimate that errs high.

    >>> estimate("Good morning, love.")
    9

Three small ASCII letters or spaces are taken as one token and every other byte of the UTF-8 text (capitals, digits,
punctuation, line ends, all of a non-Latin script) as one token of its own. On English dialogue that is a third more
than a byte-pair vocabulary of 4,096 entries needs; larger vocabularies need fewer still. On random letters, and on
languages that the vocabulary was not made for, the model may need more than the estimate.
"""

from __future__ import annotations

from string import ascii_lowercase

LETTERS_A_TOKEN = 3
"""Small ASCII letters and spaces that are counted as one token."""
MESSAGE_OVERHEAD = 4
"""Tokens that a chat template is taken to add around each message."""
_LETTERS = f"{ascii_lowercase} ".encode()


def estimate(text: str) -> int:
    """Tokens of `text`, rounded up; 0 for the empty text."""
    data = text.encode("utf-8", "surrogatepass")
    others = len(data.translate(None, _LETTERS))
    return others - (others - len(data)) // LETTERS_A_TOKEN
