"""Emotion models and temperament: what is felt fades, is moved, has a name, and depends on who feels it."""

from __future__ import annotations

from itertools import combinations, pairwise, product
from math import dist
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simworld.errors import UsageError
from simworld.mind.emotion import (
    EMOTIONS,
    MARGIN,
    PAD,
    Categorical,
    EmotionModel,
    emotion_model,
    named,
    nearest,
    settles_within,
)
from simworld.mind.temperament import by_traits, factors, temperament
from simworld.prompts import data, words
from simworld.schema import Affect, Appraisal, BigFive, Emotion, Persona, Temperament

Point = tuple[float, float, float]

CENTRES: dict[str, Point] = {name: tuple(centre) for name, centre in data("mind/emotions.yaml").items()}
GRID = 1e-4
PLAIN = Temperament()
SIGNED = st.floats(-1, 1).map(lambda number: number + 0.0)
SHARE = st.floats(0, 1)
NAMES = st.sampled_from(sorted(CENTRES))
AFFECTS = st.builds(Affect, valence=SIGNED, arousal=SIGNED, dominance=SIGNED)
TEMPERAMENTS = st.builds(Temperament, baseline=AFFECTS, to_good=SHARE, to_bad=SHARE, half_life=st.floats(1, 2000))
MINUTES = st.one_of(st.floats(0, 3000), st.sampled_from([0, 1e-3, 1, 1e6, 1e300]))
APPRAISALS = st.builds(Appraisal, named=st.one_of(st.just(""), NAMES), affect=AFFECTS, strength=SHARE)
UNNAMED = st.builds(Appraisal, affect=AFFECTS, strength=SHARE)
PROFILES = st.builds(BigFive, **{factor: st.floats(0, 1) for factor in BigFive.model_fields})
WHO = {
    "average": {},
    "neurotic": {"neuroticism": 0.95, "extraversion": 0.2},
    "calm": {"neuroticism": 0.05},
    "sunny": {"extraversion": 1.0, "agreeableness": 1.0, "neuroticism": 0.0},
    "sour": {"extraversion": 0.0, "agreeableness": 0.0, "neuroticism": 1.0},
}


def point(affect: Affect) -> Point:
    return affect.valence, affect.arousal, affect.dominance


def at(place: Point, name: str = "") -> Emotion:
    return Emotion(name=name, affect=Affect(valence=place[0], arousal=place[1], dominance=place[2]))


def pull(valence: float, arousal: float = 0.0, dominance: float = 0.0, strength: float = 1.0) -> Appraisal:
    return Appraisal(affect=Affect(valence=valence, arousal=arousal, dominance=dominance), strength=strength)


def somebody(**fields: Any) -> Persona:
    return Persona(id="ann", name="Ann", **fields)


def tempered(**five: float) -> Temperament:
    return temperament(somebody(big_five=BigFive(**five)))


# the regions


def test_each_emotion_of_the_vocabulary_has_a_region_and_nothing_else_has() -> None:
    assert sorted(CENTRES) == sorted(words("emotions"))
    assert all(-1 <= number <= 1 for centre in CENTRES.values() for number in centre)


def test_regions_are_wide_and_fine_is_where_nothing_stirs() -> None:
    assert min(dist(one, other) for one, other in combinations(CENTRES.values(), 2)) >= 0.35
    assert dist(CENTRES["Fine"], (0, 0, 0)) <= 0.1


def test_regions_lie_where_the_words_do() -> None:
    valence, arousal, dominance = ({name: centre[axis] for name, centre in CENTRES.items()} for axis in range(3))
    assert max(valence, key=lambda name: valence[name]) == "Happy"
    assert min(valence, key=lambda name: valence[name]) == "Sad"
    assert min(arousal, key=lambda name: arousal[name]) == "Asleep"
    assert max(arousal, key=lambda name: arousal[name]) == "Energized"
    assert max(dominance, key=lambda name: dominance[name]) == "Confident"
    assert dominance["Angry"] > 0 > dominance["Embarrassed"]


@given(AFFECTS, st.one_of(st.just(""), NAMES))
@settings(max_examples=500)
def test_the_nearest_name_is_that_of_the_nearest_centre_unless_the_current_one_is_about_as_near(
    affect: Affect, current: str
) -> None:
    far = {name: dist(point(affect), centre) for name, centre in CENTRES.items()}
    least = min(far.values())
    found = nearest(affect, current)
    if current and far[current] - least < MARGIN - 1e-9:
        assert found == current
    elif not current or far[current] - least > MARGIN + 1e-9:
        assert far[found] == pytest.approx(least, abs=1e-9)


