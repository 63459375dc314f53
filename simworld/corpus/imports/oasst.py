"""OpenAssistant's message trees -> conversations, one for each way through a tree, or the best one.

    {"message_tree_id", "prompt": {"text", "role": "prompter", "replies": [{"text", "role": "assistant", ...}]}}
    {"message_id", "parent_id", "message_tree_id", "text", "role", "rank"}      # flat: a message a line

`paths`: `best` goes from the prompt to the reply that people ranked first (rank 0; the first one where none is
ranked), and so on; `all` takes every way from the prompt to a leaf, so beginnings come several times (they share a
root). Deleted messages, and what hangs on them, are left out; so are messages whose parent is not there, and these and
deleted prompts are told as conversations without a message. Flat messages may come in any order of trees: they wait
in a file beside the system's others, not in memory; a parent stands before its children.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Literal

import orjson

from simworld.corpus.imports.conversations_rows import Reader, Values
from simworld.corpus.imports.lines import BadLine, Skip, as_object, form_of
from simworld.corpus.imports.talk import ROLES, Spoken
from simworld.errors import unknown

Paths = Literal["best", "all"]
PATHS = ("best", "all")
_UNRANKED = 1 << 30
_DEEPEST = 500
"""Messages of one way; deeper ones are left out: no people talk on in this form for so long."""

Message = dict[str, Any]
NOTHING = Spoken((), {})
"""What stands for a tree or message that leads to no conversation, so that it is counted."""


def oasst_trees(paths: str = "best") -> Reader:
    """The reader of nested trees. Raises UsageError where `paths` is not known."""
    _check(paths)

    def reader(values: Values, skip: Skip | None) -> Iterator[tuple[str, Spoken]]:
        for where, value in values:
            try:
                tree, prompt = _prompt(value, where)
            except BadLine as bad:
                if skip is None:
                    raise
                skip(bad)
                continue
            yield from _conversations(prompt, tree, where, paths)

    return reader


def oasst_messages(paths: str = "best") -> Reader:
    """The reader of flat messages. Raises UsageError where `paths` is not known."""
    _check(paths)

    def reader(values: Values, skip: Skip | None) -> Iterator[tuple[str, Spoken]]:
        with closing(sqlite3.connect("")) as waiting:  # '' is a file of its own that is deleted on closing
            _keep(waiting, values, skip)
            for where, messages in _trees(waiting):
                root, lost = _grown(messages)
                if root is not None:
                    yield from _conversations(root, root, where, paths)
                for id in lost:
                    yield f"{where} {id}", NOTHING

    return reader


def _check(paths: str) -> None:
    if paths not in PATHS:
        raise unknown("paths", paths, PATHS)


def _prompt(value: Any, where: str) -> tuple[Message, Message]:
    """The tree's own keys, and its prompt."""
    tree = as_object(value) or {}
    prompt = as_object(tree.get("prompt"))
    if prompt is None or not isinstance(prompt.get("text"), str):
        what = "a tree has the keys message_tree_id and prompt, an object with text, role and replies"
        raise BadLine("wrong_form", f"{where}: {what}; this is {form_of(value)}")
    return tree, prompt


def _conversations(prompt: Message, head: Message, where: str, paths: str) -> Iterator[tuple[str, Spoken]]:
    tree = str(head.get("message_tree_id") or prompt.get("message_id") or "")
    rest: dict[str, Any] = {"lang": prompt.get("lang"), "tree_state": head.get("tree_state"), "root": tree or None}
    rest = {key: value for key, value in rest.items() if value is not None}
    if prompt.get("deleted"):
        yield where, NOTHING
        return
    for number, way in enumerate(_ways(prompt, paths)):
        id = f"{tree}-{number}" if paths == "all" else tree
        said = [(str(one.get("role") or ""), one.get("text")) for one in way]
        yield where, Spoken(said, ROLES["oasst"], rest=rest | ({"id": id} if tree else {}))


def _ways(prompt: Message, paths: str) -> Iterator[list[Message]]:
    """The ways from the prompt to leaves, in the order of the replies; of the best, one."""
    waiting = [[prompt]]
    while waiting:
        way = waiting.pop()
        found = [as_object(one) for one in way[-1].get("replies") or ()]
        replies = [one for one in found if one is not None and not one.get("deleted")]
        if not replies or len(way) >= _DEEPEST:
            yield way
        elif paths == "best":
            waiting.append([*way, min(replies, key=_rank)])
        else:
            waiting += [[*way, one] for one in reversed(replies)]


def _rank(message: Message) -> int:
    rank = message.get("rank")
    return int(rank) if isinstance(rank, int | float) else _UNRANKED


def _keep(waiting: sqlite3.Connection, values: Values, skip: Skip | None) -> None:
    """Put the messages down, each under the number of its tree."""
    waiting.execute("create table messages (tree integer, place text, data blob)")
    tree_of: dict[str, int] = {}
    count = 0
    for where, value in values:
        message = as_object(value)
        if message is None or not isinstance(message.get("message_id"), str):
            what = "a message has the keys message_id, parent_id, text and role"
            bad = BadLine("wrong_form", f"{where}: {what}; this is {form_of(value)}")
            if skip is None:
                raise bad
            skip(bad)
            continue
        root = str(message.get("message_tree_id") or message.get("parent_id") or message["message_id"])
        tree = tree_of.setdefault(root, count)
        count += tree == count
        tree_of.setdefault(message["message_id"], tree)
        data = orjson.dumps(message, default=str)
        waiting.execute("insert into messages values (?, ?, ?)", (tree, where, data))


def _trees(waiting: sqlite3.Connection) -> Iterator[tuple[str, list[Message]]]:
    """The messages of each tree, with the place of the first."""
    waiting.execute("create index trees on messages (tree)")
    tree, place, found = -1, "", list[Message]()
    for number, where, data in waiting.execute("select tree, place, data from messages order by tree, rowid"):
        if number != tree:
            if found:
                yield place, found
            tree, place, found = number, where, []
        found.append(orjson.loads(data))
    if found:
        yield place, found


def _grown(messages: list[Message]) -> tuple[Message | None, list[str]]:
    """The prompt of a tree, each message with its `replies` (None: there is none), and ids of messages that hang on
    nothing."""
    by_id: dict[str, Message] = {one["message_id"]: {**one, "replies": []} for one in messages}
    root: Message | None = None
    lost: list[str] = []
    for one in by_id.values():
        parent = by_id.get(one.get("parent_id") or "")
        if parent is not None and parent is not one:
            parent["replies"].append(one)
        elif not one.get("parent_id"):
            root = root or one
        else:
            lost.append(one["message_id"])
    return root, lost
