"""Words of others made fit for an error message: one line, short, without keys or addresses.

>>> clean("bad key sk-123456789012 for\\nhttp://me:pw@host/v1", ["sk-123456789012"])
'bad key [key] for\\\\n[url]'
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

LONGEST = 200
"""Characters of a foreign message that are kept."""
_READ = 4000  # no more of a message is looked at: patterns below are not linear in what has no spaces
_SHARE = 12  # characters by which a cut-off key is still known
_URL = re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s'\"<>]+")
_SECRET_NAME = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS)$")


def clean(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` in one line of at most 200 characters: keys and URLs replaced, characters that do not print escaped."""
    text = _URL.sub("[url]", text[:_READ])
    for secret in secrets:
        text = _pattern(secret).sub("[key]", text)
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text.strip())
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def hidden(text: str, secrets: Iterable[str]) -> str:
    """A reply without keys in it, should a server send one back; a word that only stands in for a key is left."""
    for secret in secrets:
        if len(secret) >= _SHARE and secret in text:
            text = text.replace(secret, "[key]")
    return text


def _pattern(secret: str) -> re.Pattern[str]:
    """Finds the secret, whole or cut off at either end; a short one only where it stands as a word."""
    if len(secret) < _SHARE:
        return re.compile(rf"(?<!\w){re.escape(secret)}(?!\w)")
    return re.compile(rf"{re.escape(secret[:_SHARE])}\S*|\S*{re.escape(secret[-_SHARE:])}")


def secrets_of_environment() -> list[str]:
    """Values of the environment that are keys by their variable's name, longest first."""
    found = {value for name, value in os.environ.items() if _SECRET_NAME.search(name.upper()) and len(value) >= 8}
    return sorted(found, key=len, reverse=True)
