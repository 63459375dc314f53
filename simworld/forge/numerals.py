"""Numbers and articles in English words.

>>> number(41)
'forty-one'
>>> article("actor")
'an actor'
"""

from __future__ import annotations

_UNITS = (
    "nought", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def number(value: int) -> str:
    """A whole number in words: `forty-one`; digits from 100 on."""
    if value < 20:
        return _UNITS[max(value, 0)]
    if value >= 100:
        return str(value)
    return _TENS[value // 10] + (f"-{_UNITS[value % 10]}" if value % 10 else "")


NUMBERS = {number(value): value for value in range(100)}
"""Words -> number."""


def article(name: str) -> str:
    """The word with its article: `an actor`."""
    return f"{'an' if name[0].lower() in 'aeio' or name.startswith('uph') else 'a'} {name}"
