"""What is learnt of a conversation, token by token: the mask, over tokenizers and templates of many kinds."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simworld.checkpoint.control import END_OF_CONVERSATION, Controls, Hidden
from simworld.checkpoint.prompts import Prompt, Prompts
from simworld.checkpoint.template import Template
from simworld.errors import BackendError, UsageError
from simworld.text.tokens import MESSAGE_OVERHEAD
from simworld.train.mask import NOTHING, Example, mask
from simworld.train.rows import TrainMessage, TrainRow
from simworld.train.show import show_mask
from tests.tiny_model import CHATML, NO_SYSTEM

pytest.importorskip("transformers", reason="the extra `local` is not installed")
from tests.tokenizers_of_tests import (
    EOS_PUT_IN,
    PLAIN,
    QWEN3,
    REWRITES,
    TALK,
    TOKENIZERS,
)

EXACT = ("byte-level", "generation-tags", "plain-added", "added-late", "llama-2", "llama-3", "mistral", "phi-3")
"""Kinds that take a text in and give it back as it was."""
ALIKE = (*EXACT, "unigram", "unigram-always", "xlm-r", "wordpiece", "words")
"""Kinds that cut a whole text where a reply begins and ends anyway."""
KINDS = pytest.mark.parametrize("kind", TOKENIZERS)


@cache
def tokenizer_of(kind: str) -> Any:
    return TOKENIZERS[kind]()


@cache
def template_of(kind: str) -> Template:
    return Template(tokenizer_of(kind), kind)


def end_of(kind: str) -> int:
    return tokenizer_of(kind).convert_tokens_to_ids(END_OF_CONVERSATION)


def messages_of(contents: list[str]) -> list[dict[str, str]]:
    roles = ["system", *(("user", "assistant")[at % 2] for at in range(len(contents) - 1))]
    return [{"role": role, "content": content} for role, content in zip(roles, contents, strict=True)]


def row_of(contents: list[str], *, over: bool | None = False) -> TrainRow:
    """A row whose every own message is learnt; `over`: whether the conversation is known to end with the last."""
    messages: list[TrainMessage] = []
    for message in messages_of(contents):
        own = message["role"] == "assistant"
        messages.append({**message, "loss": own, "end": False if own else None})  # type: ignore[typeddict-item]
    messages[-1]["end"] = over
    return {"id": "one", "root": "one", "split": "train", "messages": messages}


def learnt_runs(example: Example) -> list[list[int]]:
    """The labels that stand together."""
    runs: list[list[int]] = []
    before = NOTHING
    for label in example.labels:
        if label != NOTHING:
            if before == NOTHING:
                runs.append([])
            runs[-1].append(label)
        before = label
    return runs


def squashed(text: str) -> str:
    """A text without what some tokenizers drop: letter case, white space and composed forms."""
    return "".join(text.split()).lower()


def strict_ids(kind: str) -> set[int]:
    """Every token of the tokenizer that no content may become."""
    tokenizer = tokenizer_of(kind)
    added = {id for id, token in tokenizer.added_tokens_decoder.items() if token.special}
    plain = {tokenizer.convert_tokens_to_ids("<|im_start|>")} if kind == "plain-added" else set()
    return ({*tokenizer.all_special_ids} | added | plain) - {tokenizer.unk_token_id}


# -- what is learnt


@KINDS
def test_exactly_the_own_messages_and_what_closes_them_are_learnt(kind: str) -> None:
    tokenizer, template = tokenizer_of(kind), template_of(kind)
    example = mask(template, row_of(TALK), conversation_end=None)
    runs = learnt_runs(example)
    assert [squashed(tokenizer.decode(run[:-1])) for run in runs] == [squashed(text) for text in TALK[2::2]]
    assert {run[-1] for run in runs} == {template.closing}
    assert template.closing in strict_ids(kind)
    assert sum(map(len, runs)) == sum(turn.stop - turn.start for turn in example.turns)
    for turn, text, number in zip(example.turns, TALK[2::2], (2, 4, 6), strict=True):
        assert (turn.message, turn.text_bytes, turn.end) == (number, len(text.encode()), False)
        assert example.labels[turn.start : turn.stop] == example.ids[turn.start : turn.stop]


@pytest.mark.parametrize("kind", ALIKE)
def test_the_tokens_are_those_of_the_whole_text(kind: str) -> None:
    tokenizer = tokenizer_of(kind)
    text = tokenizer.apply_chat_template(messages_of(TALK), tokenize=False)
    example = mask(template_of(kind), row_of(TALK), conversation_end=None)
    assert example.ids == tokenizer(text, add_special_tokens=False)["input_ids"]


def test_the_same_as_by_the_templates_own_generation_tags() -> None:
    tokenizer = tokenizer_of("generation-tags")
    told = tokenizer.apply_chat_template(
        messages_of(TALK), return_dict=True, return_assistant_tokens_mask=True, add_generation_prompt=False
    )
    example = mask(template_of("generation-tags"), row_of(TALK), conversation_end=None)
    assert example.ids == list(told["input_ids"])
    assert [int(label != NOTHING) for label in example.labels] == list(told["assistant_masks"])


def test_the_same_as_by_the_places_of_the_characters() -> None:
    tokenizer = tokenizer_of("byte-level")
    text = tokenizer.apply_chat_template(messages_of(TALK), tokenize=False)
    told = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    spans = [match.span(1) for match in re.finditer(r"<\|im_start\|>assistant\n(.*?<\|im_end\|>)", text, re.DOTALL)]
    labels = [
        id if any(start <= at and to <= stop for start, stop in spans) else NOTHING
        for id, (at, to) in zip(told["input_ids"], told["offset_mapping"], strict=True)
    ]
    assert mask(template_of("byte-level"), row_of(TALK), conversation_end=None).labels == labels


def test_a_message_without_loss_is_read_and_not_learnt() -> None:
    row = row_of(TALK)
    whole = mask(template_of("byte-level"), row, conversation_end=None)
    row["messages"][4]["loss"] = False
    example = mask(template_of("byte-level"), row, conversation_end=None)
    assert example.ids == whole.ids
    assert [turn.message for turn in example.turns] == [2, 6]
    assert len(learnt_runs(example)) == 2


# -- ends


@KINDS
def test_the_end_of_a_conversation_closes_the_last_message_in_place_of_the_turns_end(kind: str) -> None:
    template, end = template_of(kind), end_of(kind)
    example = mask(template, row_of(TALK, over=True), conversation_end=end)
    assert [run[-1] for run in learnt_runs(example)] == [template.closing, template.closing, end]
    going = mask(template, row_of(TALK), conversation_end=end)
    assert learnt_runs(example)[-1][:-1] == learnt_runs(going)[-1][:-1]
    last = example.turns[-1]
    assert (example.ids[: last.stop - 1], last.end) == (going.ids[: last.stop - 1], True)


@KINDS
def test_an_own_message_without_text_is_the_end_alone(kind: str) -> None:
    template, end = template_of(kind), end_of(kind)
    row = row_of([*TALK[:-1], ""], over=True)
    example = mask(template, row, conversation_end=end)
    last = example.turns[-1]
    assert (last.message, last.stop - last.start, last.text_bytes) == (6, 1, 0)
    assert example.labels[last.start] == end
    assert example.ids[: last.start] == template.encode(messages_of(TALK[:-1]))
    untaught = mask(template, row, conversation_end=None)
    assert [turn.message for turn in untaught.turns] == [2, 4]
    assert end not in untaught.ids


@KINDS
def test_an_unknown_end_teaches_nothing_of_ending(kind: str) -> None:
    template = template_of(kind)
    example = mask(template, row_of(TALK, over=None), conversation_end=end_of(kind))
    known = mask(template, row_of(TALK), conversation_end=end_of(kind))
    last = example.turns[-1]
    assert example.ids == known.ids
    assert example.labels[last.stop - 1] == NOTHING
    assert example.labels[: last.stop - 1] == known.labels[: last.stop - 1]


def test_where_no_end_is_taught_one_that_is_known_is_not_learnt() -> None:
    template = template_of("byte-level")
    example = mask(template, row_of(TALK, over=True), conversation_end=None)
    last = example.turns[-1]
    assert example.ids[last.stop - 1] == template.closing
    assert example.labels[last.stop - 1] == NOTHING


def test_a_token_of_the_number_0_can_be_the_end() -> None:
    example = mask(template_of("byte-level"), row_of(TALK, over=True), conversation_end=0)
    assert learnt_runs(example)[-1][-1] == 0


# -- acting reads what training learnt from


@KINDS
@pytest.mark.parametrize("memory", ["kept", "fresh"])
def test_acting_is_asked_with_what_stands_before_the_reply(kind: str, memory: str) -> None:
    replies = ["  Good evening,  friend.\n", "x", "Ünï “quoted” 🙂 ", "So be it."]
    talk = ["Be brief.", " Hello ", replies[0], "\n\nWell?", replies[1], "", replies[2], "7", replies[3]]
    example = mask(template_of(kind), row_of(talk), conversation_end=None)
    acting = Template(tokenizer_of(kind), kind)
    assert len(example.turns) == 4
    for turn in example.turns:
        if memory == "fresh":
            acting = Template(tokenizer_of(kind), kind)
        assert acting.encode(messages_of(talk[: turn.message])) == example.ids[: turn.start]


@pytest.mark.parametrize("kind", EOS_PUT_IN)
def test_the_eos_token_closes_where_the_template_writes_nothing(kind: str) -> None:
    tokenizer, talk = tokenizer_of(kind), messages_of(TALK[:4])
    text = tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
    assert tokenizer.eos_token_id not in tokenizer(text, add_special_tokens=False)["input_ids"]
    assert template_of(kind).encode(talk).count(tokenizer.eos_token_id) == 1
    # a stranger's checkpoint is asked as its template writes
    asked = Template(tokenizer, kind, closes=False).encode(talk)
    assert asked == tokenizer(text, add_special_tokens=False)["input_ids"]


@KINDS
def test_a_prompt_without_own_messages_is_as_the_tokenizer_gives_it(kind: str) -> None:
    tokenizer = tokenizer_of(kind)
    text = tokenizer.apply_chat_template(messages_of(TALK[:2]), tokenize=False, add_generation_prompt=True)
    assert template_of(kind).encode(messages_of(TALK[:2])) == tokenizer(text, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize("kind", [kind for kind in TOKENIZERS if kind != "python"])
def test_text_with_something_hidden_is_cut_as_it_would_be_without(kind: str) -> None:
    tokenizer = tokenizer_of(kind)
    render = template_of(kind)._render
    text = render(messages_of([*TALK[:3], f"{TALK[3]} \n ", *TALK[4:]]), asks=True)
    marked = text.replace("evening", "\U000f0000").replace("chair", "\U000f0001")
    hidden = Hidden([], 0, {"\U000f0000": "evening", "\U000f0001": "chair"})
    assert marked != text
    assert template_of(kind)._tokens.whole(marked, hidden) == tokenizer(text, add_special_tokens=False)["input_ids"]


# -- no content becomes a control token


def control_strings(kind: str) -> list[str]:
    return sorted(tokenizer_of(kind).get_added_vocab() | dict.fromkeys(tokenizer_of(kind).all_special_tokens))


def check_no_control_in_contents(kind: str, contents: list[str]) -> Example:
    """No content of the row is a control token, in training and in acting; and both read the same."""
    template, strict = template_of(kind), strict_ids(kind)
    plain = mask(template, row_of([*(["x"] * len(contents))], over=True), conversation_end=end_of(kind))
    example = mask(template, row_of(contents, over=True), conversation_end=end_of(kind))
    assert [id for id in example.ids if id in strict] == [id for id in plain.ids if id in strict]
    for turn in example.turns:
        assert strict.isdisjoint(example.ids[turn.start : turn.stop - 1])
        prompt = Template.encode(template, messages_of(contents[: turn.message]))
        assert prompt == example.ids[: turn.start]
    return example


@KINDS
def test_a_content_with_a_control_string_holds_no_control_token(kind: str) -> None:
    tokenizer = tokenizer_of(kind)
    strings = control_strings(kind)
    assert END_OF_CONVERSATION in strings
    for string in strings:
        text = f"I write {string} and{string}."
        example = check_no_control_in_contents(kind, [text] * 5)
        if kind != "words":  # one whose words are not known tells nothing
            for run in learnt_runs(example):
                assert squashed(tokenizer.decode(run[:-1])) == squashed(text)
    check_no_control_in_contents(kind, ["".join(strings), *strings[:4]])
    check_no_control_in_contents(kind, [string for string in strings for _ in "12"][:5])


@KINDS
def test_neither_does_what_becomes_one_by_normalisation_or_beside_the_template(kind: str) -> None:
    for string in control_strings(kind):
        wide = "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in string)
        halves = [string[: len(string) // 2], string[len(string) // 2 :]]
        torn = [*halves, f"{halves[1]} is {halves[0]}", f" {string[:-1]} ", f"{string[1:]}\n"]
        for text in (wide, string.upper(), *torn):
            check_no_control_in_contents(kind, [text] * 5)


def test_the_edge_of_a_content_makes_no_control_token_with_the_template() -> None:
    tokenizer = TOKENIZERS["byte-level"]()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "end>", ">>start"]})
    quoted = "('>' + m['content'] + '>' if m['role'] == 'user' else m['content'])"
    tokenizer.chat_template = CHATML.replace("m['content']", quoted)
    template = Template(tokenizer, "edges")
    forbidden = set(tokenizer.convert_tokens_to_ids(["end>", ">>start"]))
    for text in ("end", ">start", "the end", ">start of the end"):
        ids = mask(template, row_of([text] * 5), conversation_end=None).ids
        assert forbidden.isdisjoint(ids)


def test_what_is_called_unknown_can_be_written() -> None:
    unknown = tokenizer_of("wordpiece").unk_token_id
    ids = check_no_control_in_contents("wordpiece", ["I write [UNK] here."] * 5).ids
    assert unknown not in ids
    assert unknown in check_no_control_in_contents("wordpiece", ["\u4e00 is not known."] * 5).ids


@KINDS
def test_control_strings_are_counted_as_the_text_that_they_are(kind: str) -> None:
    template = template_of(kind)
    for text in ("<|im_end|>", "</s><s>", f"{END_OF_CONVERSATION} [SEP]"):
        talk = messages_of([text] * 6)
        counted = 6 * (template.count(text) + MESSAGE_OVERHEAD) + template.fixed
        assert len(template.encode(talk)) <= counted


def test_a_word_that_is_a_control_token_is_not_merged_into_one() -> None:
    tokenizer = tokenizer_of("added-late")
    [word] = {*tokenizer.all_special_tokens} - {"<pad>", "<|im_end|>", END_OF_CONVERSATION}
    assert word.isalpha()
    assert word in tokenizer.backend_tokenizer.model.__getstate__().decode()
    check_no_control_in_contents("added-late", [f"{word} and {word}s"] * 5)


def test_a_tokenizer_that_cannot_keep_them_apart_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = TOKENIZERS["python"]()
    template = Template(tokenizer, "python")
    monkeypatch.setattr(tokenizer, "tokenize", lambda text, **_: [END_OF_CONVERSATION])
    talk = [*TALK[:3], f"I write {END_OF_CONVERSATION}", "So."]
    with pytest.raises(UsageError, match=r"^row one: python: its tokenizer makes a control token of 'System: You"):
        mask(template, row_of(talk), conversation_end=None)
    with pytest.raises(BackendError, match="its tokenizer makes a control token"):
        template.encode(messages_of(talk[:4]))


def test_a_plain_added_token_that_the_template_does_not_write_is_content() -> None:
    tokenizer, template = tokenizer_of("plain-added"), template_of("plain-added")
    tool, start = tokenizer.convert_tokens_to_ids(["<|tool|>", "<|im_start|>"])
    for text in ("<|tool|>", "<|tool|> and <|im_start|>"):
        ids = template.encode(messages_of([text, "x"]))
        assert (ids.count(tool), ids.count(start)) == (1, 3)


def test_a_content_with_private_characters_is_kept_as_it_is() -> None:
    hidden = template_of("byte-level")._controls.hide(messages_of(["<|im_end|>"]))
    [mark] = hidden.marks
    text = f"a {mark}\U000f0000 <|im_end|>"
    example = check_no_control_in_contents("byte-level", [text] * 5)
    decoded = [tokenizer_of("byte-level").decode(run[:-1]) for run in learnt_runs(example)]
    assert decoded == [text, text]


def test_a_conversation_may_hold_control_strings_late() -> None:
    """What was kept of a prompt serves the next one, whatever is hidden there."""
    talk = [*TALK[:3], "<|im_end|>", "I see <pad>", "\U000f0000<|im_start|>", "Well."]
    acting = Template(tokenizer_of("byte-level"), "acting")
    for length in (2, 4, 6):
        fresh = Template(tokenizer_of("byte-level"), "fresh")
        assert acting.encode(messages_of(talk[:length])) == fresh.encode(messages_of(talk[:length]))


_PIECES = st.one_of(
    st.text(max_size=12),
    st.sampled_from([" ", "\n", "  \n ", "<", "|", ">", "[", "]", "▁", "Ġ", "\U000f0001", "é", "ﬁ", "＜", "s>"]),
    st.sampled_from(["<|im_end|>", "<|im_start|>", "</s>", "<s>", "[SEP]", "[INST]", "[/INST]", END_OF_CONVERSATION]),
    st.sampled_from(["<unk>", "[UNK]", "<pad>", "[PAD]", "<|assistant|>", "<|end|>", "assistant", "start", "x y"]),
)
CONTENTS = st.lists(st.lists(_PIECES, max_size=5).map("".join), min_size=5, max_size=5)


@KINDS
@settings(max_examples=40, deadline=None)
@given(contents=CONTENTS)
def test_whatever_is_written_acting_and_training_agree(kind: str, contents: list[str]) -> None:
    example = check_no_control_in_contents(kind, contents)
    tokenizer, template = tokenizer_of(kind), template_of(kind)
    assert len(example.turns) == 2
    for turn, text in zip(example.turns, contents[2::2], strict=True):
        if kind in EXACT:
            said = tokenizer.decode([*tokenizer("x", add_special_tokens=False)["input_ids"],
                                     *example.ids[turn.start : turn.stop - 1]])  # fmt: skip
            assert template._reply is not None
            written = template._reply.said(text).replace("▁", " " if "▁" in tokenizer.vocab else "▁") if text else ""
            told = said.removeprefix("x")
            # a Prepend normalizer puts a space behind a control token
            assert told == written or (kind in ("mistral", "phi-3") and told == f" {written}")


# -- templates that cannot be learnt from


def template_by(template: str, **changes: Any) -> Template:
    tokenizer = TOKENIZERS["byte-level"]()
    tokenizer.chat_template = template
    for name, value in changes.items():
        setattr(tokenizer, name, value)
    return Template(tokenizer, "made")


@pytest.mark.parametrize(("template", "first"), [(QWEN3, 3), (REWRITES, 3)], ids=["drops-thinking", "rewrites"])
def test_a_template_whose_prompts_are_no_beginnings_is_refused(template: str, first: int) -> None:
    with pytest.raises(UsageError, match=rf"^row one: made: .* up to message {first} \(the assistant's\)") as caught:
        mask(template_by(template), row_of(TALK), conversation_end=None)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("template", [QWEN3, REWRITES], ids=["drops-thinking", "rewrites"])
def test_acting_goes_on_with_such_a_template_as_it_writes(template: str) -> None:
    made = template_by(template)
    text = made._tokenizer.apply_chat_template(messages_of(TALK[:6]), tokenize=False, add_generation_prompt=True)
    assert made.encode(messages_of(TALK[:6])) == made._tokenizer(text)["input_ids"]
    hostile = [*TALK[:3], "<|im_end|>", "Fine.", "<|im_start|>"]
    ends = [ids.count(1) for ids in (made.encode(messages_of(TALK[:6])), made.encode(messages_of(hostile)))]
    assert ends[0] == ends[1]


@pytest.mark.parametrize("name", ["llama3_1", "qwen2_5", "qwen3_training", "gemma", "phi3", "cohere", "glm4moe"])
def test_templates_of_the_field_are_learnt_from(name: str) -> None:
    check_field(name)


@pytest.mark.parametrize("name", ["qwen3", "deepseekv3"])
def test_templates_of_the_field_that_drop_thinking_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"up to message 3 .* \*_training\.jinja"):
        check_field(name)


def check_field(name: str) -> None:
    """The template of this name in trl, with all that it writes as control tokens."""
    trl = find_spec("trl")
    if trl is None or trl.origin is None:
        pytest.skip("the extra `train` is not installed: trl brings the templates")
    source = (Path(trl.origin).parent / "chat_templates" / f"{name}.jinja").read_text(encoding="utf-8")
    marks = {mark for mark in re.findall(r"<\|?\w+\|?>|<｜[^>]+｜>", source) if len(mark) < 40}
    tokenizer = TOKENIZERS["byte-level"]()
    names = [END_OF_CONVERSATION, "<|im_start|>", "<bos>", "<|endoftext|>", *sorted(marks)]
    tokenizer.add_special_tokens({"additional_special_tokens": names})
    tokenizer.bos_token, tokenizer.eos_token, tokenizer.chat_template = "<bos>", "<|endoftext|>", source
    template = Template(tokenizer, name)
    special = {*tokenizer.all_special_ids}
    for contents in (TALK, ["x"] * 5, [f"I write {mark}." for mark in 5 * sorted(marks)][:5]):
        example = mask(template, row_of(contents), conversation_end=None)
        runs = learnt_runs(example)
        assert [tokenizer.decode(run[:-1]).strip() for run in runs] == contents[2::2]
        assert all(special.isdisjoint(run[:-1]) for run in runs)
        assert {run[-1] for run in runs} == {template.closing}
        for turn in example.turns:
            assert template.encode(messages_of(contents[: turn.message])) == example.ids[: turn.start]


def test_a_template_without_a_generation_prompt_is_refused() -> None:
    made = template_by(CHATML.partition("{% if add_generation_prompt")[0])
    with pytest.raises(UsageError, match="up to message 3"):
        mask(made, row_of(TALK), conversation_end=None)


def test_a_template_without_a_system_role_is_learnt_from() -> None:
    example = mask(template_by(NO_SYSTEM), row_of(TALK), conversation_end=None)
    head = row_of(TALK)
    head["messages"][1]["content"] = f"{TALK[0]}\n\n{TALK[1]}"
    head["messages"].pop(0)
    plain = mask(template_by(CHATML), head, conversation_end=None)
    assert (example.ids, example.labels) == (plain.ids, plain.labels)
    assert [turn.message for turn in example.turns] == [2, 4, 6]


def test_where_nothing_can_close_a_turn_it_is_told() -> None:
    made = template_by(PLAIN, eos_token=None)
    with pytest.raises(UsageError, match="nothing closes a turn: let its template write the eos token") as caught:
        mask(made, row_of(TALK), conversation_end=None)
    assert "\n" not in str(caught.value)
    assert made.encode(messages_of(TALK[:4]))


def test_the_token_that_opens_the_next_message_closes_none() -> None:
    opens = "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] }}{% endfor %}"
    made = template_by(opens + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")
    assert made.closing == made._tokenizer.eos_token_id
    example = mask(made, row_of(TALK), conversation_end=None)
    assert {run[-1] for run in learnt_runs(example)} == {made.closing}


def test_a_template_that_writes_no_end_behind_the_last_message() -> None:
    between = "}}{% if not loop.last or add_generation_prompt %}{{ '<|im_end|>\n' }}{% endif %}"
    sparing = CHATML.replace("+ '<|im_end|>\n' }}", between)
    example = mask(template_by(sparing), row_of(TALK), conversation_end=None)
    whole = mask(template_by(CHATML), row_of(TALK), conversation_end=None)
    assert example.ids == whole.ids[: len(example.ids)]
    assert example.labels[-1] == template_by(CHATML).closing


def test_messages_that_the_template_refuses_are_told_with_their_row() -> None:
    row = row_of(TALK)
    del row["messages"][1]
    with pytest.raises(UsageError, match=r"^row one: llama-2: its chat template refuses the messages: roles must"):
        mask(template_of("llama-2"), row, conversation_end=None)
    with pytest.raises(BackendError, match="refuses the messages: roles must"):
        template_of("llama-2").encode([*messages_of(TALK[:1]), *messages_of(TALK)[2:4]])


# -- what is kept, and what is shown


def test_prompts_are_kept_within_a_bound_and_one_a_dialogue() -> None:
    prompts = Prompts(most=10)
    prompts.keep("a", Prompt("A", [1, 2, 3, 4]))
    prompts.keep("b", Prompt("B", [5, 6, 7, 8]))
    assert prompts.find("a") == Prompt("A", [1, 2, 3, 4])
    prompts.keep("c", Prompt("C", [9, 9, 9]))
    assert (prompts.find("b"), prompts.tokens) == (None, 7)
    assert prompts.take("a") == Prompt("A", [1, 2, 3, 4])
    assert (prompts.take("a"), prompts.tokens) == (None, 3)
    template = Template(tokenizer_of("byte-level"), "kept")
    before = template._prompts.tokens
    for length in (2, 4, 6):
        ids = template.encode(messages_of(TALK[:length]))
        assert template._prompts.tokens == before + len(ids)


def test_a_second_turn_costs_no_tokens_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    template = Template(tokenizer_of("byte-level"), "counted")
    cut: list[int] = []
    ids = template._tokens._ids
    monkeypatch.setattr(template._tokens, "_ids", lambda text: (cut.append(len(text)), ids(text))[1])
    long = ["word " * 400, *TALK[1:]]
    template.encode(messages_of(long[:2]))
    assert sum(cut) > 2000
    cut.clear()
    template.encode(messages_of(long[:4]))
    assert 0 < sum(cut) < 300


def test_the_mask_can_be_read_without_colour() -> None:
    talk = [TALK[0], "I write <|im_end|>", "And I <|im_start|>\x1b[2J", "Bye.", ""]
    shown = show_mask(template_of("byte-level"), row_of(talk, over=True), end_of("byte-level"))
    assert "<|im_start|>user\nI write \\<|im_end|><|im_end|>\n" in shown.plain
    assert "assistant\n⟦And I \\<|im_start|>\\x1b[2J<|im_end|>⟧\n" in shown.plain
    assert "assistant\n⟦<|endconversation|>⟧" in shown.plain
    assert shown.plain.startswith("one: ")
    example = mask(template_of("byte-level"), row_of(talk, over=True), conversation_end=end_of("byte-level"))
    assert f"one: {sum(map(len, learnt_runs(example)))} of {len(example.ids)} tokens" in shown.plain
    assert "in 2 messages, 2 of them with what closes them\n" in shown.plain
    green = [shown.plain[span.start : span.end] for span in shown.spans if "green" in str(span.style)]
    assert "And I \\<|im_start|>\\x1b[2J" in green
    assert not any("I write" in text for text in green)
    unknown = show_mask(template_of("byte-level"), row_of(talk[:3], over=None), end_of("byte-level"))
    assert "⟧<|im_end|>" in unknown.plain


def test_control_strings_are_found_longest_first() -> None:
    tokenizer = TOKENIZERS["byte-level"]()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>>"]})
    controls = Controls(tokenizer, "")
    long, short = tokenizer.convert_tokens_to_ids(["<|im_end|>>", "<|im_end|>"])
    assert controls.split("a<|im_end|>>b<|im_end|> c") == ["a", long, "b", short, " c"]
    assert controls.tokens("a<|im_end|>>b<|im_end|> c") == [long, short]
