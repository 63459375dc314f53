"""The plan: every value used evenly, nobody met again before the others, the same for everybody who asks."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterable
from itertools import combinations, islice
from typing import Any

import pytest

from simworld.errors import UsageError
from simworld.schema import Persona, Seat
from simworld.simulate.plan import Plan, Planned
from simworld.simulate.stage import Stage
from simworld.simulate.tally import MOST_CASTS
from tests.scenes_of_tests import person, scene_of

TOPICS = ("trains", "tax", "bread")
EMOTIONS = ("Sad", "Tense", "Bored", "Happy")


def people(n: int) -> tuple[Persona, ...]:
    return tuple(person(f"p{at}", f"Person{at} Surname") for at in range(n))


def stage(seats: int = 2, pool: int = 6, **fields: Any) -> Stage:
    scene = scene_of(seats, **fields)
    return Stage(scene, {seat.id: people(pool) for seat in scene.seats})


def planned(n: int, *stages: Stage, seed: int = 0) -> list[Planned]:
    return list(Plan(stages or [stage()], seed).take(n))


def shown(plan: Iterable[Planned]) -> list[tuple[Any, ...]]:
    """All that a dialogue's play depends on."""
    return [
        (
            item.index, item.id, item.seed, item.variant, item.situation.topic, dict(item.situation.emotions),
            {seat: who.id for seat, who in item.situation.cast.items()},
        )
        for item in plan
    ]  # fmt: skip


def spread(values: Iterable[Any], size: int) -> int:
    """Most minus least uses of the values, of which there are `size`."""
    counts = Counter(values)
    return max(counts.values()) - (min(counts.values()) if len(counts) == size else 0)


def casts(plan: Iterable[Planned]) -> list[list[str]]:
    return [sorted(who.id for who in item.situation.cast.values()) for item in plan]


def pairs(plan: Iterable[Planned]) -> list[tuple[str, str]]:
    return [pair for cast in casts(plan) for pair in combinations(cast, 2)]


# coverage


@pytest.mark.parametrize("n", range(1, 40, 6))
def test_scenes_are_used_evenly(n: int) -> None:
    stages = [stage(id=f"scene_{at}") for at in range(5)]
    assert spread((item.situation.scene.id for item in planned(n, *stages)), 5) <= 1


def test_scenes_come_in_another_order_each_round_and_for_each_seed() -> None:
    stages = [stage(id=f"scene_{at}") for at in range(6)]
    order = [item.situation.scene.id for item in planned(18, *stages)]
    assert order[:6] != order[6:12]
    assert order != [item.situation.scene.id for item in planned(18, *stages, seed=1)]


@pytest.mark.parametrize("n", [1, 2, 3, 7, 20, 100])
def test_topics_and_emotions_are_used_evenly(n: int) -> None:
    plan = planned(n, stage(topics=TOPICS, emotions=EMOTIONS))
    assert spread((item.situation.topic for item in plan), 3) <= 1
    for seat in ("s0", "s1"):
        assert spread((item.situation.emotions[seat] for item in plan), 4) <= 1


def test_emotions_are_even_within_each_topic() -> None:
    plan = planned(120, stage(topics=TOPICS, emotions=EMOTIONS))
    met = Counter((item.situation.topic, item.situation.emotions["s0"]) for item in plan)
    assert len(met) == 12
    assert max(met.values()) - min(met.values()) <= 2


def test_an_emotion_of_the_seat_is_kept_and_narrators_have_none() -> None:
    seats = [Seat(id="s0", emotion="Angry"), Seat(id="s1", role="narrator"), Seat(id="s2")]
    scene = scene_of(seats, emotions=EMOTIONS)
    plan = planned(8, Stage(scene, {seat.id: people(5) for seat in seats}))
    assert {item.situation.emotions["s0"] for item in plan} == {"Angry"}
    assert all("s1" not in item.situation.emotions for item in plan)
    assert {item.situation.emotions["s2"] for item in plan} == set(EMOTIONS)


def test_without_topics_and_emotions_there_are_none() -> None:
    [item] = planned(1)
    assert item.situation.topic == ""
    assert item.situation.emotions == {}


def test_variants_are_taken_in_turn_from_one_that_the_seed_draws() -> None:
    stages = [stage(id=f"scene_{at}") for at in range(3)]
    firsts: set[int] = set()
    for seed in range(4):
        for scene in {item.situation.scene.id for item in planned(9, *stages, seed=seed)}:
            own = [item.variant for item in planned(9, *stages, seed=seed) if item.situation.scene.id == scene]
            assert own == [own[0], own[0] + 1, own[0] + 2]
            firsts.add(own[0] % 5)
    assert len(firsts) > 2


# casts: small ones are weighed as a whole, large ones are filled seat by seat
POOLS = [3, 4, 7, 10, 22, 30]


def test_pools_of_the_tests_are_of_both_kinds() -> None:
    assert POOLS[0] ** 2 <= MOST_CASTS < POOLS[-1] ** 2


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("seed", [0, 5])
def test_no_pair_meets_again_before_all_others_have(pool: int, seed: int) -> None:
    size = pool * (pool - 1) // 2
    met = pairs(planned(2 * size, stage(pool=pool), seed=seed))
    assert len(set(met[:size])) == size
    assert len(set(met[size:])) == size


