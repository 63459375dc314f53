"""A user simulator at a user's seat: what it may say, how it ends, what guards do, and the scenes made for it."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import simworld as sw
from simworld.agents.character import CharacterAgent
from simworld.backends.adapt import as_chat
from simworld.backends.completion import ENDED, Completion
from simworld.backends.sampling import Sampling
from simworld.corpus.imports import conversations
from simworld.errors import SimworldError
from simworld.packs import accept_scene, check, find_scenes, load_pack
from simworld.perspective import parse_reply, stretches
from simworld.prompts import Situation, check_template, field_values, forms
from simworld.schema import Persona, Reply, Scene, Seat, Transcript, Usage
from simworld.simulate.forecast import forecast
from simworld.simulate.produce import produce
from simworld.simulate.share import Prepared, RunSettings
from simworld.simulate.speakers import Speakers
from simworld.usersim.detect import flips_role, is_echo, is_flip, says_again
from simworld.usersim.guards import Draft, judge
from simworld.usersim.options import Guards, read_options
from tests.benchmarks import usersim_detect
from tests.runs import bytes_of, simworld, transcripts, write_pack

torch: Any = pytest.importorskip("torch", reason="the extra `local` is not installed")
pytest.importorskip("transformers", reason="the extra `local` is not installed")

from simworld.backends.local import engine  # noqa: E402
from simworld.backends.local.call import Call, Rules  # noqa: E402
from simworld.backends.local.sampler import Sampler, Style  # noqa: E402
from simworld.usersim.chat import UserSimChat, open_usersim  # noqa: E402
from tests.usersims import user  # noqa: E402

MARK = forms()["end"]
ROOT = Path(__file__).parent.parent
ASKED = [{"role": "system", "content": "w1"}, {"role": "user", "content": "w2"}]
LATER = [*ASKED, {"role": "assistant", "content": "w3 w4"}, {"role": "user", "content": "w5"}]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`ready` ends as soon as it may; `chatty` now and then; `short` ends messages as soon as it may; `stuck` says
    the same for ever."""
    root = tmp_path_factory.mktemp("users")
    user(root / "ready", words=True, vocab=120, end=14.0, turn=5.0)
    user(root / "chatty", words=True, vocab=120, end=3.5, turn=3.5)
    user(root / "short", words=True, vocab=120, end=-30.0, turn=14.0)
    user(root / "stuck", words=True, vocab=120, turn=-30.0, end=-30.0, says={"w9": 30.0})
    return root


def asked(chat: UserSimChat, messages: Sequence[Mapping[str, str]], seeds: Sequence[int] = (7,)) -> list[Completion]:
    async def ask() -> list[Completion]:
        try:
            return [*await asyncio.gather(*(chat.complete(messages, seed=seed) for seed in seeds))]
        finally:
            await chat.aclose()

    return asyncio.run(ask())


# rules of a call, in the engine


def style(temperature: float = 0.0, **more: Any) -> Style:
    return Style(temperature=temperature, **more)


def call(rules: Rules | None, said: Sequence[int] = (), draw: float = 0.5) -> Call:
    made = Call([1, 2], 2, 9, [draw] * 9, rules=rules)
    for token in said:
        made.add(token)
    return made


def test_what_rules_forbid_is_not_said_and_is_told() -> None:
    logits = torch.tensor([[0.0, 1.0, 2.0, 3.0, 4.0]]).repeat(6, 1)
    rules = Rules(banned=frozenset({2}), banned_first=frozenset({4}), held=frozenset({4, 3}), least=3)
    calls = [call(None), call(rules), call(rules, [0]), call(rules, [0, 0]), call(rules, [0, 0, 0]), call(Rules())]
    assert Sampler(style()).choose(logits, calls) == [4, 3, 1, 1, 4, 4]
    assert [one.barred for one in calls] == [[], [4], [4], [4], [], []]


@pytest.mark.parametrize("more", [{}, {"top_p": 0.999}, {"top_k": 4}, {"min_p": 0.001}], ids=["all", "p", "k", "min"])
def test_what_is_left_is_drawn_as_if_the_rest_were_not_there(more: dict[str, Any]) -> None:
    chances = torch.tensor([0.6, 0.1, 0.2, 0.1])
    draws = [(at + 0.5) / 1000 for at in range(1000)]
    calls = [call(Rules(banned=frozenset({0})), draw=draw) for draw in draws]
    got = Counter(Sampler(style(1.0, **more)).choose(chances.log().repeat(1000, 1), calls))
    assert got == {1: 250, 2: 500, 3: 250}
    assert sum(len(one.barred) for one in calls) == 600


def test_a_watched_token_is_told_before_bans_and_temperature() -> None:
    logits = torch.tensor([[0.0, 1.0, 3.0]]).repeat(3, 1)
    watching = Rules(banned=frozenset({2}), watched=2)
    calls = [call(watching), call(watching, [0]), call(Rules())]
    Sampler(style(0.1, repetition_penalty=5.0)).choose(logits, calls)
    assert calls[0].watched == pytest.approx(logits[0].softmax(-1)[2].item())
    assert [one.watched for one in calls[1:]] == [None, None]


