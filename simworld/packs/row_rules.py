"""Rows: what a scene's templates read of the row that a dialogue is about, and whether the scene's own rows have it.

columns_of("Help with {{ row.task }}")      # {'task'}
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from simworld.packs.look import Look, Path_
from simworld.packs.node import EACH, select
from simworld.packs.report import shown
from simworld.schema import Scene

ROW = "row"
_COLUMN = re.compile(r"\brow\.([A-Za-z_]\w*)")
_TAG = re.compile(r"\{[{%].*?[}%]\}", re.DOTALL)


def columns_of(template: str) -> set[str]:
    """The columns that a template reads."""
    if ROW not in template:
        return set()
    return {column for tag in _TAG.findall(template) for column in _COLUMN.findall(tag)}


def scene_columns(scene: Scene) -> set[str]:
    """The columns that a scene's templates read."""
    texts = [scene.background, scene.status]
    texts += [text for seat in scene.seats for text in (seat.goal, seat.knows, seat.profile)]
    texts += [text for told in (*scene.openings, *scene.happenings) for text in told.text]
    texts += [text for hand in scene.interventions for text in (hand.memory, hand.whisper, hand.goal)]
    return set[str]().union(*map(columns_of, texts))


def check_rows(look: Look, templates: Iterable[Path_]) -> bool:
    """A scene that reads rows has some, and each has every column that is read. Whether it reads any."""
    read = [(at, column) for at in look.texts(*templates) for column in sorted(columns_of(at[1].text))]
    rows = [at for at in select(look.node, "rows", EACH) if isinstance(at[1].value, dict)]
    if read and not rows:
        at, column = read[0]
        what = f"reads row.{shown(column)}, and the scene has no rows; give it some as examples of what --rows brings"
        look.say(at, "no-rows", what)
    for loc, row in rows:
        lacking = sorted({column for _, column in read if row.child(column) is None})
        if lacking:
            look.say((loc, row), "no-column", f"this row has no '{shown(lacking[0])}', which a template reads")
    return bool(read)
