"""Metered: a backend whose calls are paid from a purse, each held back by its upper estimate before it is begun.

    backend = Metered(open_backend("openai:gpt-4.1-mini"), purse, price, reply_tokens=512)

The upper estimate is the prompt as counted (higher, once a server told of more) and the longest reply that is asked
for.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from math import ceil

from simworld.backends.backend import ChatBackend, Messages
from simworld.backends.budget import USD, Purse
from simworld.backends.completion import Completion
from simworld.backends.payment import Payment
from simworld.backends.prices import Price
from simworld.text.tokens import MESSAGE_OVERHEAD

CHARACTERS_A_TOKEN = 16
"""A server that tells of fewer tokens than one for so many characters is not believed."""


class Metered:
    """A ChatBackend around another one. `price`: None where the budget is not money."""

    def __init__(self, backend: ChatBackend, purse: Purse, price: Price | None, *, reply_tokens: int) -> None:
        self.spec = backend.spec
        self.context_tokens = backend.context_tokens
        self._backend = backend
        self._purse, self._price = purse, price
        self._longest = reply_tokens
        self._scale = 1.0  # highest seen of what a server counted to what was estimated

    def count(self, text: str) -> int:
        """Tokens of `text`, as the backend counts."""
        return self._backend.count(text)

    async def aclose(self) -> None:
        """Let go of the backend's connections."""
        await self._backend.aclose()

    async def complete(
        self, messages: Messages, *, seed: int | None = None, seat: str = "", call: int | None = None
    ) -> Completion:
        """Answer once. Raises OutOfBudget where the budget cannot hold the call; else as the backend does."""
        estimated = sum(self.count(message["content"]) + MESSAGE_OVERHEAD for message in messages)
        most = (round(estimated * self._scale), self._longest)
        payment = Payment(self._purse, self._cost(*most))
        await payment.again()
        try:
            with payment.given():
                reply = await self._backend.complete(messages, seed=seed, seat=seat, call=call)
        except BaseException as error:
            payment.failed(billed=isinstance(error, asyncio.CancelledError))
            self._purse.unanswered += payment.lost * self._cost(*most)
            raise
        given, made = self._told(reply, messages, most)
        self._scale = max(self._scale, given / max(1, estimated))
        self._longest = max(self._longest, made)
        payment.settle(self._cost(given, made))
        paid = (given + payment.lost * most[0], made + payment.lost * most[1])
        return replace(reply, by=reply.by or self.spec, paid=paid)

    def _told(self, reply: Completion, messages: Messages, most: tuple[int, int]) -> tuple[int, int]:
        """Tokens in and out as the endpoint told, or as estimated where it told none or too few to be true."""
        given, made = reply.input_tokens, reply.output_tokens
        if given is None or given * CHARACTERS_A_TOKEN < _characters(messages):
            given = most[0]
        if made is None or made * CHARACTERS_A_TOKEN < len(reply.text):
            made = self.count(reply.text)
        return given, made

    def _cost(self, given: int, made: int) -> int:
        return ceil(self._price.cost(given, made) * USD) if self._price else given + made


def _characters(messages: Messages) -> int:
    return sum(len(message["content"]) for message in messages)
