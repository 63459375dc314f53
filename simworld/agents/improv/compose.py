"""Compose: what a character says, one act at a time.

    speech = compose(m)
    speech.text, speech.to, speech.manner

Most turns take up what was said, add a word of one's own, and now and then hand the talk on with a question.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from simworld.agents.improv import recollection, regard
from simworld.agents.improv.delivery import Said, deliver
from simworld.agents.improv.library import library
from simworld.agents.improv.matter import (
    Part,
    ask_scene,
    direct,
    first_of,
    goal_line,
    hook,
    is_new,
    is_tied,
    own_word,
    tie,
    told,
)  # fmt: skip
from simworld.agents.improv.moment import Moment, bank, thing_of
from simworld.schema.turn import Manner
from simworld.text.farewell import is_farewell

_TRIES = 5
_MOST = 5
"""Parts of one turn."""


@dataclass(frozen=True, slots=True)
class Speech:
    """What is said, to whom and how."""

    text: str
    to: tuple[str, ...] = ()
    manner: Manner = ""


def compose(m: Moment) -> Speech:
    """The spoken part of this act: never a line that was said before, and no leave-taking before its time."""
    if whisper := _whispered(m):
        return whisper
    leaving, text = is_leaving(m), ""
    for _ in range(_TRIES):
        m.used.clear()
        text = deliver(m, parting(m) if leaving else _turn(m))
        if text and m.fresh(text) and is_farewell(text) == leaving:
            return Speech(text, _addressed(m, text))
    if leaving:
        text = f"{text} {m.pick(bank('meetings.bye')) or bank('meetings.bye')[0]}".strip()
    return Speech(text, _addressed(m, text))


def _turn(m: Moment) -> list[Said]:
    """What this act calls for, the most pressing first."""
    if not m.own and (m.pair or len([turn for turn in m.view.turns if turn.kind == "say"]) < 4):
        return meeting(m)
    if m.happening and m.chance(0.8):
        return _react(m)
    if not m.heard:
        return _alone(m)
    if m.reading.move == "farewell":
        return [Said(m.mine("meetings.stay")), *_given(own_word(m))]
    return _answer(m) if m.reading.question and m.to_me else _respond(m)


def _given(*parts: Said | None) -> list[Said]:
    return [part for part in parts if part and part.text]


# --- meeting and parting -------------------------------------------------------------------------------------------


def meeting(m: Moment) -> list[Said]:
    """The first line of this one: a greeting, and something to begin with or an answer."""
    greeting = Said(_greeting(m), verbatim=True)
    if m.happening and not m.heard:
        return [greeting, *_react(m)]
    if m.heard and m.reading.question and m.to_me:
        return [greeting, *_answer(m)] if m.chance(0.6) else _answer(m)
    recalled = recollection.aloud(m)
    if recalled and not m.heard:
        return [greeting, recalled]
    return [greeting, *(_respond(m) if m.heard else _given(_opening(m)))]


def _greeting(m: Moment) -> str:
    own, said = regard.own_greetings(m), bool(m.heard)
    usual = not regard.knows(m) and not regard.feels(m)
    if not usual and m.chance(0.8) and (met := regard.greeting(m)):
        return met
    if own and m.chance(0.55):
        return m.rng.choice(own)
    if not m.pair and not said and m.chance(0.5):
        return m.mine("meetings.greet_all")
    return m.mine("meetings.greet_back" if said and m.chance(0.5) else "meetings.greet")


def _opening(m: Moment) -> Said | None:
    """What one comes with: a line for this kind of scene, a question about the place, or what one wants."""
    kind = m.setting.kind if m.chance(0.65) else "any"
    line = m.pick(bank(f"meetings.open.{kind}")) or m.pick(bank("meetings.open.any"))
    options: list[Part] = [lambda _: Said(line), ask_scene, goal_line]
    return first_of(m, options, (5, 2, 2))


def is_leaving(m: Moment) -> bool:
    """Whether this act takes leave: the scene is about to end, or another has taken leave near its end, or insists."""
    view, left = m.view, m.remaining
    told_so = m.heard if m.heard and m.reading.move == "farewell" else None
    if not m.own:
        return left <= 1 < view.part.max_turns and bool(told_so)
    if told_so:
        last = [turn.text for turn in view.turns[-8:] if turn.seat == told_so.seat and turn.kind == "say"]
        insists = m.to_me and sum(map(is_farewell, last)) > 1
        return insists or left <= _ENDING or (m.pair and view.act >= _LONG_ENOUGH)
    return left <= (2 + view.part.seed % 2 if m.pair else 3)


_ENDING = 4
"""Acts left with which a goodbye is answered with one."""
_LONG_ENOUGH = 8
"""Acts after which two may part when one of them wants to."""


def parting(m: Moment) -> list[Said]:
    """A word of thanks or summing up, and goodbye."""
    back = bool(m.heard) and m.reading.move == "farewell"
    out = _given(direct(m) if m.reading.question and m.to_me else None)
    if m.chance(0.55 if back else 0.85):
        phrase = "" if back or m.chance(0.4) else m.phrase()
        path = "sum_sharp" if m.stance == "sharp" else "sum" if phrase else "sum_plain"
        out.append(Said(m.mine(f"meetings.{path}", np=phrase)))
    bye = Said(m.mine("meetings.bye_back" if back else "meetings.bye"))
    if not m.kit.voice.farewells or m.chance(0.4):
        return [*out, bye]
    own = Said(m.rng.choice(m.kit.voice.farewells), verbatim=True)
    return [*out, own, *([] if is_farewell(own.text) else [bye])]


# --- answering -----------------------------------------------------------------------------------------------------


def _answer(m: Moment) -> list[Said]:
    """A question that was put to this one: an answer, often a word more, and now and then a question back."""
    out = _given(Said(m.mine("acts.thirds_answers"), led=True) if not m.pair and m.chance(0.15) else None)
    if kept_back := regard.guarded(m):
        return _rounded(m, [*out, Said(kept_back, led=True)], 0.34)
    known = _given(direct(m) if m.chance(0.85) else None) or _given(_of_oneself(m))
    out += known or [_by_kind(m)]
    if m.chance(0.55 if known else 0.9):
        out += _given(own_word(m))
    return _rounded(m, out, 0.34)


def _of_oneself(m: Moment) -> Said | None:
    """A question about this one, answered with what is true of it."""
    question = m.reading.question.lower()
    for rule in library().value("facts.asked"):
        if re.search(rule["pattern"], question):
            facts = [fact for fact in m.kit.facts if fact.field in rule["fields"] and is_new(m, fact)]
            return told(m, m.rng.choice(facts)) if facts else None
    return None


_YES = {"warm": 0.75, "dry": 0.5, "sharp": 0.25, "playful": 0.6}
"""How readily each stance says yes, and agrees."""


def _by_kind(m: Moment) -> Said:
    """An answer of the kind that the question wants; to the rest, yes or no."""
    kind, voice, yes = m.reading.asks_for, m.kit.voice, m.chance(_YES[m.stance])
    if kind and kind != "tag":
        return Said(m.pick(bank(f"acts.answers.{kind}")), led=True)
    if kind == "tag" and not yes:
        return Said(m.mine(f"acts.object.{m.stance}"))
    return Said(m.rng.choice(voice.yes if yes else voice.no))


# --- responding ----------------------------------------------------------------------------------------------------


def _respond(m: Moment) -> list[Said]:
    """A statement: it is taken up, something of one's own is added, and now and then a question follows."""
    doubt = _given(Said(regard.doubt(m), led=True))
    reply = doubt or _given(direct(m) if m.chance(0.72) else None)
    out = reply or _uptake(m)
    if not reply or m.chance({"clipped": 0.35, "even": 0.5, "flowing": 0.7}[m.kit.voice.pace]):
        out += _given(own_word(m))
    return _rounded(m, out, 0.42)


