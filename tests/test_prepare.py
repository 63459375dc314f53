"""People's conversations become a corpus to learn from: each step before and after, no leak, no lie about ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from simworld.backends.asking import Asking
from simworld.backends.scripted import ScriptedChat
from simworld.cli.app import app
from simworld.corpus.imports.conversations import seat_records
from simworld.corpus.imports.write import CORPUS
from simworld.corpus.store import Corpus
from simworld.errors import BackendError, CorpusError, RunStopped, UsageError
from simworld.schema import Transcript
from simworld.text.private import masked
from simworld.usersim.prepare.alike import KIN, Alike, signature_of
from simworld.usersim.prepare.ask import ask_intents
from simworld.usersim.prepare.case import Case, Lost
from simworld.usersim.prepare.html import html_step, unmarked
from simworld.usersim.prepare.intents import extracted
from simworld.usersim.prepare.language import language_step
from simworld.usersim.prepare.length import counter, pieces_of, starts_step, tokens_step
from simworld.usersim.prepare.mentions import mentions_step
from simworld.usersim.prepare.recipe import ORDERS, recipe_of
from simworld.usersim.prepare.report import PrepareReport
from simworld.usersim.prepare.run import Settings, prepare
from simworld.usersim.prepare.sources import parse_source, with_ends

pytest.importorskip("datasketch", reason="the extra [prepare] is not installed")

HORSESHOES = "I want to learn to play horseshoes. Can you teach me how the game is played?"
STAKES = "A game needs two stakes in the ground and six horseshoes of iron."


def case(*texts: str, first: str = "user", **more: Any) -> Case:
    """A conversation in turns."""
    seats = ("user", "assistant") if first == "user" else ("assistant", "user")
    said = tuple((seats[number % 2], text) for number, text in enumerate(texts))
    return Case(**{"id": "c", "root": "s:c", "data": "s", "where": "s:1", "said": said} | more)


def row(*texts: str, first: str = "human", **more: Any) -> dict[str, Any]:
    """A line of ShareGPT's form."""
    names = ("human", "gpt") if first == "human" else ("gpt", "human")
    return {"conversations": [{"from": names[n % 2], "value": text} for n, text in enumerate(texts)], **more}


