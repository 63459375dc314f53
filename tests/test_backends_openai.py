"""OpenAIChat against a loopback server: what is sent, what is read, and its connections."""

from __future__ import annotations

import asyncio
import gc
import json
from types import MappingProxyType

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from simworld.backends import client, pool
from simworld.backends.backend import ChatBackend
from simworld.backends.completion import Completion
from simworld.backends.openai import OpenAIChat
from simworld.errors import BackendError, UsageError
from tests.llm_server import serve

HELLO = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Good evening."}]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def ask(model, messages=HELLO, **options):
    return asyncio.run(model.complete(messages, **options))


def test_only_what_is_set_is_sent():
    with serve() as server:
        ask(OpenAIChat(model="mock", base_url=server.url))
        assert server.requests[0]["body"] == {"model": "mock", "messages": HELLO}
        assert server.requests[0]["path"] == "/v1/chat/completions"
        assert "Authorization" not in server.requests[0]["headers"]


def test_every_option_is_sent_and_extra_fields_as_well():
    with serve() as server:
        model = OpenAIChat(
            model="mock", base_url=server.url, temperature=0.0, top_p=0.9, max_tokens=64, extra={"min_p": 0.1}
        )
        ask(model, seed=0)
        sent = server.requests[0]["body"]
    assert sent == {
        "model": "mock", "messages": HELLO, "temperature": 0.0, "top_p": 0.9, "max_tokens": 64, "min_p": 0.1, "seed": 0,
    }  # fmt: skip


def test_openai_itself_is_told_the_longest_reply_under_its_new_name():
    model = OpenAIChat(model="gpt-4.1-mini", api_key="sk-0123456789ab", max_tokens=64)
    assert model._client._fixed == {"model": "gpt-4.1-mini", "max_completion_tokens": 64}


def test_the_completion_carries_text_tokens_and_finish_reason():
    with serve(reply=lambda body: "Evening.", finish="length", usage={"prompt_tokens": 9, "completion_tokens": 2}) as s:
        reply = ask(OpenAIChat(model="mock", base_url=s.url))
    assert reply == Completion("Evening.", 9, 2, "length", 0, 0)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        (None, (None, None)),
        ([1, 2], (None, None)),
        ({"prompt_tokens": -1, "completion_tokens": "7"}, (None, None)),
        ({"prompt_tokens": True, "completion_tokens": 7.5}, (None, None)),
        ({"prompt_tokens": 0, "completion_tokens": None}, (0, None)),
    ],
)
def test_a_wrong_usage_is_not_believed(usage, tokens):
    with serve(usage=usage) as server:
        reply = ask(OpenAIChat(model="mock", base_url=server.url))
    assert (reply.input_tokens, reply.output_tokens) == tokens


@pytest.mark.parametrize(
    ("content", "fields", "text", "dropped"),
    [
        (None, {}, "", 0),
        ("Yes.", {"reasoning_content": "Hmm."}, "Yes.", 4),
        ("Yes.", {"reasoning": "Hmm.", "reasoning_content": "Hmm."}, "Yes.", 4),
        ([{"type": "text", "text": "Yes"}, {"type": "text", "text": ", no."}], {}, "Yes, no.", 0),
        ([{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}, "Yes."], {}, "Yes.", 2),
        ([{"type": "reasoning", "text": "Hm."}, "Yes.", {"type": "reasoning", "text": "So."}], {}, "Yes.", 6),
        ([{"type": "image_url", "image_url": {"url": "x"}}, "Yes."], {}, "Yes.", 0),
        ("", {"refusal": "No."}, "", 0),
    ],
)  # fmt: skip
def test_content_in_every_form_is_read_and_reasoning_dropped(content, fields, text, dropped):
    with serve(content=content, fields=fields) as server:
        reply = ask(OpenAIChat(model="mock", base_url=server.url))
    assert (reply.text, reply.reasoning) == (text, dropped)


def test_a_cut_emoji_becomes_a_replacement_character():
    body = rb'{"choices": [{"message": {"content": "Hi \ud83d"}, "finish_reason": "length"}]}'
    with serve(body=body) as server:
        assert ask(OpenAIChat(model="mock", base_url=server.url)).text == "Hi \ufffd"


def test_a_content_filter_is_passed_on():
    with serve(finish="content_filter", content=None) as server:
        reply = ask(OpenAIChat(model="mock", base_url=server.url))
    assert reply.finish_reason == "content_filter"


def test_any_mapping_is_a_message_and_half_a_surrogate_pair_is_not_text():
    with serve() as server:
        model = OpenAIChat(model="mock", base_url=server.url)
        ask(model, [MappingProxyType(message) for message in HELLO])
        assert server.prompts() == [HELLO]
        with pytest.raises(BackendError, match="cannot be written as JSON"):
            ask(model, [{"role": "user", "content": "\ud83d"}])
        assert server.count == 1


