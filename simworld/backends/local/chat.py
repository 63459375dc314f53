"""LocalChat: a LangChain chat model for a causal language model in this process.

    model = LocalChat(model="/models/seven", temperature=0.8)
    reply = await model.complete([{"role": "user", "content": "Good evening."}], seed=7)
    reply = await model.ainvoke("Good evening.")

Tokenizer and config are read as it is opened, weights at the first call. Any number of calls may wait at once: they are
answered together, up to `rows` in one pass, and what was read of a prompt is kept for the next one that begins
alike. The same seed draws the same numbers whatever else is in the batch; bits of the logits may differ with it.
"""

from __future__ import annotations

import asyncio
from secrets import randbits
from typing import Annotated, Any, Literal, NoReturn, Self

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult
from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from simworld.backends.backend import Messages
from simworld.backends.completion import ENDED, Completion
from simworld.backends.local.call import Call, Rules, Said, draws_of
from simworld.backends.local.engine import open_runner
from simworld.backends.local.memory import tend_threads
from simworld.backends.local.worker import Runner, Worker
from simworld.backends.messages import to_plain, to_result
from simworld.backends.sampling import CONTEXT_TOKENS, REPLY_TOKENS, Sampling
from simworld.checkpoint.facts import check_fit, read_trained
from simworld.checkpoint.open import Checkpoint, choose_device, choose_dtype, load_model, open_checkpoint
from simworld.checkpoint.template import Template
from simworld.errors import BackendError, UsageError
from simworld.schema import Trained


