"""CharacterAgent: a chat model speaks for a seat, through the journal where there is one."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b

from simworld.agents.agent import Deed, View
from simworld.backends.backend import ChatBackend
from simworld.backends.completion import ENDED, Completion
from simworld.backends.journal import Journal, Key
from simworld.backends.sampling import REPLY_TOKENS
from simworld.perspective import parse_reply
from simworld.prompts import forms
from simworld.schema import Reply, Trained, Usage
from simworld.text.tokens import MESSAGE_OVERHEAD

_FAULTS = {"length": "cut", "content_filter": "filtered"}
FALLBACK = "fallback"
"""Fault of an act that another backend spoke in place of the seat's own."""


class CharacterAgent:
    """Asks a chat backend for the next act and reads the reply."""

    wants_messages = True

    def __init__(
        self, backend: ChatBackend, journal: Journal | None = None, *, max_tokens: int | None = None,
        reflects: bool = True, trained: Trained | None = None,
    ) -> None:  # fmt: skip
        self.spec = backend.spec
        self.reflects = reflects
        """Whether it can be asked for anything but the next act."""
        self.trained: Trained | None = trained or getattr(backend, "trained", None)
        """What its checkpoint was trained to be, where that says so: its prompts are laid out as those were."""
        reply = max_tokens or min(REPLY_TOKENS, backend.context_tokens // 4)
        self.budget = max(1, backend.context_tokens - reply)
        self._backend = backend
        self._journal = journal

    def count(self, text: str) -> int:
        """Tokens of one message with this content, as its backend counts."""
        return self._backend.count(text) + MESSAGE_OVERHEAD

    async def act(self, view: View) -> Deed:
        """One call; one more of the same prompt where the reply is empty or its markup holds nothing."""
        completion = await self._ask(view, 0)
        reply = self._read(view, completion)
        usage = self._spent(Usage(), view, completion, reply)
        if not reply.pieces and not reply.end:
            completion = await self._ask(view, 1)
            before, reply = reply, self._read(view, completion)
            usage = self._spent(usage, view, completion, reply).model_copy(update={"repairs": 1})
            reply = reply.model_copy(update={"guards": (*before.guards, *reply.guards)})
        cut = _FAULTS.get(completion.finish_reason)
        faults = [fault for fault in (cut, FALLBACK if self._is_other(completion) else "") if fault]
        if faults:
            reply = reply.model_copy(update={"faults": (*reply.faults, *faults)})
        return Deed(reply, usage)

    def _is_other(self, completion: Completion) -> bool:
        """Whether another backend answered in place of its own."""
        return completion.by not in ("", self.spec)

    async def _ask(self, view: View, again: int) -> Completion:
        part = view.part
        call = view.calls + again
        seed = call_seed(part.seed, part.id, call)
        if self._journal is None:
            return await self._backend.complete(view.messages, seed=seed, seat=part.id, call=call)
        key = Key(part.dialogue, part.index, part.id, call)
        return await self._journal.ask(self._backend, view.messages, key=key, seed=seed)

    def _read(self, view: View, completion: Completion) -> Reply:
        part = view.part
        plain = part.seat.is_plain or part.seat.role == "narrator"
        end = forms()["end"] if part.seat.role == "user" else ""
        reply = parse_reply(completion.text, own=part.known_as, others=part.others_known_as, plain=plain, end=end)
        told: dict[str, object] = {"guards": completion.guards, "end_probability": completion.end_probability}
        if completion.finish_reason == ENDED or reply.end:
            told |= {"end": True, "faults": tuple(fault for fault in reply.faults if fault != "empty")}
            if not reply.pieces and not any(turn.seat == part.id for turn in view.turns):
                # nobody leaves before having said a word
                told |= {"end": False, "faults": ("empty",), "guards": (*completion.guards, "early_end")}
        return reply.model_copy(update=told)

    def _spent(self, usage: Usage, view: View, completion: Completion, reply: Reply) -> Usage:
        """The usage so far with this call added; tokens that the endpoint did not tell are estimated, and said so."""
        told = completion.input_tokens is not None and completion.output_tokens is not None
        given, made = completion.input_tokens, completion.output_tokens
        if given is None:
            given = sum(self.count(message["content"]) for message in view.messages)
        if made is None:
            made = self._backend.count(completion.text)
        other = self._is_other(completion)
        return Usage(
            calls=usage.calls + 1,
            input_tokens=usage.input_tokens + given,
            output_tokens=usage.output_tokens + made,
            reasoning_characters=usage.reasoning_characters + completion.reasoning + reply.dropped,
            estimated=usage.estimated or not told,
            guards=dict(Counter(usage.guards) + Counter(reply.guards)),
            fallback=completion.by if other else usage.fallback,
            fallback_calls=usage.fallback_calls + other,
            fallback_input_tokens=usage.fallback_input_tokens + given * other,
            fallback_output_tokens=usage.fallback_output_tokens + made * other,
        )


def call_seed(seed: int, seat: str, call: int) -> int:
    """The sampling seed of one call, 0 .. 2**31 - 1, from (dialogue seed, seat, call number)."""
    digest = blake2b(f"{seed}/{seat}/{call}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1
