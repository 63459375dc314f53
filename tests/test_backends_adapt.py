"""as_chat: chat models, Runnables, graphs and coroutine functions as backends."""

from __future__ import annotations

import asyncio
import functools
import time
import traceback

import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda

from simworld.backends.adapt import Gating, as_chat
from simworld.backends.backend import ChatBackend
from simworld.backends.completion import Completion
from simworld.backends.gate import gate_of
from simworld.backends.openai import OpenAIChat
from simworld.backends.retry import Patience
from simworld.backends.scripted import ScriptedChat
from simworld.errors import BackendError, OutOfLines, Refused, UsageError
from tests.llm_server import serve

PROMPT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Good evening."}]
KEY = "secret-canary-0123456789"


def ask(backend, **who):
    return asyncio.run(backend.complete(PROMPT, **who))


class Failing(BaseChatModel):
    """Raises its errors in order, then answers."""

    errors: list[Exception]
    asked: list[list[str]] = []

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        raise NotImplementedError

    async def _agenerate(self, messages, stop=None, run_manager=None, **kwargs):
        self.asked.append([message.type for message in messages])
        if self.errors:
            raise self.errors.pop(0)
        return ChatResult(generations=[ChatGeneration(message=AIMessage("Evening."))])

    @property
    def _llm_type(self):
        return "failing"


class Patient(Failing):
    max_retries: int = 2


class Denied(Exception):
    def __init__(self, status, text=""):
        super().__init__(text)
        self.status_code = status


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("simworld.backends.adapt.Patience", functools.partial(Patience, first=0.001))


def test_a_backend_stays_what_it_is():
    model = ScriptedChat(replies=["one"])
    assert as_chat(model) is model


def test_a_chat_model_gives_text_tokens_and_reason():
    message = AIMessage(
        [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Evening."}],
        usage_metadata={"input_tokens": 9, "output_tokens": 4, "total_tokens": 13},
        response_metadata={"stop_reason": "max_tokens"},
    )
    backend = as_chat(GenericFakeChatModel(messages=iter([message])), context_tokens=4096)
    assert isinstance(backend, ChatBackend)
    assert backend.spec == "python:GenericFakeChatModel"
    assert backend.context_tokens == 4096
    assert backend.count("abc") == 1
    assert ask(backend) == Completion("Evening.", 9, 4, "length", 3)


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({"finish_reason": "STOP"}, "stop"),
        ({"stop_reason": "end_turn"}, "stop"),
        ({"done_reason": "length"}, "length"),
        ({"finish_reason": "MAX_TOKENS"}, "length"),
        ({"finish_reason": "SAFETY"}, "content_filter"),
        ({"finish_reason": "odd"}, "odd"),
        ({"finish_reason": None}, ""),
        ({}, ""),
    ],
)
def test_finish_reasons_are_told_in_one_vocabulary(about, reason):
    message = AIMessage("Evening.", response_metadata=about)
    assert ask(as_chat(GenericFakeChatModel(messages=iter([message])))).finish_reason == reason


def test_reasoning_beside_the_content_is_counted():
    message = AIMessage("Evening.", additional_kwargs={"reasoning_content": "Hmm."})
    assert ask(as_chat(GenericFakeChatModel(messages=iter([message])))).reasoning == 4


def test_a_model_is_asked_with_the_prompts_roles():
    model = Failing(errors=[])
    ask(as_chat(model), seed=1, seat="clerk", call=0)
    assert model.asked == [["system", "human"]]


def test_a_model_without_retries_of_its_own_is_tried_again():
    model = Failing(errors=[TimeoutError(), ConnectionResetError("gone"), Denied(503)])
    assert ask(as_chat(model)).retries == 3
    assert len(model.asked) == 4


def test_a_model_with_retries_of_its_own_is_asked_once():
    model = Patient(errors=[Denied(429, "slow down")])
    with pytest.raises(BackendError, match=r"^x:y: Denied after 1 try: slow down$"):
        ask(as_chat(model, spec="x:y"))
    assert len(model.asked) == 1


def test_behind_a_gate_429_takes_no_tries_and_halves_what_is_in_flight():
    patience = functools.partial(Patience, first=0.001, wait=60)
    model = Failing(errors=[Denied(429) for _ in range(9)])
    backend = as_chat(model, spec="x:y", gating=Gating(patience(retries=2)))

    async def run():
        reply = await backend.complete(PROMPT)
        return reply.retries, gate_of("x:y", patience(), (None, None)).window

    retries, window = asyncio.run(run())
    assert retries == 9
    assert 1 <= window <= 2
    with pytest.raises(BackendError, match="after 3 tries"):
        ask(as_chat(Failing(errors=[Denied(500) for _ in range(9)]), gating=Gating(patience(retries=2))))


def test_behind_a_gate_requests_a_minute_are_kept(monkeypatch):
    monkeypatch.setattr("simworld.backends.pace.MINUTE", 0.2)
    backend = as_chat(Failing(errors=[]), spec="x:z", gating=Gating(Patience(), rpm=2))

    async def run():
        await asyncio.gather(*(backend.complete(PROMPT) for _ in range(5)))

    began = time.monotonic()
    asyncio.run(run())
    assert time.monotonic() - began >= 0.38


@pytest.mark.parametrize(("status", "kind"), [(401, Refused), (404, Refused), (400, BackendError)])
def test_a_denial_of_every_call_is_a_refusal(status, kind):
    model = Failing(errors=[Denied(status, "no")])
    with pytest.raises(BackendError) as caught:
        ask(as_chat(model, spec="x:y"))
    assert type(caught.value) is kind
    assert str(caught.value) == "x:y: Denied: no"
    assert len(model.asked) == 1


