"""Compose: what a character says, one act at a time.

    speech = compose(m)
    speech.text, speech.to, speech.manner

Most turns take up what was said, add a word of one's own, and now and then hand the talk on with a question.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from simworld.agents.improv.delivery import Said, deliver
from simworld.agents.improv.facts import Fact, weave
from simworld.agents.improv.kit import Own
from simworld.agents.improv.library import library
from simworld.agents.improv.moment import Moment, bank, thing_of
from simworld.agents.improv.phrases import capital, content, goes_on, uncapital
from simworld.agents.improv.reading import read
from simworld.schema.turn import Manner
from simworld.text.farewell import is_farewell

_TRIES = 5
Part = Callable[[Moment], Said | None]


@dataclass(frozen=True, slots=True)
class Speech:
    """What is said, to whom and how."""

    text: str
    to: tuple[str, ...] = ()
    manner: Manner = ""


def compose(m: Moment) -> Speech:
    """The spoken part of this act: never a line that was said before, and no leave-taking before its time."""
    if (whisper := _whispered(m)) is not None:
        return whisper
    leaving = m_is_leaving(m)
    text = ""
    for _ in range(_TRIES):
        m.used.clear()
        text = deliver(m, parting(m) if leaving else _turn(m))
        if text and m.fresh(text) and is_farewell(text) == leaving:
            return Speech(text, _addressed(m, text))
    if leaving:
        text = f"{text} {capital(m.mine('meetings.bye') or 'Goodbye.')}"
    return Speech(text, _addressed(m, text))


def _turn(m: Moment) -> list[Said]:
    if not m.own and not m.pair and len([t for t in m.view.turns if t.kind == "say"]) > 3:
        return _respond(m) if m.heard else meeting(m)
    if not m.own:
        return meeting(m)
    if m.happening and m.chance(0.8):
        return _react(m)
    if not m.heard:
        return _alone(m)
    if m.reading.move == "farewell":
        return [Said(m.mine("meetings.stay")), *_listed(own_word(m))]
    if m.reading.question and m.to_me:
        return _answer(m)
    return _respond(m)


def _listed(*parts: Said | None) -> list[Said]:
    return [part for part in parts if part and part.text]


# --- meeting and parting -------------------------------------------------------------------------------------------


def meeting(m: Moment) -> list[Said]:
    """The first line of this one: a greeting, and something to begin with or an answer."""
    greeting = Said(_greeting(m), verbatim=True)
    if m.happening and not m.heard:
        return [greeting, *_react(m)]
    if m.heard and m.reading.question and m.to_me:
        return [greeting, *_answer(m)] if m.chance(0.6) else _answer(m)
    if m.heard:
        return [greeting, *_respond(m)]
    return [greeting, *_listed(_opening(m))]


def _greeting(m: Moment) -> str:
    voice, said = m.kit.voice, bool(m.heard)
    if voice.greetings and m.chance(0.55):
        return m.rng.choice(voice.greetings)
    if not m.pair and not said and m.chance(0.5):
        return m.mine("meetings.greet_all")
    return m.mine("meetings.greet_back" if said and m.chance(0.5) else "meetings.greet")


def _opening(m: Moment) -> Said | None:
    kind = m.setting.kind if m.chance(0.65) else "any"
    line = m.pick(bank(f"meetings.open.{kind}")) or m.pick(bank("meetings.open.any"))
    options: list[Part] = [lambda m: Said(line), _ask_scene, _goal_line]
    return _first_of(m, options, (5, 2, 2))


def m_is_leaving(m: Moment) -> bool:
    """Whether this act takes leave: the scene is about to end, or another has taken leave near its end."""
    view, left = m.view, m.remaining
    seats = len(view.part.others) + 1
    if not m.own:
        return left <= 1 < view.part.max_turns and bool(m.heard) and m.reading.move == "farewell"
    if m.heard and m.reading.move == "farewell":
        insists = sum(is_farewell(turn.text) for turn in view.turns[-8:] if turn.seat == m.heard.seat and turn.kind == "say")
        return left <= max(6, seats * 3) or view.act >= 8 or insists > 1
    early = view.part.seed % 2 if seats == 2 else 1
    return left <= min(seats, 4) + early


def parting(m: Moment) -> list[Said]:
    """A word of thanks or summing up, and goodbye."""
    back = bool(m.heard) and m.reading.move == "farewell"
    phrase = "" if back else m.phrase()
    out: list[Said] = []
    if m.heard and m.reading.question and m.to_me and (reply := _direct(m)):
        out.append(reply)
    if m.chance(0.55 if back else 0.85):
        path = (
            "meetings.sum_sharp"
            if m.stance == "sharp"
            else "meetings.sum"
            if phrase and m.chance(0.6)
            else "meetings.sum_plain"
        )
        out.append(Said(m.mine(path, np=phrase)))
    bye = m.mine("meetings.bye_back" if back else "meetings.bye")
    if m.kit.voice.farewells and m.chance(0.6):
        own = m.rng.choice(m.kit.voice.farewells)
        return [*out, Said(own, verbatim=True)] if is_farewell(own) else [*out, Said(own, verbatim=True), Said(bye)]
    return [*out, Said(bye)]


# --- answering -----------------------------------------------------------------------------------------------------


def _answer(m: Moment) -> list[Said]:
    """A question that was put to this one: an answer, often a word more, and now and then a question back."""
    out = _listed(Said(m.mine("acts.thirds_answers")) if not m.pair and m.chance(0.15) else None)
    known = _direct(m) if m.chance(0.85) else None
    asked = None if known else _of_oneself(m)
    out += _listed(known or asked or _by_kind(m))
    if m.chance(0.55 if known or asked else 0.9):
        out += _listed(own_word(m))
    return _rounded(m, out, 0.34)


def _direct(m: Moment) -> Said | None:
    """What the line that was heard is known to be answered with."""
    line = m.pick(
        m.reading.replies, np=m.phrase() or (m.reading.phrases[0] if m.reading.phrases else ""), gnp=m.phrase()
    )
    return Said(line) if line else None


def _of_oneself(m: Moment) -> Said | None:
    """A question about this one, answered with what is true of it."""
    question = m.reading.question.lower()
    for rule in library().value("facts.asked"):
        if _asks(str(rule["pattern"]), question):
            facts = [fact for fact in m.kit.facts if fact.field in rule["fields"] and m.fresh(fact.text)]
            return _told(m, m.rng.choice(facts)) if facts else None
    return None


def _asks(pattern: str, question: str) -> bool:
    import re

    return bool(re.search(pattern, question))


def _by_kind(m: Moment) -> Said:
    kind, voice = m.reading.asks_for, m.kit.voice
    if kind and kind != "tag":
        return Said(m.pick(bank(f"acts.answers.{kind}")))
    yes = m.chance({"warm": 0.75, "dry": 0.5, "sharp": 0.25, "playful": 0.6}[m.stance])
    if kind == "tag":
        return Said(m.rng.choice(voice.yes)) if yes else Said(m.mine(f"acts.object.{m.stance}"))
    return Said(m.rng.choice(voice.yes if yes else voice.no))


# --- responding to a statement -------------------------------------------------------------------------------------


def _respond(m: Moment) -> list[Said]:
    """A statement: it is taken up, something of one's own is added, and now and then a question follows."""
    reply = _direct(m) if m.chance(0.72) else None
    out = [reply] if reply else _uptake(m)
    if not reply or m.chance({"clipped": 0.35, "even": 0.5, "flowing": 0.7}[m.kit.voice.pace]):
        out += _listed(own_word(m))
    return _rounded(m, out, 0.42)


