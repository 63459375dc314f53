"""Persona: who someone is. It never changes in play.

The layers are SimsChat's (arXiv 2406.17962): customised aspects (career, aspiration, traits, skills), personal
aspects and social aspects; beyond them values, goals, knowledge, a secret, Big Five and a voice.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from simworld.schema.record import Record

ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]*$"
"""One line, without control, bidi or invisible characters."""
Text = Annotated[str, Field(max_length=4000)]
Line = Annotated[str, Field(max_length=600)]
Word = Annotated[str, Field(max_length=80)]
Name = Annotated[str, Field(min_length=1, max_length=80, pattern=ONE_LINE)]
"""A name stands before its owner's lines in others' prompts: it must not bring lines of its own."""
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Unit = Annotated[float, Field(ge=0, le=1)]


class BigFive(Record, frozen=True):
    """The five-factor personality, each 0..1 with 0.5 the average."""

    openness: Unit = 0.5
    conscientiousness: Unit = 0.5
    extraversion: Unit = 0.5
    agreeableness: Unit = 0.5
    neuroticism: Unit = 0.5


class Voice(Record, frozen=True):
    """How someone sounds: what a reader would know them by with the names hidden."""

    tone: Line = ""
    """The voice in a phrase: 'dry, low, never hurried'."""
    pace: Annotated[str, Field(pattern="^(clipped|even|flowing)$")] = "even"
    """Length of sentences: `clipped`, `even` or `flowing`."""
    openers: Annotated[tuple[Word, ...], Field(max_length=24)] = ()
    """Words a line may begin with: 'Right then,', 'Look,'."""
    tags: Annotated[tuple[Word, ...], Field(max_length=24)] = ()
    """Words a line may end with: 'you follow?', 'so there.'."""
    fillers: Annotated[tuple[Word, ...], Field(max_length=24)] = ()
    """Words in mid-sentence: 'sort of', 'as they say'."""
    exclamations: Annotated[tuple[Word, ...], Field(max_length=24)] = ()
    """What escapes them: 'Saints alive!'."""
    address: Annotated[tuple[Word, ...], Field(max_length=24)] = ()
    """What they call others: 'love', 'my friend', 'sir'."""
    yes: Annotated[tuple[Word, ...], Field(max_length=24)] = ()
    """How they agree: 'Aye.', 'That is correct.'."""
    no: Annotated[tuple[Word, ...], Field(max_length=24)] = ()
    """How they refuse: 'Not on your life.'."""
    greetings: Annotated[tuple[Word, ...], Field(max_length=24)] = ()
    """How they greet."""
    farewells: Annotated[tuple[Word, ...], Field(max_length=24)] = ()
    """How they take leave."""


class Persona(Record, frozen=True):
    """Who someone is. A YAML file under `personas/`; the file's name is the id.

    Either the typed fields are given, or `profile` alone (second-person text, 'You are ...'), or both.
    """

    id: Identifier
    """Unique in its pack; equals the file's name."""
    name: Name
    """As others call them: 'Mara Quill'."""
    profile: Annotated[str, Field(max_length=12_000)] = ""
    """Second-person text ('You are ...'). Rendered from the fields below where it is not given."""

    drawn: bool = True
    """May be drawn for an open seat; `false`: sits only where a seat names it."""

    # customised aspects
    career: Word = ""
    """From the vocabulary `careers`."""
    career_detail: Line = ""
    """Where, since when, how: 'thirty-one years on line 9, retired in March'."""
    aspiration: Word = ""
    """From the vocabulary `aspirations`."""
    traits: Annotated[tuple[Word, ...], Field(max_length=12)] = ()
    """From the vocabulary `traits`."""
    skills: Annotated[tuple[Word, ...], Field(max_length=12)] = ()
    """From the vocabulary `skills`."""

    # personal aspects
    gender: Word = ""
    """From the vocabulary `genders`."""
    pronouns: Annotated[str, Field(pattern=r"^$|^[a-z]+(/[a-z]+){1,2}$")] = ""
    """Such as `she/her`."""
    age: Annotated[int, Field(ge=0, le=120)] | None = None
    """Years."""
    origin: Line = ""
    """Where from, which culture."""
    education: Line = ""
    """What they learnt and where."""
    voice: Voice = Voice()
    """How they sound; a mapping."""
    personality: Text = ""
    """Their character in a few sentences."""
    strengths: Annotated[tuple[Line, ...], Field(max_length=12)] = ()
    """Short noun phrases: 'a steady hand'."""
    flaws: Annotated[tuple[Line, ...], Field(max_length=12)] = ()
    """Short noun phrases."""
    hobbies: Annotated[tuple[Line, ...], Field(max_length=12)] = ()
    """Short phrases that fit after 'I like': 'mending old radios'."""

    # social aspects
    family: Line = ""
    """Who their people are, in the first person: 'I have two sons; the elder does not call.'"""
    social: Line = ""
    """Friends, neighbours, standing."""
    living: Line = ""
    """Home, money, health."""

    # beyond SimsChat
    values: Annotated[tuple[Line, ...], Field(max_length=12)] = ()
    """What matters to them: 'saying a thing once'."""
    goals: Annotated[tuple[Line, ...], Field(max_length=12)] = ()
    """What they want in life, as infinitives: 'see my sister in Bari again'."""
    likes: Annotated[tuple[Line, ...], Field(max_length=16)] = ()
    """Short phrases: 'the smell of brake dust'."""
    dislikes: Annotated[tuple[Line, ...], Field(max_length=16)] = ()
    """Short phrases."""
    knows: Annotated[tuple[Line, ...], Field(max_length=24)] = ()
    """What they can speak of with authority."""
    unaware: Annotated[tuple[Line, ...], Field(max_length=24)] = ()
    """What they do not know and would not pretend to."""
    secret: Line = ""
    """Never visible to anybody else."""
    big_five: BigFive | None = None
    """Numbers for the five factors; a mapping."""
    languages: Annotated[tuple[Word, ...], Field(max_length=12)] = ()
    """Those they speak."""
    samples: Annotated[tuple[Line, ...], Field(max_length=80)] = ()
    """Lines in their own voice, fit to be said in many situations."""