@pytest.mark.parametrize("pool", POOLS)
def test_people_are_used_evenly(pool: int) -> None:
    """Within two of each other at any time (that pairs are new comes first), and equally once all pairs have met."""
    for n in (pool, 2 * pool + 1, 5 * pool):
        used = [who for cast in casts(planned(n, stage(pool=pool))) for who in cast]
        assert spread(used, pool) <= 2
    used = [who for cast in casts(planned(pool * (pool - 1) // 2, stage(pool=pool))) for who in cast]
    assert spread(used, pool) == 0


@pytest.mark.parametrize(("seats", "pool"), [(3, 6), (3, 22), (6, 22), (8, 9)])
def test_in_larger_casts_pairs_and_people_are_used_nearly_evenly(seats: int, pool: int) -> None:
    plan = planned(300, stage(seats, pool))
    assert spread((who for cast in casts(plan) for who in cast), pool) <= 3
    assert spread(pairs(plan), pool * (pool - 1) // 2) <= 4
    for seat in ("s0", f"s{seats - 1}"):
        assert spread((item.situation.cast[seat].id for item in plan), pool) <= 0.3 * 300 / pool + 2


@pytest.mark.parametrize(("seats", "pool"), [(2, 2), (3, 3), (5, 6), (8, 8), (6, 22)])
def test_nobody_sits_twice_in_one_cast(seats: int, pool: int) -> None:
    assert all(len(set(cast)) == seats for cast in casts(planned(60, stage(seats, pool))))


def test_pairs_are_counted_across_scenes() -> None:
    stages = [stage(id="one", pool=6), stage(id="two", pool=6)]
    assert len(set(pairs(planned(15, *stages)))) == 15


def test_a_fixed_seat_meets_everybody_in_turn() -> None:
    scene = scene_of(2)
    clerk = person("clerk", "Clerk")
    plan = planned(14, Stage(scene, {"s0": (clerk,), "s1": people(7)}))
    assert {item.situation.cast["s0"].id for item in plan} == {"clerk"}
    assert len({item.situation.cast["s1"].id for item in plan[:7]}) == 7
    assert len({item.situation.cast["s1"].id for item in plan[7:]}) == 7


def test_candidates_stay_at_their_seats() -> None:
    all_ = people(8)
    scene = scene_of(3)
    plan = planned(50, Stage(scene, {"s0": all_[:4], "s1": all_[2:6], "s2": all_[5:]}))
    for seat, allowed in (("s0", all_[:4]), ("s1", all_[2:6]), ("s2", all_[5:])):
        assert {item.situation.cast[seat].id for item in plan} <= {who.id for who in allowed}


def test_seats_that_want_the_same_few_are_all_filled() -> None:
    a, b, c, *others = people(24)
    scene = scene_of(5)
    few = {"s0": (a, b), "s1": (b, c), "s2": (c, a)}
    wide = {"s3": (a, b, c, *others), "s4": (a, b, c, *others)}
    plan = planned(60, Stage(scene, {**few, **wide}))
    assert all(len(set(cast)) == 5 for cast in casts(plan))


@pytest.mark.parametrize("wide", [0, 30])
def test_seats_that_cannot_be_filled_are_told(wide: int) -> None:
    scene = scene_of(3 if not wide else 5)
    candidates = {seat.id: people(2) if at < 3 else people(wide) for at, seat in enumerate(scene.seats)}
    with pytest.raises(UsageError, match=r"test_scene.*cannot all be taken by different personas"):
        planned(1, Stage(scene, candidates))


def test_a_plan_needs_a_scene() -> None:
    with pytest.raises(UsageError, match="no scene"):
        Plan([], 0)


# the same for everybody


def mixed() -> list[Stage]:
    return [
        stage(2, 5, id="one", topics=TOPICS, emotions=EMOTIONS), stage(3, 22, id="two", emotions=EMOTIONS),
        stage(6, 22, id="three", topics=TOPICS),
    ]  # fmt: skip


def test_the_first_of_many_are_the_few() -> None:
    assert shown(planned(400, *mixed()))[:200] == shown(planned(200, *mixed()))


def test_a_plan_can_be_read_twice() -> None:
    plan = Plan(mixed(), 3)
    assert shown(plan.take(30)) == shown(plan.take(30))


def test_ids_and_seeds_are_unique_and_depend_on_the_seed() -> None:
    plan, other = planned(300, *mixed()), planned(300, *mixed(), seed=1)
    assert [item.index for item in plan] == list(range(300))
    assert len({item.id for item in plan}) == len({item.seed for item in plan}) == 300
    assert not {item.seed for item in plan} & {item.seed for item in other}
    assert all(0 <= item.seed < 2**63 for item in plan)
    assert casts(plan) != casts(other)


def test_the_plan_is_the_same_in_every_process() -> None:
    code = "from tests.test_plan import mixed, planned, shown; print(hash(repr(1)), shown(planned(60, *mixed())))"
    told = {
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    hashes, plans = zip(*(line.split(" ", 1) for line in told), strict=True)
    assert len(set(hashes)) == 2
    assert len(set(plans)) == 1
    assert plans[0].strip() == str(shown(planned(60, *mixed())))


def test_memory_does_not_grow_with_the_plan() -> None:
    stages = [stage(2, 4, id="one", topics=TOPICS, emotions=EMOTIONS), stage(3, 5, id="two")]
    stream = iter(Plan(stages, 0))

    def used() -> int:
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        for _ in islice(stream, 150):
            pass
        before = used()
        for _ in islice(stream, 600):
            pass
        assert used() - before < 20_000
    finally:
        tracemalloc.stop()


def test_the_scene_may_be_any() -> None:
    scene = scene_of(1)
    assert len(planned(3, Stage(scene, {"s0": people(1)}))) == 3
