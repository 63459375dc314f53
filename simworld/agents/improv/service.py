"""Service: a user who wants something, an assistant who helps, and a narrator who tells what can be seen.

    message(m, "assistant")     # "Keep the grey case in mind. Next, note the reference number. ..."

The assistant gives steps in their order, the user asks on; both take leave at the end.
"""

from __future__ import annotations

import re
from functools import lru_cache

from simworld.agents.improv.delivery import Said, deliver
from simworld.agents.improv.facts import weave
from simworld.agents.improv.library import library
from simworld.agents.improv.moment import Moment, bank
from simworld.agents.improv.phrases import capital, grammar, is_known, seen_by, uncapital
from simworld.text.farewell import is_farewell

_TRIES = 4


def message(m: Moment, role: str) -> str:
    """The next message of a user or an assistant; new in this dialogue, and a goodbye only at its end."""
    say, text = _user if role == "user" else _assistant, ""
    ends = _ends(m)
    for _ in range(_TRIES):
        m.used.clear()
        parts = [part for part in say(m, kind_of(m)) if part]
        text = deliver(m, [Said(part) for part in parts]) if role == "user" else " ".join(parts)
        if text and m.fresh(text) and is_farewell(text) == ends:
            break
    return text


def _ends(m: Moment) -> bool:
    """Whether this message takes leave: the last two acts, or the other has said goodbye."""
    told = bool(m.heard) and m.reading.move == "farewell"
    return bool(m.own) and (told or m.remaining <= 2)


def kind_of(m: Moment) -> str:
    """The kind of problem, a key of `service.kinds`, by the words of the scene."""
    part = m.view.part
    return _kind(
        f"{part.title} {part.topic} {part.background} {part.status} {f'{part.goal} {part.title} ' * 3}".lower()
    )


@lru_cache(maxsize=512)
def _kind(text: str) -> str:
    words = re.findall(r"[a-z]+", text)
    scores = dict.fromkeys(library().names("service.kinds"), 0)
    for name in scores:
        wanted = library().words(f"service.kinds.{name}.match")
        scores[name] = sum(word in wanted for word in words)
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] else "general"


def _matter(m: Moment) -> str:
    """What is to be talked of next: of the line before, or of the scene; not what this message has named already."""
    named = " ".join(m.used).lower()
    phrase = m.phrase() if " " in m.phrase() else ""
    things = [thing for thing in (phrase, *m.setting.goal_things, *m.setting.things) if thing and thing not in named]
    new = [thing for thing in things if thing == phrase or thing not in m.said]
    return next(iter(new or things), m.setting.plain)


def _asked(m: Moment) -> str:
    """What the question that was heard is about."""
    return seen_by(m.reading.phrases[0], addressed=True) if m.reading.phrases else _matter(m)


def _say(m: Moment, path: str, **fill: str) -> str:
    return m.mine(f"service.{path}", **{"np": _matter(m), "need": m.setting.goal, **fill})


# --- the one who asks ----------------------------------------------------------------------------------------------


def _user(m: Moment, kind: str) -> list[str]:
    if _ends(m):
        return _user_leaves(m)
    if not m.own:
        return _user_begins(m)
    out = [_user_answer(m)] if m.reading.question else [_say(m, "user.acknowledge")]
    if m.chance(0.5):
        out.append(_say(m, "user.echo" if m.chance(0.6) else "user.doubt"))
    if m.remaining <= 4:
        return [*out, _say(m, "user.nearly")]
    if m.chance(0.3):
        out.append(_say(m, "user.detail"))
    if own := _own(m):
        out.append(own)
    return [*out, _say(m, "user.follow")] if m.chance(0.7) else out


def _own(m: Moment) -> str:
    """Now and then a line of the user's own that touches what was said."""
    near = [line.text for line in m.kit.lines if line.sample and line.words & m.reading.words and m.fresh(line.text)]
    return m.rng.choice(near) if near and m.chance(0.25) else ""


def _user_begins(m: Moment) -> list[str]:
    need = _say(m, "user.need_to") if m.setting.goal and m.chance(0.6) else ""
    asked = [_say(m, "user.detail")] if m.heard and m.reading.question else []
    return [
        _say(m, "user.hello"),
        need or _say(m, "user.need"),
        *(asked or [_say(m, "user.detail") if m.chance(0.6) else ""]),
    ]


def _user_answer(m: Moment) -> str:
    """The answer to the assistant's question, as the question is known to be answered."""
    return m.pick(m.reading.replies, np=_asked(m)) or _say(m, "user.detail")


def _user_leaves(m: Moment) -> list[str]:
    summed = _say(m, "user.sum", np=m.setting.plain) if m.chance(0.6) else ""
    return [_say(m, "user.thanks"), summed, _say(m, "user.bye")]