def test_at_a_border_the_name_does_not_flicker() -> None:
    one, other = CENTRES["Fine"], CENTRES["Flirty"]
    swing = [tuple(x + (y - x) * share for x, y in zip(one, other, strict=True)) for share in (0.47, 0.53) * 5]
    alone = [nearest(at(place).affect) for place in swing]
    assert alone == ["Fine", "Flirty"] * 5
    assert {nearest(at(place).affect, "Fine") for place in swing} == {"Fine"}
    assert {nearest(at(place).affect, "Flirty") for place in swing} == {"Flirty"}


BALL = st.tuples(*[st.floats(-0.029 / 3**0.5, 0.029 / 3**0.5)] * 3)


@given(
    st.one_of(
        st.tuples(SIGNED, SIGNED, SIGNED),
        st.sampled_from(
            [tuple((x + y) / 2 for x, y in zip(*two, strict=True)) for two in combinations(CENTRES.values(), 2)]
        ),
    ),
    NAMES,
    st.lists(BALL, min_size=2, max_size=30),
)
def test_small_swings_change_the_name_once_at_most(middle: Point, name: str, swings: list[Point]) -> None:
    names = [name]
    for swing in swings:
        place = tuple(max(-1.0, min(1.0, x + y)) for x, y in zip(middle, swing, strict=True))
        names.append(nearest(at(place).affect, names[-1]))
    assert sum(before != after for before, after in pairwise(names)) <= 1


def test_a_feeling_that_goes_far_does_change_its_name() -> None:
    assert nearest(at(CENTRES["Sad"]).affect, "Happy") == "Sad"


# the contract: every model of the table

MODELS = pytest.mark.parametrize("model", [make() for make in EMOTIONS.values()], ids=list(EMOTIONS))


@MODELS
@pytest.mark.parametrize("name", sorted(CENTRES))
def test_what_begins_by_name_has_that_name(model: EmotionModel, name: str) -> None:
    for five in WHO.values():
        assert model.begin(name, tempered(**five)).name == name


@MODELS
@given(AFFECTS, NAMES, TEMPERAMENTS, NAMES, SHARE, st.floats(0, 2))
def test_who_names_a_feeling_feels_it(
    model: EmotionModel,
    affect: Affect,
    before: str,
    who: Temperament,
    name: str,
    strength: float,
    weight: float,
) -> None:
    start = Emotion(name=before, affect=affect)
    assert model.feel(start, who, Appraisal(named=name, strength=strength), weight).name == name
    assert model.feel(model.begin(before, who), who, Appraisal(named="Wistful"), weight).name == "Wistful"


@MODELS
@given(
    st.sampled_from(["", "Wistful", *CENTRES]),
    TEMPERAMENTS,
    st.lists(st.one_of(MINUTES, st.tuples(APPRAISALS, st.floats(-1, 5))), max_size=12),
)
def test_whatever_happens_a_feeling_stays_a_feeling(
    model: EmotionModel, name: str, who: Temperament, happens: list[float | tuple[Appraisal, float]]
) -> None:
    felt = model.begin(name, who)
    for event in happens:
        felt = model.feel(felt, who, *event) if isinstance(event, tuple) else model.fade(felt, who, event)
        assert Emotion.model_validate_json(felt.model_dump_json()) == felt
        assert felt.name in {"", "Wistful", *CENTRES}
        assert all(abs(number) <= 1 and str(number) != "-0.0" for number in point(felt.affect))


@MODELS
@given(AFFECTS, NAMES, TEMPERAMENTS, UNNAMED)
def test_nothing_happens_by_itself(
    model: EmotionModel, affect: Affect, name: str, who: Temperament, appraisal: Appraisal
) -> None:
    felt = Emotion(name=name, affect=affect)
    assert model.fade(felt, who, 0) is felt
    assert model.feel(felt, who, Appraisal()) is felt
    assert model.feel(felt, who, appraisal, 0) is felt


@MODELS
@given(NAMES, TEMPERAMENTS, st.floats(0, 500), st.floats(0, 500))
def test_two_times_are_as_one(model: EmotionModel, name: str, who: Temperament, first: float, then: float) -> None:
    start = model.begin(name, who)
    twice = model.fade(model.fade(start, who, first), who, then)
    once = model.fade(start, who, first + then)
    assert point(twice.affect) == pytest.approx(point(once.affect), abs=2.5 * GRID)


def test_models_are_found_by_name() -> None:
    assert isinstance(emotion_model("pad"), PAD)
    assert isinstance(emotion_model("categorical"), Categorical)
    with pytest.raises(UsageError, match="categorical, pad"):
        emotion_model("none_such")