def _rounded(m: Moment, out: list[Said], share: float) -> list[Said]:
    """The turn with a tie to what was heard where it has none yet, what else comes up, and perhaps a question."""
    out = [*out, *_given(recollection.aloud(m), Said(regard.slip(m)))]
    if m.own and m.own[-1].text.rstrip().endswith("?"):
        share *= 0.6
    if not any(part.asks for part in out) and m.chance(share):
        out += _given(hook(m))
    elif m.remaining in (5, 6) and m.view.act > 6 and m.chance(0.3):
        out.append(Said(m.mine("meetings.late")))
    tied = not m.heard or is_tied(m, out)
    return [*_given(tie(m) if not tied and m.chance(0.9) else None), *out][:_MOST]


def _uptake(m: Moment) -> list[Said]:
    """How the line is met, before anything is added."""
    move, stance = m.reading.move, m.stance
    answered = bool(m.own) and m.own[-1].text.rstrip().endswith("?") and m.to_me
    if move and (m.to_me or move not in _PERSONAL) and m.chance(0.55):
        return _given(Said(m.mine(f"acts.moves.{move}.{stance}"), led=True))
    if m.chance(0.45) and (taken_up := _given(tie(m))):
        return taken_up
    if answered and m.chance(0.45):
        return _given(Said(m.mine(f"acts.moves.answer.{stance}"), led=True))
    path = "receive" if m.chance(0.4) else "agree" if m.chance(_YES[stance]) else "object"
    return _given(Said(m.mine(f"acts.{path}.{stance}"), led=True)) if m.chance(0.75) else []


