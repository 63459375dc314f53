"""ScriptedChat, and the files it reads."""

from __future__ import annotations

import asyncio

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from simworld.backends.backend import ChatBackend
from simworld.backends.open import open_backend
from simworld.backends.sampling import Sampling
from simworld.backends.script import read_script
from simworld.backends.scripted import ScriptedChat
from simworld.errors import OutOfLines, UsageError

ASKED = [{"role": "user", "content": "Hello?"}]
ANSWERED = [*ASKED, {"role": "assistant", "content": "Evening."}, {"role": "user", "content": "And?"}]


def say(model, messages=ASKED, **who):
    return asyncio.run(model.complete(messages, **who)).text


def test_whoever_asks_gets_the_line_of_their_own_turn():
    model = ScriptedChat(replies=["one", "two"])
    assert isinstance(model, ChatBackend)
    assert [say(model), say(model), say(model, ANSWERED)] == ["one", "one", "two"]


def test_the_call_number_comes_before_the_prompt():
    model = ScriptedChat(replies=["one", "two"])
    assert say(model, ANSWERED, call=0) == "one"
    assert say(model, ASKED, call=1) == "two"


def test_when_the_lines_run_out():
    model = ScriptedChat(replies={"clerk": ["one"]}, label="scripted:lines.yaml")
    with pytest.raises(OutOfLines, match=r"scripted:lines\.yaml has 1 line for seat 'clerk', and all are said"):
        say(model, seat="clerk", call=1)


def test_repeat_begins_again():
    model = ScriptedChat(replies=["one", "two"], repeat=True)
    assert [say(model, call=n) for n in range(5)] == ["one", "two", "one", "two", "one"]


def test_each_seat_has_its_own_lines():
    model = ScriptedChat(replies={"clerk": ["Next."], "owner": ["Here."]})
    assert say(model, seat="owner", call=0) == "Here."
    with pytest.raises(UsageError, match="seat 'clark' is not known; allowed: clerk, owner; nearest: clerk"):
        say(model, seat="clark", call=0)


def test_the_empty_seat_is_for_whoever_asks():
    model = ScriptedChat(replies={"": ["Anyone."]})
    assert say(model, seat="clerk", call=0) == "Anyone."


def test_a_function_sees_the_messages_and_must_return_text():
    assert say(ScriptedChat(replies=lambda messages: messages[-1]["content"].upper())) == "HELLO?"
    with pytest.raises(UsageError, match="gave NoneType"):
        say(ScriptedChat(replies=lambda messages: None))


def test_what_was_asked_can_be_looked_at():
    model, other = ScriptedChat(replies=["one"]), ScriptedChat(replies=["one"])
    say(model)
    say(model, [dict(message) for message in ASKED])
    assert model.requests == [ASKED, ASKED]
    assert other.requests == []


def test_a_record_is_a_copy():
    model, messages = ScriptedChat(replies=["one"]), [dict(ASKED[0])]
    say(model, messages)
    messages[0]["content"] = "changed"
    messages.clear()
    assert model.requests == [ASKED]


@pytest.mark.parametrize("replies", [[], {}, {"clerk": []}])
def test_no_lines_are_refused(replies):
    with pytest.raises(UsageError, match="has no lines"):
        ScriptedChat(replies=replies)


def test_it_is_a_langchain_model():
    model = ScriptedChat(replies=["one", "two"])
    message = asyncio.run(model.ainvoke([HumanMessage("Hi."), AIMessage("one"), HumanMessage("And?")]))
    assert message.content == "two"
    assert model.invoke("Hi.").content == "one"
    assert model.requests[0][1] == {"role": "assistant", "content": "one"}


@pytest.mark.parametrize(
    ("name", "text", "script"),
    [
        ("a.txt", "one\r\n\r\n  two\n\n", ["one", "  two"]),
        ("a.txt", "one\u2028still one", ["one\u2028still one"]),
        ("a.yaml", "- no\n- 22:40\n- 1_000\n- ~\n- |\n  a\n  b\n", ["no", "22:40", "1_000", "~", "a\nb\n"]),
        ("a.yml", "clerk: [Next., Done.]\nowner:\n- Here.\n", {"clerk": ["Next.", "Done."], "owner": ["Here."]}),
        ("a.json", '["a\\u00e4", "\\ud83d\\ude00", "a/b"]', ["aä", "😀", "a/b"]),
        ("a.JSON", '{"clerk": ["Next."]}', {"clerk": ["Next."]}),
        ("a.yaml", "\ufeff- one\n", ["one"]),
        ("a.txt", "\ufeffone\n", ["one"]),
    ],
)
def test_files(tmp_path, name, text, script):
    path = tmp_path / name
    path.write_bytes(text.encode())
    assert read_script(path) == script


@pytest.mark.parametrize(
    ("name", "data", "error"),
    [
        ("a.csv", b"one", "a script ends in .txt or .json, .yaml, .yml"),
        ("a.yaml", b"- one\n- [two]\n", ":2: a script is a list"),
        ("a.yaml", b"clerk: one\n", ":1: a script is a list"),
        ("a.yaml", b"", ":1: a script is a list"),
        ("a.yaml", b"clerk: [a]\nclerk: [b]\n", ":2: seat 'clerk' stands twice"),
        ("a.yaml", b"- 'one\n", "not YAML"),
        ("a.yaml", b"[" * 2000, "not YAML"),
        ("a.txt", b"\xff\xfe", "is not UTF-8 text"),
        ("a.json", b'["a", ]x', ":1: not YAML"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, name, data, error):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(UsageError) as caught:
        read_script(path)
    assert str(path) in str(caught.value)
    assert error in str(caught.value)


def test_a_file_that_is_not_there():
    with pytest.raises(UsageError, match=r"missing\.yaml: cannot be read"):
        open_backend("scripted:missing.yaml")


def test_a_scripted_file_is_a_backend_that_keeps_no_record(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text("one\ntwo\n")
    backend = open_backend(f"scripted:{path}", Sampling(context=1000))
    assert say(backend, seat="clerk", call=1) == "two"
    assert backend.spec == f"scripted:{path}"
    assert backend.context_tokens == 1000
    assert backend.requests == []
