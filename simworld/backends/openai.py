"""OpenAIChat: a LangChain chat model for OpenAI and every server that speaks its protocol, on aiohttp.

    model = OpenAIChat(model="llama3.1:8b", base_url="http://localhost:11434")
    reply = await model.ainvoke("Good evening.")
    reply = await model.complete([{"role": "user", "content": "Good evening."}], seed=7)

`ainvoke` is LangChain's way, with callbacks and tracing; `complete` is the engine's, without either, and costs a third.
The key is `api_key`, else OPENAI_API_KEY; the address `base_url`, else OPENAI_BASE_URL, else OpenAI's own. Proxies and
.netrc of the environment are not used, redirects are not followed, cookies are not kept.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, NoReturn, Self

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult
from pydantic import ConfigDict, Field, PrivateAttr, SecretStr, model_validator

from simworld.backends.backend import Messages
from simworld.backends.client import Client
from simworld.backends.completion import Completion
from simworld.backends.endpoint import Endpoint, resolve
from simworld.backends.messages import to_plain, to_result
from simworld.backends.retry import Patience
from simworld.backends.sampling import CONTEXT_TOKENS, Sampling
from simworld.errors import UsageError
from simworld.text.tokens import estimate

_RESERVED = frozenset({"messages", "model", "n", "stream"})


class OpenAIChat(BaseChatModel):
    """A chat model behind an OpenAI-compatible endpoint. Options that are None are not sent."""

    model_config = ConfigDict(hide_input_in_errors=True, extra="forbid", validate_default=True)

    model: Annotated[str, Field(min_length=1)]
    """Name of the model at the endpoint."""
    base_url: Annotated[str | None, Field(repr=False)] = None
    """`http(s)://HOST[:PORT]`, with or without `/v1` and `/chat/completions`."""
    api_key: Annotated[SecretStr | None, Field(repr=False)] = None
    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Longest reply, in tokens."""
    timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 120.0
    """Seconds that one try may take."""
    max_retries: Annotated[int, Field(ge=0, le=20)] = 5
    """Tries after the first where a fault may pass."""
    extra: Annotated[dict[str, Any], Field(repr=False)] = {}
    """Further fields of the request's body."""
    context_tokens: Annotated[int, Field(ge=256)] = CONTEXT_TOKENS
    """Tokens that prompt and reply may have together."""
    patience: Patience = Patience()
    """How long the waits between tries are; its `retries` gives way to `max_retries`."""
    rpm: Annotated[int, Field(ge=1)] | None = None
    """Requests a minute, shared by all models of this name at this server."""
    tpm: Annotated[int, Field(ge=1)] | None = None
    """Tokens a minute, shared as well."""

    _client: Client = PrivateAttr()

    @model_validator(mode="after")
    def _open_client(self) -> Self:
        key = self.api_key.get_secret_value() if self.api_key else None
        endpoint = resolve(self.base_url, key, os.environ)
        patience = replace(self.patience, retries=self.max_retries)
        limits = (self.rpm, self.tpm)
        self._client = Client(self.spec, endpoint, self._fixed(endpoint), self.timeout, patience, limits)
        return self

    def _fixed(self, endpoint: Endpoint) -> dict[str, Any]:
        if clash := _RESERVED & self.extra.keys():
            raise UsageError(f"extra holds '{min(clash)}', which this model sets itself; leave it out")
        # OpenAI's newer models refuse the old name; other servers know only that one
        longest = "max_completion_tokens" if endpoint.official else "max_tokens"
        options = {"temperature": self.temperature, "top_p": self.top_p, longest: self.max_tokens}
        given = {name: value for name, value in options.items() if value is not None}
        return {"model": self.model, **given, **self.extra}

    @property
    def spec(self) -> str:
        """`openai:` and the model's name."""
        return f"openai:{self.model}"

    def count(self, text: str) -> int:
        """Tokens of `text`, estimated high: the server's tokenizer is not at hand."""
        return estimate(text)

    async def complete(
        self, messages: Messages, *, seed: int | None = None, seat: str = "", call: int | None = None
    ) -> Completion:
        """Answer once. The endpoint learns neither `seat` nor `call`.

        Raises BackendError after the last retry, Refused where the endpoint will refuse every call.
        """
        return await self._client.complete(messages, None if seed is None else {"seed": seed})

    async def complete_as(
        self, schema: Mapping[str, Any], messages: Messages, *, seed: int | None = None
    ) -> Completion:
        """Answer once, with JSON of this schema where the endpoint heeds `response_format`."""
        named = {"name": "reply", "schema": dict(schema)}
        asked = {"response_format": {"type": "json_schema", "json_schema": named}}
        return await self._client.complete(messages, asked if seed is None else {**asked, "seed": seed})

    async def aclose(self) -> None:
        """Close the running loop's connections where no other model uses them; the next call opens new ones."""
        await self._client.aclose()

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        more = {name: value for name, value in kwargs.items() if value is not None and name not in {"seat", "call"}}
        if clash := _RESERVED & more.keys():
            raise UsageError(f"'{min(clash)}' cannot be given with a call to {self.spec}; leave it out")
        if stop:
            more["stop"] = stop
        return to_result(await self._client.complete(to_plain(messages), more), self.model)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> NoReturn:
        raise UsageError(f"{self.spec} is asynchronous only: use `await model.ainvoke(...)` instead of `invoke`")

    @property
    def _llm_type(self) -> str:
        return "simworld-openai"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        names = ("model", "temperature", "top_p", "max_tokens")
        return {name: getattr(self, name) for name in names} | {"extra": self.extra}


def open_openai(name: str, options: Sampling) -> OpenAIChat:
    """The backend `openai:NAME`. Raises MissingDependency without a key or address, UsageError for a wrong address."""
    return OpenAIChat(
        model=name,
        base_url=options.base_url,
        temperature=options.temperature,
        top_p=options.top_p,
        max_tokens=options.max_tokens,
        timeout=options.timeout,
        context_tokens=options.context_tokens,
        patience=Patience(total=options.call_timeout, wait=options.wait, yields=options.yields),
        rpm=options.rpm,
        tpm=options.tpm,
    )
