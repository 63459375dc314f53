"""A dialogue of SimsConv as a transcript."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import orjson

from simworld import __version__
from simworld.corpus.imports.names import Ids, safe
from simworld.corpus.imports.report import Anomalies
from simworld.corpus.imports.simsconv_pack import NARRATION, Played, roster
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
            kind=played.scene.kind,
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

    def _turns(self, row: DialogueRow, played: Played) -> tuple[Turn, ...]:
        main = played.scene.main
        emotion = played.scene.seat(main).emotion
        turns: list[Turn] = []
        for n, turn in enumerate(row.turns):
            seat = played.seat_of.get(turn.speaker, NARRATOR)
            kind = self._kind(turn, row.id)
            private = kind == "think"
            made = Turn(
                n=n,
                act=turns[-1].act + (turns[-1].seat != seat) if turns else 0,
                seat=seat,
                kind=kind if seat != NARRATOR else "do",
                text=turn.content,
                heard_by=() if private else tuple(id for id in played.cast if id != seat),
                emotion=emotion if seat == main else "",
                faults=self._faults(turn, f"{row.id} turn {n}"),
            )
            turns.append(made)
            if private and turn.speaker != row.character:
                self._anomalies.note("thought_by_other", f"{row.id} turn {n}")
        return tuple(_told_at_the_start(turns))

    def _kind(self, turn: TurnRow, place: str) -> Kind:
        if turn.action not in KINDS:
            self._anomalies.note("unknown_action", f"{place} {turn.action[:40]!r}")
            return "think" if _PRIVATE.search(turn.action) else "say"
        return KINDS[turn.action]

    def _faults(self, turn: TurnRow, place: str) -> tuple[str, ...]:
        faults: list[str] = []
        if CUT in turn.fix:
            self._anomalies.note("cut_turn", place)
            faults.append("cut")
        if not turn.content.strip():
            self._anomalies.note("empty_turn", place)
            faults.append("empty")
        return tuple(faults)

    def _look_at(self, row: DialogueRow) -> None:
        """Count what is odd about the dialogue as a whole."""
        speakers = {turn.speaker for turn in row.turns}
        seated = roster(row)
        known = {row.character, *row.partners}
        odd: dict[str, int] = {
            "flagged_dialogue": bool(row.flags),
            "main_absent": row.character not in speakers,
            "mended_turn": sum(bool(turn.fix) for turn in row.turns),
            "narration": sum(turn.speaker == NARRATION for turn in row.turns),
            "no_partner": len(seated) == 1,
            "partner_silent": len(known - speakers - {row.character, NARRATION}),
            "several_partners": len(set(row.partners) - {NARRATION}) > 1,
            "speaker_not_in_roster": len(set(seated) - known),
        }
        for kind, times in odd.items():
            if times:
                self._anomalies.note(kind, row.id, int(times))


def _told_at_the_start(turns: Sequence[Turn]) -> Iterator[Turn]:
    """The turns, each act's first one with the faults of the whole act: there a reader looks for them."""
    faults: dict[int, dict[str, None]] = {}
    for turn in turns:
        faults.setdefault(turn.act, {}).update(dict.fromkeys(turn.faults))
    for before, turn in zip((None, *turns), turns, strict=False):
        if before is None or before.act != turn.act:
            yield turn.model_copy(update={"faults": tuple(faults[turn.act])})
        else:
            yield turn


def _records(played: Played) -> tuple[dict[str, SeatRecord], dict[str, str]]:
    """Seat id -> record, told as if the scene were played; and the hashes of the templates that told it."""
    scene = played.scene
    emotions = {seat.id: seat.emotion for seat in scene.seats if seat.emotion}
    values = field_values(scene, played.cast, played.topic)
    situation = Situation(scene, played.cast, played.topic, emotions, values)
    records: dict[str, SeatRecord] = {}
    hashes: dict[str, str] = {}
    for seat in scene.seats:
        briefing, used = brief(situation, seat.id)
        hashes |= used
        records[seat.id] = SeatRecord(
            persona=played.cast[seat.id].id, name=played.cast[seat.id].name, backend=BACKEND, main=seat.main,
            emotion=seat.emotion, place=situation.place_of(seat), briefing=briefing,
        )  # fmt: skip
    return records, hashes


def _about(row: DialogueRow) -> dict[str, str]:
    """What the source says about a dialogue and the transcript has no field for."""
    fixes = "; ".join(f"{n} {','.join(turn.fix)}" for n, turn in enumerate(row.turns) if turn.fix)
    facts = {
        "source": "simsconv",
        "source_id": row.id,
        "character": row.character,
        "scene_number": str(row.scene),
        "scene_type": row.scene_type,
        "emotion": row.emotion,
        "topic": row.topic,
        "topic_raw": row.topic_raw,
        "background": "" if row.background == NO_BACKGROUND else row.background,
        "flags": ", ".join(row.flags),
        "fixes": fixes,
    }
    return {**_extra(row), **{key: text for key, text in facts.items() if text}}


def _extra(row: DialogueRow) -> dict[str, str]:
    extra: Mapping[str, object] = row.model_extra or {}
    return {key: value if isinstance(value, str) else orjson.dumps(value).decode() for key, value in extra.items()}