def test_a_foreign_error_shows_no_key(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    model = Failing(errors=[ValueError(f"bad key {KEY}\nat https://me:{KEY}@host.example/v1")])
    with pytest.raises(BackendError) as caught:
        ask(as_chat(model))
    assert str(caught.value) == r"python:Failing: ValueError: bad key [key]\nat [url]"
    shown = "".join(traceback.format_exception(caught.value))
    assert KEY not in shown
    assert "host.example" not in shown
    assert "\n" not in str(caught.value)


def test_simworlds_own_errors_pass_as_they_are():
    async def silent(messages):
        raise OutOfLines("done")

    with pytest.raises(OutOfLines, match=r"^done$"):
        ask(as_chat(silent))


def test_a_runnable_is_given_messages():
    seen = []

    def answer(messages):
        seen.extend(messages)
        return "Evening."

    assert ask(as_chat(RunnableLambda(answer))).text == "Evening."
    assert [type(message).__name__ for message in seen] == ["SystemMessage", "HumanMessage"]


def test_a_chain_with_a_placeholder_is_given_a_mapping():
    prompt = ChatPromptTemplate.from_messages([("system", "Rhyme."), ("placeholder", "{messages}")])
    model = ScriptedChat(replies=["Evening."])
    backend = as_chat(prompt | model)
    assert ask(backend).text == "Evening."
    assert [message["content"] for message in model.requests[0]] == ["Rhyme.", "Be brief.", "Good evening."]
    assert backend.spec == "python:RunnableSequence"


def test_a_binding_keeps_what_was_bound():
    with serve() as server:
        model = OpenAIChat(model="mock", base_url=server.url).bind(temperature=0.25)
        ask(as_chat(model))
        assert server.requests[0]["body"]["temperature"] == 0.25


def test_a_langgraph_agent_is_given_messages_and_gives_its_last():
    from langgraph.graph import END, START, MessagesState, StateGraph

    usage = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}

    def think(state):
        first, last = (AIMessage(text, usage_metadata=usage) for text in ("first", "last"))
        return {"messages": [first, HumanMessage("tool"), last]}

    graph = StateGraph(MessagesState).add_node("think", think).add_edge(START, "think").add_edge("think", END)
    assert ask(as_chat(graph.compile())) == Completion("last", 6, 4)


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("Evening.", "Evening."),
        (AIMessage("Evening."), "Evening."),
        ({"output": "Evening."}, "Evening."),
        ({"content": "Evening."}, "Evening."),
        ({"text": AIMessage("Evening.")}, "Evening."),
        ({"messages": [HumanMessage("Hi."), AIMessage("Evening.")]}, "Evening."),
        ("cut \ud83d", "cut \ufffd"),
        (AIMessage([{"type": "text", "text": "cut \ud83d"}]), "cut \ufffd"),
        ("", ""),
    ],
)
def test_results_in_every_form(result, text):
    async def answer(messages):
        return result

    assert ask(as_chat(answer)).text == text


@pytest.mark.parametrize("result", [None, 7, ["Evening."], {"answer": "Evening."}, {"messages": [HumanMessage("Hi.")]}])
def test_results_that_are_no_reply(result):
    async def answer(messages):
        return result

    with pytest.raises(UsageError, match="python:answer returned"):
        ask(as_chat(answer))


def test_a_coroutine_function_gets_plain_dicts_of_its_own():
    async def answer(messages):
        messages[0]["content"] = "changed"
        messages.pop()
        return "Evening."

    ask(as_chat(answer))
    assert PROMPT[0]["content"] == "Be brief."
    assert len(PROMPT) == 2


def test_an_object_with_a_coroutine_call_and_a_partial_are_functions():
    class Seat:
        async def __call__(self, messages):
            return "Evening."

    async def answer(greeting, messages):
        return greeting

    assert ask(as_chat(Seat())).text == "Evening."
    assert ask(as_chat(functools.partial(answer, "Morning."))).text == "Morning."


def test_a_function_that_fails_is_asked_once_and_keeps_its_traceback():
    calls = []

    async def broken(messages):
        calls.append(1)
        raise TimeoutError("slow")

    with pytest.raises(BackendError, match=r"^python:broken: TimeoutError: slow$") as caught:
        ask(as_chat(broken))
    assert isinstance(caught.value.__cause__, TimeoutError)
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("thing", "why"),
    [
        (lambda messages: "Evening.", "plain function '<lambda>' .begin it with `async def`"),
        ("openai:mock", "open_backend"),
        (ScriptedChat, "the class ScriptedChat"),
        (7, "an object of type int"),
        (None, "an object of type NoneType"),
    ],
)
def test_what_cannot_answer_is_refused(thing, why):
    with pytest.raises(UsageError, match=why) as caught:
        as_chat(thing)
    assert "async (messages) -> str" in str(caught.value)


def test_callbacks_are_called_for_our_own_models_too():
    starts = []

    class Spy(AsyncCallbackHandler):
        async def on_chat_model_start(self, serialized, messages, **kwargs):
            starts.append(len(messages[0]))

    with serve() as server:
        model = OpenAIChat(model="mock", base_url=server.url, context_tokens=1000)
        backend = as_chat(model, callbacks=[Spy()])
        reply = ask(backend, seed=5, seat="clerk", call=1)
        direct = ask(model, seed=5, seat="clerk", call=1)
        one, two = (request["body"] for request in server.requests)
    assert reply == direct
    assert one == two
    assert (backend.spec, backend.context_tokens) == ("openai:mock", 1000)
    assert starts == [2]
    scripted = as_chat(ScriptedChat(replies={"clerk": ["one", "two"]}), callbacks=[Spy()])
    assert ask(scripted, seat="clerk", call=1).text == "two"
    assert starts == [2, 2]
