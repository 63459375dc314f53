"""Recollection: what comes back to one, as it may be said and as it is thought.

    aloud(m)      # "You told me once about your suitcase."
    thought(m)    # "Ana owes money to the porter. I know that much."

Said aloud is only what another who is here said aloud in this one's hearing: nothing private, nothing believed and
nothing planted; and of that only what it was about, a noun phrase.
"""

from __future__ import annotations

from bisect import bisect_left

from simworld.agents.improv.delivery import Said
from simworld.agents.improv.moment import Moment, bank, people
from simworld.agents.improv.phrases import capital, phrases, seen_by, stem
from simworld.agents.improv.reading import read
from simworld.agents.improv.setting import call_name
from simworld.mind.gist import words_of
from simworld.schema import Memory, Turn

ALOUD = 0.36
"""Share of the acts to which something comes back in which it is taken up."""
ENOUGH = 3
"""Times that a thing may have been spoken of of late and still come back: talk would circle round it."""
SHORT = 9
"""Words that are thought again as they were said."""


def aloud(m: Moment) -> Said | None:
    """Now and then something that another here once said is taken up."""
    if not m.view.recalled or not m.chance(ALOUD):
        return None
    for memory in m.rng.sample(m.view.recalled, len(m.view.recalled)):
        if (seat := speaker(m, memory)) and (line := _taken_up(m, memory, seat)):
            return Said(line, led=True)
    return None


def speaker(m: Moment, memory: Memory) -> str:
    """The seat of another who is here and whose words aloud this memory holds; empty where it is no such memory."""
    if memory.kind != "episode" or memory.private or not memory.who:
        return ""
    for seat in people(m.view):
        name = m.view.part.others[seat].name
        if seat in m.view.present and memory.text.startswith(f"{name} ") and words_of(name, "say", memory.text):
            return seat
    return ""


def _taken_up(m: Moment, memory: Memory, seat: str) -> str:
    here = _spoken_here(m, memory)
    told = _told_to_me(m, memory, here)
    phrase = _phrase(m, words_of(m.view.part.others[seat].name, "say", memory.text) or "", told)
    if not phrase:
        return ""
    if seat != m.asked:
        return m.mine("minds.recalled.third", np=phrase, other=m.called[seat])
    return m.mine(f"minds.recalled.{'told' if told else 'spoke'}.{'earlier' if here else 'once'}", np=phrase)


def _spoken_here(m: Moment, memory: Memory) -> Turn | None:
    """The turn of this dialogue that a memory is of; None: it is of another, though its numbers may be the same."""
    for n in memory.turns:
        at = bisect_left(m.view.turns, n, key=lambda turn: turn.n)
        turn = m.view.turns[at] if at < len(m.view.turns) else None
        if turn and turn.n == n and turn.kind == "say" and " ".join(turn.text.split())[:_KNOWN_BY] in memory.text:
            return turn
    return None


_KNOWN_BY = 60
"""Characters by which a memory is known to be of a turn; it may be cut at its end."""


def _told_to_me(m: Moment, memory: Memory, here: Turn | None) -> bool:
    """Whether it was surely said to this one, alone or among others: not to another, nor in another room."""
    if len(memory.who) > 1:
        return False
    return not memory.where if here is None else len(m.view.part.places) < 2 or m.view.part.id in here.to


def _phrase(m: Moment, words: str, told: bool) -> str:
    """What the words were about: first what the line just heard does not name anyway."""
    known = [phrase for phrase in read(words).phrases if " " in phrase and _may_be_said(m, phrase, told)]
    new = [phrase for phrase in known if not m.reading.words & {stem(word) for word in phrase.split()}]
    return seen_by((new or known)[0], addressed=True) if known else ""


def _may_be_said(m: Moment, phrase: str, told: bool) -> bool:
    """Whether a phrase means the same now: 'your' of words to another is not mine, and nobody hears their own name."""
    shut = m.names if told else m.names | {"your"}
    head = phrase.partition(" ")[2].lower()
    return not shut & {stem(word) for word in phrase.split()} and m.said.count(f" {head}") <= ENOUGH


# --- in thought ----------------------------------------------------------------------------------------------------


def thought(m: Moment) -> str:
    """What comes back, thought; here beliefs and what was planted stand in their own words, and private matters too."""
    memory = m.rng.choice(m.view.recalled)
    if memory.kind != "episode":
        return m.pick(bank("minds.thoughts.belief"), told=_bare(memory.text)) or memory.text
    for seat in people(m.view):
        name = m.view.part.others[seat].name
        words = words_of(name, "say", memory.text) or words_of(name, "whisper", memory.text)
        if words and memory.text.startswith(f"{name} "):
            return _thought_of(m, words, call_name(name))
    thing = next((phrase for phrase in phrases(memory.text) if " " in phrase), "")
    return m.pick(bank("minds.thoughts.thing"), np=seen_by(thing, addressed=False)) if thing and not memory.who else ""


def _thought_of(m: Moment, words: str, name: str) -> str:
    if len(words.split()) <= SHORT:
        return m.pick(bank("minds.thoughts.said"), told=_bare(words), name=name)
    thing = next((phrase for phrase in read(words).phrases if " " in phrase), "")
    return m.pick(bank("minds.thoughts.thing"), np=seen_by(thing, addressed=True)) if thing else ""


def _bare(text: str) -> str:
    """A sentence without its last stop, for one to go on."""
    return capital(text.strip().rstrip(".…"))
