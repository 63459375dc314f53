"""SimsConv -> a pack and a corpus: characters, scenes and dialogues of arXiv 2406.17962, any subset of them.

    report = import_simsconv(Path("simsconv"), Path("out"))     # out/personas, out/scenes, out/corpus

`characters.jsonl` must be there; `scenes.jsonl` and `dialogues.jsonl` may be absent. Text is kept byte for byte. Each
seat is told what it would be told if the scene were played, so exported rows are what an acting model would see.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from simworld.corpus.imports import fit, simsconv_dialogue, simsconv_pack
from simworld.corpus.imports.fit import Fit
from simworld.corpus.imports.lines import json_lines, rows_of
from simworld.corpus.imports.report import Anomalies, ImportReport
from simworld.corpus.imports.simsconv_dialogue import Dialogues
from simworld.corpus.imports.simsconv_pack import MOST_SEATS, People, Scenes, roster
from simworld.corpus.imports.simsconv_rows import CharacterRow, DialogueRow, SceneRow
from simworld.corpus.imports.write import Target, import_into
from simworld.errors import CorpusError

NAME = "simsconv"
CHARACTERS, SCENES, DIALOGUES = "characters.jsonl", "scenes.jsonl", "dialogues.jsonl"
INTERVIEWS = "interviews.jsonl"
FILES = f"{NAME} is a folder with {CHARACTERS} and, as far as there are any, {SCENES} and {DIALOGUES}"
WORDINGS = {
    **fit.WORDINGS,
    **simsconv_pack.WORDINGS,
    **simsconv_dialogue.WORDINGS,
    "dialogue_twice": "dialogues of a scene that has one already; each has a scene file of its own",
    "key_left_out": "keys that a pack or a turn has no field for, left out",
    "no_turns": "dialogues without a turn, left out",
    "too_many_speakers": f"dialogues with more than {MOST_SEATS} speakers, left out",
}
Row = TypeVar("Row", bound=BaseModel)


def import_simsconv(source: Path, out: Path) -> ImportReport:
    """Read the folder `source`, write `out/personas`, `out/scenes` and `out/corpus`.

    Raises CorpusError for a file that is missing or broken (with file and line) and where `out` is not empty; then
    nothing is left behind.
    """
    if not source.is_dir():
        raise CorpusError(f"{source}: {'is not a folder' if source.exists() else 'there is no such folder'}; {FILES}")
    if not (source / CHARACTERS).exists():
        raise CorpusError(f"{source}: has no {CHARACTERS}; {FILES}")
    with import_into(out, NAME) as target:
        reading = _Import(source, target)
        reading.run()
        target.manifest(reading.anomalies.counts)
    return reading.report(out)


class _Import:
    """One pass over the files; only names, personas and counts stay in memory."""

    def __init__(self, source: Path, target: Target) -> None:
        self._source, self._target = source, target
        self.anomalies = Anomalies(WORDINGS)
        self._people = People(target, self.anomalies, Fit(self.anomalies))
        self._scenes = Scenes(self._people)
        self._dialogues = Dialogues(self.anomalies)
        self._played: dict[tuple[str, int], int] = {}
        self._notes: list[str] = []

    def run(self) -> None:
        """Characters first, then dialogues with their scenes, then the scenes that were never played."""
        for where, row in rows_of(self._source / CHARACTERS, CharacterRow):
            self._people.add(row, where)
            self._left_out(row, where)
        if not self._target.personas:
            raise CorpusError(f"{self._source / CHARACTERS}: is empty; it should hold a character a line")
        for where, row in self._rows(DIALOGUES, DialogueRow):
            self._dialogue(row, where)
        for where, row in self._rows(SCENES, SceneRow):
            self._scene(row, where)
        if (self._source / INTERVIEWS).exists():
            count = sum(1 for _ in json_lines(self._source / INTERVIEWS))
            self._notes.append(f"{INTERVIEWS}: {count} interviews, which are no dialogues, were not imported")

    def report(self, out: Path) -> ImportReport:
        """What was made."""
        named_only = len(self._people.named_only)
        return ImportReport(
            NAME, out, self._target.personas - named_only, named_only, self._target.scenes, self._target.transcripts,
            self._target.turns, self.anomalies, tuple(self._notes),
        )  # fmt: skip

    def _rows(self, name: str, model: type[Row]) -> Iterator[tuple[str, Row]]:
        if (self._source / name).exists():
            yield from rows_of(self._source / name, model)
        else:
            self._notes.append(f"{name} is not there; nothing was taken from it")

    def _left_out(self, row: BaseModel, where: str) -> None:
        for key in row.model_extra or {}:
            self.anomalies.note("key_left_out", f"{where} {key[:60]!r}")

    def _dialogue(self, row: DialogueRow, where: str) -> None:
        speakers = roster(row)
        if not row.turns or len(speakers) > MOST_SEATS:
            self.anomalies.note("too_many_speakers" if row.turns else "no_turns", f"{where} {row.id[:60]}")
            return
        key = (row.character, row.scene)
        if key in self._played:
            self.anomalies.note("dialogue_twice", row.id)
        self._played[key] = row.as_scene.words
        for turn in row.turns:
            self._left_out(turn, where)
        played = self._scenes.played(row)
        self._target.transcript(self._dialogues.transcript(row, played, self._target.transcripts))
        scene = played.scene
        if len(scene.seats) == 1:
            scene = scene.model_copy(update={"seats": (*scene.seats, self._scenes.open_seat(scene.seats[0]))})
        self._target.scene(scene)

    def _scene(self, row: SceneRow, where: str) -> None:
        self._left_out(row, where)
        played = self._played.get((row.character, row.scene))
        if played is None:
            self._target.scene(self._scenes.open(row, where))
        elif played != row.words:
            self.anomalies.note("scene_differs", where)
