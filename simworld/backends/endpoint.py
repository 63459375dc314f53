"""Endpoint: where an OpenAI-compatible server is, and which key it may be shown.

    >>> resolve("http://localhost:8000", None, {}).url
    'http://localhost:8000/v1/chat/completions'

The key of the environment goes to OpenAI's own host, or to an address that the user gave (as an argument or in
OPENAI_BASE_URL); to no other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from simworld.errors import MissingDependency, UsageError

DEFAULT_URL = "https://api.openai.com/v1"
KEY_VARIABLE = "OPENAI_API_KEY"
URL_VARIABLE = "OPENAI_BASE_URL"
_OFFICIAL = ("https", "api.openai.com")
_PATH = "/chat/completions"
_VERSION = re.compile(r"v\d+[a-z]*\d*")
_KEY = re.compile(r"[\x21-\x7e]+")
_FORM = "give http://HOST[:PORT][/v1] or https://..., without user, password, '?' or '#'"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address to post to, and the key, never shown."""

    url: str = field(repr=False)
    """Full address, ending in `/chat/completions`."""
    key: str | None = field(repr=False)
    official: bool
    """Whether it is OpenAI's own."""

    @property
    def origin(self) -> str:
        """Scheme, host and port: what connections are kept for."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


def resolve(base_url: str | None, key: str | None, environment: Mapping[str, str]) -> Endpoint:
    """The endpoint for what the user gave. Raises UsageError for an unusable address, MissingDependency for no key."""
    given = base_url or environment.get(URL_VARIABLE)
    parts = _check(given or DEFAULT_URL, "base_url" if base_url or not given else URL_VARIABLE)
    official = (parts.scheme, parts.netloc) == _OFFICIAL
    if not key and (given or official):
        key = environment.get(KEY_VARIABLE)
    if not key and not given:
        raise MissingDependency(
            f"no key for OpenAI: set {KEY_VARIABLE}, or give --base-url (base_url=) for another server"
        )
    return Endpoint(_complete(parts), _check_key(key), official)


def is_elsewhere(base_url: str | None, environment: Mapping[str, str]) -> bool:
    """Whether models are asked at an address that the user gave, and not at their makers' own."""
    return bool(base_url or environment.get(URL_VARIABLE))


def _check(url: str, source: str) -> SplitResult:
    # the address itself is not repeated: it may hold a password
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        parts, usable = urlsplit(""), False
    if not usable or not url.strip().isprintable() or " " in url.strip():
        raise UsageError(f"{source} is not the address of a server; {_FORM}")
    if "@" in parts.netloc:
        raise UsageError(f"{source} holds a user or password; {_FORM}; a key belongs in {KEY_VARIABLE}")
    if parts.query or parts.fragment:
        raise UsageError(f"{source} holds a '?' or '#'; {_FORM}")
    return parts


def _complete(parts: SplitResult) -> str:
    path = parts.path.rstrip("/")
    if not path.endswith(_PATH):
        versioned = any(_VERSION.fullmatch(step) for step in path.split("/"))
        path += _PATH if versioned else f"/v1{_PATH}"
    return f"{parts.scheme}://{parts.netloc}{path}"


def _check_key(key: str | None) -> str | None:
    key = (key or "").strip()
    if key and not _KEY.fullmatch(key):
        raise UsageError(f"the key (api_key= or {KEY_VARIABLE}) holds a blank or a character outside ASCII")
    return key or None