class LocalChat(BaseChatModel):
    """A causal language model with a chat template, from a folder or the hub."""

    model_config = ConfigDict(extra="forbid", validate_default=True)

    model: Annotated[str, Field(min_length=1)]
    """Folder of the checkpoint, or its id on the hub."""
    adapter: str | None = None
    """Folder of a LoRA adapter on top of it."""
    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """0: the likeliest token; None: as the model's generation_config says."""
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Longest reply, in tokens."""
    context: Annotated[int, Field(ge=256)] | None = None
    """Tokens that prompt and reply may have together; None: the model's own limit."""
    device: str | None = None
    """`cpu`, `cuda`, `cuda:1`, `mps`; None: the best there is."""
    dtype: Literal["float32", "bfloat16", "float16"] | None = None
    """None: bfloat16 on a CUDA device that has it, else float32."""
    rows: Annotated[int, Field(ge=1)] = 64
    """Rows answered in one pass, at most."""
    cache_gb: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Memory for keys and values, in 10**9 bytes; None: a quarter of what is free once the model is loaded."""
    trust_remote_code: bool = False
    """Let the checkpoint bring Python code of its own."""

    _checkpoint: Checkpoint = PrivateAttr()
    _template: Template = PrivateAttr()
    _trained: Trained | None = PrivateAttr(default=None)
    _worker: Worker = PrivateAttr()
    _limit: int = PrivateAttr()

    @model_validator(mode="after")
    def _open(self) -> Self:
        self._checkpoint = open_checkpoint(
            self.model, spec=self.spec, adapter=self.adapter, trust=self.trust_remote_code
        )
        folders = [folder for folder in (self._checkpoint.adapter, self._checkpoint.base) if folder]
        self._trained = next((told for folder in folders if (told := read_trained(folder))), None)
        if self._trained:
            check_fit(self._trained, self._checkpoint.tokenizer, self.spec)
        self._template = Template(self._checkpoint.tokenizer, self.spec, closes=self._trained is not None)
        choose_device(self.device, self.spec)
        longest = self._checkpoint.longest
        if self.context and longest and self.context > longest:
            raise UsageError(f"{self.spec} takes {longest} tokens at most; give --context {longest} or less")
        self._limit = self.context or longest or CONTEXT_TOKENS
        self._worker = Worker(self._load, self.spec)
        return self

    def _load(self) -> Runner:
        tend_threads()
        device = choose_device(self.device, self.spec)
        model = load_model(self._checkpoint, device, choose_dtype(self.dtype, device))
        return open_runner(
            model, self._checkpoint, ends=self._stops, limit=self._limit, temperature=self.temperature,
            top_p=self.top_p, rows=self.rows, bound=int(self.cache_gb * 1e9) if self.cache_gb else None,
        )  # fmt: skip

    @property
    def spec(self) -> str:
        """`local:` and the folder or hub id, as it was named."""
        return f"local:{self.model}"

    @property
    def trained(self) -> Trained | None:
        """What the checkpoint was trained to be, where its folder says so in `simworld.json`."""
        return self._trained

    @property
    def context_tokens(self) -> int:
        """Tokens that prompt and reply may have together, less those that the template adds to every prompt."""
        return max(1, self._limit - self._template.fixed)

    def count(self, text: str) -> int:
        """Tokens of a message with this content by the model's own tokenizer, with what the template adds."""
        return self._template.count(text)

    async def complete(
        self, messages: Messages, *, seed: int | None = None, seat: str = "", call: int | None = None
    ) -> Completion:
        """Answer once. The model learns neither `seat` nor `call`.

        Raises BackendError for a prompt that leaves no room for a reply, Refused where the model cannot be loaded.
        """
        tokens = self._template.encode(messages)
        said = await self.say(tokens, seed=seed)
        stopped = said.finish_reason == "stop"
        ended = stopped and self._trained is not None and said.tokens[-1] == self._trained.conversation_end
        return Completion(
            text=self._template.decode(said.tokens[:-1] if stopped else said.tokens),
            input_tokens=len(tokens),
            output_tokens=len(said.tokens),
            finish_reason=ENDED if ended else said.finish_reason,
        )

    async def say(self, tokens: list[int], *, seed: int | None = None, rules: Rules | None = None) -> Said:
        """What the model says to this prompt of tokens, within the rules. Raises as `complete` does."""
        asked = self._call(tokens, seed, rules)
        self._worker.submit(asked)
        return await asyncio.wrap_future(asked.future)

    async def aclose(self) -> None:
        """End the thread and let go of what is kept of prompts; the weights stay for the next call."""
        await asyncio.to_thread(self._worker.close)

    @property
    def _stops(self) -> frozenset[int]:
        """The tokens that end a reply: the template's, and those that the checkpoint was trained to end one with."""
        if self._trained is None:
            return self._template.ends
        end = self._trained.conversation_end
        return self._template.ends | {*self._trained.turn_ends, *([] if end is None else [end])}

    def _call(self, tokens: list[int], seed: int | None, rules: Rules | None) -> Call:
        room = self._limit - len(tokens)
        if room < 1 or not tokens:
            raise BackendError(
                f"{self.spec}: a prompt of {len(tokens)} tokens leaves no room for a reply within the {self._limit} "
                "that the model can take; shorten the persona or the scene, or give a larger --context"
            )
        most = min(room, self.max_tokens or min(REPLY_TOKENS, self._limit // 4))
        greedy = self.temperature == 0
        draws = [] if greedy else draws_of(randbits(63) if seed is None else seed, most)
        return Call([*tokens], len(tokens), most, draws, rules=rules)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        given = {name: value for name, value in kwargs.items() if value is not None}
        if other := given.keys() - {"seed", "seat", "call"}:
            raise UsageError(f"'{min(other)}' cannot be given with a call to {self.spec}; give it to LocalChat")
        if stop:
            raise UsageError(f"{self.spec} takes no stop words: it ends where its template ends a turn")
        return self._result(await self.complete(to_plain(messages), **given))

    def _result(self, reply: Completion) -> ChatResult:
        return to_result(reply, self.model)

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
        return "simworld-local"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        names = ("model", "adapter", "temperature", "top_p", "max_tokens", "context", "dtype")
        return {name: getattr(self, name) for name in names}


def open_local(name: str, options: Sampling) -> LocalChat:
    """The backend `local:NAME`. Raises MissingDependency without the extra, UsageError for an unusable checkpoint."""
    return LocalChat(
        model=name,
        adapter=options.adapter,
        temperature=options.temperature,
        top_p=options.top_p,
        max_tokens=options.max_tokens,
        context=options.context,
        device=options.device,
        dtype=options.dtype,
        rows=options.batch,
        cache_gb=options.cache_gb,
        trust_remote_code=options.trust_remote_code,
    )
