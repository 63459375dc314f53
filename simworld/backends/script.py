"""Files of scripted lines: a list, or a list for each seat, in YAML or JSON; or plain text, one line a reply.

clerk:
  - Next, please.
  - |
    Fill in form 12.
    Both sides.
owner: ["It was a brown suitcase.", "With a strap."]
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import yaml

from simworld.backends.content import well_formed
from simworld.errors import UsageError

LARGEST = 64 * 2**20
"""Bytes that a script may have."""
_FORM = "a script is a list of texts, or a mapping of seat ids to such lists"
_YAML = (".json", ".yaml", ".yml")


def read_script(path: Path) -> list[str] | dict[str, list[str]]:
    """The lines of a script. In a `.txt` file blank lines are left out; elsewhere every scalar is text as it stands.

    Raises UsageError, with file and line, for a file that cannot be used.
    """
    if path.suffix.lower() not in (*_YAML, ".txt"):
        raise UsageError(f"{path}: a script ends in .txt or {', '.join(_YAML)}")
    text = _read(path)
    if path.suffix.lower() == ".txt":
        return [line for line in (line.rstrip("\r") for line in text.split("\n")) if line.strip()]
    try:
        return _script(_compose(text), path)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UsageError(f"{path}:{line}: not YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UsageError(f"{path}: not YAML: {type(error).__name__}") from None


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise UsageError(f"{path}: a script may have {LARGEST // 2**20} MiB at most")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is not UTF-8 text") from None


def _compose(text: str) -> yaml.Node | None:
    # pyyaml has no types of its own here
    return cast("yaml.Node | None", yaml.compose(text, Loader=yaml.BaseLoader))  # pyright: ignore[reportUnknownMemberType]


def _script(node: yaml.Node | None, path: Path) -> list[str] | dict[str, list[str]]:
    if not isinstance(node, yaml.MappingNode):
        return _lines(node, path)
    script: dict[str, list[str]] = {}
    for key, value in node.value:
        seat = _text(key, path)
        if seat in script:
            raise UsageError(f"{path}:{key.start_mark.line + 1}: seat '{seat}' stands twice")
        script[seat] = _lines(value, path)
    return script


def _lines(node: yaml.Node | None, path: Path) -> list[str]:
    if not isinstance(node, yaml.SequenceNode):
        raise UsageError(f"{path}:{node.start_mark.line + 1 if node else 1}: {_FORM}")
    return [_text(item, path) for item in node.value]


def _text(node: yaml.Node, path: Path) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise UsageError(f"{path}:{node.start_mark.line + 1}: {_FORM}")
    return well_formed(node.value)
