"""Memory: what is kept, what is forgotten, what comes back, how a turn is remembered, and reflection."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import pytest

from simworld.errors import UsageError
from simworld.mind.gist import gist, importance, words_of
from simworld.mind.memory import MEMORIES, Episodic, memory_model
from simworld.mind.recall import RELEVANCE, Lexical, Weights, open_relevance
from simworld.mind.reflection import EVERY, Belief, as_memories, chosen, condense, due, read_beliefs
from simworld.schema import LetGo, Memory, Mind
from simworld.text.words import content_stems

NAMES = {"ana": "Ana Reis", "bo": "Boris Quill"}


def memory(id: int, text: str = "", **fields: Any) -> Memory:
    return Memory(id=id, text=text or f"Ana Reis said: matter {id}.", **fields)


def ids(memories: Sequence[Memory]) -> list[int]:
    return [one.id for one in memories]


def words(text: str) -> int:
    return len(text.split())


def recall(memories: Sequence[Memory], cue: str, **options: Any) -> list[int]:
    given = {"now": 0.0, "budget": 1000, "count": words, **options}
    model = given.pop("model", None) or Episodic()
    return ids(model.recall(tuple(memories), cue, **given))


# content words


@pytest.mark.parametrize(
    ("text", "stems"),
    [
        ("Ana's brothers didn't pay the 40 euros.", ("ana", "brother", "pay", "40", "euro")),
        ("We’ll pay 1,200 on the 14th, at 7:30 or 3.5kg.", ("pay", "1200", "14", "7:30", "3.5", "kg")),
        ("I asked Will. Will you go? WILL YOU NOT?", ("ask", "will")),
        ("paying, paid, pays; Paying!", ("pay", "paid", "pay", "pay")),
        ("O'Brien's o’clock", ("o'brien", "o'clock")),
        ("Hello, well, I'd say so.", ()),
        ("Привет, Анна", ("привет", "анна")),
        ("", ()),
    ],
)
def test_content_stems(text: str, stems: tuple[str, ...]) -> None:
    assert content_stems(text) == stems


# relevance


def test_a_rare_word_tells_more_than_a_common_one() -> None:
    texts = ["The boat leaks.", "The boat is red.", "The boat is old.", "A ladder fell."]
    scores = Lexical().scores("the boat and the ladder", texts)
    assert scores[3] == 0.5, "one word that no other text has, in a text of usual length"
    assert max(scores[:3]) < 0.25
    assert min(scores[:3]) > 0


def test_a_score_hardly_hangs_on_what_else_is_remembered() -> None:
    told = "Ana owes me forty euros."
    others = [f"Something about matter{n} happened." for n in range(60)]
    few, many = (Lexical().scores("How many euros?", [told, *others[:n]])[0] for n in (5, 60))
    assert few == pytest.approx(many, abs=0.05)
    better = Lexical().scores("How many euros?", [told, "Euros, euros, euros.", *others])
    assert better[1] > better[0] > 0.4 * few, "a better one beside it does not make it worth nothing"


def test_a_longer_text_with_the_same_word_counts_less() -> None:
    short, long, _ = Lexical().scores("ladder", ["ladder rope", "ladder rope " + "stone brick wall " * 5, "nothing at"])
    assert short > long > 0


def test_lexical_relevance_is_bm25_by_the_book() -> None:
    texts = ["boat boat sail rope", "boat oar", "oar sail mast", "rope rope rope"]
    stems = [text.split() for text in texts]
    cue = ["boat", "sail", "sail", "moon"]
    usual = sum(map(len, stems)) / len(stems)
    expected: list[float] = []
    for own in stems:
        total = 0.0
        for term in {"boat", "sail"} & set(own):
            n = sum(term in other for other in stems)
            idf = math.log((len(stems) - n + 0.5) / (n + 0.5) + 1) / math.log((len(stems) - 0.5) / 1.5 + 1)
            tf = own.count(term)
            total += idf * tf * 2.2 / (tf + 1.2 * (0.5 + 0.5 * len(own) / usual))
        expected.append(total / (total + 1))
    assert Lexical().scores(" ".join(cue), texts) == pytest.approx(expected, abs=1e-6)


def test_lexical_relevance_of_nothing() -> None:
    assert Lexical().scores("", ["a boat"]) == [0.0]
    assert Lexical().scores("the and of", ["a boat"]) == [0.0]
    assert Lexical().scores("boat", []) == []
    assert Lexical().scores("boat", ["", "the"]) == [0.0, 0.0]


def test_each_scorer_keeps_to_its_range() -> None:
    relevance = open_relevance("lexical")
    texts = ["boat " * 50, "boat sail mast oar rope", "mast", ""]
    scores = relevance.scores("boat sail mast oar rope " * 4, texts)
    assert len(scores) == 4
    assert all(0 <= score <= 1 for score in scores)
    assert set(RELEVANCE) == {"lexical", "embeddings"}
    with pytest.raises(UsageError, match="relevance 'lexcal' is not known; allowed: embeddings, lexical"):
        open_relevance("lexcal")


def test_a_lexical_recall_is_quick() -> None:
    memories = tuple(
        memory(n, f"Ana said: {n} boats {n % 7} ladders, {n % 3} and the harbour of Odessa") for n in range(240)
    )
    cue = " ".join(f"boats and ladders number {n}" for n in range(6))
    took = []
    for _ in range(20):
        began = time.perf_counter()
        Lexical().scores(cue, [one.text for one in memories])
        took.append(time.perf_counter() - began)
    assert min(took) < 0.002, "0.3 ms on a busy core; much more than that is another algorithm"


def test_the_newest_scores_highest() -> None:
    weights = Weights()
    assert weights.recent(0) == 1
    assert weights.recent(weights.half_life) == 0.5
    assert weights.recent(2 * weights.half_life) == 0.25
    alike = [memory(n, f"The boat {n}.", minutes=n * 500.0) for n in range(4)]
    assert recall(alike, "boat", now=2000.0, most=1, model=Episodic(weights=Weights(floor=0))) == [3]
    turned = [one.model_copy(update={"minutes": 1500.0 - one.minutes}) for one in alike]
    assert recall(turned, "boat", now=2000.0, most=1, model=Episodic(weights=Weights(floor=0))) == [0]


# recall


def test_what_has_to_do_with_the_cue_comes_back_oldest_first() -> None:
    told = ["The boat leaks.", "Ana owes forty euros.", "The soup is cold.", "Forty euros are a lot for a boat."]
    memories = [memory(n + 3, text) for n, text in enumerate(told)]
    assert recall(memories, "Who owes euros?") == [4, 6]
    assert recall(memories, "Who owes euros?", most=1) == [4]
    assert recall(memories, "Who owes euros?", but={4}) == [6]
    assert recall(memories, "Is it going to rain?") == []
    assert recall(memories, "") == []


def test_what_has_nothing_to_do_with_it_stays_whatever_its_weight() -> None:
    memories = [memory(0, "The soup is cold."), memory(1, "My father died.", importance=1.0, minutes=9.0)]
    assert recall(memories, "soup", now=9.0) == [0]


def test_a_word_in_every_memory_brings_none_back() -> None:
    memories = [memory(n, f"Ana Reis said: stone{n} wall{n} roof{n}.", importance=1.0) for n in range(100)]
    assert recall(memories, "Ana Reis") == []
    assert recall(memories, "Ana Reis and the stone7") == [7]


def test_of_two_alike_the_weightier_comes_first_and_then_the_newer() -> None:
    alike = [memory(n, f"The boat has leak{n}.", importance=n == 1) for n in range(3)]
    weights = Weights(floor=0)
    assert recall(alike, "boat", most=1, model=Episodic(weights=weights)) == [1]
    same = [one.model_copy(update={"importance": 0.0}) for one in alike]
    assert recall(same, "boat", most=1, model=Episodic(weights=weights)) == [2]


def test_one_more_rare_word_outweighs_either_age_or_weight() -> None:
    filler = [memory(n, f"Nothing of stone{n}.") for n in range(2, 40)]
    old = memory(0, "The ladder is in the cellar.", minutes=0.0)
    new = memory(1, "The ladder is very red.", minutes=50_000.0)
    assert recall([old, new, *filler], "ladder in the cellar", now=50_000.0, most=1) == [0]
    weighty = new.model_copy(update={"minutes": 0.0, "importance": 1.0})
    assert recall([old, weighty, *filler], "ladder in the cellar", most=1) == [0]


@pytest.mark.parametrize("budget", range(16))
def test_the_budget_holds_and_what_does_not_fit_is_passed_over(budget: int) -> None:
    texts = ["boat boat boat boat boat boat sail", "boat sail a b", "boat on x"]
    memories = [memory(n, text) for n, text in enumerate(texts)]
    found = Episodic(weights=Weights(floor=0)).recall(
        tuple(memories), "boat sail", now=0.0, budget=budget, count=words
    )  # fmt: skip
    spent = sum(words(one.text) for one in found)
    assert spent <= budget
    left = [words(one.text) for one in memories if one not in found]
    assert not left or min(left) > budget - spent, "nothing that would still fit is left out"


def test_the_same_words_come_back_once() -> None:
    memories = [memory(n, "I said: The boat leaks.") for n in range(3)] + [memory(3, "A boat is red.")]
    assert recall(memories, "boat leaks", model=Episodic(weights=Weights(floor=0))) == [2, 3]


# keeping and forgetting


def test_nothing_is_forgotten_while_there_is_room() -> None:
    model = Episodic(most=12)
    held = tuple(memory(n) for n in range(10))
    kept, gone = model.keep(held, [memory(10), memory(11)], 0.0, 4)
    assert ids(kept) == list(range(12))
    assert gone == ()


def test_what_matters_least_goes_a_sixth_at_once_and_the_newest_stay() -> None:
    model = Episodic(most=12)
    held = tuple(memory(n, importance=0.9 if n in (0, 3) else 0.1 + n / 100) for n in range(12))
    kept, gone = model.keep(held, [memory(12, importance=0.0)], 0.0, 31)
    assert [one.id for one in gone] == [1, 2, 4]
    assert ids(kept) == [0, 3, 5, 6, 7, 8, 9, 10, 11, 12], "10 of 12 stay, in order; 11 and 12 are the newest"
    assert gone[0] == LetGo(id=1, at=31, text=held[1].text, into=None)


def test_the_old_goes_before_the_new_of_the_same_weight() -> None:
    model = Episodic(most=6)
    held = tuple(memory(n, minutes=minutes) for n, minutes in enumerate([900.0, 0.0, 500.0, 950.0, 960.0, 970.0]))
    kept, _ = model.keep(held, [memory(6, minutes=1000.0)], 1000.0, 0)
    assert ids(kept) == [0, 3, 4, 5, 6]


def test_beliefs_and_planted_memories_go_last() -> None:
    model = Episodic(most=6)
    kinds: list[Any] = ["planted", "belief", "episode", "episode", "belief", "episode"]
    held = tuple(memory(n, kind=kind, importance=0.9 * (kind == "episode")) for n, kind in enumerate(kinds))
    kept, gone = model.keep(held, [memory(6)], 0.0, 0)
    assert [one.id for one in gone] == [2, 3]
    kept, gone = model.keep(kept, [memory(7), memory(8, kind="belief")], 0.0, 0)
    assert [one.id for one in gone] == [6, 7]
    kept, gone = model.keep(kept, [memory(9, kind="belief"), memory(10)], 0.0, 0)
    assert [one.id for one in gone] == [1, 5], "a belief goes where no episode is left, never one planted"
    assert ids(kept) == [0, 4, 8, 9, 10]


def test_a_forgotten_memory_names_the_belief_that_holds_it() -> None:
    model = Episodic(most=6)
    held = (
        memory(0), memory(1), memory(2, kind="belief", evidence=(0, 9)), memory(3, kind="belief", evidence=(0,)),
        memory(4), memory(5),
    )  # fmt: skip
    kept, gone = model.keep(held, [memory(6)], 0.0, 7)
    assert {one.id: one.into for one in gone} == {0: 3, 1: None}
    assert {2, 3} <= set(ids(kept)), "the beliefs stay when what they rest on is gone"


def test_a_belief_that_goes_too_holds_nothing() -> None:
    held = (memory(0, kind="belief", evidence=(1,)), memory(1), *(memory(n, kind="belief") for n in range(2, 6)))
    _, gone = Episodic(most=6).keep(held, [memory(6)], 0.0, 7)
    assert {one.id: one.into for one in gone} == {0: None, 1: None}


def test_memory_stays_bounded_and_forgetting_is_rare() -> None:
    model = Episodic()
    held: tuple[Memory, ...] = ()
    sizes, forgot, gone = [], 0, 0
    for n in range(1500):
        held, let_go = model.keep(held, [memory(n, importance=(n * 37 % 101) / 101)], float(n), n)
        sizes.append(len(held))
        forgot += bool(let_go)
        gone += len(let_go)
    assert max(sizes) == 240
    assert min(sizes[240:]) == 200
    assert forgot <= 1500 / 40
    assert gone + len(held) == 1500
    assert ids(held)[-40:] == list(range(1460, 1500))
    assert ids(held) == sorted(ids(held))


def test_many_at_once_are_kept_within_bounds() -> None:
    kept, gone = Episodic(most=12).keep((), [memory(n) for n in range(50)], 0.0, 0)
    assert len(kept) == 10
    assert ids(kept)[-2:] == [48, 49]
    assert len(gone) == 40


# every memory model


@pytest.mark.parametrize("name", sorted(MEMORIES))
def test_each_model_keeps_to_the_contract(name: str) -> None:
    model = memory_model(name, relevance=Lexical(), weights=Weights(), most=60)
    held: tuple[Memory, ...] = ()
    for n in range(200):
        before = held
        held, let_go = model.keep(held, [memory(n, f"boat number{n}")], float(n), n)
        assert before == () or isinstance(before, tuple)
        assert {one.id for one in let_go} <= set(range(n + 1))
        assert not {one.id for one in let_go} & set(ids(held))
    assert len(held) <= 60
    found = model.recall(held, "number190 number191 boat", now=200.0, budget=4, count=words, but={191})
    assert sum(words(one.text) for one in found) <= 4
    assert 191 not in ids(found)
    assert found == model.recall(held, "number190 number191 boat", now=200.0, budget=4, count=words, but={191})


def test_the_models_differ_in_what_they_remember() -> None:
    new = [memory(0, "The boat leaks.")]
    assert memory_model().keep((), new, 0.0, 0)[0] == tuple(new)
    assert memory_model("window").keep((), new, 0.0, 0) == ((), ())
    assert memory_model("window").recall(tuple(new), "boat", now=0, budget=99, count=words) == ()
    with pytest.raises(
        UsageError, match="memory model 'windw' is not known; allowed: episodic, window; nearest: window"
    ):
        memory_model("windw")
    with pytest.raises(UsageError, match="6 or more"):
        memory_model("episodic", most=5)


# how a turn is remembered


@pytest.mark.parametrize(
    ("name", "kind", "text", "told"),
    [
        ("Ana Reis", "say", "Pay  me\nback.", "Ana Reis said: Pay me back."),
        ("Ana Reis", "whisper", "Pay me.", "Ana Reis whispered to me: Pay me."),
        ("Ana Reis", "do", "closes the door", "Ana Reis closes the door"),
        ("Ana Reis", "move", "the hall", "Ana Reis went to the hall"),
        ("Ana Reis", "leave", "", "Ana Reis left"),
        ("", "say", "Take {it}.", "I said: Take {it}."),
        ("", "think", "She knows.", "I thought: She knows."),
        ("", "narration", "It rains.", "It rains."),
        ("Ana Reis", "say", "  ", ""),
    ],
)
def test_gist(name: str, kind: str, text: str, told: str) -> None:
    assert gist(name, kind, text) == told


def test_a_long_gist_is_cut_at_a_word() -> None:
    text = "one two three four five six seven"
    for longest in range(22, 60):
        told = gist("Ana Reis", "say", text, longest)
        assert len(told) <= longest
        said = told.removeprefix("Ana Reis said: ")
        assert text == said or (said.endswith("…") and f"{text} ".startswith(f"{said[:-1]} ")), told
    assert gist("Ana Reis", "say", text, 26) == "Ana Reis said: one two…"
    assert len(gist("Ana Reis", "say", "x" * 900)) == 280
    with pytest.raises(UsageError, match="kind of turn 'sing' is not known"):
        gist("Ana Reis", "sing", "la")


def test_words_are_found_again_in_a_gist() -> None:
    act = "Ana Reis shuts the door Ana Reis said: Give me the key. Ana Reis holds out a hand"
    assert words_of("Ana Reis", "say", act) == "Give me the key."
    assert words_of("", "think", gist("", "think", "She knows. I will wait.")) == "She knows. I will wait."
    assert words_of("Boris Quill", "say", act) is None


@pytest.mark.parametrize(
    ("more", "less"),
    [
        ("My mother died on Sunday.", "The bread is on the table."),
        ("I promise to keep your secret.", "I keep the bread on the table."),
        ("You owe me 40 euros.", "You gave me bread."),
        ("I met Boris at the table.", "I met somebody at the table."),
        ("It happened in 1987.", "It happened outside."),
        ("I never go to the table.", "I often go to the table."),
        ("Tomorrow bread comes.", "Bread comes."),
        ("Bread on the table.", "Hello, how are you?"),
    ],
)
def test_what_matters_is_told_by_its_words(more: str, less: str) -> None:
    assert importance(more) > importance(less)
    assert 0 <= importance(less) <= importance(more) <= 1


def test_importance_by_feeling_and_by_who_is_meant() -> None:
    plain = importance("The bread is on the table.")
    assert importance("The bread is on the table.", 1.0) > importance("The bread is on the table.", 0.5) > plain
    assert importance("The bread is on the table.", 0.0, True) > plain
    assert importance("Hello. Yes, well, please.", 0.0, True) == 0
    assert importance("My mother died of cancer in prison on 3 May, I swear!", 1.0, True) <= 1


def test_a_capital_counts_inside_a_sentence_alone() -> None:
    plain = importance("The bread is for her.")
    assert importance("Bread is for her.") == importance("The bread is for her.") == plain
    assert importance("The bread is for Boris.") > plain
    assert importance("So, Boris, the bread.") > importance("So, the bread.")
    assert importance("I said I ate the bread.") == importance("She said she ate the bread.")


def test_what_stands_out_outlasts_what_is_like_much_else() -> None:
    alike = [memory(n, f"Ana Reis said: The bread is on the table, number {n % 3}.") for n in range(23)]
    odd = memory(5, "Ana Reis said: Peanuts would kill me.")
    held = (*alike[:5], odd, *(one.model_copy(update={"id": one.id}) for one in alike[6:]))
    kept, let_go = Episodic(most=18).keep((), held, now=30.0, at=9)
    assert let_go
    assert odd in kept
    assert len({one.id for one in let_go} & {0, 1, 2, 3, 4}) >= 3


# reflection


def test_a_mind_reflects_when_enough_has_gathered() -> None:
    assert due(Mind(unreflected=EVERY))
    assert not due(Mind(unreflected=EVERY - 0.01))
    assert due(Mind(unreflected=3.0), every=3.0)


def test_ordinary_dialogues_never_reflect_and_long_ones_do() -> None:
    import asyncio

    from simworld.simulate.run import play_many

    async def gathered(scene: str) -> list[float]:
        return [mind.end.unreflected async for one in play_many(scene, n=1, seed=5) for mind in one.minds.values()]

    for scene in ("tenants_meeting", "lost_luggage", "bus_breakdown"):
        found = asyncio.run(gathered(scene))
        assert max(found) < EVERY
        assert max(found) > EVERY / 5, "what is remembered weighs something: a story of a few scenes reflects"


def test_a_reflection_looks_at_the_weightiest_since_the_last() -> None:
    old = [memory(n, importance=1.0) for n in range(5)]
    belief = memory(5, kind="belief", evidence=(1, 2))
    new = [memory(n, importance=(n * 7 % 50) / 50) for n in range(6, 56)] + [memory(56, kind="planted", importance=1.0)]
    found = chosen(Mind(memories=(*old, belief, *new)))
    assert len(found) == 30
    assert ids(found) == sorted(ids(found))
    assert min(ids(found)) > 5
    assert 56 not in ids(found)
    assert min(one.importance for one in found) >= sorted(one.importance for one in new[:-1])[-30]


def said(id: int, who: str, text: str, kind: str = "say", **fields: Any) -> Memory:
    private = kind in ("whisper", "think")
    given = {"importance": 0.5, "private": private, **fields}
    return memory(id, gist(NAMES.get(who, ""), kind, text), who=(who,) if who else (), **given)


def test_what_somebody_comes_back_to_becomes_a_belief_with_its_evidence() -> None:
    memories = [
        said(3, "ana", "I lent you forty euros. It is late.", importance=0.8), said(4, "bo", "The boat is red."),
        said(5, "ana", "Euros do not grow on trees."), said(6, "ana", "Well. My euros, please!"),
        said(8, "bo", "Boats are dear."), said(9, "", "No euros today."),
    ]  # fmt: skip
    found = condense(memories, "Marek Brenner", NAMES)
    assert found == (
        Belief('Ana Reis keeps coming back to euros: "I lent you forty euros."', (3, 5, 6), ("ana",), 0.8),
        Belief('Boris Quill keeps coming back to boats: "Boats are dear."', (4, 8), ("bo",), 0.5),
    )
    assert condense(memories, "Marek Brenner", NAMES, most=1) == found[:1]
    assert condense(memories[:2], "Marek Brenner", NAMES) == ()
    assert condense((), "Marek Brenner", NAMES) == ()


def test_what_was_whispered_is_not_told_as_said_aloud() -> None:
    memories = [
        said(0, "ana", "The cellar is flooded.", "whisper", importance=0.9), said(1, "ana", "Which cellar?"),
        said(2, "ana", "Nobody must see the cellar.", "whisper"), said(3, "ana", "I sold the cellar."),
        said(4, "", "That cellar again.", "think"), said(5, "", "What is in the cellar?", "think"),
    ]  # fmt: skip
    beliefs = condense(memories, "Marek Brenner", NAMES)
    by_evidence = {belief.evidence: belief.text for belief in beliefs}
    assert by_evidence[0, 2].startswith("Ana Reis has confided in me about cellar: ")
    assert by_evidence[1, 3] == 'Ana Reis keeps coming back to cellar: "I sold the cellar."'
    assert by_evidence[4, 5].startswith("I keep thinking of cellar: ")
    mind = Mind(memories=tuple(memories), next_id=6)
    kept = as_memories(beliefs, mind, scene="x", at=3)
    assert {one.evidence: one.private for one in kept} == {(0, 2): True, (1, 3): False, (4, 5): True}


def test_what_was_muttered_is_no_open_matter_either() -> None:
    aside = [said(n, "", text, private=True) for n, text in enumerate(["That cellar!", "The cellar again."])]
    (belief,) = condense(aside, "Marek Brenner", NAMES)
    assert belief.text == 'I keep thinking of cellar: "The cellar again."'


def test_names_and_small_words_are_no_matter_to_come_back_to() -> None:
    memories = [
        said(n, "ana", text) for n, text in enumerate(["Good time, Boris.", "Boris, good time!", "Quill. Marek?"])
    ]
    assert condense(memories, "Marek Brenner", NAMES) == ()


def test_no_memory_is_evidence_twice() -> None:
    memories = [
        said(n, "ana", text) for n, text in enumerate(["boats euros", "boats euros soup", "soup ladders", "soup"])
    ]
    beliefs = condense(memories, "Marek Brenner", NAMES)
    evidence = [id for belief in beliefs for id in belief.evidence]
    assert len(evidence) == len(set(evidence))
    assert len(beliefs) == 1 or all(len(belief.evidence) > 1 for belief in beliefs)


def test_beliefs_become_the_next_memories() -> None:
    held = (said(0, "ana", "a", importance=0.7), said(1, "bo", "b"), memory(2, "Old.", kind="belief", evidence=(0,)))
    mind = Mind(memories=held, next_id=9, minutes=70.0)
    beliefs = (
        Belief("Old.", (0,)),
        Belief("New.", (0, 1)),
        Belief("New.", (1,)),
        Belief("Of bo.", (1, 77), ("bo",), 0.9),
    )
    first, second = as_memories(beliefs, mind, scene="ward-1", at=31)
    assert (first.id, second.id) == (9, 10)
    assert first.model_dump(include={"kind", "text", "minutes", "scene", "at", "evidence", "who", "importance"}) == {
        "kind": "belief", "text": "New.", "minutes": 70.0, "scene": "ward-1", "at": 31, "evidence": (1,),
        "who": ("bo",), "importance": 0.5,
    }  # fmt: skip
    assert (second.who, second.importance) == (("bo",), 0.9)


@pytest.mark.parametrize(
    ("answer", "beliefs"),
    [
        ("She does not trust me. [3, 7]", [("She does not trust me.", (3, 7))]),
        ("Here you are:\n\n1. He lies. [3]\n2) He is old. [7, 99]\n- He fears dogs. [#4]\n", [
            ("He lies.", (3,)), ("He is old.", (7,)), ("He fears dogs.", (4,)),
        ]),
        ("* **He lies [3][4].**", [("He lies", (3, 4))]),
        ("In 1987 [sic] he left. [memories 3 and 7]", [("In 1987 [sic] he left.", (3, 7))]),
        ("He lies. [3-7]", [("He lies.", (3, 4, 7))]),
        ("He lies. [99]", []),
        ("He lies.", None),
        ("[3, 7]", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_models_beliefs_are_read(answer: str, beliefs: list[tuple[str, tuple[int, ...]]] | None) -> None:
    read = read_beliefs(answer, {3, 4, 7})
    assert (None if read is None else [(one.text, one.evidence) for one in read]) == beliefs


def test_a_models_beliefs_are_few_and_short() -> None:
    read = read_beliefs("\n".join(f"Belief {n} {'word ' * 90} [3]" for n in range(20)), [3])
    assert read is not None
    assert len(read) == 5
    assert all(len(one.text) <= 280 and one.text.endswith("word…") for one in read)