_PERSONAL = ("insult", "praise", "apology", "thanks", "offer", "request", "refusal")
"""Moves that only the one they are meant for answers."""


# --- what happens, and nobody there --------------------------------------------------------------------------------


def _react(m: Moment) -> list[Said]:
    """Something has happened: a word on it, and back to the talk."""
    thing = thing_of(m.happening, m.names) if m.happening else ""
    out = _given(Said(m.mine(f"acts.happening.{m.stance}", hnp=thing), led=True))
    if m.heard and m.reading.question and m.to_me:
        return [*out, *_answer(m)][:_MOST]
    return _rounded(m, [*out, *_given(own_word(m) if m.chance(0.6) else None)], 0.3)


def _alone(m: Moment) -> list[Said]:
    """Nobody has spoken since one's own last line."""
    if m.view.present and m.chance(0.5):
        return _given(own_word(m), hook(m))
    return _given(Said(m.pick(bank("acts.alone"))), own_word(m))


# --- to whom -------------------------------------------------------------------------------------------------------


def _whispered(m: Moment) -> Speech | None:
    """A word for one ear: one answer to a whisper, or rarely one's own on what one has come for."""
    heard, things = m.heard, m.setting.goal_things
    if heard and heard.manner == "whisper":
        return Speech(deliver(m, _answer(m) if m.reading.question else _respond(m)), (heard.seat,), "whisper")
    if m.pair or not heard or not things or len(m.view.present) < 2 or len(m.own) < 2 or is_leaving(m):
        return None
    line = m.mine("acts.whispers", gnp=m.rng.choice(things)) if m.chance(0.04) else ""
    more = Said(m.mine(f"acts.goal.push.{m.stance}")) if line and m.chance(0.6) else None
    return Speech(deliver(m, _given(Said(line, led=True), more)), (heard.seat,), "whisper") if line else None


def _addressed(m: Moment, text: str) -> tuple[str, ...]:
    """Whom a line is for where several hear it: who is named in it, or who is asked back."""
    if m.pair:
        return ()
    for id, name in m.called.items():
        if name in text and re.search(rf"(?:^|[.!?,] ){re.escape(name)}[,.!?]", text):
            return (id,)
    return (m.heard.seat,) if m.heard and m.to_me and text.rstrip().endswith("?") else ()
