"""Matter: what one has to say on what was said, and what one may ask.

    own_word(m)      # an own line or fact that touches it, or a word on its subject
    hook(m)          # a question for the other
    tie(m)           # the line's own words, given back

Each gives one part of a turn, or None where there is nothing new to say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

from simworld.agents.improv.delivery import Said
from simworld.agents.improv.facts import Fact, weave
from simworld.agents.improv.kit import Own
from simworld.agents.improv.library import library
from simworld.agents.improv.moment import Moment, bank
from simworld.agents.improv.phrases import capital, content, goes_on, seen_by, uncapital
from simworld.agents.improv.reading import read
from simworld.text.farewell import is_farewell

Part = Callable[[Moment], Said | None]


def first_of(m: Moment, options: Sequence[Part], weights: Sequence[float]) -> Said | None:
    """The first of the options, in an order drawn by weight, that has something to say."""
    left = [(option, weight) for option, weight in zip(options, weights, strict=True) if weight]
    while left:
        at = m.rng.choices(range(len(left)), [weight for _, weight in left])[0]
        option, _ = left.pop(at)
        part = option(m)
        if part and part.text:
            return part
    return None


# --- the words that were heard -------------------------------------------------------------------------------------


def direct(m: Moment) -> Said | None:
    """What the authored line that was heard is known to be answered with."""
    phrase = seen_by(m.reading.phrases[0], addressed=m.to_me) if m.reading.phrases else ""
    return Said(m.pick(m.reading.replies, np=phrase, gnp=phrase, snp=phrase), led=True)


def tie(m: Moment) -> Said | None:
    """The line's own words, given back: a phrase of it, or a few of its words as they were said."""
    phrase, quote = m.phrase(), m.quote()
    if quote and (not phrase or m.chance(0.3)):
        return Said(m.mine(f"acts.quote.{m.stance}", q=quote), led=True)
    path = f"acts.{'mirror' if m.chance(0.3) else 'echo'}.{m.stance}"
    return Said(m.mine(path, np=phrase), led=True) if phrase else None


def is_tied(m: Moment, parts: Sequence[Said]) -> bool:
    """Whether any of these shares a content word with the line that was heard."""
    return any(m.reading.words & _stems(part.text) for part in parts)


@lru_cache(maxsize=4096)
def _stems(text: str) -> frozenset[str]:
    return frozenset(content(text))


# --- a word of one's own -------------------------------------------------------------------------------------------


def own_word(m: Moment) -> Said | None:
    """Something of one's own on the matter."""
    sampled = bool(m.kit.lines) and m.kit.lines[0].sample
    options: list[Part] = [
        _touching, _on_subject, _subject_line, _topic_line, _view, _scene_line, goal_line, _trade_line, _any_line,
        _any_fact,
    ]  # fmt: skip
    return first_of(m, options, _WEIGHTS[sampled])


_WEIGHTS = {
    True: (5.0, 4.0, 1.4, 1.2, 1.2, 0.7, 1.0, 0.4, 1.6, 1.0),
    False: (4.0, 3.2, 2.1, 1.7, 1.4, 0.7, 0.8, 1.4, 1.3, 1.7),
}
"""For those who bring lines of their own, and for those who do not."""


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


def _touching(m: Moment) -> Said | None:
    """An own line or fact that shares a word with what was heard."""
    counts: dict[Own | Fact, int] = {}
    for word in sorted(m.reading.words):
        for one in m.kit.by_word.get(word, ()):
            counts[one] = counts.get(one, 0) + 1
    if not counts:
        return None
    most = max(counts.values())
    return _one_of(m, [one for one, count in counts.items() if count == most], "")


def _on_subject(m: Moment) -> Said | None:
    """An own line or fact on the subject of the talk."""
    for id in subjects(m):
        if part := _one_of(m, m.kit.by_subject.get(id, ()), str(library().value(f"subjects.{id}.name", ""))):
            return part
    return None


def _any_line(m: Moment) -> Said | None:
    """An own line that fits in many places."""
    return _one_of(m, [line for line in m.kit.lines if not line.reading.question], "")


def _any_fact(m: Moment) -> Said | None:
    """Something that is true of oneself, whatever the talk is about."""
    return _one_of(m, [fact for fact in m.kit.facts if fact.kind != "age"], "")


def is_new(m: Moment, one: Own | Fact) -> bool:
    """Whether a line or fact was not told of late; of a long fact the last words tell, for it is told in two parts."""
    words = one.text.split()
    return m.fresh(" ".join(words[-3:]) if isinstance(one, Fact) and len(words) > 4 else one.text)


def _one_of(m: Moment, ones: Sequence[Own | Fact], subject: str) -> Said | None:
    """One of these that was not said yet; led up to, where it is no line of the author's."""
    fresh = [one for one in ones if is_new(m, one) and not (isinstance(one, Own) and is_farewell(one.text))]
    if not fresh:
        return None
    one = m.rng.choice(fresh)
    if isinstance(one, Fact):
        return _led_up_to(m, told(m, one), subject)
    lead = m.mine("acts.bridges.self") if not subject and not one.sample and m.chance(0.5) else ""
    return Said(f"{lead} {one.text}".strip(), verbatim=one.sample, led=bool(lead))


