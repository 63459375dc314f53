"""What the server says: the text of a reply, its tokens and its body. Pure: content in, bytes out.

answer = compose(request, seed, knobs, serial=7, odd="")
answer.body                         # what is sent
answer.tokens_in, answer.tokens_out # what it costs, whatever `usage` in the body says
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from hashlib import blake2b
from random import Random
from typing import Any

import orjson

from tests.load_server.knobs import Knobs
from tests.load_server.schema import make

_WORDS = (
    "the we you road letter harbour winter plan promise doctor garden price window answer morning story ticket quiet "
    "careful honest always maybe because before after think know ask tell bring keep leave find carry hope agree they "
    "market captain early simple never while need doubt remember listen river table stone bread light paper train boat "
    "kitchen number coat hour bridge sister copper lantern field"
)
WORDS = _WORDS.split()
"""64 of them: a byte picks one."""
CHARACTERS_A_TOKEN = 4
MESSAGE_TOKENS = 4
"""Tokens of a message beside its content."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply, ready to be sent."""

    text: str
    body: bytes
    tokens_in: int
    tokens_out: int


def digest(body: bytes) -> bytes:
    """What everything about a request's fate follows from."""
    return blake2b(body, digest_size=64).digest()


def share(seed: bytes, what: str, number: int = 0) -> float:
    """A number from 0 up to 1 that follows from the request alone (and, with a number, from its try)."""
    made = blake2b(b"%b/%d" % (what.encode(), number), key=seed, digest_size=7).digest()
    return int.from_bytes(made) / 2**56


def jitter(seed: bytes, number: int, sigma: float) -> float:
    """A log-normal factor with median 1."""
    one, two = 1.0 - share(seed, "one", number), share(seed, "two", number)
    return math.exp(sigma * math.sqrt(-2 * math.log(one)) * math.cos(2 * math.pi * two))


def tokens_of(text: str) -> int:
    """Tokens of a text, as this server counts them."""
    return -(-len(text) // CHARACTERS_A_TOKEN)


def compose(request: dict[str, Any], seed: bytes, knobs: Knobs, serial: int, odd: str) -> Answer:
    """The reply to a request."""
    text, finish = _text(request, seed, knobs), knobs.finish
    if knobs.serial:
        text += f" [{serial}]"
    text, finish = _bounded(request, text, finish, knobs)
    text, finish = _odd_text(text, finish, odd)
    many = request.get("n") or 1
    many = many if "n" not in knobs.ignore else 1
    tokens_in = _prompt_tokens(request["messages"])
    tokens_out = tokens_of(text) * many
    if knobs.body is not None:
        return Answer(text, knobs.body, tokens_in, tokens_out)
    message = {"role": "assistant", "content": text if knobs.content is ... else knobs.content, **knobs.fields}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    if request.get("logprobs") and "logprobs" not in knobs.ignore:
        choice["logprobs"] = {"content": [{"token": word, "logprob": -0.5} for word in text.split()]}
    whole = {
        "id": f"chatcmpl-{seed[:8].hex()}",
        "object": "chat.completion",
        "created": 1767225600,
        "model": request.get("model", "mock"),
        "choices": [choice] if many == 1 else [{**choice, "index": at} for at in range(many)],
    }
    usage = _usage(tokens_in, tokens_out, odd) if knobs.usage is ... else knobs.usage
    if usage is not None:
        whole["usage"] = usage
    return Answer(text, orjson.dumps(whole), tokens_in, tokens_out)


def _text(request: dict[str, Any], seed: bytes, knobs: Knobs) -> str:
    if knobs.reply:
        return knobs.reply(request)
    wanted = request.get("response_format")
    if wanted and wanted.get("type") in {"json_object", "json_schema"} and "response_format" not in knobs.ignore:
        schema = wanted.get("json_schema", wanted).get("schema") or {"properties": {"text": {"type": "string"}}}
        return orjson.dumps(make(schema, Random(seed))).decode()
    chance = seed
    while len(chance) < knobs.words:
        chance += blake2b(chance).digest()
    return " ".join([WORDS[byte & 63] for byte in chance[: knobs.words]]).capitalize() + "."


def _bounded(request: dict[str, Any], text: str, finish: str | None, knobs: Knobs) -> tuple[str, str | None]:
    """The text cut by the request's own options."""
    stops = request.get("stop") or ()
    if stops and "stop" not in knobs.ignore:
        for stop in [stops] if isinstance(stops, str) else stops:
            text = text.partition(stop)[0]
    limit = request.get("max_tokens") or request.get("max_completion_tokens")
    if limit and "max_tokens" not in knobs.ignore and tokens_of(text) > limit:
        return text[: limit * CHARACTERS_A_TOKEN], "length"
    return text, finish


def _odd_text(text: str, finish: str | None, odd: str) -> tuple[str, str | None]:
    match odd:
        case "length":
            return text[: len(text) // 2], "length"
        case "filtered":
            return text[: len(text) // 2], "content_filter"
        case "filtered_empty":
            return "", "content_filter"
        case _:
            return text, finish


def _usage(tokens_in: int, tokens_out: int, odd: str) -> dict[str, int] | None:
    match odd:
        case "usage_absent":
            return None
        case "usage_zero":
            tokens_in = tokens_out = 0
        case "usage_negative":
            tokens_in, tokens_out = -tokens_in, -tokens_out
        case "usage_small":
            tokens_in, tokens_out = tokens_in // 10, tokens_out // 10
    return {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out}


def _prompt_tokens(messages: list[dict[str, Any]]) -> int:
    total = MESSAGE_TOKENS * len(messages)
    for message in messages:
        content = message.get("content") or ""
        total -= -len(content if isinstance(content, str) else str(content)) // CHARACTERS_A_TOKEN
    return total
