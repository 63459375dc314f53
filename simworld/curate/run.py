"""Curate: a corpus -> the same corpus with what filters found of each transcript, whole or not at all.

    report = curate(Path("out"), Path("kept"))
    print("\n".join(report.lines()))

The source is read, never written. One file of transcripts is in memory at a time, and what duplicates are known by.
What is found waits in a file; then a judge reads what the rules leave, where one is asked; then all is written beside
the target and renamed into its place. The same source and settings make the same bytes.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import IO, Any

import orjson

from simworld import __version__
from simworld.corpus.store import Corpus, from_row
from simworld.curate.case import People
from simworld.curate.judge import Judge, Judging, Verdict
from simworld.curate.look import Look, Seen, finding, look_through, require
from simworld.curate.recipe import Recipe, recipe_of
from simworld.curate.report import CurateReport, Tally, facts_of
from simworld.curate.write import write_corpus
from simworld.errors import CorpusError, RunStopped, UsageError
from simworld.schema import Finding

REPORT = "curation.json"
BATCH = 512
"""Transcripts that a judge is handed at once."""
WATCHED = 200
Watch = Callable[[str, int], None]
"""Is told now and then what is being done, and of how many transcripts it is done."""


def curate(
    source: Path,
    out: Path,
    recipe: Recipe | None = None,
    judging: Judging | None = None,
    *,
    workers: int = 1,
    watch: Watch | None = None,
) -> CurateReport:
    """Look through a corpus and write it anew with what was found. Nothing is left behind where it fails.

    Raises UsageError for a filter that cannot run, CorpusError where `out` holds something else or was made by other
    settings; with a judge also Refused, RunStopped and OutOfBudget (what it answered is kept beside `out`).
    """
    recipe = recipe or recipe_of()
    corpus = Corpus(source)
    if out.resolve() != source.resolve() and out.resolve().is_relative_to(source.resolve()):
        raise UsageError(f"{out}: lies inside the corpus that is curated; give --out a place beside it")
    identity = _identity(corpus, recipe, judging)
    if (before := _finished(out, identity)) is not None:
        return CurateReport(out, before, already=True)
    require(recipe)
    with _half(out) as half, (half / "found").open("w+b") as found:
        judge = Judge(judging, out.with_name(f"{out.name}.judge.jsonl")) if judging else None
        pace = _look(corpus, recipe, found, workers, watch or _unwatched)
        tally = Tally()
        with (half / "verdicts").open("w+b") as verdicts:
            if judge:
                asyncio.run(_judge(judge, corpus, found, verdicts, watch or _unwatched))
                _refuse_silent(judge)
            masks = recipe["pii"].use != "off" and recipe["pii"].bounds["do"] == "mask"
            name = source.resolve().name
            write_corpus(
                corpus, half / "new", _told(found, verdicts), tally, masks=masks,
                facts=lambda: facts_of(tally, recipe, identity, name, _judged(judge)),
            )  # fmt: skip
        notes = tuple(_notes(judge)) if judge else ()
        _put(half / "new", out)
    facts: dict[str, Any] = orjson.loads((out / REPORT).read_bytes())
    return CurateReport(out, facts, milliseconds=pace, notes=notes)


def _identity(corpus: Corpus, recipe: Recipe, judging: Judging | None) -> dict[str, Any]:
    """What makes two curations the same: the transcripts, the recipe, the judge, the version."""
    total = blake2b(digest_size=16)
    for part in ("transcripts", "journal"):
        for path in sorted((corpus.path / part).glob("*.jsonl" if part == "transcripts" else "*.done")):
            total.update(path.name.encode())
            with path.open("rb") as file:
                while piece := file.read(1 << 20):
                    total.update(piece)
    for name in ("personas.jsonl", "scenes.jsonl"):
        path = corpus.path / name
        total.update(path.read_bytes() if path.is_file() else b"")
    return {
        "transcripts": total.hexdigest(), "recipe": {name: rule.facts() for name, rule in recipe.items()},
        "judge": judging.facts() if judging else {}, "simworld": __version__,
    }  # fmt: skip


def _finished(out: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    """What stands in a finished curation of the same settings; None where nothing is there.

    Raises CorpusError where something else is, saying what differs.
    """
    if out.exists() and not out.is_dir():
        raise CorpusError(f"{out}: is a file; --out takes a folder")
    if not out.is_dir() or not any(out.iterdir()):
        return None
    if not (out / REPORT).is_file():
        raise CorpusError(f"{out}: is not empty and no curated corpus; give --out a folder that is not there yet")
    there: dict[str, Any] = orjson.loads((out / REPORT).read_bytes())
    differ = list(_differences(there.get("identity", {}), identity))
    if differ:
        lines = "\n".join(f"  {name}: {old} there, {new} here" for name, old, new in differ[:12])
        raise CorpusError(f"{out}: was curated otherwise; give --out another folder. What differs:\n{lines}")
    return there


def _differences(there: Any, here: Any, name: str = "") -> Iterator[tuple[str, str, str]]:
    if isinstance(there, dict) and isinstance(here, dict):
        for key in dict.fromkeys([*there, *here]):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
            yield from _differences(there.get(key), here.get(key), f"{name}.{key}".lstrip("."))  # pyright: ignore
    elif there != here:
        yield name, _brief(there), _brief(here)  # pyright: ignore[reportUnknownArgumentType]


def _brief(value: object) -> str:
    text = orjson.dumps(value).decode() if value is not None else "nothing"
    return text if len(text) <= 60 else f"{text[:57]}..."


@contextmanager
def _half(out: Path) -> Generator[Path]:
    """A folder beside `out` to work in, taken away at the end; what a killed curation left is taken over."""
    half = out.with_name(f".{out.name}.curate.half")
    try:
        half.mkdir(parents=True, exist_ok=True)
        lock = os.open(half / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise CorpusError(f"{out}: cannot be written: {error.strerror}; give --out another folder") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CorpusError(
                f"{out}: another curation is writing it; wait for it, or give --out another folder"
            ) from None
        shutil.rmtree(half / "new", ignore_errors=True)
        try:
            yield half
        except OSError as error:
            what = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror or str(error)
            raise CorpusError(f"{out}: cannot be written: {what}; nothing was curated") from error
        finally:
            shutil.rmtree(half, ignore_errors=True)
    finally:
        os.close(lock)


def _put(made: Path, out: Path) -> None:
    """Rename the folder into its place; an empty one that stood there goes."""
    with suppress(FileNotFoundError):
        out.rmdir()
    made.rename(out)


def _look(corpus: Corpus, recipe: Recipe, found: IO[bytes], workers: int, watch: Watch) -> float:
    """Write what is found of each transcript, a line each; milliseconds a transcript that it took."""
    across = Look(
        {name: rule for name, rule in recipe.items() if name in ("exact", "near", "similar")}, People({})
    ).across
    begun, count = time.perf_counter(), 0
    for count, seen in enumerate(look_through(corpus.path, recipe, workers=workers), 1):
        repeats: list[Finding] = []
        for name, one in across.items():
            if not repeats and (like := one.find(seen.id, seen.marks[name])) is not None:
                repeats.append(finding(name, like, recipe[name].use == "on"))
        _keep(found, seen, repeats)
        if not count % WATCHED:
            watch("looked through", count)
    if not count:
        raise CorpusError(f"{corpus.path}: holds no transcript")
    return 1000 * (time.perf_counter() - begun) / count


def _keep(found: IO[bytes], seen: Seen, repeats: list[Finding]) -> None:
    findings = [one.model_dump(mode="json") for one in (*repeats, *seen.findings)]
    found.write(orjson.dumps({"index": seen.index, "findings": findings}, option=orjson.OPT_APPEND_NEWLINE))


def _kept(findings: list[dict[str, Any]]) -> bool:
    return not any(one["drops"] for one in findings)


async def _judge(judge: Judge, corpus: Corpus, found: IO[bytes], verdicts: IO[bytes], watch: Watch) -> None:
    """Ask about each transcript that the rules leave; a line each, an empty one for the others."""
    found.seek(0)
    pairs = zip(corpus.rows(), map(orjson.loads, found), strict=True)
    try:
        while batch := list(islice(pairs, BATCH)):
            asked = [from_row(row, where) for (row, where), one in batch if _kept(one["findings"])]
            answers = iter(await judge.all(asked))
            for _, one in batch:
                verdict = next(answers) if _kept(one["findings"]) else Verdict()
                row = {
                    "scores": verdict.scores,
                    "findings": [each.model_dump(mode="json") for each in verdict.findings],
                }
                verdicts.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
            watch("judged", judge.judged)
    finally:
        await judge.asking.close()


def _refuse_silent(judge: Judge) -> None:
    """A judge that never answered has judged nothing."""
    asking = judge.asking
    if asking.failed and not asking.asked and not asking.from_file:
        raise RunStopped(
            f"the judge {asking.spec} answered none of {asking.failed} calls, the first: {asking.first_fault}; the "
            "same command goes on once that is mended"
        )


def _told(found: IO[bytes], verdicts: IO[bytes]) -> Iterator[tuple[list[Finding], dict[str, float]]]:
    """Findings and scores of each transcript, in the corpus's order."""
    found.seek(0)
    verdicts.seek(0)
    for line in found:
        findings = orjson.loads(line)["findings"]
        judged = verdicts.readline()
        row: dict[str, Any] = orjson.loads(judged) if judged else {"scores": {}, "findings": []}
        yield [Finding.model_validate(one) for one in (*findings, *row["findings"])], row["scores"]


def _judged(judge: Judge | None) -> dict[str, Any]:
    if judge is None:
        return {}
    return {"judge": {"judged": judge.judged, "unread": judge.unread, "failed": judge.asking.failed}}


def _notes(judge: Judge) -> Iterator[str]:
    yield from judge.asking.lines()
    if judge.unread:
        yield f"{judge.unread} replies were not what was asked for and tell nothing, the first: {judge.first_unread}"


def _unwatched(what: str, count: int) -> None:
    del what, count
