"""Relations: who is what to whom among a set of personas.

    ties = weave(personas, seed=0)
    ties[0].kind                        # "older cousin of"
    bonds(ties)["mara"]["tom"].type     # "family"

Types, their wordings and what makes each likely are data: `templates/forge/scenes/ties.yaml`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from simworld.packs import read_yaml
from simworld.prompts import data
from simworld.schema import Persona
from simworld.schema.record import Record

if TYPE_CHECKING:
    import networkx as nx

LEAST = 2
"""Ties that everybody has, where there are personas enough."""
MOST = 12
_SAMPLED = 28
"""Others that are looked at for a tie beside those of the same work, name or place."""
_COMMENT = "# Who is what to whom among the personas of this pack: `of` is KIND `to`, and `to` is BACK `of`.\n"
_PLACE = re.compile(r"\b[A-Z][\w'-]{3,}")


class Tie(Record, frozen=True):
    """What two personas are to each other."""

    of: str
    """Id of a persona, the older of the two."""
    to: str
    type: str
    """family, colleague, neighbour, friend, rival, mentor, client or ex."""
    kind: str
    """What `of` is to `to`: `mother of`."""
    back: str
    """What `to` is to `of`: `son of`."""

    def told(self, one: str) -> str:
        """What `one` is to the other."""
        return self.kind if one == self.of else self.back

    def other(self, one: str) -> str:
        """The other of the two."""
        return self.to if one == self.of else self.of


Bonds = Mapping[str, Mapping[str, Tie]]
"""Persona -> persona -> tie."""


def weave(personas: Sequence[Persona], seed: int = 0) -> tuple[Tie, ...]:
    """Ties among these, everybody in two or more where there are three; sorted; the same for the same seed."""
    people = sorted(personas, key=lambda one: (-(one.age or 40), one.id))
    offers = sorted(_offers(people, seed), key=lambda offer: (-offer[0], offer[1], offer[2], offer[3]))
    most: Mapping[str, int] = data("forge/scenes/ties.yaml")["most"]
    ties: dict[tuple[str, str], Tie] = {}
    used: Counter[tuple[str, str]] = Counter()
    degree: Counter[str] = Counter()

    def is_free(of: str, to: str, type: str, limit: int) -> bool:
        room = all(used[one, type] < most[type] and degree[one] < limit for one in (of, to))
        return room and (of, to) not in ties

    def join(of: Persona, to: Persona, type: str, entry: Mapping[str, Any]) -> None:
        ties[of.id, to.id] = _tie(of, to, type, entry)
        used.update([(of.id, type), (to.id, type)])
        degree.update([of.id, to.id])

    by_id = {one.id: one for one in people}
    for _, of, to, type, entry in offers:
        if is_free(of, to, type, MOST):
            join(by_id[of], by_id[to], type, entry)
    neighbour = data("forge/scenes/ties.yaml")["types"]["neighbour"][0]
    for lone in people:
        others = sorted((one for one in people if one is not lone), key=lambda one: (degree[one.id], one.id))
        for other in others:
            if degree[lone.id] >= LEAST:
                break
            of, to = (lone, other) if people.index(lone) < people.index(other) else (other, lone)
            if (of.id, to.id) not in ties:
                join(of, to, "neighbour", neighbour)
    return tuple(ties[pair] for pair in sorted(ties))


def _offers(people: Sequence[Persona], seed: int) -> Iterable[tuple[float, str, str, str, Mapping[str, Any]]]:
    """Ties that could be, each with how likely it is; the older one first."""
    table = data("forge/scenes/ties.yaml")
    domains = {career: name for name, careers in table["domains"].items() for career in careers}
    serving = {word.strip() for word in table["serving"].split(",")}
    places = {one.id: _places(one) for one in people}
    groups: dict[str, list[int]] = {}
    for number, one in enumerate(people):
        for key in (f"w:{domains.get(one.career, one.career)}", f"n:{_surname(one)}", *sorted(places[one.id])):
            groups.setdefault(key, []).append(number)
    for number, of in enumerate(people):
        rng = Random(f"{seed}:ties:{of.id}")
        near = {other for group in groups.values() if number in group[:60] for other in group[:60]}
        later = range(number + 1, len(people))
        near |= set(rng.sample(later, min(_SAMPLED, len(later))))
        for other in sorted(near):
            if other <= number:
                continue
            to = people[other]
            close = bool(places[of.id] & places[to.id])
            same = domains.get(of.career, of.career) == domains.get(to.career, to.career) and bool(of.career)
            for type, entries in table["types"].items():
                for entry in entries:
                    if _may(of, to, type, entry, same, serving, table["alone"]):
                        liking = 2.0 if close and type in ("family", "neighbour", "friend") else 1.0
                        yield entry["weight"] * liking * rng.random(), of.id, to.id, type, entry


def _may(
    of: Persona, to: Persona, type: str, entry: Mapping[str, Any], same: bool, serving: set[str], alone: list[str]
) -> bool:
    """Whether the older `of` could be this to `to`."""
    older, younger = of.age or 40, to.age or 40
    low, high = entry["gap"]
    grown = entry.get("grown", 18)
    adults = {"older": (older,), "both": (older, younger)}.get(entry.get("adult", ""), ())
    server = {"older": of, "younger": to}.get(entry.get("serves", ""))
    return (
        low <= older - younger <= high
        and all(age >= grown for age in adults)
        and (same or not entry.get("same_domain"))
        and (server is None or server.career in serving)
        and (type != "family" or _kin(of, to, bool(entry.get("same_name")), alone))
    )


def _kin(of: Persona, to: Persona, named: bool, alone: list[str]) -> bool:
    told = f"{of.family} {to.family}".casefold()
    return (not named or _surname(of) == _surname(to)) and not any(phrase in told for phrase in alone)


def _surname(persona: Persona) -> str:
    return persona.name.split()[-1].casefold()


def _places(persona: Persona) -> frozenset[str]:
    return frozenset(_PLACE.findall(re.split(r"[,;]", persona.origin)[0]))


def _tie(of: Persona, to: Persona, type: str, entry: Mapping[str, Any]) -> Tie:
    at = {"man": 0, "woman": 1}
    kind, back = entry["older"][at.get(of.gender, 2)], entry["younger"][at.get(to.gender, 2)]
    return Tie(of=of.id, to=to.id, type=type, kind=kind, back=back)


def bonds(ties: Iterable[Tie]) -> dict[str, dict[str, Tie]]:
    """The ties of each persona, by the other one's id."""
    found: dict[str, dict[str, Tie]] = {}
    for tie in ties:
        found.setdefault(tie.of, {})[tie.to] = tie
        found.setdefault(tie.to, {})[tie.of] = tie
    return found