def _rounded(m: Moment, out: list[Said], share: float) -> list[Said]:
    """The turn with a tie to what was heard where it has none yet, and perhaps a question at its end."""
    if m.own and m.own[-1].text.rstrip().endswith("?"):
        share *= 0.6
    if not any(part.asks for part in out) and m.chance(share) and (hook := _hook(m, out)):
        out.append(hook)
    elif m.remaining in (5, 6) and m.view.act > 6 and m.chance(0.3):
        out.append(Said(m.mine("meetings.late")))
    if not _tied(m, out) and m.chance(0.8) and (tie := _tie(m)):
        out.insert(0, tie)
    return out[:5]


def _tie(m: Moment) -> Said | None:
    """The line's own words, given back: a phrase of it, or a few of its words as they were said."""
    phrase, quote = m.phrase(), m.quote()
    if quote and (not phrase or m.chance(0.3)):
        return Said(m.mine(f"acts.quote.{m.stance}", q=quote))
    return (
        Said(m.mine(f"acts.mirror.{m.stance}" if m.chance(0.3) else f"acts.echo.{m.stance}", np=phrase))
        if phrase
        else None
    )


def _tied(m: Moment, out: Sequence[Said]) -> bool:
    return any(m.reading.words & _stems(part.text) for part in out)


