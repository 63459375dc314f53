"""What a server ignores in silence is seen in its reply."""

from __future__ import annotations

import json

import pytest

from simworld.backends.wire import read_reply

SCHEMA = {
    "type": "object",
    "properties": {"mood": {"type": "string"}, "score": {"type": "integer"}, "why": {"type": ["string", "null"]}},
    "required": ["mood", "score"],
}
AS_SCHEMA = {"response_format": {"type": "json_schema", "json_schema": {"name": "mood", "schema": SCHEMA}}}
AS_JSON = {"response_format": {"type": "json_object"}}
GOOD = '{"mood": "calm", "score": 3}'


def ignored(sent, text="Good evening, love.", *, tokens=5, finish="stop", choices=1, **choice):
    one = {"message": {"content": text}, "finish_reason": finish, **choice}
    usage = {} if tokens is None else {"usage": {"prompt_tokens": 9, "completion_tokens": tokens}}
    body = json.dumps({"choices": [one] * choices, **usage}).encode()
    return read_reply(body, (), {"model": "mock", **sent}).ignored


def test_nothing_is_said_of_options_that_were_not_sent():
    assert ignored({"temperature": 0.5, "seed": 7}, tokens=10**6) == ()
    assert read_reply(b'{"choices": [{"message": {"content": "Hi."}}]}').ignored == ()


@pytest.mark.parametrize(
    ("sent", "text", "seen"),
    [
        ({"stop": ["###"]}, "Hello. ### And more", True),
        ({"stop": "\n"}, "Hello.\nWhat is it?", True),
        ({"stop": ["###", "evening"]}, "Good evening, love.", True),
        ({"stop": ["###"]}, "Hello.###And more", True),
        ({"stop": ["###"]}, "Hello. ###", False),
        ({"stop": ["eve"]}, "Good evening.\n", False),
        ({"stop": ["###"]}, "Hello.", False),
        ({"stop": []}, "Hello.", False),
        ({"stop": [""]}, "Hello.", False),
        ({"stop": None}, "Hello.", False),
        ({"stop": [7]}, "Hello 7 times.", False),
    ],
)
def test_stop(sent, text, seen):
    assert ignored(sent, text) == (("stop",) if seen else ())


@pytest.mark.parametrize(
    ("sent", "choice", "seen"),
    [
        ({"logprobs": True}, {}, True),
        ({"logprobs": True}, {"logprobs": None}, True),
        ({"logprobs": True}, {"logprobs": {"content": []}}, False),
        ({"logprobs": False}, {}, False),
    ],
)
def test_logprobs(sent, choice, seen):
    assert ignored(sent, **choice) == (("logprobs",) if seen else ())


def test_an_empty_reply_has_no_logprobs_to_tell():
    assert ignored({"logprobs": True}, "") == ()


@pytest.mark.parametrize(("n", "choices", "seen"), [(3, 1, True), (3, 2, True), (3, 3, False), (1, 1, False)])
def test_n(n, choices, seen):
    assert ignored({"n": n}, choices=choices) == (("n",) if seen else ())


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize(
    ("limit", "tokens", "choices", "seen"),
    [
        (16, 20, 1, True),
        (16, 19, 1, False),
        (16, 38, 2, False),
        (16, 39, 2, True),
        (None, 99, 1, False),
    ],
)
def test_the_longest_reply_by_the_tokens_told(name, limit, tokens, choices, seen):
    assert ignored({name: limit}, tokens=tokens, choices=choices) == ((name,) if seen else ())


@pytest.mark.parametrize("told", [None, 0])
@pytest.mark.parametrize(("words", "seen"), [(4, False), (5, True), (90, True)])
def test_the_longest_reply_by_its_words_where_no_tokens_are_told(told, words, seen):
    assert ignored({"max_tokens": 4}, " ".join(["so"] * words), tokens=told) == (("max_tokens",) if seen else ())


@pytest.mark.parametrize(
    "text", [GOOD, '{"mood": "calm", "score": 3.0}', '{"mood": "calm", "score": 3, "why": null, "more": []}'],
    ids=["plain", "whole number", "more than asked"],
)  # fmt: skip
def test_what_fits_the_schema(text):
    assert ignored(AS_SCHEMA, text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "Good evening.",
        f"```json\n{GOOD}\n```",
        '{"mood": "calm"}',
        '{"mood": "calm", "score": "3"}',
        '{"mood": "calm", "score": 3.5}',
        '{"mood": "calm", "score": true}',
        '{"mood": null, "score": 3}',
        '{"mood": "calm", "score": 3, "why": 4}',
        f"[{GOOD}]",
        "3",
    ],
    ids=["prose", "fenced", "lacks a key", "text for a number", "fraction", "bool for a number", "null for text",
         "neither text nor null", "list", "number"],
)  # fmt: skip
def test_what_does_not_fit_the_schema(text):
    assert ignored(AS_SCHEMA, text) == ("response_format",)


@pytest.mark.parametrize(
    ("asked", "text", "seen"),
    [
        (AS_JSON, GOOD, False),
        (AS_JSON, "[1]", True),
        (AS_JSON, "Good evening.", True),
        ({"response_format": {"type": "json_object", "schema": SCHEMA}}, '{"mood": "calm"}', True),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "array"}}}}, "[1]", False),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "array"}}}}, "{}", True),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"anyOf": []}}}}, "4", False),
        ({"response_format": {"type": "json_schema"}}, "4", False),
        ({"response_format": {"type": "text"}}, "Good evening.", False),
        ({"response_format": None}, "Good evening.", False),
    ],
)
def test_json_of_other_kinds(asked, text, seen):
    assert ignored(asked, text) == (("response_format",) if seen else ())


def test_whole_numbers_may_be_of_any_size():
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    asked = {"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}}
    assert ignored(asked, '{"a": 123456789012345678901234567890}') == ()


@pytest.mark.parametrize("asked", [AS_SCHEMA, AS_JSON], ids=["schema", "object"])
@pytest.mark.parametrize(
    ("text", "finish", "seen"),
    [
        ('\n{"mood": "ca', "length", False),
        ('Here is {"mood": "ca', "length", True),
        (" \n", "length", False),
        ("", "stop", False),
        ("I cannot", "content_filter", False),
    ],
    ids=["begun", "not begun", "blank", "empty", "filtered"],
)
def test_a_reply_that_is_not_whole_proves_little_of_the_format(asked, text, finish, seen):
    assert ignored(asked, text, finish=finish) == (("response_format",) if seen else ())


def test_a_list_may_be_cut():
    asked = {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "array"}}}}
    assert ignored(asked, "[1, 2", finish="length") == ()


def test_several_at_once_are_all_named():
    sent = {**AS_SCHEMA, "logprobs": True, "n": 2, "stop": "evening", "max_tokens": 2}
    assert ignored(sent, tokens=6) == ("logprobs", "n", "stop", "response_format", "max_tokens")
