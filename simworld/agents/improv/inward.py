"""Inward: what a character thinks, and what it does in passing."""

from __future__ import annotations

from collections.abc import Callable

from simworld.agents.improv import recollection, regard
from simworld.agents.improv.library import library
from simworld.agents.improv.moment import Moment, bank, relation, thing_of
from simworld.agents.improv.phrases import capital

THINKS = 0.34
DOES = 0.3


def thought(m: Moment) -> str:
    """What goes through the mind, in about one act in three; the secret lives here and nowhere else."""
    if not m.chance(THINKS if m.own else 0.5):
        return ""
    heard, setting = 1.0 if m.heard else 0.0, m.setting
    options: list[tuple[float, Callable[[Moment], str]]] = [
        (2.4, _feeling),
        (2.2 if setting.goal or setting.goal_things else 0.0, _goal),
        (2.0 * heard, _judgement),
        (1.4 * heard, _word),
        (0.9 if setting.secret else 0.0, _secret),
        (0.9 if setting.known else 0.0, _known),
        (1.2 if m.kit.traits else 0.0, _trait),
        (0.5 * heard, _relation),
        (0.6, _place),
        (1.5 if m.reading.question else 0.0, _question),
        (4.0 if m.happening else 0.0, _happening),
        (0.0 if m.own else 4.0, regard.first_thought),
        (1.6, regard.thought),
        (3.0 if m.view.recalled else 0.0, recollection.thought),
        (3.0 if m.remaining < 3 else 0.0, _end),
    ]
    for _ in range(4):
        text = m.rng.choices([option for _, option in options], [weight for weight, _ in options])[0](m)
        if text and text.lower().strip(" .!?") not in m.said:
            return text
    return ""


def _feeling(m: Moment) -> str:
    return m.pick(bank(f"emotions.{m.feeling}.thinks"))


def _goal(m: Moment) -> str:
    thing = m.rng.choice(m.setting.goal_things) if m.setting.goal_things else ""
    return m.pick(bank("thoughts.goal"), goal=m.setting.goal, gnp=thing)


def _judgement(m: Moment) -> str:
    return m.mine(f"thoughts.judge.{m.stance}")


def _word(m: Moment) -> str:
    return m.mine("thoughts.word", np=m.phrase())


def _secret(m: Moment) -> str:
    return m.pick(bank("thoughts.secret"), secret=m.rng.choice(m.setting.secret))


def _known(m: Moment) -> str:
    return f"{capital(m.rng.choice(m.setting.known))}."


def _trait(m: Moment) -> str:
    return m.pick(bank(f"traits.{m.rng.choice(m.kit.traits)}.thinks"))


def _relation(m: Moment) -> str:
    return m.pick(bank("thoughts.relation"), them=relation(m))


def _place(m: Moment) -> str:
    thing = m.rng.choice(m.setting.things) if m.setting.things else ""
    return m.pick(bank("thoughts.place"), snp=thing)


def _question(m: Moment) -> str:
    return m.pick(bank("thoughts.question"))


def _happening(m: Moment) -> str:
    return m.pick(bank("thoughts.happening"), hnp=thing_of(m.happening, m.names) if m.happening else "")


def _end(m: Moment) -> str:
    return m.pick(bank("thoughts.end"))


def move(m: Moment) -> str:
    """Another place, where one is alone and nobody has been heard since one's own last act; else empty."""
    if m.view.present or m.heard or not m.own or not m.chance(0.6):
        return ""
    others = [id for id in m.view.part.places if id != m.view.place]
    return m.rng.choice(others) if others else ""


def deed(m: Moment, *, leaving: bool, whispering: bool) -> str:
    """What is done in passing, in the third person, in about three acts of ten."""
    text = _deed(m, leaving, whispering)
    return text[:1].lower() + text[1:]


def _deed(m: Moment, leaving: bool, whispering: bool) -> str:
    if whispering:
        return m.pick(bank("thoughts.dos.whisper"))
    if leaving and m.chance(0.5):
        return m.pick(bank("thoughts.dos.leave"))
    if m.happening and m.chance(0.5):
        return m.pick(bank("thoughts.dos.happening"), hnp=thing_of(m.happening, m.names) if m.happening else "")
    if not m.own and m.chance(0.4):
        return m.pick(bank("thoughts.dos.greet"))
    if not m.chance(DOES):
        return ""
    paths = [f"emotions.{m.feeling}.dos"] * 3 + ["thoughts.dos.plain", f"thoughts.dos.{m.stance}"]
    paths += [f"trades.{trade}.dos" for trade in m.kit.trades] + [f"traits.{trait}.dos" for trait in m.kit.traits[:2]]
    path = m.rng.choice(paths)
    return m.pick(library().bank(path)) or m.pick(bank("thoughts.dos.plain"))