# fading


def test_half_is_left_after_the_half_life() -> None:
    who = Temperament(baseline=Affect(valence=0.2, arousal=-0.1), half_life=90)
    left = PAD().fade(at((0.8, -0.5, -0.4)), who, 90).affect
    assert point(left) == pytest.approx((0.5, -0.3, -0.2), abs=GRID)
    left = PAD().fade(at((0.8, -0.5, -0.4)), who, 180).affect
    assert point(left) == pytest.approx((0.35, -0.2, -0.1), abs=GRID)


@given(AFFECTS, NAMES, TEMPERAMENTS, st.lists(st.floats(0, 600), min_size=1, max_size=20))
def test_what_fades_comes_nearer_to_the_baseline_and_never_passes_it(
    affect: Affect, name: str, who: Temperament, times: list[float]
) -> None:
    felt = Emotion(name=name, affect=affect)
    for minutes in times:
        before, felt = felt, PAD().fade(felt, who, minutes)
        for old, new, exact in zip(point(before.affect), point(felt.affect), point(who.baseline), strict=True):
            base = round(exact, 4)
            assert abs(new - base) <= abs(old - base) + 1e-12
            assert (new - base) * (old - base) >= 0


@given(AFFECTS, NAMES, TEMPERAMENTS, st.floats(0.001, 1), st.integers(1, 40))
def test_within_the_time_stated_all_has_settled_in_one_step_or_many(
    affect: Affect, name: str, who: Temperament, close: float, steps: int
) -> None:
    time, felt = settles_within(who, close), Emotion(name=name, affect=affect)
    for _ in range(steps):
        felt = PAD().fade(felt, who, time / steps * (1 + 1e-9))
    assert point(felt.affect) == pytest.approx(point(who.baseline), abs=close + GRID / 2)


def test_the_time_to_settle_is_no_longer_than_it_must_be() -> None:
    who = Temperament(baseline=Affect(valence=0.3), half_life=50)
    time = settles_within(who)
    assert (
        PAD().fade(at((-1, 0, 0)), who, 0.98 * time).affect.valence
        < 0.25
        <= PAD().fade(at((-1, 0, 0)), who, time).affect.valence
    )
    assert settles_within(who, 1.5) == 0
    with pytest.raises(UsageError, match="above 0"):
        settles_within(who, 0)


def test_the_shortest_steps_come_home_too() -> None:
    felt = PAD().begin("Angry", PLAIN)
    for _ in range(40_000):
        felt = PAD().fade(felt, PLAIN, 0.01)
    assert felt == Emotion(name="Fine")


def test_after_a_night_everybody_is_as_they_are() -> None:
    for five in WHO.values():
        who = tempered(**five)
        rested = PAD().begin("", who)
        assert rested.affect == who.baseline
        for name in CENTRES:
            woken = PAD().fade(PAD().begin(name, who), who, 1e6)
            assert woken.affect == who.baseline
            far = {other: dist(point(who.baseline), centre) for other, centre in CENTRES.items()}
            assert far[woken.name] - far[rested.name] <= MARGIN
            assert PAD().fade(woken, who, 1e6) is woken


# being moved


def test_a_pull_moves_by_the_share_of_its_kind() -> None:
    who = Temperament(to_good=0.8, to_bad=0.2)
    start = at((0.1, 0.2, -0.2))
    better = PAD().feel(start, who, pull(0.6, 0.7, 0.3, strength=0.5))
    assert point(better.affect) == (0.3, 0.4, 0.0)
    worse = PAD().feel(start, who, pull(-0.9, 1.0, 0.3, strength=0.5), 2)
    assert point(worse.affect) == (-0.1, 0.36, -0.1)
    neither = PAD().feel(start, who, pull(0.1, 1.0, -0.2))
    assert point(neither.affect) == (0.1, 0.6, -0.2)


def test_whether_it_is_good_depends_on_where_one_is() -> None:
    who = Temperament(to_good=1, to_bad=0)
    comfort = pull(-0.2)
    assert PAD().feel(at((-0.8, 0, 0), "Sad"), who, comfort).affect.valence == -0.2
    assert PAD().feel(at((0.8, 0, 0), "Happy"), who, comfort).affect.valence == 0.8


def test_no_weight_carries_beyond_the_pull() -> None:
    assert PAD().feel(at((0, 0, 0)), PLAIN, pull(0.5, -0.4, 0.3), 1e9).affect == pull(0.5, -0.4, 0.3).affect


