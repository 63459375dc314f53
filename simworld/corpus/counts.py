"""What has been counted of a file of transcripts, kept beside it so that a resume need not read it again.

    keep_counts(folder, shard, survey.counts(), seen=stamp(folder, shard))
    kept_counts(folder, shard)      # None where the transcripts are no longer the file that was counted

`counts/NNNNN.json` is believed only while size, time of change and time of the last change of anything about the file
(mtime and ctime, in nanoseconds) are what they were; it can be deleted at any time.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

FORMAT = 2
"""To be raised when other things are counted."""


def kept_counts(folder: Path, shard: int) -> dict[str, Any] | None:
    """The counts of a shard, where they are those of the file that is there."""
    try:
        row: Any = orjson.loads(_path(folder, shard).read_bytes())
        believed = row["of"] == stamp(folder, shard) and row["sum"] == _sum(row["counts"])
        return row["counts"] if believed else None
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return None


def keep_counts(folder: Path, shard: int, counts: dict[str, Any], *, seen: list[int]) -> None:
    """Keep the counts of a shard as it was `seen`. Where that cannot be done, it will be read again: no error."""
    path = _path(folder, shard)
    half = path.with_name(path.name + ".half")
    with suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        row = {"of": seen, "sum": _sum(counts), "counts": counts}
        half.write_bytes(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        half.replace(path)


def stamp(folder: Path, shard: int) -> list[int]:
    """What tells a shard's file from the same file changed. Raises OSError where there is none."""
    seen = (folder / "transcripts" / f"{shard:05d}.jsonl").stat()
    return [FORMAT, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns]


def _path(folder: Path, shard: int) -> Path:
    return folder / "counts" / f"{shard:05d}.json"


def _sum(counts: dict[str, Any]) -> str:
    return blake2b(orjson.dumps(counts), digest_size=8).hexdigest()