def _uptake(m: Moment) -> list[Said]:
    """How the line is met, before anything is added."""
    move, stance = m.reading.move, m.stance
    answered = bool(m.own) and m.own[-1].text.rstrip().endswith("?") and m.to_me
    if move in ("insult", "praise", "apology", "thanks", "offer", "request", "refusal") and not m.to_me:
        move = ""
    if move and m.chance(0.55):
        return _listed(Said(m.mine(f"acts.moves.{move}.{stance}")))
    if m.chance(0.45) and (tie := _tie(m)):
        return [tie]
    if answered and m.chance(0.45):
        return _listed(Said(m.mine(f"acts.moves.answer.{stance}")))
    path = "receive" if m.chance(0.4) else "agree" if m.chance(_agreement(m)) else "object"
    return _listed(Said(m.mine(f"acts.{path}.{stance}"))) if m.chance(0.75) else []


def _agreement(m: Moment) -> float:
    return {"warm": 0.8, "dry": 0.55, "sharp": 0.2, "playful": 0.6}[m.stance]


# --- a word of one's own -------------------------------------------------------------------------------------------


def own_word(m: Moment) -> Said | None:
    """Something of one's own on the matter: an own line or fact that touches it, or a word on its subject."""
    sampled = bool(m.kit.lines) and m.kit.lines[0].sample
    options: list[Part] = [
        _touching,
        _on_subject,
        _subject_line,
        _topic_line,
        _view,
        _scene_line,
        _goal_line,
        _any_line,
    ]
    weights = (5.0, 4.0, 1.4, 1.2, 1.2, 0.7, 1.0, 1.7) if sampled else (4.0, 3.2, 2.6, 1.8, 1.6, 0.8, 0.8, 1.3)
    return _first_of(m, options, weights)


def _first_of(m: Moment, options: Sequence[Part], weights: Sequence[float]) -> Said | None:
    """The first of the options, in an order drawn by weight, that has something to say."""
    left = list(zip(options, weights, strict=True))
    while left:
        at = m.rng.choices(range(len(left)), [weight for _, weight in left])[0]
        option, _ = left.pop(at)
        part = option(m)
        if part and part.text:
            return part
    return None


def _touching(m: Moment) -> Said | None:
    """An own line or fact that shares a word with what was heard."""
    counts: dict[Own | Fact, int] = {}
    for word in sorted(m.reading.words):
        for one in m.kit.by_word.get(word, ()):
            counts[one] = counts.get(one, 0) + 1
    if not counts:
        return None
    most = max(counts.values())
    return _one_of(m, [one for one, count in counts.items() if count == most], bridge="")


def _on_subject(m: Moment) -> Said | None:
    """An own line or fact on the subject of the talk."""
    for id in subjects(m):
        if part := _one_of(m, m.kit.by_subject.get(id, ()), bridge=str(library().value(f"subjects.{id}.name", ""))):
            return part
    return None


def _one_of(m: Moment, ones: Sequence[Own | Fact], bridge: str) -> Said | None:
    fresh = [one for one in ones if m.fresh(one.text) and not (isinstance(one, Own) and is_farewell(one.text))]
    if not fresh:
        return None
    one = m.rng.choice(fresh)
    if isinstance(one, Own):
        lead = m.mine("acts.bridges.self") if not bridge and not one.sample and m.chance(0.5) else ""
        return Said(f"{lead} {one.text}".strip(), verbatim=one.sample, led=bool(lead))
    part = _told(m, one)
    path = "acts.bridges.subject" if bridge and m.chance(0.3) else "acts.bridges.plain" if m.chance(0.25) else ""
    lead = m.mine(path, subject=bridge) if path else ""
    return replace(part, text=f"{lead} {uncapital(part.text)}", led=True) if lead and goes_on(part.text) else part