@given(AFFECTS, st.sampled_from(["", *CENTRES]), TEMPERAMENTS, NAMES, SHARE)
def test_a_named_feeling_lies_in_its_region_and_at_least_its_share_of_the_way(
    affect: Affect, before: str, who: Temperament, name: str, strength: float
) -> None:
    start = Emotion(name=before, affect=affect)
    felt = PAD().feel(start, who, Appraisal(named=name, strength=strength))
    assert nearest(felt.affect) == name
    assert PAD().fade(felt, who, 1e-6).name == name
    better = CENTRES[name][0] - affect.valence
    openness = who.to_good if better > 0 else who.to_bad if better < 0 else min(who.to_good, who.to_bad)
    left = dist(point(felt.affect), CENTRES[name])
    assert left <= (1 - openness * strength) * dist(point(affect), CENTRES[name]) + 1.8 * GRID


def test_a_named_feeling_goes_no_further_than_it_must() -> None:
    start, sad = PAD().begin("Happy", PLAIN), CENTRES["Sad"]
    felt = point(PAD().feel(start, PLAIN, Appraisal(named="Sad")).affect)
    others = min(dist(felt, centre) for name, centre in CENTRES.items() if name != "Sad")
    assert 0 < others - dist(felt, sad) < 0.01
    assert dist(felt, sad) + dist(felt, point(start.affect)) == pytest.approx(dist(sad, point(start.affect)), abs=GRID)
    wholly = PAD().feel(start, Temperament(to_bad=1), Appraisal(named="Sad", strength=1))
    assert point(wholly.affect) == sad


def test_rounding_puts_no_named_feeling_back_over_the_border() -> None:
    for before, name in product(CENTRES, CENTRES):
        felt = PAD().feel(PAD().begin(before, PLAIN), PLAIN, Appraisal(named=name))
        assert nearest(felt.affect) == felt.name == name


def test_a_named_feeling_outweighs_what_was_heard() -> None:
    heard = Appraisal(named="Sad", affect=Affect(valence=1, arousal=1, dominance=1), strength=1)
    assert PAD().feel(at((0, 0, 0)), PLAIN, heard) == PAD().feel(
        at((0, 0, 0)), PLAIN, Appraisal(named="Sad", strength=1)
    )


# words of a pack


def test_a_word_without_a_region_is_kept_until_the_numbers_cross_a_border() -> None:
    sad = PAD().begin("Sad", PLAIN)
    wistful = PAD().feel(sad, PLAIN, Appraisal(named="Wistful", strength=1))
    assert wistful == Emotion(name="Wistful", affect=sad.affect)
    assert nearest(wistful.affect, "Wistful") == "Wistful"
    nudged = PAD().feel(wistful, PLAIN, pull(1, strength=0.1))
    assert nudged.name == "Wistful"
    assert nudged.affect.valence > wistful.affect.valence
    assert PAD().feel(nudged, PLAIN, pull(1, 0.5, 0.5)).name == nearest(
        PAD().feel(nudged, PLAIN, pull(1, 0.5, 0.5)).affect
    )
    assert PAD().fade(nudged, PLAIN, 5).name == "Wistful"
    assert PAD().fade(nudged, PLAIN, 600).name == "Fine"
    assert PAD().feel(nudged, PLAIN, Appraisal(named="Angry")).name == "Angry"


def test_small_moves_past_a_border_end_such_a_word_as_a_large_one_does() -> None:
    felt = PAD().begin("Wistful", PLAIN)
    assert felt == Emotion(name="Wistful")
    for _ in range(300):
        felt = PAD().feel(felt, PLAIN, pull(*CENTRES["Sad"], strength=0.04))
    assert felt.name == "Sad"


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("angry", "Angry"),
        (" ANGRY. ", "Angry"),
        ("Angry", "Angry"),
        ("angry...", "Angry"),
        ("furious", ""),
        ("", ""),
        (".", ""),
    ],
)
def test_an_emotion_is_known_however_it_was_written(written: str, found: str) -> None:
    assert named(written, frozenset(words("emotions"))) == found


def test_the_spelling_that_is_there_counts_first() -> None:
    assert [named(word, frozenset({"Blue", "blue"})) for word in ("blue", "Blue")] == ["blue", "Blue"]


def test_the_categorical_emotion_has_no_numbers() -> None:
    felt = Categorical().feel(Categorical().begin("Sad", PLAIN), PLAIN, pull(1))
    assert felt == Emotion(name="Sad")
    assert Categorical().begin("", PLAIN) == Emotion()
    assert Categorical().feel(felt, PLAIN, Appraisal(named="Happy", affect=Affect(valence=1), strength=1)) == Emotion(
        name="Happy"
    )
    assert Categorical().feel(felt, PLAIN, Appraisal(named="Sad")) is felt


