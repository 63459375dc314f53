"""A file of interventions, for one run: a YAML list in the form of a scene's `interventions`.

read_interventions(Path("angry_nurse.yaml"))
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from simworld.errors import PackError
from simworld.packs.node import plain
from simworld.packs.reader import read_yaml
from simworld.packs.words import built_in
from simworld.schema import Intervention


def read_interventions(path: Path) -> tuple[Intervention, ...]:
    """The interventions of a file, emotions in the vocabulary's spelling. Raises PackError that names file and line."""
    node = read_yaml(path, str(path))
    if not node.items:
        raise PackError(f"{path}:1:1: should be a list, each item with `seat`, `at` or `when`, and an effect")
    found: list[Intervention] = []
    for item in node.items:
        where = f"{path}:{item.mark.line}:{item.mark.column}"
        try:
            given = Intervention.model_validate(plain(item))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(map(str, first["loc"])) or "(intervention)"
            allowed = ", ".join(Intervention.model_fields)
            raise PackError(f"{where}: {field}: {first['msg']}; allowed: {allowed}") from None
        word = built_in().canonical("emotions", given.emotion) if given.emotion else ""
        found.append(given.model_copy(update={"emotion": word or given.emotion}))
    return tuple(found)
