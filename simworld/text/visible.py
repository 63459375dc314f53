"""Text from strangers, fit for a terminal: what cannot be seen is made visible, nothing else is changed."""

from __future__ import annotations

import unicodedata

_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_KEPT = "\n\t"


def visible(text: str, *, one_line: bool = False) -> str:
    """`text` with control, bidi and other invisible characters written as `\\xNN` or `\\uNNNN`."""
    kept = "" if one_line else _KEPT
    if text.isprintable():
        return text
    return "".join(
        char if char in kept or unicodedata.category(char) not in _HIDDEN else _written(char) for char in text
    )


def _written(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
