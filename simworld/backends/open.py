"""Backends by name: the table, and `open_backend`.

    backend = open_backend("openai:gpt-4.1-mini", Sampling(temperature=0.8))
    backend = open_backend("scripted:lines.yaml")

To add one: a function `(name, Sampling) -> ChatBackend` and a row in `BACKENDS`, or an entry point of the group
`simworld.backends` in another package.
"""

from __future__ import annotations

from collections.abc import Callable

from simworld.backends.backend import ChatBackend
from simworld.backends.provider import PROVIDERS, open_provider
from simworld.backends.sampling import Sampling
from simworld.errors import UsageError, unknown
from simworld.registry import lookup, names

Opener = Callable[[str, Sampling], ChatBackend]

BACKENDS: dict[str, str] = {
    "local": "simworld.backends.local.chat:open_local",
    "openai": "simworld.backends.openai:open_openai",
    "scripted": "simworld.backends.scripted:open_scripted",
}
_FORM = "a backend that is a model is named KIND:NAME, such as openai:gpt-4.1-mini or scripted:lines.yaml"


def open_backend(spec: str, options: Sampling | None = None) -> ChatBackend:
    """The backend of this name.

    Raises UsageError for a wrong name, address or option, MissingDependency for what must be installed or set first.
    """
    options = options or Sampling()
    kind, colon, name = spec.partition(":")
    if not colon or not name.strip() or not spec.isprintable():
        raise UsageError(f"backend {spec[:100]!a} is not complete: {_FORM}")
    if "://" in name:
        raise UsageError(f"backend '{kind}:...' holds an address: give it as --base-url (base_url=)")
    opener: Opener | None = lookup("backend", kind, BACKENDS)
    if opener is not None:
        return opener(name, options)
    if kind in PROVIDERS:
        return open_provider(spec, options)
    raise unknown("backend", kind, kinds(), _FORM)


def kinds() -> list[str]:
    """Every word that may stand before the colon, sorted."""
    return sorted({*names("backend", BACKENDS), *PROVIDERS})
