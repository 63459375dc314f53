"""Write what an importer makes: a folder with `personas/`, `scenes/` and `corpus/`, whole or not at all.

    with import_into(Path("out"), "simsconv") as target:
        target.persona(persona)
        target.scene(scene)
        target.transcript(transcript)       # in the order of their index

    with corpus_into(Path("out"), "prepare") as target:         # the corpus alone: OUT itself is its folder
        target.transcript(transcript)

Everything is written to a half folder inside OUT and put in place at the end: a source that turns out to be broken
leaves nothing behind, and what a killed import left is taken away by the next one. One shard of transcripts is open at
a time.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from simworld import __version__
from simworld.corpus.cast import CAST, write_cast
from simworld.corpus.store import SHARD, to_line
from simworld.corpus.survey import Survey
from simworld.corpus.whole import write_whole
from simworld.errors import CorpusError
from simworld.schema import Persona, Record, Scene, Transcript

HALF, WHOLE = ".import.half", ".import.whole"
"""The folder while it is written, and while its parts are put in place."""
PARTS = ("personas", "scenes", "corpus")
CORPUS = (*CAST, "manifest.json", "transcripts")
"""The parts of a corpus alone."""


class Target:
    """The folder of an import while it is written."""

    def __init__(self, folder: Path, source: str, *, bare: bool = False) -> None:
        self._folder = folder
        self._corpus = folder if bare else folder / "corpus"
        self._source = source
        self._shard: BinaryIO | None = None
        self._bare = bare
        self._survey = Survey()
        self._personas: list[Persona] = []
        self._scenes: list[Scene] = []
        self.transcripts = 0
        """How many there are: the index of the next."""
        for name in () if bare else PARTS:
            (folder / name).mkdir(parents=True)
        (self._corpus / "transcripts").mkdir(parents=True)

    @property
    def personas(self) -> int:
        """How many personas there are."""
        return len(self._personas)

    @property
    def scenes(self) -> int:
        """How many scenes there are."""
        return len(self._scenes)

    @property
    def turns(self) -> int:
        """Turns of all transcripts so far."""
        return self._survey.turns

    def persona(self, persona: Persona) -> None:
        """Write a persona's file; where there is a corpus alone, into its list."""
        self._yaml(f"personas/{persona.id}.yaml", persona)
        self._personas.append(persona)

    def scene(self, scene: Scene) -> None:
        """Write a scene's file; where there is a corpus alone, into its list."""
        self._yaml(f"scenes/{scene.id}.yaml", scene)
        self._scenes.append(scene)

    def transcript(self, transcript: Transcript) -> None:
        """Append a transcript; its index is the number of those before it."""
        assert transcript.index == self.transcripts
        if self._shard is None or not transcript.index % SHARD:
            self.close()
            self._shard = (self._corpus / "transcripts" / f"{transcript.index // SHARD:05d}.jsonl").open("wb")
        self._shard.write(to_line(transcript))
        self._survey.add(transcript.index, Survey.facts_of(transcript))
        self.transcripts += 1

    def manifest(self, anomalies: Mapping[str, int], **more: Any) -> None:
        """Write the corpus's manifest. `more`: what else it tells, under names of its own."""
        survey = self._survey
        facts = {
            "schema": 1,
            "kind": "import",
            "status": "complete",
            "stand_in": survey.stand_in,
            "source": self._source,
            "n": self.transcripts,
            "versions": {"simworld": __version__},
            "statuses": dict(sorted(survey.statuses.items())),
            "endings": dict(sorted(survey.endings.items())),
            "scenes": dict(sorted(survey.scenes.items())),
            "turns": survey.turns,
            "anomalies": dict(sorted(anomalies.items())),
            **more,
        }
        data = orjson.dumps(facts, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        write_cast(self._corpus, self._personas, self._scenes)
        write_whole(self._corpus / "manifest.json", data)

    def close(self) -> None:
        """Close the shard that is open."""
        if self._shard is not None:
            self._shard.close()
            self._shard = None

    def _yaml(self, name: str, record: Record) -> None:
        if self._bare:
            return
        data = as_yaml(record.model_dump(mode="json", by_alias=True, exclude_defaults=True))
        (self._folder / name).write_text(data, encoding="utf-8", newline="\n")


def as_yaml(data: Mapping[str, Any]) -> str:
    """Plain data as a pack's file; text is read back as it is."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(data, Dumper=dumper, sort_keys=False, allow_unicode=True, width=116)  # pyright: ignore
    return text


def import_into(out: Path, source: str) -> AbstractContextManager[Target]:
    """The folder OUT for an import of this kind. Raises CorpusError where something else is there already."""
    return _into(out, source, PARTS)


def corpus_into(out: Path, source: str) -> AbstractContextManager[Target]:
    """The folder OUT as a corpus, without a pack. Raises CorpusError where something else is there already."""
    return _into(out, source, CORPUS)


@contextmanager
def _into(out: Path, source: str, parts: tuple[str, ...]) -> Generator[Target]:
    _refuse_used(out)
    is_new = not out.exists()
    half, whole = out / HALF, out / WHOLE
    target: Target | None = None
    try:
        _take_away(out)
        half.mkdir(parents=True)
        target = Target(half, source, bare=parts == CORPUS)
        yield target
        target.close()
        half.rename(whole)
        for name in parts:  # the transcripts last: with them the import is there
            (whole / name).rename(out / name)
        whole.rmdir()
    except OSError as error:
        what = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror or str(error)
        raise CorpusError(f"{out}: cannot be written: {what}; nothing was imported") from error
    finally:
        with suppress(OSError):
            if target is not None:
                target.close()
        _take_away(out)
        if is_new and out.is_dir() and not any(out.iterdir()):
            out.rmdir()


def _refuse_used(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise CorpusError(f"{out}: is a file; --out takes a folder")
    if out.is_dir() and {path.name for path in out.iterdir()} - {HALF, WHOLE, *_put(out)}:
        raise CorpusError(f"{out}: is not empty; give --out a folder that is empty or not there yet")


def _put(out: Path) -> list[str]:
    """The parts that an import has put in place and not ended."""
    whole = out / WHOLE
    parts = PARTS if (whole / PARTS[-1]).exists() or (out / PARTS[-1]).exists() else CORPUS
    return [name for name in parts if whole.is_dir() and (out / name).exists() and not (whole / name).exists()]


def _take_away(out: Path) -> None:
    """Take away all of an import that has not ended; after one that has, there is nothing to take."""
    for name in (*_put(out), HALF):
        if (out / name).is_file():
            (out / name).unlink()
        shutil.rmtree(out / name, ignore_errors=True)
    shutil.rmtree(out / WHOLE, ignore_errors=True)