def _led_up_to(m: Moment, part: Said, subject: str) -> Said:
    path = "acts.bridges.subject" if subject and m.chance(0.3) else "acts.bridges.plain" if m.chance(0.25) else ""
    lead = m.mine(path, subject=subject) if path and goes_on(part.text) else ""
    return replace(part, text=f"{lead} {uncapital(part.text)}", led=True) if lead else part


def told(m: Moment, fact: Fact) -> Said:
    """A fact in one of its frames; what becomes long has a filler within it."""
    frame, text = m.rng.choice(m.kit.mine(f"facts.frames.{fact.kind}")), fact.text
    filler = m.rng.choice([*m.kit.voice.fillers, *bank("acts.parentheses")])
    clause = fact.kind == "clause"
    if clause:
        text = weave(text, filler)
        frame = frame if goes_on(text) else "{X}."
    said = frame.replace("{x}", uncapital(text)).replace("{X}", capital(text))
    return Said(said if clause else weave(said, filler) or said, led=clause and not frame.startswith("{X}"))


def _subject_line(m: Moment) -> Said | None:
    """What may be said on the subject of the talk; first what shares a word with the line that was heard."""
    for id in subjects(m):
        fond = id in m.kit.interests and m.chance(0.5)
        fields = ("love", "says", "tales") if fond else ("says", "tales")
        lines = [line for field in fields for line in bank(f"subjects.{id}.{field}")]
        near = [line for line in lines if m.reading.words & _stems(line)]
        if line := m.pick(near) or m.pick(lines):
            return Said(line)
    return None


def _topic_line(m: Moment) -> Said | None:
    """What belongs to this kind of talk: a fact that it draws out, or a line of its own."""
    topic = m.setting.topic
    if not topic:
        return None
    draws = library().words(f"topics.{topic}.draws")
    facts = [fact for fact in m.kit.facts if fact.field in draws and is_new(m, fact)]
    if facts and m.chance(0.45):
        return told(m, m.rng.choice(facts))
    return Said(m.pick(bank(f"topics.{topic}.says")))


def _trade_line(m: Moment) -> Said | None:
    """Something of one's work."""
    return Said(m.pick(bank(f"trades.{m.rng.choice(m.kit.trades)}.tells"))) if m.kit.trades else None


def _view(m: Moment) -> Said | None:
    phrase = m.phrase()
    return Said(m.mine(f"acts.views.{m.stance}", np=phrase)) if phrase else None


def _scene_line(m: Moment) -> Said | None:
    return Said(m.mine("acts.scene.says", snp=_thing(m)))


def goal_line(m: Moment) -> Said | None:
    """What one has come for, and perhaps a word to win the other for it."""
    things = m.setting.goal_things
    if not things:
        return None
    line = m.mine("acts.goal.says", gnp=m.rng.choice(things))
    push = m.mine(f"acts.goal.push.{m.stance}") if m.chance(0.4) else ""
    return Said(f"{line} {push}".strip())


def _thing(m: Moment) -> str:
    return m.rng.choice(m.setting.things) if m.setting.things else ""


# --- handing on ----------------------------------------------------------------------------------------------------


def hook(m: Moment) -> Said | None:
    """A question for the other, about what was said or what there is."""
    options: list[Part] = [_ask_phrase, _ask_subject, _ask_topic, _ask_open, ask_scene, _ask_goal, _ask_third, _ask_own]
    return first_of(m, options, (3.0, 2.4, 1.8, 0.9, 0.9, 0.9, 0.0 if m.pair else 2.2, 1.0))


def _ask_phrase(m: Moment) -> Said | None:
    phrase = m.phrase()
    return Said(m.mine(f"acts.asks.{m.stance}", np=phrase)) if phrase else None


def _ask_subject(m: Moment) -> Said | None:
    return next((Said(line) for id in subjects(m) if (line := m.pick(bank(f"subjects.{id}.asks")))), None)


def _ask_topic(m: Moment) -> Said | None:
    return Said(m.pick(bank(f"topics.{m.setting.topic}.asks"))) if m.setting.topic else None


def _ask_open(m: Moment) -> Said | None:
    return Said(m.mine(f"acts.asks_open.{m.stance}"))


def ask_scene(m: Moment) -> Said | None:
    """A question about the place or something in it."""
    return Said(m.mine("acts.scene.asks", snp=_thing(m)))


def _ask_goal(m: Moment) -> Said | None:
    things = m.setting.goal_things
    return Said(m.mine("acts.goal.asks", gnp=m.rng.choice(things))) if things else None


def _ask_third(m: Moment) -> Said | None:
    """A word to one who has been quiet."""
    _, name = m.other(m.heard.seat if m.heard else "")
    return Said(m.mine("acts.thirds", other=name)) if name else None


def _ask_own(m: Moment) -> Said | None:
    """One of the persona's own questions, where it has any; first one that touches the talk."""
    lines = [line for line in m.kit.lines if line.reading.question and m.fresh(line.text)]
    about = set(subjects(m))
    near = [line for line in lines if about & set(line.subjects)]
    return Said(m.rng.choice(near or lines).text, verbatim=True) if lines else None