def written(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    return path


def prepared(
    tmp_path: Path, *rows: dict[str, Any], recipe: str = "repaired", source: str = "", **settings: Any
) -> tuple[PrepareReport, list[Transcript]]:
    path = written(tmp_path / "s.jsonl", *rows)
    numbers = {key: settings.pop(key) for key in ("steps", "without", "max_tokens", "min_rounds") if key in settings}
    report = prepare(
        [parse_source(f"{path}{source}")], tmp_path / "out", recipe_of(recipe, **numbers), Settings(**settings)
    )
    return report, list(Corpus(tmp_path / "out"))


def step_of(report: PrepareReport, name: str) -> Any:
    return next(step for step in report.steps if step.name == name)


PAGE = (
    "<p>Run <code>ls</code>:</p><pre><div>bash<button>Copy code</button></div>"
    '<div><code class="x">ls a_b\n</code></div></pre><p>That <em>lists</em> a_b.</p>'
)
HTML = {
    "page": (PAGE, "Run `ls`:\n\n```bash\nls a_b\n```\n\nThat *lists* a_b."),
    "copy_code": ("See:\n```pythonCopy code\nprint(1)\n```\nDone.", "See:\n```python\nprint(1)\n```\nDone."),
    "copy_code_lines": ("```\npython\nCopy code\nprint(1)\n```", "```python\nprint(1)\n```"),
    "empty_copy_block": ("Sure.\n```\nCopy code\n```\nDone.", "Sure.\n\nDone."),
    "counter": ("2 / 3\n\nSure.", "Sure."),
    "copied_size": ("Sure.Copy12 chars / 2 words", "Sure."),
    "no_markup": ("a < b and b > c\n\n\n\nas_is *so*", "a < b and b > c\n\n\n\nas_is *so*"),
    "fenced_html": ("Use:\n```html\n<p>Hi <b>you</b></p>\n```", "Use:\n```html\n<p>Hi <b>you</b></p>\n```"),
    "speaks_of_tags": ("Put <br> there:\n\n- <b>now</b>", "Put <br> there:\n\n- <b>now</b>"),
    "list": ("<ol><li>one_a</li><li>two</li></ol>", "1. one_a\n2. two"),
}


@pytest.mark.parametrize("name", HTML)
def test_html_of_the_assistant_becomes_markdown(name: str) -> None:
    before, after = HTML[name]
    made = html_step("repaired")(case("Show me.", before))
    assert isinstance(made, list)
    assert made[0].said[1][1] == after
    assert (made[0].said[1][1] == before) == (before == after)


def test_what_a_person_pasted_stays_as_it_is() -> None:
    pasted = "<p>Why does <b>this</b> break?</p>\n\n\n```\nCopy code\n```1 / 2"
    typed = html_step("repaired")(case(pasted, "It is the tag."))
    assert isinstance(typed, list)
    assert typed[0].said[0][1] == pasted
    scraped = html_step("repaired")(case("<p>Why does it <b>break</b>?</p>", "<p>It is the tag.</p>"))
    assert isinstance(scraped, list)
    assert [text for _, text in scraped[0].said] == ["Why does it **break**?", "It is the tag."]
    paper = html_step("paper")(case("<p>Why my_tag <b>breaks</b>?</p>", "Sure."))
    assert isinstance(paper, list)
    assert paper[0].said[0][1] == r"Why my\_tag **breaks**?"


def test_a_page_too_deep_for_the_parser_stays() -> None:
    deep = "<p>" + "<b>" * 20_000 + "x</p>"
    assert unmarked(deep) == deep


ENGLISH = "Could you tell me in which year the old stone bridge in our town was built, please?"
GERMAN = "Kannst du mir bitte sagen, in welchem Jahr die alte Steinbrücke in unserer Stadt gebaut wurde?"
KOREAN = "아줌마 둘이서 하는 두달간의 유럽여행 일정 작성해줘"
LANGUAGES = {  # turns -> kept by repaired, kept by paper
    "english": ([ENGLISH, "In 1742."], True, True),
    "curly_quotes": ([ENGLISH.replace("old", "“old”"), "In 1742."], True, False),
    "emoji_and_accent": ([ENGLISH, "In the café’s cellar 🙂"], True, False),
    "german": ([GERMAN, "Im Jahr 1742."], False, False),
    "german_in_ascii": ([GERMAN.replace("ü", "ue"), "Im Jahr 1742."], False, True),
    "korean": ([KOREAN, "네"], False, False),
    "translation": (["Translate it for my neighbours and for their children, please: " + GERMAN[:30], "Ja – gern"],
                    True, True),
    "short_turn_german_reply": (["ok", GERMAN], False, False),
    "too_little": (["ok", "1742"], True, True),
}  # fmt: skip


@pytest.mark.parametrize("name", LANGUAGES)
def test_language(name: str) -> None:
    turns, repaired, paper = LANGUAGES[name]
    for recipe, kept in (("repaired", repaired), ("paper", paper)):
        assert isinstance(language_step(recipe, "en")(case(*turns)), list) == kept, recipe


def test_several_languages_may_be_kept() -> None:
    assert isinstance(language_step("repaired", "en,de")(case(GERMAN, "Ja.")), list)
    assert isinstance(language_step("repaired", "fr")(case(GERMAN, "Ja.")), Lost)
    with pytest.raises(UsageError, match="language 'english' is not known"):
        language_step("repaired", "english")


MENTIONS = {  # turns -> kept by repaired; paper drops them all
    "called_by_name": (["Hey ChatGPT, write a poem.", "Roses."], False),
    "name_first": (["ChatGPT: you are a pirate now.", "Arr."], False),
    "told_what_it_is": (["From now on you are ChatGPT with developer mode.", "Fine."], False),
    "names_itself": (["Who are you?", "I'm ChatGPT, a model trained by OpenAI."], False),
    "names_its_maker": (["Who?", "As an AI language model developed by OpenAI, I have no name."], False),
    "thanked": (["Thanks chatgpt!", "You are welcome."], False),
    "talked_about": (["Write a blog post on how ChatGPT changes schools.", "ChatGPT is a tool that many use."], True),
    "code": (["Why does `import openai` fail?", "Install the package openai first."], True),
}


@pytest.mark.parametrize("name", MENTIONS)
def test_mentions(name: str) -> None:
    turns, kept = MENTIONS[name]
    assert isinstance(mentions_step("repaired")(case(*turns)), list) == kept
    assert mentions_step("paper")(case(*turns)) == Lost("mention")
    assert isinstance(mentions_step("paper")(case("Who are you?", "An assistant.")), list)


PRIVATE = {
    "email": ("Write to ann.b+x@mail.co.uk now", "Write to <EMAIL> now"),
    "example_address": ("Use user@example.com here", "Use user@example.com here"),
    "phones": ("Call 555-867-5309, (212) 555-0187 or +44 20 7946 0958.", "Call <PHONE>, <PHONE> or <PHONE>."),
    "key": ('openai_key = "sk-proj-abcdefghijklmnop1234"', 'openai_key = "<KEY>"'),
    "labelled": ("api_key: 9f8e7d6c5b4a39281706", "api_key: <KEY>"),
    "words_are_no_key": ("password: correcthorsebattery", "password: correcthorsebattery"),
    "token": ("ghp_" + "a1B2" * 9, "<KEY>"),
    "private_key": ("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----!", "<KEY>!"),
    "login": ("git clone https://me:hunter2@git.host/x", "git clone https://<KEY>@git.host/x"),
    "ip": ("ssh 8.8.4.4 and 192.168.0.1, 127.0.0.1", "ssh <IP> and 192.168.0.1, 127.0.0.1"),
    "version": ("version 4.18.2.1 runs", "version 4.18.2.1 runs"),
    "ip6": ("at 2001:4860:4860::8888.", "at <IP>."),
    "card": ("4111 1111 1111 1111 and 4111 1111 1111 1112", "<CARD> and 4111 1111 1111 1112"),
    "iban": ("to DE89 3704 0044 0532 0130 00 today", "to <IBAN> today"),
    "ssn": ("mine is 078-05-1120", "mine is <SSN>"),
    "dates_and_numbers": ("2023-04-11 12:30:05, 3.14159265, 1,000,000 and 10^12", None),
    "code": ("for i in range(10):\n    x[i] = 0.5 * y[i + 1]  # 16:9, a::b, std::vector", None),
}


@pytest.mark.parametrize("name", PRIVATE)
def test_private_matters_are_masked(name: str) -> None:
    before, after = PRIVATE[name]
    assert masked(before)[0] == (before if after is None else after)
    assert masked(masked(before)[0]) == (masked(before)[0], 0)


def test_masks_reach_all_that_is_kept(tmp_path: Path) -> None:
    mail = "ann@mail.org"
    rows = [row(f"I am {mail}.", f"Hello {mail}.", id="a", intent=f"Ask {mail}", system=f"Help {mail}.", note=mail)]
    _, [transcript] = prepared(tmp_path, *rows, conditioned=1.0)
    text = transcript.model_dump_json()
    assert mail not in text
    assert transcript.about["intent"] == "Ask <EMAIL>"
    assert transcript.about["note"] == "<EMAIL>"


LONG = [f"turn {number} " + "word " * 60 for number in range(8)]


def words(text: str) -> int:
    return len(text.split())


def test_the_papers_pieces_begin_at_the_assistants_turn_before() -> None:
    said = case(*LONG).said
    # three turns fit. 3, the assistant's, does not: 2, a human turn that would be the last, is in no piece, and 3 is
    # the next one's first; 6, a human turn, does not: the next piece begins with 5 again
    assert pieces_of(said, 220, words) == [(0, 2), (3, 6), (5, 8)]
    assert pieces_of(said, 10_000, words) == [(0, 8)]


def test_a_human_turn_that_would_be_a_pieces_last_is_cut_off() -> None:
    pieces = pieces_of(case(*LONG).said, 3 * 65, words)
    for start, stop in pieces[:-1]:
        assert case(*LONG).said[stop - 1][0] == "assistant", (start, stop)
    for start, _ in pieces[1:]:
        assert case(*LONG).said[start][0] == "assistant", start


def test_paper_splits_and_repaired_cuts_at_the_end(tmp_path: Path) -> None:
    whole = case(*LONG, over=True)
    split = tokens_step("paper", 260, words)(whole)
    assert isinstance(split, list)
    assert [piece.true_start for piece in split] == [True] + [False] * (len(split) - 1)
    assert [piece.over for piece in split] == [False] * (len(split) - 1) + [True]
    assert len({piece.id for piece in split}) == len(split)
    cut = tokens_step("repaired", 260 + 96, words)(whole)
    assert isinstance(cut, list)
    assert (len(cut), cut[0].said, cut[0].true_start, cut[0].over) == (1, whole.said[:3], True, False)
    assert tokens_step("repaired", 10_000, words)(whole) == [whole]
    assert tokens_step("repaired", 130, words)(whole) == Lost("first_turn_too_long")
    report, [transcript] = prepared(tmp_path, row(*LONG, id="a"), without=["near"])
    assert len(transcript.turns) == 8
    assert "tokens" not in {step.name for step in report.steps}


def test_what_starts_in_the_middle_goes_by_repaired_and_stays_by_paper(tmp_path: Path) -> None:
    rows = [
        row(ENGLISH, "In 1742.", id="whole", true_start=True, offset=0),
        row("As I said.", "And who built it, do you know?", "A mason.", first="gpt", id="opened"),
        row("And the church in the same street?", "In 1803.", id="later", offset=4),
        row("Go on with the houses, please.", "Well, the houses.", id="told", true_start=False),
    ]
    report, kept = prepared(tmp_path, *rows)
    assert [one.id for one in kept] == ["whole"]
    assert step_of(report, "starts").reasons == {"starts_in_the_middle": 3}
    prepare([parse_source(f"{tmp_path / 's.jsonl'}")], tmp_path / "paper", recipe_of("paper"))
    assert {one.id: one.about["true_start"] for one in Corpus(tmp_path / "paper")} == {
        "whole": "true", "opened": "false", "later": "false", "told": "false",
    }  # fmt: skip
    assert starts_step(case("Hi", true_start=False)) == Lost("starts_in_the_middle")


def test_who_knows_the_end_has_the_whole(tmp_path: Path) -> None:
    rows = [row("Welcome!", "Hi, are you the new bot?", "I am.", first="gpt", id="a")]
    _, [transcript] = prepared(tmp_path, *rows, source=":ends=known")
    assert (transcript.about["true_start"], transcript.ending.known) == ("true", True)


ENDS = {  # the row's own keys, the source's rule -> known
    "nothing": ({}, "", False),
    "why_stop": ({"why_stop": "I am satisfied."}, "", True),
    "no_reason": ({"why_stop": ""}, "", False),
    "true_end": ({"true_end": True}, "", True),
    "false_end": ({"true_end": False}, ":ends=known", False),
    "servers_word": ({"stop_reason": "stop", "finish_reason": "stop"}, "", False),
    "known": ({}, ":ends=known", True),
    "unknown": ({"why_stop": "Bored."}, ":ends=unknown", False),
}


@pytest.mark.parametrize("name", ENDS)
def test_an_end_is_known_where_the_data_say_so(name: str, tmp_path: Path) -> None:
    more, source, known = ENDS[name]
    report, [transcript] = prepared(tmp_path, row(ENGLISH, "In 1742.", id="a", **more), source=source)
    assert (transcript.ending.reason, transcript.ending.known) == ("imported", known)
    assert report.kept["ends_known" if known else "ends_unknown"] == 1


def test_ends_by_a_pattern(tmp_path: Path) -> None:
    source = parse_source(str(written(tmp_path / "talks.jsonl", row("Hi", "Yes."))))
    assert with_ends(source, [("t*", "known")]).ends == "known"
    assert with_ends(source, [("t*", "known"), ("*talks.jsonl", "unknown")]).ends == "unknown"
    assert with_ends(source, [("other", "known")]).ends == "auto"
    with pytest.raises(UsageError, match="allowed: auto, known, unknown"):
        with_ends(source, [("t*", "true")])


def test_exact_and_near_duplicates(tmp_path: Path) -> None:
    text = HORSESHOES + " My brothers and I have a yard behind the house with enough room for it, I should think."
    rows = [
        row(text, STAKES, id="a"),
        row(text, STAKES, id="same"),
        row(text.replace("enough room", "room"), "There are two stakes.", id="near"),
        row(ENGLISH + " I have asked the people at the town hall and none of them could say.", "In 1742.", id="other"),
    ]
    report, kept = prepared(tmp_path, *rows, validation=0)
    assert [one.id for one in kept] == ["a", "other"]
    assert step_of(report, "exact").reasons == {"same_text": 1}
    assert step_of(report, "near").reasons == {"similar": 1}
    assert [place.rpartition(":")[2] for place in step_of(report, "near").places["similar"]] == ["3"]
    paper = prepare([parse_source(str(tmp_path / "s.jsonl"))], tmp_path / "paper", recipe_of("paper"))
    assert paper.kept["conversations"] == 3


def test_one_root_stands_on_one_side_and_kin_too(tmp_path: Path) -> None:
    """Planted: pieces of one conversation, and pairs of people who pasted nearly the same text."""
    rows: list[dict[str, Any]] = []
    for number in range(120):
        topic = " ".join(f"topic{number}x{at}" for at in range(30))
        rows.append(row(f"Tell me of {topic}", "Yes.", id=f"p{number}_0", root=f"r{number}"))
        rows.append(row(f"More on {number} and what {number * 7} has", "No.", id=f"p{number}_1", root=f"r{number}"))
        rows.append(row(f"Please tell me, friend, of {topic}", "Sure.", id=f"k{number}", root=f"kin{number}"))
    _, kept = prepared(tmp_path, *rows, without=["near", "language"], validation=0.3)
    sides: dict[str, set[str]] = {}
    for one in kept:
        number = one.id.strip("pk").partition("_")[0]
        sides.setdefault(number, set()).add(one.about["split"])
    assert len(kept) == 360
    assert {len(side) for side in sides.values()} == {1}
    held_out = sum(side == {"validation"} for side in sides.values())
    assert 20 <= held_out <= 55  # 36 of 120, whatever is joined


def test_kin_of_kin_have_one_side() -> None:
    alike = Alike()
    texts = [" ".join(f"w{at}" for at in range(start, start + 60)) for start in (0, 8, 16, 24)]
    cases = [case(text, "Yes.", root=f"s:{number}") for number, text in enumerate(texts)]
    for one in cases:
        alike.nearest(one, signature_of(one))
        alike.keep(one, signature_of(one))
    assert len({alike.side(one.root) for one in cases}) == 1
    far = case(" ".join(f"v{at}" for at in range(60)), "Yes.", root="s:far")
    assert alike.nearest(far, signature_of(far)) < KIN
    assert alike.side("s:far") != alike.side("s:0")


def test_similarity_is_near_the_true_one() -> None:
    one = [f"w{at}" for at in range(200)]
    other = [*one[:150], *(f"v{at}" for at in range(50))]
    shingles = [{tuple(words[at : at + 3]) for at in range(198)} for words in (one, other)]
    true = len(shingles[0] & shingles[1]) / len(shingles[0] | shingles[1])
    alike = Alike()
    first, second = (case(" ".join(words), "Yes.") for words in (one, other))
    alike.keep(first, signature_of(first))
    assert alike.nearest(second, signature_of(second)) == pytest.approx(true, abs=0.15)


PERSONAS = {
    "facts": (["i am in the third grade.", "mickey mouse is my favorite character."],
              "You are User. You are in the third grade. Mickey mouse is your favorite character."),
    "text": ("You are a nurse.", "You are a nurse."),
    "layers": ({"name": "Mara Quill", "career": "Astronaut", "traits": ["Goofball", "Outgoing"]},
               "You are Mara Quill. Your work: Astronaut. You are Goofball, Outgoing."),
    "other_keys": ({"mood": "glad", "town": "Ulm"}, "You are User. Mood: glad Town: Ulm"),
}  # fmt: skip


@pytest.mark.parametrize("name", PERSONAS)
def test_a_persona_of_the_data_stands_in_the_briefing(name: str, tmp_path: Path) -> None:
    given, told = PERSONAS[name]
    _, [transcript] = prepared(tmp_path, row(ENGLISH, "In 1742.", user_profile=given), conditioned=1.0, intents="none")
    assert transcript.about["persona"] == told
    assert transcript.about["conditioned"] == "persona"
    assert transcript.seats["user"].briefing.system.startswith(f"{told}\n")
    assert "What you want" not in transcript.seats["user"].briefing.system


def test_an_intent_is_told_to_the_conditioned_alone(tmp_path: Path) -> None:
    goal = "To learn {{ when }} the bridge was built"
    rows = [
        row(ENGLISH + f" It is number {n} of {n * 7} bridges.", "In 1742.", id=f"c{n}", goal=goal) for n in range(60)
    ]
    report, kept = prepared(tmp_path, *rows, without=["near"], conditioned=0.5, validation=0)
    told = [one for one in kept if one.about["conditioned"] == "intent"]
    assert {one.about["intent"] for one in kept} == {goal}
    assert 18 <= len(told) <= 42
    assert report.kept["conditioned"] == len(told)
    for one in kept:
        system = one.seats["user"].briefing.system
        assert (f"What you want: {goal}\n" in system) == (one in told)
    plain, *_ = {one.seats["user"].briefing.system for one in kept if one not in told}
    assert plain == seat_records()[0]["user"].briefing.system


@pytest.mark.parametrize("field", ["wish", ""])
def test_a_field_may_be_named(field: str, tmp_path: Path) -> None:
    from simworld.usersim.prepare.facts import Facts

    rows = [row(ENGLISH, "In 1742.", id="a_1", wish="A date", thread="T")]
    _, [one] = prepared(tmp_path, *rows, fields=Facts(intent=field, root="thread" if field else ""), intents="data")
    assert one.about.get("intent") == ("A date" if field else None)
    assert one.about["root"] == ("s:T" if field else "s:a_1")


EXTRACTED = {
    "Please write a short apology letter to a longtime friend of mine.":
        "To have something written: short apology letter, longtime friend",
    "Why is my bread so dense?": "To understand something: bread, dense",
    "Hi": "To have a chat.",
    "Recommend cheap vegetarian restaurants near Paris railway stations.":
        "To get ideas: cheap vegetarian restaurants, Paris railway stations",
    "What makes sour rye bread dough rise slowly overnight?":
        "To understand something: sour rye bread, rise slowly overnight",
    "Fix this:\n```py\nprint(x)\n```\nThe loop counter overflows.": "To have something mended: loop counter overflows",
}  # fmt: skip


@pytest.mark.parametrize("text", EXTRACTED)
def test_an_extracted_intent_says_what_it_is_about(text: str) -> None:
    assert extracted(case(text, "Yes.")) == EXTRACTED[text]


def test_an_extracted_intent_never_parrots(data: Path) -> None:
    seen = 0
    for line in (data / "sharegpt_sample" / "train.jsonl").read_text(encoding="utf-8").splitlines()[:300]:
        said = tuple(("user" if one["from"] == "human" else "assistant", one["value"])
                     for one in json.loads(line)["conversations"])  # fmt: skip
        intent = extracted(case("x", said=said))
        tokens = intent.partition(": ")[2].lower().replace(",", " , ").split()
        own = " ".join(" ".join(text.lower().split()) for seat, text in said if seat == "user")
        runs = [" ".join(tokens[at : at + 4]) for at in range(len(tokens) - 3)]
        assert not [run for run in runs if "," not in run and run in own]
        assert len(intent) <= 160
        seen += bool(runs)
    assert seen > 50


def asked(tmp_path: Path, say: Callable[[list[dict[str, str]]], str], *cases: Case) -> tuple[Asking, dict[int, str]]:
    asking = Asking(ScriptedChat(replies=say), tmp_path / "intents.jsonl", jobs=2)
    return asking, asyncio.run(ask_intents(asking, enumerate(cases)))


def test_a_model_is_asked_once_and_what_it_said_is_kept(tmp_path: Path) -> None:
    def say(messages: list[dict[str, str]]) -> str:
        if "horseshoes" in messages[0]["content"]:
            raise BackendError("overloaded")
        return ' "To learn\n  when a bridge was built." '

    cases = [case(ENGLISH, "In 1742."), case(HORSESHOES, STAKES)]
    asking, found = asked(tmp_path, say, *cases)
    assert found == {0: "To learn when a bridge was built."}
    assert (asking.asked, asking.failed, asking.first_fault) == (1, 1, "overloaded")
    with (tmp_path / "intents.jsonl").open("ab") as file:
        file.write(b'{"h": "torn')
    asking, found = asked(tmp_path, lambda _: "To play.", *cases)
    assert found == {0: "To learn when a bridge was built.", 1: "To play."}
    assert asking.asked == 1


def test_asking_stops_where_it_is_hopeless(tmp_path: Path) -> None:
    def say(messages: list[dict[str, str]]) -> str:
        raise BackendError(f"no such host {len(messages)}")

    with pytest.raises(RunStopped, match=r"20 calls to scripted.* failed in a row, the last with: no such host 1"):
        asked(tmp_path, say, *[case(f"{ENGLISH} {number}", "Yes.") for number in range(40)])


def test_intents_from_a_model(tmp_path: Path) -> None:
    script = tmp_path / "lines.yaml"
    script.write_text("intent:\n  - To learn when a bridge was built.\n", encoding="utf-8")
    rows = [row(f"{ENGLISH} Number {n}.", "In 1742.", id=f"c{n}") for n in range(20)]
    rows.append(row(HORSESHOES, STAKES, id="own", intent="To play"))
    report, kept = prepared(tmp_path, *rows, without=["near"], intents=f"scripted:{script}")
    told = {one.id for one in kept if one.about["conditioned"]}
    assert 0 < len(told - {"own"}) < 20
    assert {one.id for one in kept if one.about.get("intent") == "To learn when a bridge was built."} == told - {"own"}
    assert next(one for one in kept if one.id == "own").about["intent"] == "To play"
    assert report.notes[0].startswith(f"intents: {len(told - {'own'})} from scripted:")


def test_a_prepared_corpus_can_be_prepared_again(tmp_path: Path) -> None:
    rows = [row(ENGLISH, "In 1742.", id="a", why_stop="Done."), row(HORSESHOES, STAKES, id="b")]
    _, first = prepared(tmp_path, *rows, conditioned=1.0)
    prepare([parse_source(str(tmp_path / "out"))], tmp_path / "two", settings=Settings(conditioned=0))
    again = list(Corpus(tmp_path / "two"))
    assert [[turn.text for turn in one.turns] for one in again] == [[turn.text for turn in one.turns] for one in first]
    assert [one.ending.known for one in again] == [True, False]
    assert [one.about["intent"] for one in again] == [one.about["intent"] for one in first]
    assert {one.about["conditioned"] for one in again} == {""}


def test_the_same_sources_make_the_same_bytes(tmp_path: Path) -> None:
    rows = [row(f"{ENGLISH} Number {n} of them.", "In 1742.", id=f"c{n}") for n in range(30)]
    prepared(tmp_path, *rows)
    prepare([parse_source(str(tmp_path / "s.jsonl"))], tmp_path / "two")
    names = sorted(path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*.json*"))
    assert [str(name) for name in names] == [*sorted(CORPUS[:-1]), "transcripts/00000.jsonl"]
    for name in names:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_report_counts_each_step_and_stands_in_the_manifest(tmp_path: Path) -> None:
    rows = [row(ENGLISH, "In 1742.", id="a"), row(GERMAN, "Im Jahr 1742.", id="b"), row(ENGLISH, "In 1742.", id="c")]
    report, kept = prepared(tmp_path, *rows)
    language, exact = step_of(report, "language"), step_of(report, "exact")
    assert (language.before, language.after, language.humans_before, language.humans_after) == (3, 2, 3, 2)
    assert (exact.before, exact.after, dict(exact.reasons)) == (2, 1, {"same_text": 1})
    assert [step.name for step in report.steps] == [name for name in ORDERS["repaired"] if name in report.recipe.steps]
    for before, after in zip(report.steps, report.steps[1:], strict=False):
        assert before.after == after.before
    manifest = Corpus(tmp_path / "out").manifest
    assert manifest["n"] == len(kept) == 1
    assert manifest["prepare"]["steps"] == report.facts()["steps"]


def test_turns_of_one_act_and_texts_are_kept_byte_for_byte(tmp_path: Path) -> None:
    odd = "  Tabs\t and\r\nlines {{ x }} <|im_end|> 🙂\n"
    rows = [{"messages": [{"role": "user", "content": odd}, {"role": "user", "content": "Hm?"},
                          {"role": "assistant", "content": odd}]}]  # fmt: skip
    _, [transcript] = prepared(tmp_path, *rows)
    assert [(turn.act, turn.text) for turn in transcript.turns] == [(0, odd), (0, "Hm?"), (1, odd)]


FINE = json.dumps(row(ENGLISH, "In 1742.", id="fine")).encode() + b"\n"
BAD = {  # a line -> the kind under which it is counted
    "not_json": (b'{"conversations": [\n', "not_json"),
    "not_utf8": (b'{"conversations": [{"from": "human", "value": "\xff"}]}\n', "not_utf8"),
    "wrong_form": (b'{"text": "Hi"}\n', "wrong_form"),
    "a_number": (b"17\n", "wrong_form"),
    "no_human_turn": (b'{"conversations": [{"from": "gpt", "value": "Hi"}]}\n', "no_human_turn"),
    "nothing_said": (b'{"conversations": []}\n', "nothing_said"),
    "unknown_role": (b'{"conversations": [{"from": "tool", "value": "Hi"}]}\n', "unknown_role"),
    "picture": (b'{"conversations": [{"from": "human", "value": [{"type": "image"}]}]}\n', "content_not_text"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("first", [True, False], ids=["first", "second"])
def test_a_bad_line_is_skipped_and_counted(name: str, first: bool, tmp_path: Path) -> None:
    line, kind = BAD[name]
    path = tmp_path / "s.jsonl"
    path.write_bytes(line + FINE if first else FINE + line)
    if first and name in ("wrong_form", "a_number"):
        with pytest.raises(CorpusError, match=r"s\.jsonl:1: no known form"):
            prepare([parse_source(str(path))], tmp_path / "out")
        assert not (tmp_path / "out").exists()
        return
    report = prepare([parse_source(str(path))], tmp_path / "out")
    assert (report.kept["conversations"], report.skipped.counts[kind]) == (1, 1)
    assert f"s.jsonl:{1 if first else 2}" in report.skipped.places[kind][0]


def test_a_conversation_of_one_role_is_dropped_and_counted(tmp_path: Path) -> None:
    rows = [row("Only me.", id="a"), row(ENGLISH, "In 1742.", id="b")]
    report, kept = prepared(tmp_path, *rows)
    assert [one.id for one in kept] == ["b"]
    assert step_of(report, "rounds").reasons == {"too_short": 1}
    (tmp_path / "all").mkdir()
    _, kept = prepared(tmp_path / "all", *rows, min_rounds=0)
    assert [one.id for one in kept] == ["a", "b"]


FATAL = {
    "empty": ("s.jsonl", b"", "holds no conversation that can be read"),
    "no_line_can_be_used": ("s.jsonl", b"{\n{\n", r"2 left out: not_json at .*s\.jsonl:1"),
    "broken_array": ("s.json", b'[{"conversations": []}', "the end of the file"),
    "not_gzip": ("s.jsonl.gz", b"hello", "cannot be read"),
    "not_parquet": ("s.parquet", b"hello", "cannot be read as Parquet"),
    "suffix": ("s.csv", b"a,b\n", "should end in .jsonl"),
}


@pytest.mark.parametrize("name", FATAL)
def test_what_cannot_be_read_ends_it_in_one_line(name: str, tmp_path: Path) -> None:
    file, data, says = FATAL[name]
    if file.endswith("parquet"):
        pytest.importorskip("pyarrow")
    (tmp_path / file).write_bytes(data)
    with pytest.raises(CorpusError, match=says) as refused:
        prepare([parse_source(str(tmp_path / file))], tmp_path / "out")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_an_empty_shard_among_others_is_counted(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    written(folder / "a.jsonl")
    written(folder / "b.jsonl", row(ENGLISH, "In 1742.", id="x"))
    report = prepare([parse_source(str(folder))], tmp_path / "out")
    assert report.skipped.counts == {"empty_file": 1}
    assert [one.about["data"] for one in Corpus(tmp_path / "out")] == ["shards/b"]


def test_a_line_of_a_hundred_megabytes_needs_little_memory(tmp_path: Path) -> None:
    import subprocess
    import sys

    if not Path("/proc/self/status").is_file():
        pytest.skip("this system does not tell a process its own peak of memory")
    path = tmp_path / "s.jsonl"
    with path.open("wb") as file:
        file.write(b'{"conversations": [{"from": "human", "value": "')
        for _ in range(100):
            file.write(b"x" * (1 << 20))
        file.write(b'"}]}\n' + FINE)
    code = (
        "import re, sys; from pathlib import Path;"
        "from simworld.usersim.prepare.run import prepare; from simworld.usersim.prepare.sources import parse_source;"
        "r = prepare([parse_source(sys.argv[1])], Path(sys.argv[2]));"
        # not ru_maxrss: that one begins at what the parent had
        "peak = re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1];"
        "print(r.skipped.counts, r.kept['conversations'], peak)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path, tmp_path / "out"], capture_output=True, text=True, check=True
    )
    counts, kept, peak = done.stdout.rsplit(maxsplit=2)
    assert (counts, kept) == ("{'too_long': 1}", "1")
    assert int(peak) < 400_000  # kB


def test_a_conversation_too_large_to_learn_from_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simworld.usersim.prepare.sources.LARGEST", 1000)
    report, kept = prepared(tmp_path, row("x " * 600, "Yes."), row(ENGLISH, "In 1742.", id="b"))
    assert (report.skipped.counts, [one.id for one in kept]) == ({"too_large": 1}, ["b"])


def test_what_a_killed_run_left_is_taken_away(tmp_path: Path) -> None:
    half = tmp_path / "out" / ".import.half" / "transcripts"
    half.mkdir(parents=True)
    (half / "00000.jsonl").write_text("half a line")
    _, kept = prepared(tmp_path, row(ENGLISH, "In 1742."))
    assert len(kept) == 1
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(CORPUS)
    with pytest.raises(CorpusError, match="is not empty"):
        prepare([parse_source(str(tmp_path / "s.jsonl"))], tmp_path / "out")


@pytest.mark.parametrize("moved", range(len(CORPUS)))
def test_a_run_killed_while_its_parts_are_put_in_place(moved: int, tmp_path: Path) -> None:
    """As it was left after the folder was whole, and after `moved` of its parts stood in OUT."""
    prepared(tmp_path, row(ENGLISH, "In 1742."))
    out, whole = tmp_path / "out", tmp_path / "out" / ".import.whole"
    whole.mkdir()
    for name in CORPUS[moved:]:
        (out / name).rename(whole / name)
    prepare([parse_source(str(tmp_path / "s.jsonl"))], out)
    assert {path.name for path in out.iterdir()} == set(CORPUS)


def test_no_place_of_this_machine_is_told(tmp_path: Path) -> None:
    report, [transcript] = prepared(tmp_path, row(ENGLISH, "In 1742."), row(GERMAN, "Ja."), row("", ""))
    assert transcript.about["source_place"] == "s.jsonl:1"
    assert step_of(report, "language").places == {"language_de": ["s.jsonl:2"]}
    assert all(str(tmp_path) not in path.read_text() for path in (tmp_path / "out").rglob("*.json*"))


def test_a_row_cannot_say_what_only_the_preparation_knows(tmp_path: Path) -> None:
    own = {"split": "validation", "conditioned": "intent", "recipe": "x", "data": "y", "intent": "To see"}
    _, [transcript] = prepared(tmp_path, row(ENGLISH, "In 1742.", **own), intents="none", validation=0)
    told = {key: transcript.about.get(key) for key in own}
    assert told == {"split": "train", "conditioned": "", "recipe": "repaired", "data": "s", "intent": None}


def test_nothing_left_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"nothing is left of 1 conversations.*step language"):
        prepared(tmp_path, row(GERMAN, "Im Jahr 1742."))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{}/none.jsonl", "there is no such file or folder"),
        ("{}/s.jsonl:ends=maybe", "allowed: auto, known, unknown"),
        ("{}/s.jsonl:kind=csv", "allowed: messages, oasst, oasst_messages, rows, sharegpt, wildchat"),
        ("{}/s.jsonl:end=known", "'end=known' is not known; allowed: kind, name, ends"),
        ("{}/s.jsonl:messages=turns,prompt=q", "either messages= or prompt="),
    ],
)
def test_a_wrong_source_is_told(source: str, says: str, tmp_path: Path) -> None:
    written(tmp_path / "s.jsonl", row("Hi", "Yes."))
    with pytest.raises(UsageError) as refused:
        parse_source(source.format(tmp_path))
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--recipe", "best"], "recipe 'best' is not known; allowed: paper, repaired"),
        (["--without", "htm"], "step 'htm' is not known"),
        (["--near", "0.2"], "--near 0.2"),
        (["--validation", "1.5"], "--validation 1.5: is a share"),
        (["--intents", "guess"], "--intents 'guess' is not known"),
        (["--ends", "known"], "should be PATTERN=known"),
        (["--max-tokens", "9"], "--max-tokens 9"),
    ],
)
def test_a_wrong_option_is_told(options: list[str], says: str, tmp_path: Path) -> None:
    path = written(tmp_path / "s.jsonl", row(ENGLISH, "In 1742."))
    done = CliRunner().invoke(app, ["usersim", "prepare", str(path), "--out", str(tmp_path / "out"), *options])
    assert isinstance(done.exception, UsageError)
    assert says in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_the_command_prints_its_table(tmp_path: Path) -> None:
    path = written(tmp_path / "s.jsonl", row(ENGLISH, "In 1742."), row(GERMAN, "Im Jahr 1742."))
    done = CliRunner().invoke(
        app, ["usersim", "prepare", str(path), "--out", str(tmp_path / "out"), "--without", "near"]
    )
    assert done.exit_code == 0, done.output
    assert "language\tdrop other languages\t2 -> 1\t2 -> 1\tlanguage_de 1" in done.stdout
    assert "near" not in done.stdout
    done = CliRunner().invoke(app, ["usersim", "prepare", str(path), "--out", str(tmp_path / "two"), "--json"])
    assert json.loads(done.stdout)["kept"]["conversations"] == 1


