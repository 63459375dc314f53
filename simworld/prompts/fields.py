"""Templates written by strangers: the fields of a scene that may name its people.

    render_field("{{ clerk.name }} looks up.", {"clerk": person})

Safe by construction: a template may read the names it is given and their attributes, choose with `if`, and repeat with
`for` over `range` of at most 50, not nested; it may not call, assign, import, index or do arithmetic. So what it can
write is bounded by what it holds, and it ends in milliseconds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from simworld.errors import TemplateError

if TYPE_CHECKING:
    from jinja2 import Template, nodes

LONGEST = 4_000
"""Characters that a template may have."""
LONGEST_RESULT = 20_000
"""Characters that it may become."""
MOST_REPEATS = 50
FILTERS = frozenset({"lower", "upper", "title", "capitalize", "default", "trim"})
ROW = "row"
"""The row that a dialogue is about; its columns may have any name."""
NO_PEOPLE = frozenset({"topic", "time", "place", ROW})
"""Names that are no people."""
PERSON = frozenset({"name", "career", "age", "they", "them", "their", "origin"})
"""What a template may read of a person."""
_NODES = frozenset(
    {
        "Template", "Output", "TemplateData", "Name", "Getattr", "Const", "If", "CondExpr", "Compare", "Operand",
        "And", "Or", "Not", "Filter", "Test", "For",
    }
)  # fmt: skip
_TESTS = frozenset({"defined", "none", "string", "number"})


def check_template(text: str, names: Collection[str]) -> str | None:
    """Why `text` is not an allowed template over these names; None where it is one."""
    from jinja2 import TemplateSyntaxError

    if len(text) > LONGEST:
        return f"a template may have {LONGEST} characters, this one has {len(text)}"
    if "{" not in text:
        return None
    try:
        tree = _environment().parse(text)
    except (TemplateSyntaxError, RecursionError) as error:
        return f"not a template: {str(error)[:120]}"
    return _refusal(tree, frozenset(names), frozenset(names) - NO_PEOPLE, depth=0, loops=0)


def render_field(text: str, values: Mapping[str, Any]) -> str:
    """A scene's field with its names filled in. Raises TemplateError where it is not allowed, too long, or fails."""
    if "{" not in text:
        return text
    template = _compiled(text, frozenset(values))
    longest = LONGEST_RESULT + _row_length(values.get(ROW))
    from jinja2 import TemplateError as JinjaError

    pieces: list[str] = []
    length = 0
    try:
        for piece in template.generate(**values):
            length += len(piece)
            if length > longest:
                raise TemplateError(f"a template became longer than {longest} characters: {text[:60]!r}")
            pieces.append(piece)
    except (JinjaError, TypeError) as error:  # TypeError: comparing a number with what is no number
        raise TemplateError(f"template {text[:60]!r}: {error}") from error
    return "".join(pieces)


def _row_length(row: object) -> int:
    """Characters of a row, which is the user's own: no bound holds for it."""
    cells: dict[str, str] = vars(row) if row is not None else {}
    return sum(map(len, cells.values()))


@lru_cache(maxsize=4096)
def _compiled(text: str, names: frozenset[str]) -> Template:
    reason = check_template(text, names)
    if reason:
        raise TemplateError(f"template {text[:60]!r}: {reason}")
    return _environment().from_string(text)


def _refusal(node: nodes.Node, names: frozenset[str], people: frozenset[str], depth: int, loops: int) -> str | None:
    """The first thing under `node` that is not allowed, told; None where all is."""
    kind = type(node).__name__
    if depth > 24:
        return "nested too deeply; allowed: 24 levels"
    if kind == "For":
        reason, names = _loop_refusal(node, names, loops)
        loops += 1
    else:
        reason = _node_refusal(node, kind, names, people)
    if reason:
        return reason
    for child in _children(node, kind):
        if reason := _refusal(child, names, people, depth + 1, loops):
            return reason
    return None


def _children(node: nodes.Node, kind: str) -> list[nodes.Node]:
    if kind == "For":
        node = cast("nodes.For", node)
        return [*node.body, *node.else_, *([node.test] if node.test else [])]
    return list(node.iter_child_nodes())


def _loop_refusal(node: Any, names: frozenset[str], loops: int) -> tuple[str | None, frozenset[str]]:
    call = node.iter
    if loops:
        return "a `for` inside a `for` is not allowed", names
    if type(call).__name__ != "Call" or getattr(call.node, "name", "") != "range":
        return "`for` may only go over range(N)", names
    sizes = [argument.value for argument in call.args if type(getattr(argument, "value", None)) is int]
    if call.kwargs or len(sizes) != len(call.args) or not 1 <= len(sizes) <= 2:
        return "range takes one or two plain numbers", names
    if sizes[-1] - (sizes[0] if len(sizes) == 2 else 0) > MOST_REPEATS:
        return f"range may repeat {MOST_REPEATS} times at most", names
    if type(node.target).__name__ != "Name" or node.target.name in names:
        return "`for` takes one name of its own", names
    return None, names | {node.target.name}


def _node_refusal(node: Any, kind: str, names: frozenset[str], people: frozenset[str]) -> str | None:
    if kind not in _NODES:
        return f"{kind} is not allowed in a template; allowed: names, attributes, if, for over range"
    if kind == "Name" and node.name not in names:
        return f"'{node.name}' is not known here; allowed: {', '.join(sorted(names))}"
    if kind == "Getattr":
        return _attribute_refusal(node, names - people, people)
    if kind == "Filter":
        return _filter_refusal(node)
    if kind == "Test" and node.name not in _TESTS:
        return f"test '{node.name}' is not allowed; allowed: {', '.join(sorted(_TESTS))}"
    return None


def _attribute_refusal(node: Any, others: frozenset[str], people: frozenset[str]) -> str | None:
    if type(node.node).__name__ == "Name" and node.node.name == ROW in others and not node.attr.startswith("_"):
        return None
    if node.attr not in PERSON or type(node.node).__name__ != "Name":
        return f"'.{node.attr}' is not known; allowed: {', '.join(sorted(PERSON))}"
    if node.node.name in others:
        return f"'{node.node.name}' has no '.{node.attr}'; these have: {', '.join(sorted(people))}"
    return None


def _filter_refusal(node: Any) -> str | None:
    if node.name not in FILTERS:
        return f"filter '{node.name}' is not allowed; allowed: {', '.join(sorted(FILTERS))}"
    if len(node.args) + len(node.kwargs) > (node.name == "default"):
        return f"filter '{node.name}' has too many values; allowed: one for default, none for the others"
    return None


@lru_cache(maxsize=1)
def _environment() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
