"""UserSimChat: a checkpoint that was trained on people's turns, as the chat model that sits at a user's seat.

    model = open_usersim("user")                        # a folder; or a YAML file with options
    model = open_usersim("user", min_turns=3, temperature=0.7)
    reply = await model.complete(messages, seed=7)      # the next message, or the end
    reply.finish_reason, reply.end_probability, reply.guards

Its own messages are the assistant's in the prompt, as `perspective` lays out every seat; a message is the first one of
the conversation, a later one, or the end of it. What its `simworld.json` says is held to.
"""

from __future__ import annotations

import logging
from hashlib import blake2b
from secrets import randbits
from typing import Annotated, Any, Literal, Self

from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatResult
from pydantic import Field, PrivateAttr, model_validator

from simworld.backends.backend import Messages
from simworld.backends.completion import ENDED, Completion
from simworld.backends.local.call import Said
from simworld.backends.local.chat import LocalChat
from simworld.backends.sampling import Sampling
from simworld.errors import BackendError, UsageError
from simworld.schema.turn import CLOSING
from simworld.usersim.asking import Asking, Ends, ends_of
from simworld.usersim.guards import Draft, judge
from simworld.usersim.options import Foreign, Guards, checked, read_options

logger = logging.getLogger("simworld.backends")

ROLE = "user"
"""The only role whose seats it plays, and the speaker that its checkpoint must have been trained for."""


class UserSimChat(LocalChat):
    """A user simulator. `guards` keep it to its part; `foreign` says how one trained elsewhere is spoken to."""

    label: str = ""
    """How it was named, where not by its model: a file of options."""
    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] | None = 0.8
    max_tokens: Annotated[int, Field(ge=1)] | None = 512
    guards: Guards = Guards()
    foreign: Foreign | None = None

    _ends: Ends = PrivateAttr()
    _asking: Asking = PrivateAttr()

    @model_validator(mode="after")
    def _take_part(self) -> Self:
        trained = self._trained
        if trained is None and self.foreign is None:
            raise UsageError(
                f"{self.spec}: '{self.model}' does not say what it was trained for (it holds no simworld.json); train "
                "one with `simworld train CORPUS --speaker user`, or describe it in a file: usersim:FILE.yaml"
            )
        if trained is not None and trained.speaker != ROLE:
            raise UsageError(
                f"{self.spec}: it was trained as '{trained.speaker}', not as user; train with --speaker user, or seat "
                f"it as local:{self.model}"
            )
        self._ends = ends_of(self._checkpoint.tokenizer, self._template, trained, self.foreign, self.spec)
        self._asking = Asking(self._checkpoint.tokenizer, self._template, self.foreign or Foreign(), self.spec)
        if self._ends.conversation is None and self.guards.ends:
            logger.warning("%s was taught no end of a conversation: the scene alone ends it", self.spec)
        return self

    @property
    def spec(self) -> str:
        """`usersim:` and the folder, hub id or file, as it was named."""
        return f"usersim:{self.label or self.model}"

    @property
    def context_tokens(self) -> int:
        """As a local model's; where an overflow ends the conversation, prompts are never cut."""
        return 10**9 if self.guards.overflow == "end" else super().context_tokens

    async def complete(
        self, messages: Messages, *, seed: int | None = None, seat: str = "", call: int | None = None
    ) -> Completion:
        """The next message, or the end of the conversation; asked again, by another draw, where a guard objects.

        `call` tells how many turns it has made where the prompt no longer shows them all. Raises BackendError where
        no draw makes a first message; else as `LocalChat.complete`.
        """
        asked = self._asking.tokens(messages)
        own = max(sum(message["role"] == "assistant" for message in messages), call or 0)
        if self.guards.max_turns is not None and own >= self.guards.max_turns:
            return Completion("", 0, 0, ENDED, guards=("max_turns",))
        full = Completion("", 0, 0, ENDED, guards=("context_full",))
        if self.guards.overflow == "end" and len(asked) >= self._limit:
            return full
        rules = self._ends.rules(self.guards, own, self._first_banned())
        seed = randbits(63) if seed is None else seed
        acted: list[str] = []
        given = made = 0
        chance: float | None = None
        for again in range(self.guards.tries if self.temperature else 1):
            said = await self.say(asked, seed=_seed(seed, again), rules=rules)
            given, made = given + len(asked), made + len(said.tokens)
            chance = said.watched if again == 0 else chance
            draft = self._draft(said)
            acted += self._ends.acted(said.barred, self._first_banned())
            if draft.cut and self.guards.overflow == "end" and len(asked) + len(said.tokens) >= self._limit:
                return Completion("", given, made, ENDED, guards=(*acted, *full.guards), end_probability=chance)
            objection = judge(draft, messages, self.guards)
            if not objection:
                acted += ["too_long"] if draft.cut else []
                return Completion(draft.text, given, made, draft.reason, guards=tuple(acted), end_probability=chance)
            acted.append(objection)
        if not own:
            told = ", ".join(dict.fromkeys(acted))
            raise BackendError(f"{self.spec}: none of {self.guards.tries} draws made a first message ({told})")
        return Completion("", given, made, ENDED, guards=(*acted, "gave_up"), end_probability=chance)

    def _first_banned(self) -> frozenset[int]:
        return self._asking.first_tokens(self.guards.banned_first)

    def _draft(self, said: Said) -> Draft:
        stopped = said.finish_reason == "stop"
        ended = stopped and said.tokens[-1] == self._ends.conversation
        text = self._template.decode(said.tokens[:-1] if stopped else said.tokens)
        return Draft(text, ended=ended, cut=not stopped)

    def _result(self, reply: Completion) -> ChatResult:
        result = super()._result(reply)
        message = result.generations[0].message
        assert isinstance(message, AIMessage)
        message.response_metadata |= about(reply)
        return result

    @property
    def _llm_type(self) -> str:
        return "simworld-usersim"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {**super()._identifying_params, "guards": self.guards.model_dump(mode="json")}


