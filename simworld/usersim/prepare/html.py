"""The step `html`: what was copied from a web page as text again.

    unmarked("<p>Run <code>ls</code></p>")                      # 'Run `ls`'
    without_buttons("2 / 3Sure. Copy12 chars / 2 words")        # 'Sure. '

`paper`: every turn that holds a tag goes through markdownify as it comes (it puts backslashes before `_` and `*` and
joins lines), and copy-button leftovers are taken out of all turns. `repaired`: a turn of the assistant that begins and
ends with blocks of a page (`<p>` ... `</p>`) is turned into markdown, nothing escaped; text that only speaks of tags
stays. The person's turns stay as they were written, HTML that they pasted included, unless both sides are a page's
markup.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any

from simworld.corpus.imports.talk import ASSISTANT
from simworld.errors import MissingDependency
from simworld.usersim.prepare.case import Case, Lost, Step

_TAG = re.compile(
    r"</?(?:a|b|blockquote|br|button|code|div|em|h[1-6]|hr|i|img|li|ol|p|pre|span|strong|svg|table|tbody|td|th|thead|tr|ul)"
    r"(?:\s[^<>]{0,2000})?/?>",
    re.IGNORECASE,
)
_BLOCK = "(?:p|div|pre|ol|ul|table|blockquote|h[1-6])"
_BEGINS = re.compile(rf"\s*<{_BLOCK}(?:\s[^<>]{{0,2000}})?>", re.IGNORECASE)
_ENDS = re.compile(rf"</{_BLOCK}>\s*\Z", re.IGNORECASE)
"""How a turn begins and ends that is a page's markup as a whole."""
_BOX = re.compile(r"</?(?:div|span)(?:\s[^<>]{0,2000})?>", re.IGNORECASE)
_COPY_FENCE = re.compile(r"```[ \t]*\n?[ \t]*([\w+#.-]{0,20})[ \t]*\n?[ \t]*Copy code[ \t]*\n?(.*?)\s*```", re.DOTALL)
_COUNTER = re.compile(r"\s*\d+ / \d+")
_COPIED = re.compile(r"Copy[ \t]*\d+ chars(?: / \d+ words)?")
_BLANKS = re.compile(r"\n{3,}")
DEEPEST = 200_000
"""Characters of a turn that is still unmarked; a parser of pages needs a hundred times the memory of its text."""


def html_step(recipe: str) -> Step:
    """The step of a recipe. Raises MissingDependency without the extra."""
    markdownify()
    change = _paper if recipe == "paper" else _repaired

    def step(case: Case) -> list[Case] | Lost:
        said = tuple((seat, text) for seat, text in change(case) if text.strip())
        if not said:
            return Lost("nothing_left")
        return [case if said == case.said else replace(case, said=said)]

    return step


def _paper(case: Case) -> list[tuple[str, str]]:
    return [(seat, _paper_text(text)) for seat, text in case.said]


def _paper_text(text: str) -> str:
    if _has_tag(text):
        text = _converted(_BOX.sub("", text))
    return without_buttons(text).replace("\n\n\n", "\n").strip()


def _repaired(case: Case) -> list[tuple[str, str]]:
    from_page = any(_is_page(text) for text in case.texts(ASSISTANT))
    said: list[tuple[str, str]] = []
    for seat, text in case.said:
        own = seat == ASSISTANT or (from_page and _is_page(text))
        said.append((seat, _repaired_text(text) if own else text))
    return said


def _repaired_text(text: str) -> str:
    cleaned = without_buttons(unmarked(text))
    return text if cleaned == text else _BLANKS.sub("\n\n", cleaned).strip()


def unmarked(text: str) -> str:
    """A page's markup as markdown; any other text as it is, tags that it speaks of included."""
    return _converted(_BOX.sub("", text), plain=True) if _is_page(text) else text


def _is_page(text: str) -> bool:
    return "<" in text and _BEGINS.match(text) is not None and _ENDS.search(text, max(0, len(text) - 200)) is not None


def _has_tag(text: str) -> bool:
    return "<" in text and _TAG.search(text) is not None


def _converted(text: str, *, plain: bool = False) -> str:
    if len(text) > DEEPEST:
        return text
    options: dict[str, Any] = {"heading_style": "ATX"}
    if plain:
        options |= {"escape_asterisks": False, "escape_underscores": False, "escape_misc": False}
    try:
        return markdownify()(text, **options).strip()
    except RecursionError:  # boxes in boxes, a thousand deep
        return text


def without_buttons(text: str) -> str:
    """The text without what a page's buttons left in it; code under a 'Copy code' stands in a fence of its language."""
    if "Copy" in text:
        text = _COPY_FENCE.sub(_fence, text)
        text = _COPIED.sub("", text)
    counter = _COUNTER.match(text)
    return text[counter.end() :] if counter else text


def _fence(found: re.Match[str]) -> str:
    language, code = found[1], found[2].strip("\n")
    return f"```{language}\n{code}\n```" if code.strip() else ""


@cache
def markdownify() -> Callable[..., str]:
    """The library's one function."""
    try:
        library: Any = import_module("markdownify")
    except ImportError:
        raise MissingDependency("the step html needs markdownify: pip install 'simworld[prepare]'") from None
    return library.markdownify