def test_langchain_entry_gives_an_ai_message_with_usage():
    with serve(reply=lambda body: "Evening.", usage={"prompt_tokens": 9, "completion_tokens": 2}) as server:
        model = OpenAIChat(model="mock", base_url=server.url)
        prompt = [
            SystemMessage("Be brief."),
            HumanMessage([{"type": "text", "text": "Hi."}]),
            AIMessage("Hi."),
            HumanMessage("Go."),
        ]
        message = asyncio.run(model.ainvoke(prompt, stop=["\n"], seed=3, temperature=0.5))
        sent = server.requests[0]["body"]
    assert isinstance(model, BaseChatModel)
    assert isinstance(model, ChatBackend)
    assert message.content == "Evening."
    assert message.usage_metadata == {"input_tokens": 9, "output_tokens": 2, "total_tokens": 11}
    assert message.response_metadata["finish_reason"] == "stop"
    assert message.response_metadata["model_name"] == "mock"
    assert [m["role"] for m in sent["messages"]] == ["system", "user", "assistant", "user"]
    assert sent["messages"][1]["content"] == "Hi."
    assert (sent["stop"], sent["seed"], sent["temperature"]) == (["\n"], 3, 0.5)


def test_a_reply_without_usage_makes_a_message_without_usage():
    with serve(usage=None) as server:
        message = asyncio.run(OpenAIChat(model="mock", base_url=server.url).ainvoke("Hi."))
    assert message.usage_metadata is None


def test_what_cannot_be_sent_is_refused():
    with serve() as server:
        model = OpenAIChat(model="mock", base_url=server.url)
        with pytest.raises(UsageError, match="type 'image_url'"):
            asyncio.run(model.ainvoke([HumanMessage([{"type": "image_url", "image_url": {"url": "x"}}])]))
        with pytest.raises(UsageError, match="type 'tool'"):
            asyncio.run(model.ainvoke([ToolMessage("4", tool_call_id="1")]))
        with pytest.raises(UsageError, match="'stream'"):
            asyncio.run(model.ainvoke("Hi.", stream=False))
        assert server.count == 0


def test_the_synchronous_entry_says_what_to_use():
    model = OpenAIChat(model="mock", base_url="http://127.0.0.1:9")
    with pytest.raises(UsageError, match="ainvoke"):
        model.invoke("Hi.")


def test_extra_may_not_replace_what_the_model_sets():
    with pytest.raises(UsageError, match="'stream'"):
        OpenAIChat(model="mock", base_url="http://127.0.0.1:9", extra={"stream": True})


def test_an_unknown_field_is_refused():
    with pytest.raises(ValueError, match="temprature"):
        OpenAIChat(model="mock", base_url="http://127.0.0.1:9", temprature=1)


def test_three_hundred_calls_at_once_share_one_session_and_connections_are_kept():
    prompts = [[{"role": "user", "content": f"number {n}"}] for n in range(300)]

    async def run(url):
        one = OpenAIChat(model="mock", base_url=url, timeout=20, max_retries=0)
        two = OpenAIChat(model="other", base_url=url)
        first = await asyncio.gather(*(one.complete(p) for p in prompts))
        opened = server.connections
        for prompt in prompts[:20]:
            await two.complete(prompt)
        assert len(pool._lines) == 1
        await one.aclose()
        await two.complete(prompts[0])
        await two.aclose()
        assert not pool._lines
        return first, opened

    with serve(reply=lambda body: body["messages"][0]["content"], together=300) as server:
        first, opened = asyncio.run(run(server.url))
        assert [reply.text for reply in first] == [f"number {n}" for n in range(300)]
        assert server.peak == opened == server.connections == 300


def test_no_session_is_left_open_by_a_script_that_closes_nothing(caplog):
    with serve() as server:
        model = OpenAIChat(model="mock", base_url=server.url)
        for _ in range(2):  # each run has a loop of its own
            assert ask(model).text
        gc.collect()  # an open session would warn now, and warnings are errors
        assert server.connections == 2
    assert not caplog.records


def test_after_aclose_a_call_opens_connections_again():
    async def run(model):
        await model.complete(HELLO)
        await model.aclose()
        await model.aclose()
        return await model.complete(HELLO)

    with serve() as server:
        assert asyncio.run(run(OpenAIChat(model="mock", base_url=server.url))).text


def test_two_loops_at_once_have_connections_of_their_own():
    async def run(model):
        await model.complete(HELLO)
        await asyncio.to_thread(ask, model)  # another loop, while this one keeps its session
        await model.complete(HELLO)

    with serve() as server:
        asyncio.run(run(OpenAIChat(model="mock", base_url=server.url, max_retries=0)))
        assert (server.count, server.connections) == (3, 2)


def test_a_reply_larger_than_any_completion_is_not_read_on(monkeypatch):
    monkeypatch.setattr(client, "LARGEST_REPLY", 2**20)
    body = json.dumps({"choices": [{"message": {"content": "a" * 2**21}}]}).encode()
    with serve(body=body) as server, pytest.raises(BackendError, match="more than 1 MiB"):
        ask(OpenAIChat(model="mock", base_url=server.url, max_retries=0))


def test_a_prompt_of_more_than_a_mebibyte_is_sent_whole_without_a_warning():
    long = [{"role": "user", "content": "a" * (2**20 + 1)}]
    with serve() as server:
        ask(OpenAIChat(model="mock", base_url=server.url), long)
        assert server.prompts() == [long]


def test_cookies_are_not_kept():
    with serve(cookie="session=1") as server:
        model = OpenAIChat(model="mock", base_url=server.origin.replace("127.0.0.1", "localhost"))
        asyncio.run(_twice(model))
        assert server.count == 2
        assert not any("Cookie" in request["headers"] for request in server.requests)


async def _twice(model):
    await model.complete(HELLO)
    await model.complete(HELLO)
