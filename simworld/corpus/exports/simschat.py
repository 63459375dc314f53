"""`--as simschat`: a viewpoint as the training record of SimsChat (arXiv 2406.17962), and where its own lines stand.

    {"id", "transcript", "speaker", "text", "loss": [{"start", "stop"}]}

`text` is the profile, the status (location, status, emotion, topic) and the interactions, a line for each turn that the
speaker perceived: `Mara Quill (speaking): Good evening.<|eot|>`. Nobody else's thoughts are in it. Every part of `text`
from `start` to `stop` (in characters) is a line of the speaker's own to learn from, the closing mark included. A
trainer that knows nothing of `loss` learns the whole text, as Character-LLM does. The wording stands in
`templates/prompts/simschat.md` and `simschat_lines.yaml`.
"""

from __future__ import annotations

from simworld.corpus.exports.rows import SimsChatRow, Span, row_id
from simworld.corpus.exports.text import Script
from simworld.perspective.layout import UNTRAINED
from simworld.prompts import data, render
from simworld.schema import SeatRecord, Transcript, Turn

IMPORTED = "imported"
"""Backend of those whose lines were not made here."""
BETWEEN = "\n\n"


def simschat_rows(transcript: Transcript, speaker: str, /, *, thoughts: bool, notes: bool) -> list[SimsChatRow]:
    """The whole viewpoint as one row, whatever cuts its prompt had; none where this seat never acted."""
    lines = _Lines(transcript)
    text, loss = head(transcript, speaker), list[Span]()
    unlearnt = {turn.act for turn in transcript.turns if UNTRAINED.intersection(turn.faults)}
    acts = {turn.act for turn in transcript.turns if turn.seat == speaker and (thoughts or turn.kind != "think")}
    for turn in transcript.turns:
        own = turn.seat == speaker
        if own and notes and turn.note and turn.act in acts:
            text += BETWEEN + lines.note(turn)
        if not (own and thoughts if turn.kind == "think" else own or speaker in turn.heard_by):
            continue
        start = len(text) + len(BETWEEN)
        text += BETWEEN + lines.line(turn)
        if own and not turn.source and turn.act not in unlearnt:
            loss.append(Span(start=start, stop=len(text)))
    id = row_id(transcript.id, speaker, 0)
    row = SimsChatRow(id=id, transcript=transcript.id, speaker=speaker, text=text, loss=loss)
    return [row] if acts else []


def head(transcript: Transcript, speaker: str) -> str:
    """What stands before the interactions."""
    seat, words = transcript.seats[speaker], _words()
    known = {
        "location": transcript.places.get(seat.place, seat.place),
        "status": _status(seat),
        "emotion": seat.emotion or _of_source(transcript, speaker, "emotion"),
        "topic": transcript.topic or transcript.about.get("topic_raw", ""),
    }
    state = [(words[name], _whole(text, words)) for name, text in known.items() if text]
    return render("simschat", profile=_whole(_profile(seat), words), name=seat.name, state=state)


def _status(seat: SeatRecord) -> str:
    """How things stood; of an imported dialogue the paper's own status, which tells of the situation too."""
    told = seat.briefing
    return told.status if told.status and seat.backend == IMPORTED else f"{told.background} {told.status}".strip()


def _profile(seat: SeatRecord) -> str:
    return seat.briefing.profile or seat.briefing.system


def _of_source(transcript: Transcript, speaker: str, name: str) -> str:
    """What the source of an imported dialogue says of its main character, and no vocabulary has a word for."""
    return transcript.about.get(name, "") if speaker == transcript.main else ""


class _Lines:
    """Turns as lines, each ended by its mark."""

    def __init__(self, transcript: Transcript) -> None:
        self._script, self._words = Script(transcript), _words()

    def note(self, turn: Turn) -> str:
        """The private note that came before a turn."""
        return self._ended("note", turn, turn.note)

    def line(self, turn: Turn) -> str:
        """The turn."""
        if self._script.is_narration(turn):
            return self._ended("narration", turn, turn.text)
        kind = self._script.way(turn) if turn.kind == "move" else turn.manner or turn.kind
        return self._ended(kind, turn, turn.text)

    def _ended(self, form: str, turn: Turn, text: str) -> str:
        script, words = self._script, self._words
        told = _whole(script.as_text(text), words)
        to, place = script.names(turn.to), script.places.get(turn.text, turn.text)
        return words[form].format(name=script.name_of(turn), text=told, to=to, place=place) + words["end"]


def _whole(text: str, words: dict[str, str]) -> str:
    """`text` without the mark that would end its line."""
    return text.replace(words["end"], words["no_end"])


def _words() -> dict[str, str]:
    loaded: dict[str, str] = data("prompts/simschat_lines.yaml")
    return loaded