# --- the one who helps ---------------------------------------------------------------------------------------------


def _assistant(m: Moment, kind: str) -> list[str]:
    if _ends(m):
        return [
            _say(m, "assistant.welcome"),
            _say(m, "assistant.sum", np=m.setting.plain) if m.chance(0.6) else "",
            _say(m, "assistant.bye"),
        ]
    if not m.heard:
        return [_greeting(m), *([_say(m, "assistant.anything")] if m.own else [])]
    if not m.own:
        return [_greeting(m), _say(m, "assistant.offer"), m.pick(bank(f"service.kinds.{kind}.clarify"))]
    return _helps(m, kind)


def _greeting(m: Moment) -> str:
    greetings = m.kit.voice.greetings
    own = bool(m.view.part.persona.voice.greetings) and m.chance(0.4)
    return m.rng.choice(greetings) if own else _say(m, "assistant.hello")


def _helps(m: Moment, kind: str) -> list[str]:
    """An answer to what was asked, the next step or two, and now and then a question."""
    out = [_answer(m) if m.reading.question else _say(m, "assistant.receive")]
    if m.reading.move in ("complaint", "apology") or m.chance(0.15):
        out.append(_say(m, "assistant.empathy"))
    elif m.chance(0.45) and m.phrase():
        out.append(_say(m, "assistant.echo"))
    if told := _known(m) or _sample(m):
        out.append(told)
    out += _steps(m, kind)
    roll = m.rng.random()
    if m.remaining <= 4:
        out.append(_say(m, "assistant.anything"))
    elif roll < 0.25 and len(m.own) < 4:
        out.append(m.pick(bank(f"service.kinds.{kind}.clarify")))
    elif roll < 0.45:
        out.append(_say(m, "assistant.check"))
    elif roll < 0.65:
        out.append(m.pick(bank(f"service.kinds.{kind}.tips")))
    return out


def _answer(m: Moment) -> str:
    return m.pick(m.reading.replies, np=_asked(m)) or _say(m, "assistant.echo")


def _known(m: Moment) -> str:
    """Something of the matter that the assistant alone knows."""
    new = [clause for clause in m.setting.known if clause.split(" ", 3)[-1].lower() not in m.said]
    if not new or not m.chance(0.4):
        return ""
    text = weave(new[0], m.rng.choice(bank("service.assistant.parentheses")))
    return f"{_say(m, 'assistant.inform')} {text}." if text else ""


def _sample(m: Moment) -> str:
    """A line of the assistant's own that speaks of what was said, or of nothing in particular."""
    loose = grammar().ambiguous | grammar().abstract | grammar().verbs
    said = {word for word in m.reading.words if is_known(word) and word not in loose}
    lines = [line for line in m.kit.lines if line.sample and m.fresh(line.text) and not is_farewell(line.text)]
    touching = [line.text for line in lines if line.words & said]
    general = [line.text for line in lines if not (line.reading.phrases or line.reading.question or line.reading.move)]
    chosen = touching if touching and m.chance(0.6) else general if m.chance(0.3) else []
    return m.rng.choice(chosen) if chosen else ""


def _steps(m: Moment, kind: str) -> list[str]:
    """The next steps that were not given yet, in their order."""
    steps = [step for step in bank(f"service.kinds.{kind}.steps") if step.rstrip(".") not in m.said]
    given = len(bank(f"service.kinds.{kind}.steps")) - len(steps)
    skip = m.rng.choice((0, 0, 1, 2)) if not given else 0
    chosen = steps[skip : skip + (2 if m.chance(0.4) else 1)]
    out: list[str] = []
    for at, step in enumerate(chosen):
        order = (
            "order"
            if not given and not at
            else "order_last"
            if m.remaining <= 4 and at == len(chosen) - 1
            else "order_next"
        )
        lead = m.mine(f"service.assistant.{order}", step=uncapital(step))
        out.append(lead or capital(step))
    return out


# --- the one who tells ---------------------------------------------------------------------------------------------


def narration(m: Moment) -> str:
    """What can be seen and heard at this moment, in the third person."""
    thing = m.rng.choice(m.setting.things) if m.setting.things else ""
    first, name = m.other()
    _, other = m.other(first)
    path = "service.narrator.close" if m.remaining <= 1 else "service.narrator.lines"
    lines = [
        m.pick(bank(path), name=name, other=other, snp=thing, np=m.phrase()) for _ in range(1 if m.chance(0.4) else 2)
    ]
    return " ".join(line for line in lines if line) or m.pick(bank("service.narrator.lines"), name=name)
