"""What words do to the one who takes them in: pairs, bounds for any text, what the files must hold."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from simworld.mind.appraisal import appraise
from simworld.mind.lexicon import FILES, inflected, lexicon
from simworld.prompts import data
from simworld.schema.mind import Affect, Appraisal


def read(text: str, what: str) -> float:
    heard = appraise(text)
    return getattr(heard.affect, what) if what in Affect.model_fields else getattr(heard, what)


# --- pairs: the first text has less of it than the second ----------------------------------------------------------

LESS = {
    "valence": [
        ("I am sad.", "The bus leaves at nine."),
        ("The bus leaves at nine.", "I am happy."),
        ("I am furious.", "I am pleased."),
        ("This soup is disgusting.", "This soup is delicious."),
        ("I am scared.", "I am relieved."),
        ("My mother passed away.", "My mother came home."),
        ("I lost my job.", "I found a job."),
        ("The film was awful.", "The film was okay."),
        ("The film was okay.", "The film was wonderful."),
        ("I am heartbroken.", "I am a bit disappointed."),
        ("She hates the place.", "She loves the place."),
        ("The bad day is over.", "The day is over."),
        ("We are in danger.", "We are safe."),
        ("I am fed up with the noise.", "I am used to the noise."),
        ("I failed.", "I won."),
        ("They bullied him.", "They praised him."),
        ("It was the saddest day.", "It was the happiest day."),
        ("He spoke angrily.", "He spoke cheerfully."),
        # denial
        ("I am not happy.", "I am happy."),
        ("The food is bad.", "The food isn't bad."),
        ("I'm not pleased.", "I'm not afraid."),
        ("I never enjoyed it.", "I enjoyed it."),
        ("Nothing is wrong.", "All is wonderful."),
        ("There is no hope.", "There is hope."),
        ("I don’t love the sea.", "I love the sea."),
        ("It was not a very good day.", "It was a very good day."),
        # what a denial does not reach
        ("No, I am sad.", "No, I am happy."),
        ("I did not go, sad as I was.", "I did not go, glad as I was."),
        ("It was not only awful.", "It was not awful."),
        # degree
        ("I am very sad.", "I am sad."),
        ("I am sad.", "I am slightly sad."),
        ("I am a bit happy.", "I am happy."),
        ("I am happy.", "I am extremely happy."),
        ("It went terribly.", "It was terribly kind."),
        # what comes after a 'but' counts for more
        ("It was lovely but sad.", "It was sad but lovely."),
        # idioms mean something else than their words
        ("I am sick and tired.", "I can't wait."),
        ("She had a dead end job.", "She was on cloud nine."),
    ],
    "arousal": [
        ("I am calm.", "I am excited."),
        ("I am tired.", "I am terrified."),
        ("I am happy.", "I am happy!"),
        ("I am happy!", "I am happy!!!"),
        ("I am angry.", "I am ANGRY."),
        ("I am not angry.", "I am angry."),
        ("Where is my bus", "WHERE IS MY BUS"),
        ("Calm down.", "Watch out!"),
    ],
    "dominance": [
        ("I am terrified.", "I am furious."),
        ("I am helpless.", "I am confident."),
        ("We lost.", "We won."),
        ("I will kill you.", "I adore you."),
    ],
    "strength": [
        ("The bus leaves at nine.", "The bus is nice."),
        ("The day was nice.", "The day was wonderful."),
        ("I am happy.", "I am very happy."),
        ("I am somewhat sad.", "I am sad."),
        ("Are you happy?", "You are happy."),
        ("It was a lovely day.", "It was a lovely day with a wonderful friend."),
        ("I am sorry.", "I am so sorry."),
        ("The bus leaves at nine.", "The bus leaves at nine!"),
    ],
    "warmth": [
        # said of the hearer, and not
        ("You idiot.", "He is an idiot."),
        ("You are such a stupid fool.", "She is such a stupid fool."),
        ("You're pathetic.", "I'm pathetic."),
        ("Liar!", "There was a liar in the village."),
        ("Come here, idiot.", "The idiot came here."),
        ("He was kind.", "You were kind."),
        ("It is brave of him.", "It is brave of you."),
        ("She loves you.", "I love you."),
        ("I adore the sea, you know.", "I adore you."),
        ("I hate you.", "I hate the sea."),
        ("You told me a terrible story.", "You are a wonderful friend."),
        ("You are terrible.", "You told me a terrible story."),
        ("You are terrible.", "You once told a terrible story."),
        ("You are selfish.", "You are not selfish."),
        ("You are not kind.", "You are kind."),
        ("You are stupid.", "I don't think you are stupid."),
        ("You are selfish.", "Are you selfish?"),
        # what one says to another
        ("The bus leaves at nine.", "Thank you."),
        ("Thank you.", "Thank you so much!"),
        ("The bus leaves at nine.", "I am sorry."),
        ("The bus leaves at nine.", "Can I help you?"),
        ("The bus leaves at nine.", "Well done."),
        ("The bus leaves at nine.", "I am so sorry for your loss."),
        ("The bus leaves at nine.", "Don't worry, it will be okay."),
        ("I like you.", "I love you."),
        ("Shut up.", "Speak up."),
        ("Get out!", "We get out."),
        ("Get out!", "Get out into the sun."),
        ("How dare you?", "How are you?"),
        ("Shame on you.", "Proud of you."),
        ("I will kill you.", "I will call you."),
        ("You ruined everything.", "You painted everything."),
        ("I refuse.", "I agree."),
        ("I don't care.", "I care about you."),
        ("You are useless.", "You are useful."),
    ],
    "trust": [
        ("The bus leaves at nine.", "I promise."),
        ("Thank you.", "I promise."),
        ("I love the sea.", "I trust you."),
        ("I don't trust you.", "I trust you."),
        ("I do not trust you.", "He does not trust the captain."),
        ("You lied to me.", "You spoke to me."),
        ("You lied.", "You are ugly."),
        ("You are a liar.", "You are an idiot."),
        ("That is a lie.", "That is a lamp."),
        ("You betrayed me.", "You called me."),
        ("The bus leaves at nine.", "I have never told anyone this."),
        ("The bus leaves at nine.", "I'm sorry, it was my fault."),
        ("Nice to meet you.", "You can count on me."),
        ("How can I trust you?", "How can I reach you?"),
        ("I will make you pay.", "I will make you tea."),
        ("You are dishonest.", "You are honest."),
    ],
}  # fmt: skip
PAIRS = [(what, less, more) for what, pairs in LESS.items() for less, more in pairs]


@pytest.mark.parametrize(("what", "less", "more"), PAIRS, ids=[f"{what}: {a} < {b}" for what, a, b in PAIRS])
def test_one_text_has_less_of_it_than_another(what: str, less: str, more: str) -> None:
    assert read(less, what) + 0.02 < read(more, what)


# --- signs: beyond 0, not only beside another text -----------------------------------------------------------------

SIGNS = [
    ("I am not happy.", "valence", -1), ("The food isn't bad.", "valence", 1), ("There is no hope.", "valence", -1),
    ("I don’t like it, it is awful.", "valence", -1), ("I could not be happier.", "valence", 1),
    ("What a shame.", "valence", -1), ("It went terribly.", "valence", -1),
    ("It was not only good, it was brilliant.", "valence", 1),
    ("I am exhausted.", "arousal", -1), ("Relax.", "arousal", -1), ("Oh my god!", "arousal", 1),
    ("You idiot.", "warmth", -1), ("You are not stupid.", "warmth", 1), ("That was so kind of you.", "warmth", 1),
    ("You aren't very nice.", "warmth", -1), ("I'm proud of you.", "warmth", 1), ("Go to hell.", "warmth", -1),
    ("I miss you.", "warmth", 1), ("I do not love you.", "warmth", -1), ("I really despise you.", "warmth", -1),
    ("I blame you.", "warmth", -1), ("What is wrong with you?", "warmth", -1), ("Forgive me.", "warmth", 1),
    ("I promise to be there.", "trust", 1), ("You lied.", "trust", -1), ("I can't trust you.", "trust", -1),
    ("Between you and me, I am leaving.", "trust", 1), ("You cheated on me.", "trust", -1), ("Traitor!", "trust", -1),
    ("You have my word.", "trust", 1), ("You'll regret this.", "trust", -1), ("I apologise.", "trust", 1),
]  # fmt: skip


@pytest.mark.parametrize(("text", "what", "sign"), SIGNS)
def test_the_sign_of_it(text: str, what: str, sign: int) -> None:
    assert read(text, what) * sign > 0.05


@pytest.mark.parametrize(
    "text",
    [
        "The bus leaves at nine.", "She put the box on the table, by the window.", "", "   ", "...", "12:40",
        "Über 9000", "I mean the second one.", "It looks like rain.", "He went to the shop and bought two loaves.",
        "你好",
    ],
)  # fmt: skip
def test_neutral_talk_does_nothing(text: str) -> None:
    assert appraise(text) == Appraisal()


@pytest.mark.parametrize(
    "text",
    [
        "He is an idiot.", "She hates you.", "I am so stupid.", "They lied to him.",
        "He said that the cook was a crook.", "I trust the captain.", "My brother is a wonderful liar.",
        "You hate him.", "I hate it. You know that.", "A kind old cook spoke of you.",
    ],
)  # fmt: skip
def test_what_is_said_of_others_leaves_the_tie_alone(text: str) -> None:
    assert (appraise(text).warmth, appraise(text).trust) == (0, 0)
    assert appraise(text).strength > 0


def test_a_question_pulls_the_same_way_with_less_force() -> None:
    asked, said = appraise("You are angry?"), appraise("You are angry.")
    assert asked.affect == said.affect
    assert 0 < asked.strength < said.strength
    assert appraise("Is it over? I am sad.") == appraise("I am sad."), "only its own sentence"
    assert appraise("You are angry?!").strength < appraise("You are angry!").strength
    assert appraise("You are angry!?") == appraise("You are angry?!")
    assert appraise("How dare you?") == appraise("How dare you."), "asks nothing"


def test_the_constants_are_the_published_ones() -> None:
    """One word of known numbers: N(4 x), 0.293 a degree, -0.74 a denial, 0.292 a '!'."""
    happy = lexicon()["happy"].entry
    assert happy is not None
    valence, amount = happy.valence, 4 * happy.valence
    assert appraise("Happy.").strength == pytest.approx(amount / (amount**2 + 15) ** 0.5)
    assert appraise("Very happy.").affect.valence == pytest.approx(valence + 0.293 / 4)
    assert appraise("Very then happy.").affect.valence == pytest.approx(valence + 0.95 * 0.293 / 4)
    assert appraise("Slightly happy.").affect.valence == pytest.approx(valence - 0.293 / 4)
    assert appraise("Not happy.").affect.valence == pytest.approx(-0.74 * valence)
    assert appraise("Not then and there happy.").affect.valence == pytest.approx(valence), "out of reach"
    assert appraise("HAPPY day.").affect.valence == pytest.approx(valence + 0.733 / 4)
    louder = amount + 2 * 0.292
    assert appraise("Happy!!").strength == pytest.approx(louder / (louder**2 + 15) ** 0.5)
    assert appraise("Happy!!!!") == appraise("Happy!!!!!!!!!"), "four at most"


def test_sentences_and_the_pronoun_keep_to_themselves() -> None:
    assert appraise("Rain but sun. I am happy.") == appraise("I am happy."), "a 'but' ends with its sentence"
    assert appraise("Not now. I am happy.") == appraise("I am happy."), "so does a denial"
    assert appraise("I promise.") == appraise("i promise."), "'I' is not shouted"


def test_it_is_the_mean_weighted_by_amount() -> None:
    happy, sad = lexicon()["happy"].entry, lexicon()["sad"].entry
    assert happy is not None
    assert sad is not None
    mean = (happy.valence**2 - sad.valence**2) / (happy.valence - sad.valence)
    assert appraise("Happy, sad.").affect.valence == pytest.approx(mean)


# --- any text --------------------------------------------------------------------------------------------------------

WORDS = st.sampled_from([*sorted(lexicon()), *"?!.,", "YOU", "LOVE", "bus", "the", "zebra", "\n", '"', "’"])
TEXTS = st.one_of(st.text(), st.lists(WORDS, max_size=60).map(" ".join))


@given(TEXTS)
@example("love " * 500)
@example("I HATE YOU YOU LIAR!!!! " * 50)
@example("you")
@example("of you")
@example("İ AM HAPPY İ")
@settings(max_examples=300, deadline=None)
def test_bounds_hold_for_any_text(text: str) -> None:
    """The records refuse what is out of bounds; a second reading, past the cache, is the same."""
    heard = appraise(text)
    assert appraise.__wrapped__(text) == heard
    assert heard.named == ""
    if heard.strength == 0:
        assert heard == Appraisal()


@given(TEXTS)
@settings(max_examples=100, deadline=None)
def test_curly_marks_and_capitals_of_the_first_letter_change_nothing(text: str) -> None:
    assert appraise(text.replace("'", "’")).affect == appraise(text.replace("’", "'")).affect


# --- the files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES)
def test_each_line_has_three_or_five_numbers_within_bounds(file: str) -> None:
    for key, numbers in data(f"mind/lexicon/{file}.yaml").items():
        values = [float(number) for number in numbers.split()]
        assert len(values) in (3, 5), key
        assert all(-1 <= value <= 1 for value in values), key


def test_no_file_holds_an_entry_twice() -> None:
    for file in FILES:
        keys = data(f"mind/lexicon/{file}.yaml")
        entries = [entry for key in keys for entry in key.split(", " if file in ("phrases", "asked") else None)]
        assert [entry for entry in set(entries) if entries.count(entry) > 1] == []


def test_every_entry_is_found_as_it_is_written() -> None:
    """A phrase that another one swallows, or that the tokens never spell, would be dead matter."""
    dead = [
        entry
        for file in ("phrases", "asked")
        for key, numbers in data(f"mind/lexicon/{file}.yaml").items()
        for entry in key.split(", ")
        if appraise(entry.replace("~ ", "").removesuffix(" !")).affect.valence
        != pytest.approx(float(numbers.split()[0]), abs=1e-9)
    ]
    assert dead == []


@pytest.mark.parametrize(
    ("word", "ending", "form"),
    [
        ("happy", "er", "happier"), ("happy", "ly", "happily"), ("sad", "est", "saddest"), ("stop", "ed", "stopped"),
        ("love", "ing", "loving"), ("free", "ing", "freeing"), ("cry", "ed", "cried"), ("cry", "ing", "crying"),
        ("enjoy", "ed", "enjoyed"), ("kiss", "s", "kisses"), ("bully", "s", "bullies"), ("toy", "s", "toys"),
        ("terrible", "ly", "terribly"), ("frantic", "ly", "frantically"), ("dull", "ly", "dully"),
        ("relax", "ed", "relaxed"), ("kind", "ly", "kindly"), ("scare", "ed", "scared"), ("fight", "s", "fights"),
    ],
)  # fmt: skip
def test_inflection(word: str, ending: str, form: str) -> None:
    assert inflected(word, ending) == form


def test_a_form_that_stands_in_a_file_holds_over_a_made_one() -> None:
    """'worried' is how somebody feels, though 'worry' would make it too."""
    assert lexicon()["worried"].entry != lexicon()["worry"].entry
    assert lexicon()["worries"].entry == lexicon()["worry"].entry
