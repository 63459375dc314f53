"""A corpus as a source: its dialogues between a user and an assistant, as talks; and cases as transcripts of a corpus.

for known, talk in read_transcripts(Path("sim"), skipped): ...
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from simworld import __version__
from simworld.corpus.imports.conversations import PERSONAS, SCENE, seat_records, turns_of, with_system
from simworld.corpus.imports.fit import literal
from simworld.corpus.imports.report import Anomalies
from simworld.corpus.imports.talk import ASSISTANT, USER, Talk
from simworld.corpus.store import Corpus
from simworld.prompts import forms
from simworld.schema import Ending, Transcript
from simworld.usersim.prepare.case import Case
from simworld.usersim.prepare.facts import Known
from simworld.usersim.rows import is_over


def read_transcripts(place: Path, skipped: Anomalies) -> Iterator[tuple[Known, Talk]]:
    """What the user and the assistant said to each other in each dialogue, and whether it was over then."""
    own = seat_records()[0][ASSISTANT].briefing.system
    for transcript in Corpus(place):
        where = f"{place}: {transcript.id}"
        user = next((id for id, seat in transcript.seats.items() if seat.role == "user"), None)
        other = next((id for id, seat in transcript.seats.items() if seat.role == "assistant"), None)
        if user is None or other is None:
            skipped.note("no_user_seat", where)
            continue
        seats = {user: USER, other: ASSISTANT}
        said = tuple(
            (seats[turn.seat], turn.text)
            for turn in transcript.turns
            if turn.seat in seats and turn.kind == "say" and not turn.manner and turn.text.strip()
        )
        if not said:
            skipped.note("nothing_said", where)
            continue
        system = transcript.seats[other].briefing.system
        rest = {**transcript.about, "id": transcript.id}
        yield Known(over=is_over(transcript, user)), Talk(said, system if system != own else None, rest, where)


class Writes:
    """Makes transcripts of cases."""

    def __init__(self, recipe: str) -> None:
        self._recipe = recipe
        self._plain, self._hashes = seat_records()

    def transcript(self, case: Case, id: str, index: int, *, split: str, intent: str, conditioned: bool) -> Transcript:
        """A case at its place in the corpus. `intent` and persona stand in the user's briefing where `conditioned`."""
        has = [name for name, text in (("intent", intent), ("persona", case.persona)) if text] if conditioned else []
        records, hashes = self._plain, self._hashes
        if has:
            user = PERSONAS[0]
            if "persona" in has:
                user = user.model_copy(update={"profile": case.persona})
            records, hashes = seat_records(literal(intent) if "intent" in has else "", user)
        about = {
            **case.about, "root": case.root, "split": split, "data": case.data, "conditioned": "+".join(has),
            "true_start": "true" if case.true_start else "false", "recipe": self._recipe,
            **({"intent": intent} if intent else {}), **({"persona": case.persona} if case.persona else {}),
        }  # fmt: skip
        return Transcript(
            id=id, index=index, scene=SCENE.id, title=SCENE.title, seats=with_system(records, case.system), seed=0,
            status="complete", ending=Ending(reason="imported", known=case.over), turns=turns_of(case.said),
            forms=forms(), prompts=hashes, versions={"simworld": __version__}, about=about,
        )  # fmt: skip