def test_real_conversations(data: Path, tmp_path: Path) -> None:
    """802 segments of ShareGPT: what must hold of them by the paper's rules and the repaired ones."""
    source = data / "sharegpt_sample" / "train.jsonl"
    rows = {one["id"]: one for one in map(json.loads, source.read_text(encoding="utf-8").split("\n")[:-1])}
    paper = prepare(
        [parse_source(str(source))], tmp_path / "paper", recipe_of("paper", without=["tokens", "segments", "exact"])
    )
    language = step_of(paper, "language")
    assert (language.before, language.after) == (802, 629)
    kept = {one.about["source_id"] for one in Corpus(tmp_path / "paper")}
    assert kept == {id for id, one in rows.items() if one["ascii_rule"]}

    report = prepare([parse_source(str(data / "sharegpt_sample"))], tmp_path / "repaired")
    assert step_of(report, "starts").after == 451 == sum(one["true_start"] for one in rows.values())
    transcripts = list(Corpus(tmp_path / "repaired"))
    assert 440 <= len(transcripts) <= 451
    assert {one.ending.known for one in transcripts} == {False}
    assert {one.about["true_start"] for one in transcripts} == {"true"}
    roots = {one.about["root"]: one.about["split"] for one in transcripts}
    assert 25 <= sum(split == "validation" for split in roots.values()) <= 65
    assert all(roots[one.about["root"]] == one.about["split"] for one in transcripts)


def test_real_ends(data: Path, tmp_path: Path) -> None:
    sources = [parse_source(str(data / "simulatorarena")), parse_source(f"{data / 'convai2018'}:ends=known")]
    report = prepare(sources, tmp_path / "out")
    assert report.sources["simulatorarena/document_creation"]["ends_known"] == 51
    assert report.sources["simulatorarena/math_tutoring"]["ends_known"] == 50
    convai = report.sources["convai2018"]
    assert convai["ends_known"] == convai["conversations"] >= 640
    documents = [one for one in Corpus(tmp_path / "out") if one.about["data"] == "simulatorarena/document_creation"]
    assert all(one.about["intent"] for one in documents)


def test_tokens_of_a_checkpoints_own_tokenizer(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    words = {"[UNK]": 0, "word": 1, "turn": 2}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(tokenizer_object=made, unk_token="[UNK]").save_pretrained(tmp_path / "tok")
    count = counter(str(tmp_path / "tok"))
    assert count(LONG[0]) == 62
    assert counter(None)(LONG[0]) > 62
    with pytest.raises(UsageError, match=r"--tokenizer .*none: cannot be used: ") as refused:
        counter(str(tmp_path / "none"))
    assert "\n" not in str(refused.value)
