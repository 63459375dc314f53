"""forge_pack: the whole chain: aspects, personas, relations among them, scenes, interviews; a folder that plays.

    made = asyncio.run(forge_pack(PackOrder(people=PeopleOrder(n=12), scenes=5), Path("forged")))
    print(*made.measures.lines(), sep="\\n")

The folder is marked as unfinished until it is whole: the same order goes on with it, another one is refused. With a
model every answer is kept in the folder, so that only what is missing is asked.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from simworld.backends.asking import Asking
from simworld.errors import RunStopped, UsageError
from simworld.forge.interviews import Question, interviews
from simworld.forge.measures import Measures, measure
from simworld.forge.people import PeopleOrder, forge_people
from simworld.forge.relations import Tie, bonds, weave, write_ties
from simworld.forge.scenes import SceneOrder, forge_scenes
from simworld.forge.write import write_persona
from simworld.forge.write_scene import write_scene
from simworld.packs import check
from simworld.prompts import check_template, page
from simworld.schema import Persona, Problem
from simworld.schema.record import Record

MARK = ".forge.json"
"""The file that says that a folder is not whole yet, and which order it is of."""
ANSWERS = ".answers.jsonl"
"""A model's answers."""
COMPOSER = "composer"


class PackOrder(Record, frozen=True):
    """A pack that is wanted."""

    people: PeopleOrder
    scenes: Annotated[int, Field(ge=1, le=1000)] = 20
    """Scenes a character."""
    interviews: Annotated[int, Field(ge=0, le=1000)] = 50
    """Questions a character."""
    backend: str = COMPOSER
    """What writes: `composer`, or a backend's name."""


@dataclass(frozen=True, slots=True)
class Forged:
    """What came of it."""

    folder: Path
    measures: Measures
    problems: tuple[Problem, ...]
    """What `check` finds."""
    people: Any
    """The PeopleReport."""
    scenes: Any
    """The SceneReport."""
    ties: int

    @property
    def is_whole(self) -> bool:
        """Whether all that was ordered is there, and sound."""
        whole = self.people.made == self.people.wanted and self.scenes.made == self.scenes.wanted
        return whole and not self.problems


def begin(order: PackOrder, folder: Path) -> None:
    """Make the folder and mark it as this order's. Raises UsageError where it holds anything else."""
    mark = folder / MARK
    told = json.dumps(order.model_dump(mode="json"), sort_keys=True, indent=1) + "\n"
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is a file; name a folder with --out DIR")
    if mark.is_file():
        if mark.read_text(encoding="utf-8") != told:
            what = "holds the unfinished pack of another order; give the same options again, or another --out DIR"
            raise UsageError(f"{folder}: {what}")
    elif folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"{folder}: is not empty; name another folder with --out DIR")
    folder.mkdir(parents=True, exist_ok=True)
    mark.write_text(told, encoding="utf-8")


async def forge_pack(
    order: PackOrder, folder: Path, asking: Asking | None = None, *, directors: Collection[str] | None = None
) -> Forged:
    """Make a pack in `folder`.

    Raises UsageError where the folder holds anything but this order's own beginning, RunStopped where a model wrote
    fewer than two personas.
    """
    begin(order, folder)
    people = await forge_people(order.people, asking)
    if len(people.personas) < 2:
        told = "; ".join(people.report.lines()[:6])
        raise RunStopped(f"a pack needs two personas: {told}; to ask anew, remove {folder / ANSWERS}")
    ties = weave(people.personas, order.people.seed)
    made = await forge_scenes(SceneOrder(n=order.scenes, seed=order.people.seed), people.personas, asking, ties=ties)
    asked = await ask_all(people.personas, ties, order.interviews, order.people.seed, asking)
    for name in ("personas", "scenes"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for persona in people.personas:
        write_persona(persona, folder)
    for scene in made.scenes:
        write_scene(scene, folder)
    write_ties(ties, folder / "relations.yaml")
    if asked:
        write_questions(asked, folder / "interviews.jsonl")
    found = measure(people.personas, made.scenes, asked)
    problems = check([folder], check_template=check_template, directors=directors)
    forged = Forged(folder, found, tuple(problems), people.report, made.report, len(ties))
    _write_page(order, forged)
    if forged.is_whole:
        (folder / MARK).unlink()
    return forged


async def ask_all(
    personas: Sequence[Persona], ties: Sequence[Tie], n: int, seed: int, asking: Asking | None = None
) -> tuple[Question, ...]:
    """`n` questions to each, none put to two of them: composed, or by a model where `asking` is given."""
    if not n:
        return ()
    names = {one.id: one.name for one in personas}
    by_id = bonds(ties)
    if asking is not None:
        from simworld.forge.interviews_by_model import ask_interviews

        return await ask_interviews(personas, n, asking)
    taken: set[str] = set()
    rows: list[Question] = []
    for one in personas:
        own = interviews(one, n, seed, ties=by_id.get(one.id, {}), names=names, taken=taken)
        taken.update(row.question for row in own)
        rows += own
    return tuple(rows)


def write_questions(rows: Sequence[Question], path: Path) -> None:
    """Keep questions as JSON Lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(row.model_dump_json() + "\n" for row in rows), encoding="utf-8")


def _write_page(order: PackOrder, forged: Forged) -> None:
    found = forged.measures
    text = page(
        "forged_pack", personas=found.personas, scenes=found.scenes, seed=order.people.seed, each=order.scenes,
        made_by=order.backend, composed=order.backend == COMPOSER, ties=forged.ties, questions=found.questions,
        rows=found.rows(), folder=forged.folder.name,
    )  # fmt: skip
    (forged.folder / "README.md").write_text(text, encoding="utf-8")