def test_a_row_without_numbers_stays_one() -> None:
    logits = torch.full((1, 4), float("nan"))
    assert Sampler(style()).choose(logits, [call(Rules(banned=frozenset({1})))]) == [-1]


@pytest.mark.parametrize("runner", ["batch", "plain"])
def test_both_runners_keep_rules(models: Path, runner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if runner == "plain":
        monkeypatch.setattr(engine, "_fitness", lambda *_: ("a test wants it so", []))
    chat = open_usersim(str(models / "ready"), max_tokens=12)
    tokenizer = chat._checkpoint.tokenizer
    turn, end, nine = (tokenizer.convert_tokens_to_ids(token) for token in ("<|im_end|>", "<|endconversation|>", "w9"))
    prompt = chat._template.encode(ASKED)
    rules = {
        "free": Rules(stops=frozenset({turn, end}), watched=end),
        "no end": Rules(
            banned=frozenset({end}),
            banned_first=frozenset({turn}),
            held=frozenset({turn}),
            least=4,
            stops=frozenset({turn, end}),
        ),
        "own stop": Rules(banned=frozenset({turn, end}), stops=frozenset({nine})),
        "none": None,
    }

    async def said() -> dict[str, Any]:
        try:
            got = await asyncio.gather(*(chat.say(prompt, seed=3, rules=one) for one in rules.values()))
            return dict(zip(rules, got, strict=True))
        finally:
            await chat.aclose()

    got = asyncio.run(said())
    assert type(chat._worker.runner).__name__.lower() == runner
    assert got["free"].tokens == got["none"].tokens == [end]
    assert got["none"].watched is None
    with torch.inference_mode():
        model = sw_model(models / "ready")
        chances = model(torch.tensor([prompt])).logits[0, -1].float().softmax(-1)
    assert got["free"].watched == pytest.approx(chances[end].item(), rel=1e-4)
    assert got["no end"].tokens[-1] == turn
    assert len(got["no end"].tokens) >= 5
    assert end in got["no end"].barred
    assert set(got["no end"].barred[:1]) == {end}
    assert len(got["no end"].barred) <= len(got["no end"].tokens)
    assert got["own stop"].finish_reason == "length" or got["own stop"].tokens[-1] == nine
    assert not {turn, end} & set(got["own stop"].tokens)


def sw_model(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder)


# the chat model


def test_the_first_message_is_never_an_end(models: Path) -> None:
    first, later = open_usersim(str(models / "ready")), open_usersim(str(models / "ready"))
    [reply] = asked(first, ASKED)
    assert (reply.finish_reason, bool(reply.text)) == ("stop", True)
    assert "early_end" in reply.guards
    assert reply.end_probability == pytest.approx(1.0, abs=0.01)
    [reply] = asked(later, LATER)
    assert (reply.text, reply.finish_reason, reply.guards, reply.output_tokens) == ("", ENDED, (), 1)


def test_an_end_may_follow_a_message(models: Path) -> None:
    replies = asked(open_usersim(str(models / "chatty")), LATER, range(60))
    kinds = Counter((bool(reply.text), reply.finish_reason) for reply in replies)
    assert {(True, ENDED), (True, "stop"), (False, ENDED)} <= set(kinds)
    assert (False, "stop") not in kinds
    assert len({round(reply.end_probability or 0, 6) for reply in replies}) == 1


def test_ainvoke_tells_the_same(models: Path) -> None:
    chat = open_usersim(str(models / "ready"))

    async def ask() -> Any:
        try:
            return await chat.ainvoke([("system", "w1"), ("user", "w2"), ("assistant", "w3"), ("user", "w5")])
        finally:
            await chat.aclose()

    about = asyncio.run(ask()).response_metadata
    assert (about["finish_reason"], about["reason"], about["guards"]) == (ENDED, "simulator", [])
    assert about["end_probability"] == pytest.approx(1.0, abs=0.01)


def test_equal_seeds_say_the_same_whatever_else_is_asked(models: Path) -> None:
    [alone] = asked(open_usersim(str(models / "chatty")), LATER, [11])
    assert asked(open_usersim(str(models / "chatty")), LATER, range(20))[11] == alone


GUARDS: dict[str, tuple[str, dict[str, Any], list[dict[str, str]], tuple[str, str, str]]] = {
    "min_turns": ("ready", {"min_turns": 2}, LATER, ("stop", "early_end", "text")),
    "max_turns": ("chatty", {"max_turns": 1}, LATER, (ENDED, "max_turns", "")),
    "ends": ("ready", {"ends": False}, LATER, ("stop", "early_end", "text")),
    "min_tokens": ("short", {"min_tokens": 6}, LATER, ("stop", "too_short", "text")),
    "max_tokens": ("stuck", {"max_tokens": 3}, ASKED, ("length", "too_long", "text")),
    "banned_first": ("stuck", {"banned_first": ["w9"], "max_tokens": 6}, ASKED, ("length", "banned_first", "text")),
    "overflow": ("stuck", {"overflow": "end", "max_tokens": 9999}, LATER, (ENDED, "context_full", "")),
    "repeats": (
        "stuck", {"max_tokens": 6}, [*ASKED, {"role": "assistant", "content": "w9 w9 w9 w9 w9 w9"}, ASKED[1]],
        (ENDED, "gave_up", ""),
    ),
    "echoes": (
        "stuck", {"max_tokens": 6}, [*LATER, {"role": "user", "content": "W9 w9, w9 w9 w9 w9."}],
        (ENDED, "gave_up", ""),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GUARDS)
def test_each_guard_acts_and_is_counted(models: Path, name: str) -> None:
    model, options, messages, (finish, guard, text) = GUARDS[name]
    [reply] = asked(open_usersim(str(models / model), Sampling(context=256), **options), messages)
    assert (reply.finish_reason, bool(reply.text)) == (finish, bool(text))
    assert guard in reply.guards
    if name == "min_tokens":
        assert len(reply.text.split()) >= 6
    if name == "banned_first":
        assert not reply.text.startswith("w9")
    if name in ("repeats", "echoes"):
        assert reply.guards == (name,) * 4 + ("gave_up",)
        assert reply.output_tokens == 4 * 6


def test_where_a_message_is_refused_another_is_drawn(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"ends": False, "max_tokens": 20}
    [plain] = asked(open_usersim(str(models / "chatty"), **options), LATER)
    monkeypatch.setattr("simworld.usersim.guards.is_flip", lambda text, _: text == plain.text)
    [other] = asked(open_usersim(str(models / "chatty"), **options), LATER)
    assert other.text not in ("", plain.text)
    assert other.guards.count("flips_role") == 1
    assert (other.output_tokens or 0) > (plain.output_tokens or 0)
    [kept] = asked(open_usersim(str(models / "chatty"), **options, flips=True), LATER)
    assert kept.text == plain.text


def test_no_first_message_at_all_is_a_failure(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simworld.usersim.guards.is_flip", lambda *_: True)
    with pytest.raises(SimworldError, match=r"none of 3 draws made a first message .*flips_role"):
        asked(open_usersim(str(models / "chatty"), tries=3), ASKED)


def test_turns_that_left_the_prompt_count(models: Path) -> None:
    chat = open_usersim(str(models / "ready"), min_turns=5)

    async def ask() -> list[Completion]:
        try:
            return [await chat.complete(LATER, seed=1, call=made) for made in (1, 4, 5)]
        finally:
            await chat.aclose()

    assert [reply.finish_reason for reply in asyncio.run(ask())] == ["stop", "stop", ENDED]


def test_sampling_of_the_run_comes_first(models: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"model: {models / 'chatty'}\ntemperature: 0.7\nmax_tokens: 40\nmin_turns: 3\n", encoding="utf-8")
    plain, given = open_usersim(str(models / "chatty")), open_usersim(str(file))
    assert (plain.temperature, plain.top_p, plain.max_tokens, plain.guards.min_turns) == (1.0, 0.8, 512, 1)
    assert (given.temperature, given.top_p, given.max_tokens, given.guards.min_turns) == (0.7, 0.8, 40, 3)
    run = open_usersim(str(file), Sampling(temperature=0.2, top_p=1.0, max_tokens=900), min_turns=2)
    assert (run.temperature, run.top_p, run.max_tokens, run.guards.min_turns) == (0.2, 1.0, 40, 2)
    assert (plain.spec, given.spec) == (f"usersim:{models / 'chatty'}", f"usersim:{file}")


# a checkpoint that was trained elsewhere

LLAMA = (
    "{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' + m['content'] + "
    "'<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
HEADER = "<|start_header_id|>user<|end_header_id|>\n\n"


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as UserLM's is, and the small file that describes it."""
    root = tmp_path_factory.mktemp("foreign")
    special = ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
    user(root / "lm", template=LLAMA, trained=False, special=special, end=6.0, says={"<|eot_id|>": 6.0})
    (root / "lm.yaml").write_text(
        f"model: lm\nown: user\nprefix: {json.dumps(HEADER)}\nturn_end: ['<|eot_id|>']\n"
        "conversation_end: '<|endconversation|>'\nsystem: goal\nrepeats: true\n",
        encoding="utf-8",
    )
    return root


def test_a_foreign_checkpoint_reads_its_own_messages_as_the_users(foreign: Path) -> None:
    chat = open_usersim(str(foreign / "lm.yaml"))
    system = f"You are User.\n\n{forms()['wants'].format(text='You want tea.')}\n\nWrite."
    opener = "(The conversation begins. Write your first message.)"
    first = [{"role": "system", "content": system}, {"role": "user", "content": opener}]
    later = [*first, {"role": "assistant", "content": "Tea?"}, {"role": "user", "content": "Here.<|eot_id|>"}]
    read = [chat._checkpoint.tokenizer.decode(chat._asking.tokens(messages)) for messages in (first, later)]
    said = "<|start_header_id|>system<|end_header_id|>\n\nYou want tea.<|eot_id|>"
    assert read[0] == f"{said}{HEADER}"
    assert read[1].startswith(f"{said}{HEADER}Tea?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHere.")
    ends = chat._checkpoint.tokenizer.convert_tokens_to_ids("<|eot_id|>")
    assert chat._asking.tokens(later).count(ends) == 3


def test_a_foreign_checkpoint_ends_by_either_of_two_tokens(foreign: Path) -> None:
    messages = [{"role": "user", "content": "(x)"}, {"role": "assistant", "content": "Tea?"}, LATER[-1]]
    replies = asked(open_usersim(str(foreign / "lm.yaml")), messages, range(40))
    assert {"stop", ENDED} <= {reply.finish_reason for reply in replies}
    assert all(reply.text or reply.finish_reason == ENDED for reply in replies)
    transcript = play("realchat", {"user": f"usersim:{foreign / 'lm.yaml'}", "assistant": "improv"})
    assert transcript.ending.reason == "end_of_conversation"


# what is refused, in one line


def test_what_cannot_be_used_is_told_in_one_line(models: Path, tmp_path: Path) -> None:
    other = user(tmp_path / "main", words=True, vocab=60, speaker="main")
    silent = user(tmp_path / "silent", words=True, vocab=60, trained=False)
    bad = {
        f"usersim:{other}": "trained as 'main', not as user",
        f"usersim:{silent}": "holds no simworld.json",
        f"usersim:{tmp_path / 'none'}": "there is no folder",
        f"usersim:{written(tmp_path / 'a.yaml', 'model: ./x/y/z')}": "there is no folder './x/y/z'",
        f"usersim:{written(tmp_path / 'b.yaml', 'modle: x')}": "'modle' is not known.*nearest: model",
        f"usersim:{written(tmp_path / 'c.yaml', 'model: x' + chr(10) + 'tries: 0')}": "tries: .*greater than or equal",
        f"usersim:{written(tmp_path / 'd.yaml', 'model: [')}": "d.yaml:1:9: no YAML",
        f"usersim:{written(tmp_path / 'e.yaml', '- model')}": "should be a mapping",
        f"usersim:{written(tmp_path / 'f.yaml', f'model: {silent}{chr(10)}turn_end: [never seen]')}": "no single token",
        f"usersim:{tmp_path / 'g.yaml'}": "cannot be read: No such file",
    }
    for spec, told in bad.items():
        with pytest.raises(SimworldError, match=told) as refused:
            play("realchat", {"user": spec, "assistant": "improv"})
        assert "\n" not in str(refused.value), spec
    with pytest.raises(SimworldError, match=r"plays users, and seat 'assistant' is none.*--seat user=usersim:"):
        play("realchat", {"user": "improv", "assistant": f"usersim:{models / 'ready'}"})


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


# ends, in the engine


def play(scene: Any, seats: Mapping[str, Any], **more: Any) -> Transcript:
    return asyncio.run(sw.play(scene, seats=dict(seats), **more))


class Lines:
    """Says these, one a call; notes what it was asked."""

    def __init__(self, *lines: str | Completion) -> None:
        self.spec, self.context_tokens = "test:lines", 8192
        self.lines, self.asked = [*lines], list[list[Mapping[str, str]]]()

    def count(self, text: str) -> int:
        return len(text.split())

    async def complete(self, messages: Any, *, seed: Any = None, seat: str = "", call: Any = None) -> Completion:
        self.asked.append([*messages])
        line = self.lines.pop(0)
        return line if isinstance(line, Completion) else Completion(line)

    async def aclose(self) -> None:
        pass


def test_an_end_without_text_makes_no_turn(models: Path) -> None:
    transcript = play("realchat", {"user": f"usersim:{models / 'ready'}", "assistant": Lines("w7 w8", "w9 w7")})
    assert [turn.seat for turn in transcript.turns] == ["user", "assistant"]
    ending = transcript.ending
    assert (ending.reason, ending.by, ending.known) == ("end_of_conversation", "user", True)
    assert transcript.status == "complete"
    assert ending.detail.startswith(("p=0.9", "p=1.0"))
    assert transcript.turns[0].guards == ("early_end",)
    assert transcript.turns[0].end_probability == pytest.approx(1.0, abs=0.01)
    assert transcript.usage["user"].guards == {"early_end": 1}
    assert not any(turn.faults for turn in transcript.turns)


def test_an_end_after_text_keeps_the_turn() -> None:
    closing = Completion("That is all.", finish_reason=ENDED, end_probability=0.25)
    transcript = play("realchat", {"user": Lines("Hello?", closing), "assistant": Lines("Yes?", "?")})
    assert [turn.text for turn in transcript.turns] == ["Hello?", "Yes?", "That is all."]
    assert (transcript.ending.reason, transcript.ending.detail) == ("end_of_conversation", "p=0.250")


def test_an_end_of_a_guards_doing_is_not_known_to_be_one() -> None:
    closing = Completion("", finish_reason=ENDED, guards=("repeats", "gave_up"), end_probability=0.25)
    transcript = play("realchat", {"user": Lines("Hello?", closing), "assistant": Lines("Yes?", "?")})
    assert (transcript.ending.reason, transcript.ending.known) == ("end_of_conversation", False)
    assert transcript.ending.detail == "gave_up"
    assert transcript.usage["user"].guards == {"repeats": 1, "gave_up": 1}


@pytest.mark.parametrize(
    ("text", "said", "ends"),
    [
        (MARK, [], True),
        (f"  {MARK.upper()}\n", [], True),
        (f"Thanks, bye. {MARK}", ["Thanks, bye."], True),
        (f"Thanks.\n{MARK}\nAssistant: You are welcome!", ["Thanks."], True),
        (f"<think>{MARK}</think>Go on.", ["Go on."], False),
        ("end of conversation", ["end of conversation"], False),
    ],
)
def test_a_prompted_user_ends_by_a_mark(text: str, said: list[str], ends: bool) -> None:
    reply = parse_reply(text, own=["User"], others=["Assistant"], plain=True, end=MARK)
    assert ([piece.text for piece in reply.pieces], reply.end, reply.faults) == (said, ends, ())
    assert not parse_reply(text, plain=True).end


def test_the_mark_is_told_to_users_alone_and_ends_their_conversations_alone() -> None:
    person, assistant = Lines("Hello?", MARK), Lines(f"I am here. {MARK}", "?")
    transcript = play("realchat", {"user": person, "assistant": assistant})
    assert [turn.text for turn in transcript.turns] == ["Hello?", f"I am here. {MARK}"]
    ending = transcript.ending
    assert (ending.reason, ending.by, ending.detail) == ("end_of_conversation", "user", "")
    assert MARK in person.asked[0][0]["content"]
    assert MARK not in assistant.asked[0][0]["content"]


def test_nobody_leaves_before_having_said_a_word() -> None:
    person = Lines(MARK, "Hello?", MARK)
    transcript = play("realchat", {"user": person, "assistant": Lines("Yes?")})
    assert [turn.text for turn in transcript.turns] == ["Hello?", "Yes?"]
    assert transcript.usage["user"].guards == {"early_end": 1}
    assert transcript.usage["user"].repairs == 1
    assert transcript.turns[0].guards == ("early_end",)


def test_an_improvised_user_takes_leave_as_before() -> None:
    transcript = play("cover_letter", {})
    assert transcript.ending.reason in ("said_goodbye", "goal_reached", "max_turns")


def test_callbacks_hide_nothing_of_an_end(models: Path) -> None:
    from langchain_core.callbacks import AsyncCallbackHandler

    class Counts(AsyncCallbackHandler):
        starts = 0

        async def on_chat_model_start(self, *_: Any, **__: Any) -> None:
            Counts.starts += 1

    seats = {"user": f"usersim:{models / 'ready'}", "assistant": Lines("w7 w8", "w9 w7")}
    plain, seats["assistant"] = play("realchat", seats), Lines("w7 w8", "w9 w7")
    watched = play("realchat", seats, callbacks=[Counts()])
    assert Counts.starts == 2
    assert watched.turns == plain.turns
    assert watched.ending == plain.ending


def test_a_user_simulator_is_asked_for_nothing_but_its_turn() -> None:
    from simworld.agents.reflection import reflect
    from simworld.schema import Memory, Mind

    mind = Mind(memories=tuple(Memory(id=n, text=f"They spoke of rain {n}.", importance=0.8) for n in range(6)))
    seen = Lines("[1] It rains.", "[1] It rains.")
    scene = find_scenes(["realchat"])[0][1]
    cast = {seat.id: Persona(id=seat.id, name=seat.id.title()) for seat in scene.seats}
    part = Situation(scene, cast, "", {}, field_values(scene, cast, ""))
    for reflects in (False, True):
        agent = CharacterAgent(as_chat(seen), reflects=reflects)
        told: Any = _Part(cast["user"], part.scene.seat("user"))
        asyncio.run(reflect(agent, told, mind, names={}, calls=0, scene="x", at=1))
        assert len(seen.asked) == reflects


@dataclass(frozen=True)
class _Part:
    """As much of a part as a reflection looks at."""

    persona: Persona
    seat: Seat
    id: str = "user"
    dialogue: str = "d"
    index: int = 0
    seed: int = 1
    known_as: tuple[str, ...] = ()
    others_known_as: tuple[str, ...] = ()


# the scenes


def test_the_free_scene_tells_what_the_real_conversations_tell() -> None:
    real, _ = conversations.seat_records()
    person, assistant = Lines("Hello?", MARK), Lines("Yes?")
    transcript = play("realchat", {"user": person, "assistant": assistant})
    for seat in ("user", "assistant"):
        assert transcript.seats[seat].briefing == real[seat].briefing
        assert (transcript.seats[seat].name, transcript.seats[seat].format) == (real[seat].name, real[seat].format)
    assert person.asked[0] == [
        {"role": "system", "content": real["user"].briefing.system},
        {"role": "user", "content": real["user"].briefing.opener},
    ]


@pytest.mark.parametrize(
    ("scene", "row"),
    [
        ("realchat_intent", {"intent": "You want {a} recipe.\nA short one."}),
        ("realchat_persona", {"intent": "You want tea.", "persona": "You are 44.\n\n{{ You }} sail."}),
    ],
)
def test_an_intent_is_the_goal_and_a_persona_the_profile(scene: str, row: dict[str, str]) -> None:
    person = Lines("Hello?", MARK)
    play(scene, {"user": person, "assistant": Lines("Yes?")}, row=row)
    who = conversations.PERSONAS[0].model_copy(update={"profile": row.get("persona", "")})
    real, _ = conversations.seat_records(row["intent"], who)
    assert person.asked[0][0]["content"] == real["user"].briefing.system


def test_a_seeded_conversation_goes_on_from_its_first_exchange() -> None:
    person = Lines("And brown rice?", MARK)
    row = {"prompt": "Rice?", "answer": "Four days.", "more": "unread"}
    transcript = play("realchat_seeded", {"user": person, "assistant": Lines("As long.")}, row=row)
    assert [turn.text for turn in transcript.turns] == ["Rice?", "Four days.", "And brown rice?", "As long."]
    assert [turn.source for turn in transcript.turns] == ["scene", "scene", "", ""]
    assert [message["content"] for message in person.asked[0][2:]] == ["Rice?", "Four days."]


def test_the_built_in_scenes_play_without_rows() -> None:
    pack = load_pack(ROOT)
    mine = sorted(id for id, scene in pack.scenes.items() if scene.kind == "realchat")
    assert len(mine) == 6
    assert not any(pack.scenes[id].drawn for id in mine)
    told = gathered(mine, n=24)
    assert {transcript.status for transcript in told} == {"complete"}
    assert {transcript.scene for transcript in told} == set(mine)
    first = [transcript.turns[0].text for transcript in told if transcript.scene == "realchat_seeded"]
    assert sorted(first) == sorted(row["prompt"] for row in pack.scenes["realchat_seeded"].rows)


def test_who_is_not_drawn_takes_no_open_seat() -> None:
    from simworld.packs import candidates
    from simworld.schema import Constraint

    found = {who.id for who in candidates(Constraint(), load_pack(ROOT))}
    assert "juniper" in found
    assert found.isdisjoint({"user", "assistant"})


def gathered(scenes: Any, **more: Any) -> list[Transcript]:
    async def gather() -> list[Transcript]:
        return [one async for one in sw.play_many(scenes, **more)]

    return sorted(asyncio.run(gather()), key=lambda one: one.index)


# one who sees the newest message alone


def test_with_history_last_the_newest_message_stands_alone_and_rows_tell_so() -> None:
    seats = {"user": Lines("One?", "Two?", "Three?", MARK), "assistant": (seen := Lines("1.", "2.", "3."))}
    transcript = play("realchat_last", seats)
    assert [[m["content"] for m in messages[1:]] for messages in seen.asked] == [["One?"], ["Two?"], ["Three?"]]
    assert [turn.since for turn in transcript.turns if turn.seat == "assistant"] == [None, 2, 4]
    rows = stretches(transcript.turns, "assistant", transcript.seats, transcript.forms)
    assert [row["messages"][:-1] for row in rows] == seen.asked
    assert [row["messages"][-1]["content"] for row in rows] == ["1.", "2.", "3."]
    assert len(seats["user"].asked[-1]) == 8


# rows


def rows_file(path: Path, rows: Sequence[Any]) -> Path:
    return written(path, "".join(json.dumps(row) + "\n" for row in rows))


INTENTS = [{"intent": f"You want {thing}.", "n": n} for n, thing in enumerate(["tea", "rain", "rest"])]


def test_each_dialogue_takes_its_own_row(tmp_path: Path) -> None:
    file = rows_file(tmp_path / "r.jsonl", INTENTS)

    def made(out: str, **more: Any) -> list[dict[str, Any]]:
        settings = RunSettings(
            scenes=("realchat_intent",), out=str(tmp_path / out), rows=str(file), max_turns=4, n=7, **more
        )
        asyncio.run(produce(settings, lambda _: None))
        return transcripts(tmp_path / out)  # type: ignore[return-value]

    told = made("alone")
    briefings = [one["seats"]["user"]["briefing"]["system"] for one in told[:3]]
    assert [row["intent"] in text for row, text in zip(INTENTS, briefings, strict=True)] == [True] * 3
    assert [one["about"]["row"] for one in told] == [*"0120120"]
    made("several", workers=2)
    assert bytes_of(tmp_path / "several") == bytes_of(tmp_path / "alone")
    before = bytes_of(tmp_path / "alone")
    shard = next((tmp_path / "alone" / "transcripts").iterdir())
    shard.write_bytes(b"".join(shard.read_bytes().splitlines(keepends=True)[:4]))
    made("alone")
    assert bytes_of(tmp_path / "alone") == before
    settings = RunSettings(scenes=("realchat_intent",), out="", rows=str(file), max_turns=4, n=30)
    assert asyncio.run(forecast(settings, lambda _: None)).n == 30
    rows_file(file, INTENTS[:2])
    with pytest.raises(SimworldError, match="rows"):
        made("alone")


def test_without_a_number_there_are_as_many_as_rows(tmp_path: Path) -> None:
    file = rows_file(tmp_path / "r.jsonl", INTENTS)
    plan = json.loads(simworld("run", "realchat_intent", "--rows", file, "--dry-run", "--json").stdout)
    assert plan["n"] == 3


def test_rows_go_through_each_scene() -> None:
    told = gathered(["realchat_intent", "realchat_persona"], n=8, max_turns=1, rows=[
        {"intent": f"You want {n}.", "persona": f"You are {n}."} for n in range(4)
    ])  # fmt: skip
    for scene in ("realchat_intent", "realchat_persona"):
        assert [one.about["row"] for one in told if one.scene == scene] == [*"0123"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '{"intent": "You want tea."}\n{"intend": "x"}\n',
            r"r.jsonl:2: has no column 'intent', which the scene reads; it has 'intend'",
        ),
        ('{"intent": ["x"]}\n', r"r.jsonl:1: column 'intent' is a list; it should be text"),
        ("[1]\n", r"r.jsonl:1: should be an object with 'intent', is a list"),
        ('{"intent": \n', r"r.jsonl:1"),
        ("\n", r"holds no rows"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_used_are_told_with_their_line(text: str, told: str, tmp_path: Path) -> None:
    file = written(tmp_path / "r.jsonl", text)
    with pytest.raises(SimworldError) as refused:
        Prepared(RunSettings(scenes=("realchat_intent",), out="", rows=str(file)))
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_rows_for_a_scene_that_reads_none(tmp_path: Path) -> None:
    with pytest.raises(SimworldError, match=r"\(realchat\) reads rows"):
        Prepared(RunSettings(scenes=("realchat",), out="", rows=str(rows_file(tmp_path / "r.jsonl", INTENTS))))
    with pytest.raises(SimworldError, match="row 1: has no column 'intent'"):
        gathered("realchat_intent", n=2, rows=[{"intent": "x"}, {"prompt": "y"}])


def test_a_long_row_is_told_whole() -> None:
    prompt = "word " * 20_000
    transcript = play("realchat_prompt", {"user": Lines(MARK), "assistant": Lines("Yes.")}, row={"prompt": prompt})
    assert transcript.turns[0].text.strip() == prompt.strip()


def test_check_knows_rows(tmp_path: Path) -> None:
    def problems(goal: str, rows: list[dict[str, str]]) -> list[tuple[str, str]]:
        seats = [{"id": "user", "persona": "a", "role": "user", "goal": goal}, {"id": "x", "persona": "b"}]
        shutil.rmtree(tmp_path / "p", ignore_errors=True)
        scene = {"id": "s", "title": "S", "seats": seats, **({"rows": rows} if rows else {})}
        write_pack(tmp_path / "p", [scene], [{"id": "a", "name": "A"}, {"id": "b", "name": "B"}])
        return [(one.code, one.field) for one in check([tmp_path / "p"], check_template=check_template)]

    assert problems("{{ row.what }}", [{"what": "tea"}]) == []
    assert problems("{{ row.what }}", []) == [("no-rows", "seats.user.goal")]
    assert problems("{{ row.what }}", [{"what": "tea"}, {"who": "A"}]) == [("no-column", "rows.1")]
    assert problems("{{ row.__class__ }}", [{"what": "tea"}])[0][0] in ("bad-template", "no-column")
    assert problems("{% if row.what %}{{ row.what | lower }}{% endif %}", [{"what": "tea"}]) == []
    with pytest.raises(SimworldError, match="no rows"):
        accept_scene(Scene(id="s", title="S", background="{{ row.x }}", seats=(Seat(id="a", persona="juniper"),)))


# from the command line


def test_simulated_conversations_from_the_command_line(models: Path, tmp_path: Path) -> None:
    out, spec = tmp_path / "out", f"usersim:{models / 'chatty'}"
    command = ["run", "realchat", "--seat", f"user={spec}", "--seat", "assistant=improv", "-n", 5, "--out", out]
    done = simworld(*command, OMP_NUM_THREADS="1")
    told = transcripts(out)
    assert len(told) == 5
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["endings"].get("end_of_conversation")
    assert list(manifest["identity"]["backends"]["files"]) == [spec]
    acted = Counter[str]()
    for one in told:
        acted.update(one["usage"]["user"]["guards"])  # type: ignore[index]
    assert manifest["guards"] == dict(sorted(acted.items()))
    assert "early_end" in acted
    [line] = [line for line in done.stderr.splitlines() if line.startswith("guards of user simulators acted: ")]
    assert f"early_end {acted['early_end']}" in line
    assert "price unknown" not in done.stderr
    before = bytes_of(out)
    shard = next((out / "transcripts").iterdir())
    lines = shard.read_text(encoding="utf-8").splitlines(keepends=True)
    shard.write_text("".join(lines[:2]), encoding="utf-8")
    again = simworld(*command, OMP_NUM_THREADS="1")
    assert "answered by the journal" in again.stderr
    assert bytes_of(out) == before
    settings = RunSettings(
        scenes=("realchat",), out=str(out), seats={"user": spec, "assistant": "improv"}, n=5, replay=True
    )
    asyncio.run(produce(settings, lambda _: None))
    assert bytes_of(out) == before


def test_another_checkpoint_or_file_is_another_corpus(models: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "u.yaml", f"model: {models / 'chatty'}\n")

    def files() -> dict[str, str]:
        return Speakers("improv", {"user": f"usersim:{file}"}).identity()["files"]

    first = files()
    assert list(first) == [f"usersim:{file}"]
    assert files() == first
    written(file, f"model: {models / 'chatty'}\nmin_turns: 1\n")
    assert files() == first
    written(file, f"model: {models / 'chatty'}\nmin_turns: 2\n")
    second = files()
    written(file, f"model: {models / 'ready'}\n")
    assert len({*first.values(), *second.values(), *files().values()}) == 3


def test_usersim_is_listed() -> None:
    from simworld.simulate.speakers import described

    assert "usersim:DIR" in dict(described())


def test_usage_of_guards_adds_up() -> None:
    from simworld.simulate.state import add_usage

    one, other = Usage(calls=1, guards={"echoes": 1, "gave_up": 1}), Usage(calls=1, guards={"echoes": 2})
    assert add_usage(one, other).guards == {"echoes": 3, "gave_up": 1}
    assert Reply.of(say="x").guards == ()


def test_options_of_a_folder_are_the_defaults(models: Path) -> None:
    options = read_options(str(models / "chatty"))
    assert (options.guards, options.foreign) == (Guards(), None)


# detectors


def test_what_is_said_again() -> None:
    assert says_again("And  what about the OTHER one?", ["And what about the other one?"])
    assert not says_again("Yes, please.", ["Yes, please."])
    assert is_echo("One two three four five.", ["one, two three four five"], [])
    long = "You can sort the list with sorted, which takes a key function, and reverse it with reverse set to true."
    assert is_echo(long[: len(long) // 2], [], [long])
    assert is_echo(long, [], [f"Sure! {long} Let me know."])
    assert not is_echo(f"You say: {long[:30]} But why does it need a key, and what would the key be here?", [], [long])
    assert not is_echo(f"{long} Is that right? I have never had to use a key function like this.", [long], [])


def test_what_reads_like_an_answer() -> None:
    own = ["how do i sort a list", "and backwards?"]
    answer = (
        "Sure! Here is an example of how you can sort a list in reverse:\n\n```python\nsorted(xs, reverse=True)\n```"
        "\n\nLet me know if you have any other questions."
    )
    assert is_flip(answer, own)
    assert is_flip(f"what about strings?\n\n{answer}", own)
    for text in ("ok thanks, and strings?", "Can you give me an example?", "continue", "I want it shorter.", "2 + 2"):
        assert not is_flip(text, own), text
    assert 0 <= flips_role("", []) <= 1


def test_guards_judge_a_draft() -> None:
    messages = [*LATER[:2], {"role": "assistant", "content": "a b c d e f"}, {"role": "user", "content": "g h i j k l"}]
    verdicts = {
        text: judge(Draft(text), messages, Guards()) for text in ("A b c d e f!", "g h i j k l", "m", "  ", "a b c")
    }
    assert verdicts == {"A b c d e f!": "repeats", "g h i j k l": "echoes", "m": "", "  ": "empty", "a b c": ""}
    assert judge(Draft("  ", ended=True), messages, Guards()) == ""
    assert judge(Draft("g h i j k l"), messages, Guards(repeats=True)) == ""


def test_detectors_hold_their_floor_on_real_conversations(data: Path) -> None:
    some = [case for case in usersim_detect.cases(data) if not case.fitted]
    some = [case for at, case in enumerate(some) if case.source in usersim_detect.FITTED or at % 20 == 0]
    rows = {(name, kind): got for name, kind, got in usersim_detect.table(some)}
    floors = {"answered": (0.72, 0.04), "spliced": (0.75, 0.04), "echo": (0.98, 0.02)}
    for kind, (recall, alarms) in floors.items():
        got = rows["the three", kind]
        assert got.negatives > 1000
        assert got.recall >= recall, kind
        assert got.false_alarms <= alarms, kind
    # people who answer each other and bots that imitate them cannot be told apart by how they write
    assert rows["convai2018", "answered"].recall < 0.2
