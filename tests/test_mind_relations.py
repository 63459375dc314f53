"""Ties: how they begin, shift, fade, and are told; and the web of all of them."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simworld.mind.relations import begin_ties, by_words, drift, shift, standing, web
from simworld.prompts import data
from simworld.schema import Appraisal, Relation, Scene, Seat, Tie
from tests.scenes_of_tests import scene_of, seated

SIGNED = st.floats(-1, 1)
TIES = st.builds(Tie, warmth=SIGNED, trust=SIGNED, familiarity=SIGNED)
APPRAISALS = st.builds(Appraisal, warmth=SIGNED, trust=SIGNED, strength=st.floats(0, 1))
YEAR = 525_960


def numbers(tie: Tie) -> tuple[float, float, float]:
    return tie.warmth, tie.trust, tie.familiarity


def heard(warmth: float = 0.0, trust: float = 0.0) -> Appraisal:
    return Appraisal(warmth=warmth, trust=trust, strength=1)


# by words


def test_every_word_of_the_file_is_found_and_means_its_numbers() -> None:
    kinds = data("mind/kinds.yaml")
    assert len(kinds["words"]) >= 80
    for word, given_numbers in kinds["words"].items():
        assert numbers(by_words(f"{word} of")) == tuple(given_numbers), word
    assert not set(kinds["words"]) & set(kinds["shifts"])
    assert all(isinstance(word, str) for word in kinds["ends"])


def test_every_shift_is_found_and_moves_something() -> None:
    for word, by in data("mind/kinds.yaml")["shifts"].items():
        plain, shifted = numbers(by_words("acquaintance of")), numbers(by_words(f"{word} acquaintance of"))
        expected = tuple(max(-1, min(1, base + more)) for base, more in zip(plain, by, strict=True))
        assert shifted == pytest.approx(expected), word
        assert shifted != plain, word


@pytest.mark.parametrize(
    ("kind", "same_as"),
    [
        ("older sister of", "sister"),
        ("SISTER of", "sister"),
        ("friend of the mother of", "friend"),
        ("her mother's friend", "friend"),
        ("stranger with grapes to", "stranger"),
        ("sister-in-law of", "sister in law"),
        ("keeper of the keys for the landlord of", "landlord"),
        ("fiancée of", "fiancee"),
        ("gatekeeper of dreams", ""),
    ],
)
def test_a_kind_is_read_by_its_head(kind: str, same_as: str) -> None:
    assert by_words(kind) == (by_words(same_as) if same_as else Tie())


def test_several_words_are_averaged() -> None:
    both = by_words("colleague and friend of")
    expected = [
        (one + other) / 2
        for one, other in zip(numbers(by_words("friend")), numbers(by_words("colleague")), strict=True)
    ]
    assert numbers(both) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("warmer", "colder"),
    [
        ("sister of", "rival of"),
        ("rival of", "enemy of"),
        ("best friend of", "friend of"),
        ("wife of", "ex-wife of"),
        ("sister of", "estranged sister of"),
        ("dear colleague of", "colleague of"),
        ("colleague of", "ex-colleague of"),
        ("caller on", "angry caller on"),
    ],
)
def test_some_are_dearer_than_others(warmer: str, colder: str) -> None:
    assert by_words(warmer).warmth > by_words(colder).warmth
    assert by_words(warmer).trust >= by_words(colder).trust


def test_shifts_add_up_to_the_bound_only() -> None:
    assert by_words("beloved dearest devoted twin of").warmth == 1
    assert by_words("hated hostile bitter angry enemy of").warmth == -1


# beginning


def among(*relations: Relation, **fields: Any) -> Scene:
    return scene_of([Seat(id="ann"), Seat(id="bo"), Seat(id="cy")], relations=relations, **fields)


def ties_of(seat: str, scene: Scene, **kept: Tie) -> dict[str, Tie]:
    return begin_ties(scene, seat, seated(scene), kept)


def test_ties_are_toward_everybody_else_but_a_narrator() -> None:
    scene = scene_of([Seat(id="ann"), Seat(id="bo"), Seat(id="tell", role="narrator"), Seat(id="cy", role="user")])
    assert ties_of("ann", scene) == {"p_bo": Tie(), "p_cy": Tie()}
    assert set(ties_of("tell", scene)) == {"p_ann", "p_bo", "p_cy"}


def test_a_stated_relation_is_felt_by_its_words() -> None:
    ties = ties_of("ann", among(Relation(of="ann", to="bo", kind="older sister of", private=True)))
    assert ties == {"p_bo": by_words("sister").model_copy(update={"kind": "older sister of"}), "p_cy": Tie()}
    assert ties["p_bo"].warmth > 0.5


def test_numbers_that_are_stated_count_before_words_zero_too() -> None:
    relation = Relation(of="ann", to="bo", kind="sister of", warmth=0.0, trust=-0.4)
    tie = ties_of("ann", among(relation))["p_bo"]
    assert numbers(tie) == (0.0, -0.4, by_words("sister").familiarity)


def test_the_other_feels_by_the_words_but_not_by_the_numbers_or_if_private() -> None:
    open_ = Relation(of="ann", to="bo", kind="sister of", warmth=-0.9)
    assert ties_of("bo", among(open_))["p_ann"] == by_words("sister")
    assert ties_of("bo", among(open_.model_copy(update={"private": True})))["p_ann"] == Tie()
    assert ties_of("cy", among(open_)) == {"p_ann": Tie(), "p_bo": Tie()}


def test_an_own_relation_counts_before_the_others() -> None:
    scene = among(Relation(of="ann", to="bo", kind="friend of"), Relation(of="bo", to="ann", kind="rival of"))
    assert ties_of("ann", scene)["p_bo"].warmth == by_words("friend").warmth
    assert ties_of("bo", scene)["p_ann"] == by_words("rival").model_copy(update={"kind": "rival of"})


def test_two_relations_to_one_person_are_one_tie() -> None:
    scene = among(
        Relation(of="ann", to="bo", kind="sister of", warmth=0.3),
        Relation(of="ann", to="bo", kind="rival of", private=True, trust=-0.2),
    )
    tie = ties_of("ann", scene)["p_bo"]
    between = round((by_words("sister").familiarity + by_words("rival").familiarity) / 2, 4)
    assert tie == Tie(kind="sister of, rival of", warmth=0.3, trust=-0.2, familiarity=between)


def test_kept_ties_count_before_words_and_numbers_but_a_stated_kind_is_the_kind() -> None:
    kept = Tie(kind="friend of", warmth=-0.11, trust=0.22, familiarity=0.33)
    worded = Relation(of="ann", to="bo", kind="sister of")
    tie = ties_of("ann", among(worded), p_bo=kept)["p_bo"]
    assert tie == kept.model_copy(update={"kind": "sister of"})
    tie = ties_of("ann", among(worded.model_copy(update={"trust": -0.9})), p_bo=kept)["p_bo"]
    assert tie == kept.model_copy(update={"kind": "sister of"})
    assert ties_of("ann", among(), p_bo=kept)["p_bo"] == kept
    assert ties_of("ann", among(Relation(of="bo", to="ann", kind="enemy of")), p_bo=kept)["p_bo"] == kept


def test_ties_to_people_who_are_not_here_stay() -> None:
    away = Tie(kind="daughter of", warmth=0.7)
    kept = {"p_far": away}
    ties = begin_ties(among(), "ann", seated(among()), kept)
    assert ties == {"p_far": away, "p_bo": Tie(), "p_cy": Tie()}
    assert kept == {"p_far": away}


# shifting


@given(TIES, st.lists(st.tuples(APPRAISALS, st.floats(-1, 5)), max_size=40))
def test_no_turn_carries_a_tie_out_of_bounds(tie: Tie, turns: list[tuple[Appraisal, float]]) -> None:
    for appraisal, weight in turns:
        before, tie = tie, shift(tie, appraisal, weight)
        assert Tie.model_validate(tie.model_dump()) == tie
        assert tie.familiarity >= before.familiarity - 5e-5
        assert (tie.warmth - before.warmth) * appraisal.warmth >= -5e-5
        assert (tie.trust - before.trust) * appraisal.trust >= -5e-5


def test_trust_is_lost_faster_than_it_is_won() -> None:
    won = shift(Tie(), heard(trust=0.5), 1).trust
    lost = shift(Tie(), heard(trust=-0.5), 1).trust
    assert won > 0
    assert -lost >= 2 * won
    assert shift(shift(Tie(trust=0.3), heard(trust=0.5), 1), heard(trust=-0.5), 1).trust < 0.3


def test_warmth_moves_evenly_both_ways_and_slower_near_its_bound() -> None:
    assert shift(Tie(), heard(warmth=0.5), 1).warmth == -shift(Tie(), heard(warmth=-0.5), 1).warmth == 0.1
    near = Tie(warmth=0.8)
    assert 0 < shift(near, heard(warmth=0.5), 1).warmth - 0.8 < 0.1
    assert 0.8 - shift(near, heard(warmth=-0.5), 1).warmth > 0.1


def test_weight_scales_what_a_turn_does() -> None:
    half, whole = (shift(Tie(familiarity=0), heard(0.5, -0.5), weight) for weight in (0.5, 1))
    assert [2 * number for number in numbers(half)] == pytest.approx(numbers(whole), abs=2e-4)
    assert shift(Tie(), heard(1, 1), 7) == shift(Tie(), heard(1, 1), 1)


def test_talk_makes_acquainted_and_never_more_than_that() -> None:
    tie, known = Tie(familiarity=-1), [-1.0]
    for _ in range(1000):
        tie = shift(tie, heard(), 1)
        known.append(tie.familiarity)
    assert known == sorted(known)
    assert known[10] < 0 < known[60] < 0.9 < known[-1] <= 1
    assert (tie.warmth, tie.trust) == (0, 0)


def test_where_nothing_changes_the_tie_is_the_same() -> None:
    tie = Tie(warmth=0.3)
    assert shift(tie, heard(0.5, 0.5), 0) is tie
    best = Tie(warmth=1, trust=1, familiarity=1)
    assert shift(best, heard(1, 1), 1) is best


# absence


def test_half_of_a_feeling_is_left_after_a_year_and_all_of_the_knowledge() -> None:
    tie = Tie(kind="friend of", warmth=0.6, trust=-0.4, familiarity=0.7)
    assert drift(tie, YEAR) == Tie(kind="friend of", warmth=0.3, trust=-0.2, familiarity=0.7)
    assert drift(tie, 1e12) == Tie(kind="friend of", warmth=0, trust=0, familiarity=0.7)


def test_a_short_absence_changes_nothing_and_a_weekend_hardly_anything() -> None:
    tie = Tie(warmth=0.6, trust=0.6)
    assert drift(tie, 0) is tie
    assert drift(tie, 10) is tie
    assert 0.59 < drift(tie, 3 * 1440).warmth < 0.6


@given(TIES, st.floats(0, 5 * YEAR), st.floats(0, 5 * YEAR))
def test_two_absences_are_as_one(tie: Tie, first: float, then: float) -> None:
    assert numbers(drift(drift(tie, first), then)) == pytest.approx(numbers(drift(tie, first + then)), abs=1.1e-4)


# telling

BANDS = data("mind/standing.yaml")


def middles(number: str) -> list[float]:
    """A number in the midst of each band."""
    bounds = [-1.0, *(band["to"] for band in BANDS[number])]
    return [(low + high) / 2 for low, high in pairwise(bounds)]


@pytest.mark.parametrize(
    ("tie", "told"),
    [
        (Tie(warmth=0.4, trust=0.4, familiarity=0.8), "You like Mara Quill and trust them; you know them well."),
        (Tie(warmth=0.4, trust=-0.4, familiarity=0), "You like Mara Quill but do not trust them."),
        (Tie(warmth=-0.8, trust=0.4, familiarity=0), "You cannot stand Mara Quill but trust them."),
        (Tie(warmth=-0.4, trust=-0.4, familiarity=0.5), "You dislike Mara Quill and do not trust them; you know them."),
        (Tie(trust=0.9), "You would trust Mara Quill with anything."),
        (Tie(familiarity=0.9), "You know Mara Quill well."),
        (Tie(familiarity=-1), "You have never met Mara Quill before."),
        (Tie(), ""),
    ],
)
def test_a_tie_is_told_in_words(tie: Tie, told: str) -> None:
    assert standing(tie, "Mara Quill") == told


def test_every_band_has_words_of_its_own() -> None:
    assert all(BANDS[number][-1]["to"] == 1 for number in ("warmth", "trust", "familiarity"))
    everything = list(product(middles("warmth"), middles("trust"), middles("familiarity")))
    told = [standing(Tie(warmth=w, trust=t, familiarity=f), "Mara") for w, t, f in everything]
    assert len(everything) == len(set(told)) == 100
    assert told.count("") == 1
    assert all(text.count("Mara") == 1 and text.endswith(".") and "{" not in text for text in told if text)


@given(TIES)
def test_nothing_is_told_of_a_tie_that_is_nothing_in_particular(tie: Tie) -> None:
    told = standing(tie, "Mara")
    neutral = -0.2 < tie.warmth <= 0.2 and -0.2 < tie.trust <= 0.2 and -0.75 < tie.familiarity <= 0.25
    assert (told == "") == neutral


def test_any_name_may_be_told() -> None:
    assert standing(Tie(warmth=0.9), "Sam {who} Jr.") == "You love Sam {who} Jr."
    assert standing(Tie(trust=0.5, warmth=0.9), "Jr.") == "You love Jr. and trust them."


def test_words_change_rarely() -> None:
    tie, told = Tie(familiarity=-0.5), set[str]()
    for _ in range(40):
        tie = shift(tie, heard(0.3, 0.3), 0.4)
        told.add(standing(tie, "Mara"))
    assert 2 <= len(told) <= 5


# the web


def test_the_web_runs_one_way_for_each_tie() -> None:
    ties = {
        "ann": {"bo": Tie(kind="sister of", warmth=0.5, trust=0.25, familiarity=1), "far": Tie(warmth=-0.5)},
        "bo": {"ann": Tie(warmth=-0.25)},
        "cy": {},
    }
    graph = web(ties)
    assert set(graph.nodes) == {"ann", "bo", "cy", "far"}
    assert set(graph.edges) == {("ann", "bo"), ("ann", "far"), ("bo", "ann")}
    assert graph.edges["ann", "bo"] == {"kind": "sister of", "warmth": 0.5, "trust": 0.25, "familiarity": 1}
    assert graph.edges["bo", "ann"]["warmth"] == -0.25
    assert graph.is_directed()