def _told(m: Moment, fact: Fact) -> Said:
    """A fact in one of its frames."""
    frames = m.kit.mine(f"facts.frames.{fact.kind}")
    text = fact.text
    if fact.kind == "clause":
        text = weave(text, m.rng.choice([*m.kit.voice.fillers, *bank("acts.parentheses")]))
    frame = m.rng.choice(frames)
    x = uncapital(text) if "{x}" in frame else text
    if fact.kind == "clause" and "{x}" in frame and x == text and not text.startswith(("I ", "I'")):
        frame = "{X}."
    return Said(
        frame.replace("{x}", x).replace("{X}", capital(text)), led=fact.kind == "clause" and not frame.startswith("{X}")
    )


def subjects(m: Moment) -> tuple[str, ...]:
    """What the talk is about: the last lines' subjects, the newest weighing most, with the scene's and one's own."""
    scores = {id: 1.3 * 0.8**at for at, id in enumerate(m.setting.subjects[:4])}
    weight = 1.0
    for turn in reversed(m.view.turns[-14:]):
        if turn.kind == "say":
            for id, strength in read(turn.text).subjects[:2]:
                scores[id] = scores.get(id, 0.0) + weight * min(strength, 3.0)
            weight *= 0.7
    for id in m.kit.interests:
        if id in scores:
            scores[id] += 0.5
    return tuple(sorted((id for id in scores if scores[id] > 0.9), key=lambda id: -scores[id])[:3])


def _subject_line(m: Moment) -> Said | None:
    """What may be said on the subject of the talk; first what shares a word with the line that was heard."""
    for id in subjects(m):
        fond = id in m.kit.interests and m.chance(0.5)
        lines = [
            line for field in ("love", "says", "tales")[0 if fond else 1 :] for line in bank(f"subjects.{id}.{field}")
        ]
        near = [line for line in lines if m.reading.words & _stems(line)]
        if line := m.pick(near) or m.pick(lines):
            return Said(line)
    return None


@lru_cache(maxsize=4096)
def _stems(line: str) -> frozenset[str]:
    return frozenset(content(line))


def _topic_line(m: Moment) -> Said | None:
    topic = m.setting.topic
    if not topic:
        return None
    draws = str(library().value(f"topics.{topic}.draws", "")).split()
    facts = [fact for fact in m.kit.facts if fact.field in draws and m.fresh(fact.text)]
    if facts and m.chance(0.45):
        return _told(m, m.rng.choice(facts))
    return Said(m.pick(bank(f"topics.{topic}.says")))


def _trade_line(m: Moment) -> Said | None:
    """Something of one's work."""
    return Said(m.pick(bank(f"trades.{m.rng.choice(m.kit.trades)}.tells"))) if m.kit.trades else None


def _view(m: Moment) -> Said | None:
    phrase = m.phrase()
    return Said(m.mine(f"acts.views.{m.stance}", np=phrase)) if phrase else None


def _scene_line(m: Moment) -> Said | None:
    return Said(m.mine("acts.scene.says", snp=_thing(m)))


def _goal_line(m: Moment) -> Said | None:
    things = m.setting.goal_things
    if not things:
        return None
    line = m.mine("acts.goal.says", gnp=m.rng.choice(things))
    push = m.mine(f"acts.goal.push.{m.stance}") if m.chance(0.4) else ""
    return Said(f"{line} {push}".strip())


def _thing(m: Moment) -> str:
    return m.rng.choice(m.setting.things) if m.setting.things else ""


def _any_line(m: Moment) -> Said | None:
    """An own line that fits in many places: no question, and of the kind that the line before calls for."""
    lines = [line for line in m.kit.lines if not line.reading.question and m.fresh(line.text)]
    return _one_of(m, lines, bridge="") if lines else None


