"""Recipe: what each filter is used for, and its bounds; `templates/curate/recipe.yaml` with the user's own over it.

    recipe = recipe_of(Path("mine.yaml"), changes=["near.likeness=0.7"], without=["language"])
    recipe["near"].use, recipe["near"].bounds["likeness"]       # ('on', 0.7)

`on`: what the filter finds rejects a transcript; `mark`: it is only told; `off`: the filter does not run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from simworld.curate.case import Bound
from simworld.curate.table import FILTERS
from simworld.errors import UsageError, nearest, unknown
from simworld.packs.node import Node
from simworld.packs.reader import read_yaml
from simworld.prompts.render import TEMPLATES
from simworld.registry import names

Use = Literal["on", "mark", "off"]
USES: tuple[Use, ...] = ("on", "mark", "off")
_USES: dict[str, Use] = {use: use for use in USES}
PLACE = TEMPLATES / "curate" / "recipe.yaml"
_SHARES = ("share", "likeness", "sure", "least_share", "improbable")
"""Bounds that are 0..1, by the last word of their names."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a filter is used for, and with which bounds."""

    use: Use
    bounds: Mapping[str, Bound]

    def facts(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "use": self.use,
            **{name: list(one) if isinstance(one, tuple) else one for name, one in self.bounds.items()},
        }


Recipe = Mapping[str, Rule]
"""Filter -> rule, in the order in which findings are told."""


@cache
def standard() -> Recipe:
    """The built-in recipe; filters of other packages are `on` at its end, and have no bounds."""
    rules: dict[str, Rule] = {}
    for name, entry in read_yaml(PLACE, PLACE.name).entries.items():
        bounds = {key: _plain(one.node) for key, one in entry.node.entries.items() if key != "use"}
        rules[name] = Rule(_USES[entry.node.entries["use"].node.text], bounds)
    return rules | {name: Rule("on", {}) for name in names("filter", FILTERS) if name not in rules}


def recipe_of(
    place: Path | None = None,
    *,
    changes: Sequence[str] = (),
    only: Sequence[str] | None = None,
    without: Sequence[str] = (),
) -> Recipe:
    """The built-in recipe, with what a file says over it, then `changes` (`FILTER.BOUND=VALUE`).

    `only`: these filters alone (one that is `off` is then `on`); `without`: all but these.
    Raises UsageError naming what is not known or not allowed, and where it stands.
    """
    rules: dict[str, tuple[Use, dict[str, Bound]]] = {
        name: (rule.use, dict(rule.bounds)) for name, rule in standard().items()
    }
    if place is not None:
        for name, entry in read_yaml(place, str(place)).entries.items():
            _over(rules, name, entry.node, f"{place}:{entry.mark.line}")
    for change in changes:
        key, equals, value = change.partition("=")
        name, dot, bound = key.strip().partition(".")
        where = f"--set {change}"
        if not equals or not dot:
            raise UsageError(f"{where}: should be FILTER.BOUND=VALUE, such as near.likeness=0.7 or language.use=off")
        node = read_yaml(f"{bound}: {value}", where)
        _over(rules, name, node, where)
    for option, given in (("--only", only or ()), ("--without", without)):
        for name in given:
            if name not in rules:
                raise unknown(f"{option}: filter", name, rules)
    return {name: Rule(_use(name, use, only, without), bounds) for name, (use, bounds) in rules.items()}


def _use(name: str, use: Use, only: Sequence[str] | None, without: Sequence[str]) -> Use:
    if name in without or (only is not None and name not in only):
        return "off"
    return "on" if only is not None and use == "off" else use


def _over(rules: dict[str, tuple[Use, dict[str, Bound]]], name: str, node: Node, where: str) -> None:
    """Put what stands in the node over a filter's rule."""
    if name not in rules:
        raise unknown(f"{where}: filter", name, rules)
    use, bounds = rules[name]
    given = {"use": node} if isinstance(node.value, str) else {key: one.node for key, one in node.entries.items()}
    if not given:
        raise UsageError(f"{where}: {name} should be one of {', '.join(USES)}, or a mapping of its bounds")
    for key, value in given.items():
        place = where if where.startswith("--") else f"{where.rpartition(':')[0]}:{value.mark.line}"
        if key == "use":
            if value.text not in USES:
                raise unknown(f"{place}: {name}.use", value.text, USES)
            use = _USES[value.text]
        elif key not in bounds:
            raise unknown(f"{place}: bound of {name}", key, ["use", *bounds], _near_bound(key))
        else:
            bounds[key] = _like(bounds[key], value, f"{place}: {name}.{key}")
    rules[name] = (use, bounds)


def _near_bound(key: str) -> str:
    owners = [name for name, rule in standard().items() if key in rule.bounds]
    near = "" if owners else nearest(key, {one for rule in standard().values() for one in rule.bounds})
    return f"{key} is a bound of {', '.join(owners)}." if owners else f"Some filter has {near}." if near else ""


def _like(old: Bound, node: Node, where: str) -> Bound:
    """The value, of the kind that the built-in recipe has there."""
    if isinstance(old, tuple):
        texts = tuple(item.text for item in node.items) if isinstance(node.value, list) else _listed(node.text)
        if not all(texts):
            raise UsageError(f"{where}: should be a list of texts, or texts with commas between them")
        return texts
    if not isinstance(node.value, str) or not node.text:
        raise UsageError(f"{where}: is {node.form}; should be {'a text' if isinstance(old, str) else 'a number'}")
    if isinstance(old, str):
        return node.text
    number = _number(node.text)
    share = where.rpartition(".")[2].rpartition("_")[2] in _SHARES
    if number is None or number < 0 or (share and number > 1):
        raise UsageError(f"{where}: '{node.text}' should be a number, {'0 to 1' if share else '0 or more'}")
    return number


def _plain(node: Node) -> Bound:
    if isinstance(node.value, list):
        return tuple(item.text for item in node.items)
    number = _number(node.text)
    return node.text if number is None else number


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    if not math.isfinite(found):
        return None
    return int(found) if found == int(found) and "." not in text else found


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