def graph(ties: Iterable[Tie]) -> nx.Graph[str]:
    """The ties as a networkx graph; each edge holds its `tie`."""
    import networkx as nx

    made: nx.Graph[str] = nx.Graph()
    made.add_edges_from((tie.of, tie.to, {"tie": tie}) for tie in ties)
    return made


def write_ties(ties: Sequence[Tie], path: Path) -> None:
    """Keep the ties as a YAML list, one a line."""
    lines = [
        f"- {{of: {tie.of}, to: {tie.to}, type: {tie.type}, kind: {tie.kind}, back: {tie.back}}}\n" for tie in ties
    ]
    path.write_text(_COMMENT + "".join(lines), encoding="utf-8")


def read_ties(path: Path) -> tuple[Tie, ...]:
    """The ties of a pack, none where it has no such file. Raises UsageError for a file that holds others."""
    if not path.is_file():
        return ()
    from pydantic import ValidationError

    from simworld.errors import UsageError

    try:
        listed: list[Any] = _plain(path)
        return tuple(Tie.model_validate(entry) for entry in listed)
    except (ValidationError, TypeError) as error:
        what = str(error).splitlines()[0]
        raise UsageError(f"{path}: is no list of ties ({what}); remove it, and ties are woven anew") from None


def _plain(path: Path) -> list[Any]:
    from simworld.packs.node import plain

    node: Any = read_yaml(path, str(path))
    return plain(node)  # pyright: ignore[reportReturnType]
