"""A dialogue of SimsConv as a transcript."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import orjson

from simworld import __version__
from simworld.corpus.imports.names import Ids, safe
from simworld.corpus.imports.report import Anomalies
from simworld.corpus.imports.simsconv_pack import NARRATION, PLACE, Played, roster
from simworld.corpus.imports.simsconv_rows import DialogueRow, TurnRow
from simworld.prompts import Situation, brief, field_values, forms
from simworld.schema import NARRATOR, Ending, SeatRecord, Transcript, Turn
from simworld.schema.turn import Kind

KINDS: dict[str, Kind] = {"speaking": "say", "thinking": "think", "narration": "do"}
CUT = "truncated"
"""The source's word for a turn that breaks off."""
NO_BACKGROUND = "."
BACKEND = "imported"
_PRIVATE = re.compile(r"think|thought|inner", re.IGNORECASE)

WORDINGS = {
    "cut_turn": "turns that break off, with the fault `cut`: no trainer learns from their act",
    "empty_turn": "turns without text, kept with the fault `empty`",
    "flagged_dialogue": "dialogues that the source flags; `about.flags` says how",
    "id_twice": "dialogues whose id an earlier one has; a number stands behind it",
    "main_absent": "dialogues in which the main character is silent (misspelt, mostly); its seat is kept",
    "mended_turn": "turns that were mended when the source was tidied; `about.fixes` says how",
    "narration": "turns of nobody in the scene, kept as the narrator's",
    "no_partner": "dialogues of one speaker alone; their scene has an open seat",
    "partner_silent": "partners who never speak; their seat is kept",
    "several_partners": "dialogues with more than one partner",
    "speaker_not_in_roster": "speakers who are neither the main character nor a partner; they have a seat",
    "thought_by_other": "thoughts of somebody else than the main character, kept as their own",
    "unknown_action": "turns whose action is not speaking, thinking or narration; kept as a thought or as speech",
}


class Dialogues:
    """Makes transcripts of rows and counts what is odd in them."""

    def __init__(self, anomalies: Anomalies) -> None:
        self._anomalies = anomalies
        self._ids = Ids()

    def transcript(self, row: DialogueRow, played: Played, index: int) -> Transcript:
        """The dialogue as it was, with what each of its seats would be told."""
        self._look_at(row)
        records, hashes = _records(played)
        id = self._ids.new(safe(row.id))
        if id != safe(row.id):
            self._anomalies.note("id_twice", row.id)
        return Transcript(
            id=id,
            index=index,
            scene=played.scene.id,
            title=played.scene.title,
            topic=played.topic,
            places={place.id: place.name for place in played.scene.places},
            seats=records,
            seed=0,
            status="complete",
            ending=Ending(reason="imported", known=False),
            turns=tuple(self._turns(row, played)),
            forms=forms(),
            prompts=hashes,
            versions={"simworld": __version__},
            about=_about(row),
        )

    def _turns(self, row: DialogueRow, played: Played) -> Iterator[Turn]:
        act, last = -1, ""
        acts = [act := act + (turn.speaker != last) for turn in row.turns if ((last := turn.speaker), True)]  # noqa
        del acts
        yield from ()
