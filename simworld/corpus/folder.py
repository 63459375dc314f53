"""Write a corpus folder: one run at a time, always valid, the same bytes however it was made.

    with open_folder(path, identity) as folder:      # refused if another process or another run's corpus is there
        folder.keep([transcript])                    # durable at once, in any order
        folder.settle(shard)                         # put in plan order, renamed when complete

Finished dialogues are appended to `journal/NNNNN-W.done` as they come; a whole shard is then written in plan
order beside its old file and renamed over it, and what is counted of it is kept in `counts/`.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from simworld import __version__
from simworld.corpus.counts import keep_counts, stamp
from simworld.corpus.store import SHARD, done_files, read_lines, read_shard, shard_file, to_line, waiting_shards
from simworld.corpus.survey import Survey
from simworld.corpus.whole import write_whole
from simworld.errors import CorpusError
from simworld.prompts import page
from simworld.schema import Transcript
from simworld.text.lines import APPENDING, append_whole, cut_torn

PATIENCE = 5.0
"""Seconds to wait for the lock of a process that is just ending."""
MOST_OPEN = 32
VERSIONS = "versions"

Difference = tuple[str, str, str]
"""Dotted name, what was there, what is here."""


class Folder:
    """A corpus folder held for writing. Made by `open_folder`, or by a worker of the process that did."""

    def __init__(self, path: Path, *, worker: int = 0, lock: int | None = None) -> None:
        self.path = path
        self.lock = lock
        self.changed: list[Difference] = []
        """Where a replay's settings and version differ from those of the corpus."""
        self._worker = worker
        self._files: dict[int, int] = {}

    def keep(self, told: Sequence[Transcript]) -> None:
        """Append the transcripts of one finished unit, in their order: the last one there says that all are.

        Raises OSError where the disk is full; what stood before stays whole.
        """
        by_shard: dict[int, bytes] = {}
        for transcript in told:
            shard = transcript.index // SHARD
            by_shard[shard] = by_shard.get(shard, b"") + to_line(transcript)
        for shard, data in by_shard.items():
            self._append(shard, data)

    def _append(self, shard: int, data: bytes) -> None:
        descriptor = self._files.get(shard)
        if descriptor is None:
            descriptor = self._files[shard] = self._open(shard)
            while len(self._files) > MOST_OPEN:
                os.close(self._files.pop(min(self._files)))
        append_whole(descriptor, data)

    def settle(self, shard: int) -> None:
        """Write a shard in plan order and rename it into place; a shard with nothing new is left alone."""
        descriptor = self._files.pop(shard, None)
        if descriptor is not None:
            os.close(descriptor)
        waiting = done_files(self.path, shard)
        if not waiting:
            return
        for path in waiting:
            os.close(self._open_whole(path))
        found = read_shard(self.path, shard)
        survey = Survey.over(found, self.path)
        write_whole(shard_file(self.path, shard), b"".join(found[index] + b"\n" for index in sorted(found)))
        keep_counts(self.path, shard, survey.counts(), seen=stamp(self.path, shard))
        for path in waiting:
            path.unlink()

    def settle_all(self) -> None:
        """Put everything finished in order, also the shards that are not full."""
        for shard in waiting_shards(self.path):
            self.settle(shard)

    def left_by(self, worker: int, indices: Iterable[int]) -> dict[int, bytes]:
        """Index -> line of those of these dialogues that a worker had finished, and that are not in order yet."""
        wanted = set(indices)
        found: dict[int, bytes] = {}
        for shard in {index // SHARD for index in wanted}:
            lines = read_lines(_done_file(self.path, shard, worker), shard)
            found |= {index: line for index, line in lines.items() if index in wanted}
        return found

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write `manifest.json`, and the dataset card `README.md` that says the same to a reader."""
        write_whole(self.path / "manifest.json", _pretty(manifest))
        write_whole(self.path / "README.md", page("corpus", m=manifest).encode())

    def log(self, event: str, **facts: Any) -> None:
        """Append a line to `run.log.jsonl`: what a replay would change (clock, retries, host) stands here only."""
        row = {"time": round(time.time(), 3), "event": event, **facts}
        with (self.path / "run.log.jsonl").open("ab") as file:
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE, default=str))

    def close(self) -> None:
        """Close the files and let go of the lock."""
        for descriptor in self._files.values():
            os.close(descriptor)
        self._files.clear()
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, shard: int) -> int:
        return self._open_whole(_done_file(self.path, shard, self._worker))

    def _open_whole(self, path: Path) -> int:
        """Open a file of finished dialogues for appending, a torn last line cut off."""
        descriptor = os.open(path, APPENDING, 0o644)
        if torn := cut_torn(descriptor):
            self.log("torn_line_dropped", file=path.name, bytes=torn)
        return descriptor


def _done_file(folder: Path, shard: int, worker: int) -> Path:
    return folder / "journal" / f"{shard:05d}-{worker}.done"


def open_folder(path: Path, identity: Mapping[str, Any], *, replay: bool = False) -> Folder:
    """Make or take over a corpus folder.

    Raises CorpusError where another process holds it, where it holds other files, or where it is the corpus of
    another run: then the message shows what differs. With `replay` what differs is the folder's `changed` instead.
    """
    if path.exists() and not path.is_dir():
        raise CorpusError(f"{path}: is a file; --out takes a folder")
    if path.is_dir() and any(path.iterdir()) and not (path / "lock").exists():
        raise CorpusError(f"{path}: is not empty and not a corpus of a run; give --out another folder")
    if replay and not (path / "manifest.json").is_file():
        raise CorpusError(f"{path}: there is no corpus to replay; --replay takes the folder of an earlier run")
    try:
        for part in ("transcripts", "journal", "counts"):
            (path / part).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CorpusError(f"{path}: cannot be written: {error.strerror}; give --out another folder") from error
    folder = Folder(path, lock=_take_lock(path / "lock"))
    try:
        folder.changed = _differences(path, identity)
        if not replay:
            _refuse_other(path, [one for one in folder.changed if not one[0].startswith(VERSIONS)])
    except BaseException:
        folder.close()
        raise
    return folder


def _take_lock(path: Path) -> int:
    """Hold the lock until this process and its workers end. A lock whose holder has died is free."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    os.set_inheritable(descriptor, True)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            holder = os.pread(descriptor, 100, 0).decode(errors="replace").strip()
            if time.monotonic() > deadline or (holder.isdigit() and is_alive(int(holder))):
                os.close(descriptor)
                raise CorpusError(
                    f"{path.parent}: another run (process {holder or 'unknown'}) is writing this corpus; wait for it, "
                    "or give --out another folder"
                ) from None
            time.sleep(0.05)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor


def is_alive(process: int) -> bool:
    """Whether a process of this number runs on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _differences(path: Path, identity: Mapping[str, Any]) -> list[Difference]:
    """Where the corpus that is there was made by another identity, or another version."""
    manifest = path / "manifest.json"
    if not manifest.is_file():
        return []
    try:
        there = orjson.loads(manifest.read_bytes())
        was, version = there["identity"], there.get("versions", {}).get("simworld")
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise CorpusError(f"{manifest}: not the manifest of a run; give --out another folder") from error
    return [
        *differing(was, orjson.loads(orjson.dumps(identity))),
        *differing({"simworld": version}, {"simworld": __version__}, VERSIONS),
    ]


def _refuse_other(path: Path, differences: Sequence[Difference]) -> None:
    if differences:
        shown = "\n".join(f"  {name}: {was} there, {now} here" for name, was, now in differences[:12])
        more = f"\n  and {len(differences) - 12} more" if len(differences) > 12 else ""
        raise CorpusError(
            f"{path}: holds the corpus of another run; they differ in\n{shown}{more}\n"
            "Use the same settings to go on with it, or give --out another folder."
        )


def differing(there: Any, here: Any, name: str = "") -> list[Difference]:
    """Where two identities differ."""
    if isinstance(there, dict) and isinstance(here, dict):
        keys: list[str] = sorted({*there, *here})  # pyright: ignore[reportUnknownArgumentType]
        return [
            found
            for key in keys
            for found in differing(there.get(key), here.get(key), f"{name}.{key}" if name else key)  # pyright: ignore
        ]
    return [] if there == here else [(name, _short(there), _short(here))]


def _short(value: Any) -> str:
    text = "nothing" if value is None else orjson.dumps(value).decode()
    return text if len(text) <= 80 else text[:77] + "..."


def _pretty(value: Mapping[str, Any]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