# --- handing on ----------------------------------------------------------------------------------------------------


def _hook(m: Moment, out: Sequence[Said]) -> Said | None:
    """A question for the other, about what was said or what there is."""
    options: list[Part] = [
        _ask_phrase,
        _ask_subject,
        _ask_topic,
        _ask_open,
        _ask_scene,
        _ask_goal,
        _ask_third,
        _ask_own,
    ]
    return _first_of(m, options, (3.0, 2.4, 1.8, 0.9, 0.9, 0.9, 0.0 if m.pair else 2.2, 1.0))


def _ask_phrase(m: Moment) -> Said | None:
    phrase = m.phrase()
    return Said(m.mine(f"acts.asks.{m.stance}", np=phrase)) if phrase else None


def _ask_subject(m: Moment) -> Said | None:
    for id in subjects(m):
        if line := m.pick(bank(f"subjects.{id}.asks")):
            return Said(line)
    return None


def _ask_topic(m: Moment) -> Said | None:
    return Said(m.pick(bank(f"topics.{m.setting.topic}.asks"))) if m.setting.topic else None


def _ask_open(m: Moment) -> Said | None:
    return Said(m.mine(f"acts.asks_open.{m.stance}"))


def _ask_scene(m: Moment) -> Said | None:
    return Said(m.mine("acts.scene.asks", snp=_thing(m)))


def _ask_goal(m: Moment) -> Said | None:
    things = m.setting.goal_things
    return Said(m.mine("acts.goal.asks", gnp=m.rng.choice(things))) if things else None


def _ask_third(m: Moment) -> Said | None:
    _, name = m.other(m.heard.seat if m.heard else "")
    return Said(m.mine("acts.thirds", other=name)) if name else None


def _ask_own(m: Moment) -> Said | None:
    """One of the persona's own questions, where it touches the talk."""
    lines = [line for line in m.kit.lines if line.reading.question and m.fresh(line.text)]
    about = set(subjects(m))
    near = [line for line in lines if about & {id for id, _ in line.reading.subjects}]
    return Said(m.rng.choice(near or lines).text, verbatim=True) if lines else None


# --- what happens, and nobody there --------------------------------------------------------------------------------


def _react(m: Moment) -> list[Said]:
    """Something has happened: a word on it, and back to the talk."""
    thing = thing_of(m.happening, m.names) if m.happening else ""
    out = _listed(Said(m.mine(f"acts.happening.{m.stance}", hnp=thing)))
    if m.heard and m.reading.question and m.to_me:
        return [*out, *_answer(m)][:4]
    return _rounded(m, [*out, *_listed(own_word(m) if m.chance(0.6) else None)], 0.3)


def _alone(m: Moment) -> list[Said]:
    """Nobody has spoken since one's own last line."""
    if m.view.present and m.chance(0.5):
        return _listed(own_word(m), _hook(m, []))
    return _listed(Said(m.pick(bank("acts.alone"))), own_word(m))


def _whispered(m: Moment) -> Speech | None:
    """A word for one ear: one answer to a whisper, or rarely one's own on what one has come for."""
    heard = m.heard
    if heard and heard.manner == "whisper":
        out = _answer(m) if m.reading.question else _respond(m)
        return Speech(deliver(m, out), (heard.seat,), "whisper")
    things = m.setting.goal_things
    if (
        m.pair
        or not heard
        or not things
        or len(m.view.present) < 2
        or len(m.own) < 2
        or m_is_leaving(m)
        or not m.chance(0.04)
    ):
        return None
    line = m.mine("acts.whispers", gnp=m.rng.choice(things))
    return Speech(line, (heard.seat,), "whisper") if line else None


def _addressed(m: Moment, text: str) -> tuple[str, ...]:
    """Whom a line is for where several hear it: who is named in it, or who is asked back."""
    if m.pair:
        return ()
    for id, other in m.view.part.others.items():
        first = other.name.split()[0]
        if f"{first}," in text or f", {first}" in text:
            return (id,)
    if m.heard and m.to_me and text.rstrip().endswith("?"):
        return (m.heard.seat,)
    return ()
