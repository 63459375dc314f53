"""The step `private`: what tells a person apart, or opens a door, is masked in all turns (`text.private` says what)."""

from __future__ import annotations

from dataclasses import replace

from simworld.text.private import masked
from simworld.usersim.prepare.case import Case, Lost


def private_step(case: Case) -> list[Case] | Lost:
    """Mask what the turns and the assistant's own instructions hold, and the facts kept of the source."""
    said = tuple((seat, masked(text)[0]) for seat, text in case.said)
    system = masked(case.system)[0] if case.system else case.system
    about = {key: masked(text)[0] for key, text in case.about.items()}
    intent, persona = masked(case.intent)[0], masked(case.persona)[0]
    made = replace(case, said=said, system=system, about=about, intent=intent, persona=persona)
    return [case if made == case else made]