Reason = Literal["", "simulator", "max_turns", "context_full", "gave_up"]


def about(reply: Completion) -> dict[str, Any]:
    """What a message's `response_metadata` tells of a user simulator's reply: `end_probability`, `guards`, `reason`.

    `reason`: who ended the conversation, the simulator or the guard of that name; empty where it goes on.
    """
    guard = next((name for name in reply.guards if name in CLOSING), "simulator")
    reason = guard if reply.finish_reason == ENDED else ""
    return {"end_probability": reply.end_probability, "guards": list(reply.guards), "reason": reason}


def open_usersim(place: str, sampling: Sampling | None = None, **options: Any) -> UserSimChat:
    """The user simulator in a folder, or the one that a YAML file describes.

    `options` are those of a file (see `options.Options`) and come before it; what `sampling` says of temperature,
    top_p, adapter, context and device comes before both, and the smaller of two `max_tokens` holds. Raises UsageError
    for what cannot be used, MissingDependency without the extra.
    """
    sampling = sampling or Sampling()
    told = read_options(place)
    if options:
        told = checked(f"usersim:{place}", {**told.model_dump(exclude_unset=True), **options})
    return UserSimChat(
        model=told.model,
        label="" if told.model == place else place,
        adapter=sampling.adapter or told.adapter,
        temperature=told.temperature if sampling.temperature is None else sampling.temperature,
        top_p=told.top_p if sampling.top_p is None else sampling.top_p,
        max_tokens=min(told.max_tokens, sampling.max_tokens or told.max_tokens),
        context=sampling.context,
        device=sampling.device,
        dtype=sampling.dtype,
        rows=sampling.batch,
        cache_gb=sampling.cache_gb,
        trust_remote_code=sampling.trust_remote_code,
        guards=told.guards,
        foreign=told.foreign,
    )


def _seed(seed: int, again: int) -> int:
    """The seed of a draw; the first is the call's own."""
    if not again:
        return seed
    return int.from_bytes(blake2b(f"{seed}/{again}".encode(), digest_size=8).digest(), "big") >> 1
