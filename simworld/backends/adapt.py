"""as_chat: anything that can answer messages, made a backend of the engine.

as_chat(ChatAnthropic(model="claude-sonnet-4-5"))       # a LangChain chat model
as_chat(prompt | model)                                 # any Runnable; a LangGraph agent as well

async def echo(messages):                               # a coroutine function: messages -> text
    return messages[-1]["content"]

as_chat(echo)
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable, RunnableConfig

from simworld.backends.backend import ChatBackend, Messages
from simworld.backends.completion import Completion
from simworld.backends.gate import gate_of
from simworld.backends.messages import from_plain
from simworld.backends.result import read_result
from simworld.backends.retry import Passing, Patience, persist, read_retry_after
from simworld.backends.sampling import CONTEXT_TOKENS, REPLY_TOKENS
from simworld.errors import BackendError, Refused, SimworldError, UsageError
from simworld.text.redact import clean, secrets_of_environment
from simworld.text.tokens import estimate

_PASSING = frozenset({408, 409, 425, 429})
_REFUSED = frozenset({401, 403, 404})
_DOWN = frozenset({502, 503, 504, 529})
_NETWORK = frozenset({"TransportError", "ClientConnectionError", "APIConnectionError"})  # of httpx, aiohttp, the SDKs
_FORM = "give a LangChain chat model, a Runnable, or a coroutine function `async (messages) -> str`"

Ask = Callable[[Messages, Mapping[str, Any]], Awaitable[Any]]


def as_chat(
    thing: object,
    *,
    spec: str = "",
    context_tokens: int = CONTEXT_TOKENS,
    callbacks: Sequence[Any] | None = None,
    gating: Gating | None = None,
) -> ChatBackend:
    """A backend around `thing`; one that is a backend already is returned as it is, unless callbacks are given.

    `spec` names it in transcripts (default: `python:` and its class or function name); `callbacks` are handed to
    `ainvoke`; `gating` bounds how a chat model behind an API is called. Raises UsageError for what cannot answer
    messages.
    """
    config: RunnableConfig = {"callbacks": list(callbacks)} if callbacks else {}
    if isinstance(thing, ChatBackend) and (isinstance(thing, BaseChatModel) or not isinstance(thing, Runnable)):
        if not callbacks or not isinstance(thing, BaseChatModel):
            return thing
        return Adapted(thing.spec, partial(_ask_own, thing, config), thing.context_tokens)
    spec = spec or f"python:{getattr(thing, '__name__', type(thing).__name__)}"
    if isinstance(thing, BaseChatModel):
        patience = gating.patience if gating else None if hasattr(thing, "max_retries") else Patience()
        return Adapted(spec, partial(_ask_runnable, thing, config, False), context_tokens, patience, gating)
    if isinstance(thing, Runnable):
        runnable = cast("Runnable[Any, Any]", thing)
        return Adapted(spec, partial(_ask_runnable, runnable, config, _takes_mapping(runnable)), context_tokens)
    if _is_coroutine_function(thing):
        return Adapted(spec, partial(_ask_function, cast("Callable[..., Any]", thing), spec), context_tokens)
    raise UsageError(f"{_describe(thing)} cannot be a backend; {_FORM}")


@dataclass(frozen=True, slots=True)
class Gating:
    """How a model behind an API is called: see `Gate`."""

    patience: Patience
    rpm: int | None = None
    tpm: int | None = None
    reply_tokens: int = REPLY_TOKENS


@dataclass(frozen=True, slots=True)
class Adapted:
    """A foreign model as a ChatBackend."""

    spec: str
    ask: Ask = field(repr=False)
    context_tokens: int = CONTEXT_TOKENS
    patience: Patience | None = None
    """How passing faults are tried again; None where the model does so itself, or is not ours to ask twice."""
    gating: Gating | None = None

    def count(self, text: str) -> int:
        """Tokens of `text`, estimated high."""
        return estimate(text)

    async def complete(
        self, messages: Messages, *, seed: int | None = None, seat: str = "", call: int | None = None
    ) -> Completion:
        """Answer once. Whatever the model raises becomes a BackendError of one line."""
        once = partial(self._once, messages, {"seed": seed, "seat": seat, "call": call})
        try:
            return await once()
        except Passing as fault:
            first = fault
        return await persist(once, first, self.patience or Patience(retries=0), self.spec)

    async def aclose(self) -> None:
        """Nothing to let go of: the model belongs to whoever made it."""

    async def _once(self, messages: Messages, who: Mapping[str, Any]) -> Completion:
        if self.gating is None:
            failure, reply = await self._try(messages, who)
            if failure:
                raise failure
            assert reply is not None
            return reply
        gating = self.gating
        gate = gate_of(self.spec, gating.patience, (gating.rpm, gating.tpm))
        tokens = sum(estimate(message["content"]) for message in messages) + gating.reply_tokens if gating.tpm else 0
        return await gate.through(partial(self._try, messages, who), tokens)

    async def _try(self, messages: Messages, who: Mapping[str, Any]) -> tuple[Exception | None, Completion | None]:
        """What went wrong, or the reply. The cause may hold a key and is not carried along."""
        try:
            return None, read_result(await self.ask(messages, who), self.spec)
        except SimworldError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends one dialogue and not the run
            return _failure(error, self.spec), None


async def _ask_own(model: BaseChatModel, config: RunnableConfig, messages: Messages, who: Mapping[str, Any]) -> Any:
    return await model.ainvoke(from_plain(messages), config, **who)


async def _ask_runnable(
    runnable: Runnable[Any, Any], config: RunnableConfig, mapping: bool, messages: Messages, who: Mapping[str, Any]
) -> Any:
    prompt = from_plain(messages)
    return await runnable.ainvoke({"messages": prompt} if mapping else prompt, config)


async def _ask_function(
    function: Callable[..., Awaitable[Any]], spec: str, messages: Messages, who: Mapping[str, Any]
) -> Any:
    try:
        return await function([dict(message) for message in messages])
    except SimworldError:
        raise
    except Exception as error:
        # the user's own code: its traceback is what mends it
        raise BackendError(_line(error, spec)) from error


def _takes_mapping(runnable: Runnable[Any, Any]) -> bool:
    """Whether its input is `{"messages": [...]}` (graphs, prompts with a placeholder) and not the list itself."""
    return "messages" in runnable.get_input_jsonschema().get("properties", {})


def _is_coroutine_function(thing: object) -> bool:
    return inspect.iscoroutinefunction(thing) or (
        not inspect.isclass(thing) and inspect.iscoroutinefunction(getattr(thing, "__call__", None))  # noqa: B004
    )


def _describe(thing: object) -> str:
    if isinstance(thing, str):
        return "a name (names are opened by open_backend)"
    if inspect.isclass(thing):
        return f"the class {thing.__name__} (give an object of it)"
    if callable(thing):
        return f"the plain function '{getattr(thing, '__name__', type(thing).__name__)}' (begin it with `async def`)"
    return f"an object of type {type(thing).__name__}"


def _failure(error: Exception, spec: str) -> Exception:
    status = _status(error)
    network = isinstance(error, TimeoutError | ConnectionError) or any(
        c.__name__ in _NETWORK for c in type(error).__mro__
    )
    if network or status in _PASSING or status >= 500:
        said, late = clean(str(error), secrets_of_environment()), isinstance(error, TimeoutError)
        return Passing(
            type(error).__name__, said, _asked_to_wait(error), busy=status == 429,
            down=network or status in _DOWN, unreached=network and not late, billed=network or status in _DOWN,
        )  # fmt: skip
    return (Refused if status in _REFUSED else BackendError)(_line(error, spec))


def _line(error: Exception, spec: str) -> str:
    message = clean(str(error), secrets_of_environment())
    return f"{spec}: {type(error).__name__}{': ' if message else ''}{message}"


def _asked_to_wait(error: Exception) -> float:
    """Seconds of the Retry-After header that the exception's response has; 0 where it has none."""
    headers = getattr(getattr(error, "response", None), "headers", None)
    return read_retry_after(headers.get("retry-after")) if isinstance(headers, Mapping) else 0.0  # pyright: ignore


def _status(error: Exception) -> int:
    """HTTP status that the exception tells of; 0 where it tells none."""
    for holder in (error, getattr(error, "response", None)):
        for name in ("status_code", "code"):
            status = getattr(holder, name, None)
            if type(status) is int:
                return status
    return 0
