"""Write a curated corpus: the transcripts of another, in its order and under its indices, each with its curation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from simworld.corpus.cast import copy_cast
from simworld.corpus.store import Corpus, parsed, read_shard, shard_file
from simworld.corpus.survey import Survey
from simworld.corpus.whole import write_whole
from simworld.curate.report import Tally
from simworld.prompts import page
from simworld.schema import Curation, Finding
from simworld.text.private import masked

Told = Iterator[tuple[list[Finding], dict[str, float]]]
"""What was found of each transcript, and a judge's marks, in the corpus's order."""
_INSIDE = ("title", "turns", "minds", "interventions", "about")
"""Parts of a transcript in which a private number may stand."""


def write_corpus(
    source: Corpus, folder: Path, told: Told, tally: Tally, *, masks: bool, facts: Callable[[], dict[str, Any]]
) -> None:
    """Write the folder, and into it what `facts` tells at the end."""
    (folder / "transcripts").mkdir(parents=True)
    survey = Survey()
    for shard in source.shards():
        lines: list[bytes] = []
        found = read_shard(source.path, shard)
        for index in sorted(found):
            row = parsed(found[index], f"{source.path}: dialogue {index}")
            findings, scores = next(told)
            if masks:
                told_of = [_masked_briefing(seat["briefing"]) for seat in row["seats"].values()]
                if any(told_of) or any(one.filter == "pii" for one in findings):
                    row.update({part: _masked(row[part]) for part in _INSIDE if part in row})
                    tally.masked += 1
            kept = tally.add(row["id"], findings, scores)
            row["curation"] = Curation(kept=kept, findings=tuple(findings), scores=scores).model_dump(mode="json")
            survey.add(index, Survey.facts(row))
            lines.append(orjson.dumps(row))
        write_whole(shard_file(folder, shard), b"".join(line + b"\n" for line in lines))
    copy_cast(source.path, folder)
    made = facts()
    manifest = {**_counted(survey), **source.manifest, "curation": made}
    write_whole(folder / "curation.json", _pretty(made))
    write_whole(folder / "README.md", page("curated", m=manifest, r=made).encode())
    write_whole(folder / "manifest.json", _pretty(manifest))


def _counted(survey: Survey) -> dict[str, Any]:
    """What a manifest must tell, for a source that has none."""
    return {
        "schema": 1, "status": "complete", "stand_in": survey.stand_in, "n": sum(survey.statuses.values()),
        "statuses": dict(sorted(survey.statuses.items())), "endings": dict(sorted(survey.endings.items())),
        "scenes": dict(sorted(survey.scenes.items())), "turns": survey.turns,
    }  # fmt: skip


def _masked(value: Any) -> Any:
    """Plain data with the private numbers of all its texts masked."""
    if isinstance(value, str):
        return masked(value)[0]
    if isinstance(value, list):
        return [_masked(one) for one in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return {key: _masked(one) for key, one in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return value


def _masked_briefing(briefing: dict[str, Any]) -> bool:
    """Mask what a seat was told, and say again where its parts stand in it; whether there was anything."""
    system, count = masked(briefing["system"])
    if not count:
        return False
    for part in ("profile_at", "background_at", "status_at"):
        if span := briefing.get(part):
            text = masked(briefing["system"][span[0] : span[1]])[0]
            start = system.find(text)
            briefing[part] = [start, start + len(text)] if start >= 0 else None
    briefing["system"] = system
    return True


def _pretty(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