# temperament


def test_the_average_person_is_fine() -> None:
    average = temperament(somebody())
    assert average == Temperament(baseline=Affect(), to_good=0.5, to_bad=0.5, half_life=60)
    assert PAD().begin("", average).name == "Fine"


@pytest.mark.parametrize(
    ("factor", "pad"),
    {
        "openness": (0, 0.15, 0.25),
        "conscientiousness": (0, 0, 0.17),
        "extraversion": (0.21, 0, 0.60),
        "agreeableness": (0.59, 0.30, -0.32),
        "neuroticism": (-0.19, 0.57, 0),
    }.items(),
)
def test_the_baseline_is_by_mehrabians_equations(factor: str, pad: Point) -> None:
    for level, sign in ((1.0, 0.4), (0.25, -0.2)):
        expected = tuple(sign * weight for weight in pad)
        assert point(tempered(**{factor: level}).baseline) == pytest.approx(expected, abs=GRID)


@given(PROFILES)
def test_nobody_is_at_an_extreme_when_nothing_happens(five: BigFive) -> None:
    who = temperament(somebody(big_five=five))
    assert all(abs(number) <= 0.54 for number in point(who.baseline))
    assert 0.25 <= who.to_good <= 0.75
    assert 0.25 <= who.to_bad <= 0.75
    assert 30 <= who.half_life <= 120


def test_all_but_the_extreme_are_fine() -> None:
    mild = [dict(zip(BigFive.model_fields, five, strict=True)) for five in product((0.3, 0.5, 0.7), repeat=5)]
    assert {PAD().begin("", tempered(**five)).name for five in mild} == {"Fine"}


def test_the_neurotic_are_moved_further_by_the_bad_and_for_longer() -> None:
    calm, neurotic = tempered(neuroticism=0.1), tempered(neuroticism=0.9)
    struck = [PAD().feel(at((0, 0, 0)), who, pull(-0.8, strength=0.5)).affect.valence for who in (calm, neurotic)]
    assert struck[1] < struck[0] < 0
    cheered = [PAD().feel(at((0, 0, 0)), who, pull(0.8, strength=0.5)).affect.valence for who in (calm, neurotic)]
    assert cheered[0] == cheered[1] > 0
    assert neurotic.half_life > 60 > calm.half_life
    assert settles_within(neurotic) > settles_within(calm)


def test_the_extravert_are_moved_further_by_the_good() -> None:
    quiet, outgoing = tempered(extraversion=0.1), tempered(extraversion=0.9)
    cheered = [PAD().feel(at((0, 0, 0)), who, pull(0.8, strength=0.5)).affect.valence for who in (quiet, outgoing)]
    assert cheered[1] > cheered[0] > 0
    assert quiet.to_bad == outgoing.to_bad
    assert quiet.half_life == outgoing.half_life


def test_each_trait_of_the_vocabulary_says_something_of_the_factors() -> None:
    shifts: dict[str, dict[str, float]] = data("mind/traits.yaml")
    assert sorted(shifts) == sorted(words("traits"))
    for trait, shift in shifts.items():
        assert shift, trait
        assert set(shift) <= set(BigFive.model_fields), trait
        assert all(0 < abs(size) <= 0.8 for size in shift.values()), trait


@pytest.mark.parametrize(
    ("more", "less", "factor"),
    [
        ("anxious", "calm", "neuroticism"),
        ("gregarious", "shy", "extraversion"),
        ("kind", "overbearing", "agreeableness"),
        ("methodical", "lazy", "conscientiousness"),
        ("imaginative", "literal-minded", "openness"),
    ],
)
def test_traits_speak_of_their_factor(more: str, less: str, factor: str) -> None:
    assert getattr(by_traits((more,)), factor) > 0.7
    assert getattr(by_traits((less,)), factor) < 0.3


def test_traits_add_up_and_unknown_ones_count_nothing() -> None:
    once, twice = by_traits(("anxious",)), by_traits(("anxious", "worried"))
    assert 0.5 < once.neuroticism < twice.neuroticism < 1
    assert by_traits(("anxious", "calm")).neuroticism == 0.5
    assert by_traits(("left-handed", "anxious")) == once
    assert temperament(somebody(traits=("left-handed",))) == temperament(somebody())


def test_numbers_that_are_given_count_before_traits() -> None:
    five = BigFive(neuroticism=0.1)
    assert factors(somebody(big_five=five, traits=("anxious",))) == five
    assert factors(somebody(traits=("anxious",))).neuroticism > 0.8
    assert temperament(somebody(traits=("anxious",))).to_bad > 0.6
