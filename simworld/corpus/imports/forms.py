"""The forms of conversations that can be read, and how one tells which it is.

reader = reader_of("oasst", paths="best")
form_in({"messages": []})                   # 'messages'; '' where a value has none of them
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simworld.corpus.imports.columns import Columns, mapped_rows
from simworld.corpus.imports.conversations_rows import Reader, messages_rows, sharegpt_rows, wildchat_rows
from simworld.corpus.imports.lines import as_object
from simworld.corpus.imports.oasst import oasst_messages, oasst_trees
from simworld.errors import UsageError, unknown

PROMPTS = ("prompt", "instruction", "question", "query")
RESPONSES = ("response", "output", "answer", "completion")
FORMS = ("sharegpt", "messages", "wildchat", "oasst", "oasst_messages", "rows")


def reader_of(form: str, *, columns: Columns | None = None, paths: str = "best") -> Reader:
    """The reader of a form. Raises UsageError where there is none of this name, or `rows` has no columns."""
    if form == "rows":
        if columns is None:
            raise UsageError("rows need a map of their columns, such as messages=turns,role=speaker,content=text")
        return mapped_rows(columns)
    readers: dict[str, Callable[[], Reader]] = {
        "sharegpt": lambda: sharegpt_rows,
        "messages": lambda: messages_rows,
        "wildchat": lambda: wildchat_rows,
        "oasst": lambda: oasst_trees(paths),
        "oasst_messages": lambda: oasst_messages(paths),
    }
    if form not in readers:
        raise unknown("form", form, FORMS)
    return readers[form]()


def form_in(value: Any) -> str:
    """The form that a value has by its keys; '' where it has none of them. `rows`: a prompt column, by its name."""
    row = as_object(value)
    if row is None:
        return ""
    for key, form in (("conversations", "sharegpt"), ("messages", "messages"), ("conversation", "wildchat")):
        if isinstance(row.get(key), list):
            return form
    prompt = as_object(row.get("prompt"))
    if prompt is not None and isinstance(prompt.get("text"), str):
        return "oasst"
    if {"message_id", "parent_id", "text", "role"} <= row.keys():
        return "oasst_messages"
    return "rows" if guess(row) else ""


def guess(row: dict[str, Any]) -> Columns | None:
    """The columns of one round, where they bear a usual name; None where there is no prompt."""
    prompt = next((name for name in PROMPTS if isinstance(row.get(name), str)), "")
    response = next((name for name in RESPONSES if isinstance(row.get(name), str)), "")
    return Columns(prompt=prompt, response=response) if prompt else None
