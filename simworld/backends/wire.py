"""The chat-completions protocol: bytes to send, bytes received, and what a refusal means. Pure functions, no I/O.

body = write_request({"model": "mock"}, [{"role": "user", "content": "Hello."}])
reply = read_reply(b'{"choices": [{"message": {"content": "Good evening."}}]}')
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import orjson

from simworld.backends.backend import Messages
from simworld.backends.completion import Completion
from simworld.backends.content import read_content, well_formed
from simworld.backends.retry import Passing
from simworld.errors import BackendError, Refused
from simworld.text.redact import clean, hidden

_PASSING = frozenset({408, 409, 425, 429})
_DOWN = frozenset({502, 503, 504, 529})
"""What stands before a server that is not there, or has too much to do, says."""
_HALFWAY = frozenset({502, 504})
"""The model behind may have answered."""
_REFUSED = {
    401: "check the key (OPENAI_API_KEY)",
    402: "check the account's balance",
    403: "check the key (OPENAI_API_KEY) and what it may use",
    404: "check the model's name and --base-url",
    405: "check --base-url",
    410: "check the model's name and --base-url",
}
_WRONG_KEY = re.compile(r"api.?key", re.IGNORECASE)
_NO_CREDIT = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
_OF_THIS_PROMPT = re.compile(
    r"context|too (long|large|many tokens)|token limit|maximum.{0,20}tokens|content.(filter|policy)|safety|flagged",
    re.IGNORECASE,
)


_ANOTHER_WORD = re.compile(r"\s\S")
_LONGEST = ("max_tokens", "max_completion_tokens")
_OVERSHOOT = 3
"""Tokens by which servers pass a limit to end a character they have begun; llama.cpp's does."""
_WATCHED = frozenset({"logprobs", "n", "response_format", "stop", *_LONGEST})
"""Options of which a reply can show that the server ignored them."""
_KINDS: dict[str, tuple[type, ...]] = {
    "array": (list,),
    "boolean": (bool,),
    "integer": (int, float),
    "null": (type(None),),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}
"""A JSON schema's types, as Python reads them."""


def write_request(fixed: Mapping[str, Any], messages: Messages) -> bytes:
    """The JSON body; `fixed` holds the model's name and every option. BackendError for text that is no Unicode."""
    try:
        return orjson.dumps({**fixed, "messages": messages}, default=_plain)
    except TypeError as error:
        raise BackendError(f"the prompt or an option cannot be written as JSON: {clean(str(error))}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, Any]", value))
    raise TypeError(f"{type(value).__name__} is not JSON")


def read_reply(body: bytes, secrets: Iterable[str] = (), sent: Mapping[str, Any] = {}) -> Completion:
    """The completion in a reply of status 200 to a request of these fields. Raises Passing where it holds none."""
    reply = _load(body)
    choices = reply.get("choices")
    if not isinstance(choices, list) or not choices:
        said = clean(_error(body)["message"], secrets) if "error" in reply else ""
        raise Passing("no choices in the reply", said, billed=True)
    choice = _mapping(cast("list[Any]", choices)[0])
    message = choice.get("message")
    if not isinstance(message, dict):
        raise Passing("no message in the reply", billed=True)
    completion = _completion(cast("dict[str, Any]", message), choice, _mapping(reply.get("usage")), secrets)
    if _WATCHED.isdisjoint(sent):
        return completion
    ignored = find_ignored(sent, cast("list[Any]", choices), completion)
    return replace(completion, ignored=ignored) if ignored else completion


def _completion(
    message: dict[str, Any], choice: dict[str, Any], usage: dict[str, Any], secrets: Iterable[str]
) -> Completion:
    content, finish = message.get("content"), choice.get("finish_reason")
    text, dropped = (content, 0) if isinstance(content, str) else read_content(content)
    beside = max(_length(message.get("reasoning_content")), _length(message.get("reasoning")))
    return Completion(
        text=hidden(text, secrets),
        input_tokens=_tokens(usage.get("prompt_tokens")),
        output_tokens=_tokens(usage.get("completion_tokens")),
        finish_reason=finish if isinstance(finish, str) else "",
        reasoning=dropped + beside,
    )


def find_ignored(sent: Mapping[str, Any], choices: Sequence[Any], reply: Completion) -> tuple[str, ...]:
    """Names of the options in `sent` that this reply shows to be ignored; an option not named may be so all the same.

    `reply` is read from the first of `choices`. A reply that is empty or filtered proves nothing of `response_format`,
    one cut by length no more than that it is not so begun.
    """
    first = _mapping(choices[0])
    found: list[str] = []
    if sent.get("logprobs") and reply.text and first.get("logprobs") is None:
        found.append("logprobs")
    if type(sent.get("n")) is int and len(choices) < sent["n"]:
        found.append("n")
    if any(_goes_on(reply.text, stop) for stop in _list(sent.get("stop"))):
        found.append("stop")
    if wanted := _mapping(sent.get("response_format")):
        text, cut = reply.text.strip(), reply.finish_reason == "length"
        if text and (cut or reply.finish_reason in {"stop", ""}) and not _is_in_format(wanted, text, cut):
            found.append("response_format")
    found += [name for name in _LONGEST if type(sent.get(name)) is int and _is_over(sent[name], len(choices), reply)]
    return tuple(found)


def _goes_on(text: str, stop: Any) -> bool:
    """Whether another word follows a stop string; the string itself and the rest of its token are left in by some."""
    return isinstance(stop, str) and stop != "" and _ANOTHER_WORD.search(text.partition(stop)[2]) is not None


def _is_over(limit: int, choices: int, reply: Completion) -> bool:
    """Whether there are more tokens than were allowed: as told, else by words, since no token holds two of them."""
    if reply.output_tokens:
        return reply.output_tokens > (limit + _OVERSHOOT) * choices
    return len(reply.text) > 2 * limit and len(reply.text.split()) > limit


def _is_in_format(wanted: Mapping[str, Any], text: str, cut: bool) -> bool:
    """Whether the text is JSON of the kind asked for (or its beginning), as far as the schema's top level tells."""
    kind = wanted.get("type")
    if kind not in {"json_object", "json_schema"}:
        return True
    schema = _mapping(_mapping(wanted.get("json_schema")).get("schema")) or _mapping(wanted.get("schema"))
    if not schema and kind == "json_object":
        schema = {"type": "object"}
    if cut:
        return text.startswith("{") or schema.get("type") != "object"
    try:
        value = orjson.loads(text)
    except ValueError:
        return False
    if not isinstance(value, dict):
        return _is_kind(schema, value)
    held = cast("dict[str, Any]", value)
    fields = _mapping(schema.get("properties"))
    return (
        _is_kind(schema, held)
        and all(name in held for name in _list(schema.get("required", [])))
        and all(_is_kind(_mapping(fields[name]), held[name]) for name in fields.keys() & held.keys())
    )


def _is_kind(schema: Mapping[str, Any], value: Any) -> bool:
    """Whether the value is of the schema's type; so is any where it names none that is known."""
    kinds = _list(schema.get("type"))
    if not all(isinstance(name, str) and name in _KINDS for name in kinds):
        return True
    return any(_is_one(name, value) for name in kinds)


def _is_one(kind: str, value: Any) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _KINDS[kind]) and (kind != "integer" or float(value).is_integer())


def _load(body: bytes) -> dict[str, Any]:
    try:
        return _mapping(orjson.loads(body))
    except ValueError:
        return _load_loosely(body)


def _load_loosely(body: bytes) -> dict[str, Any]:
    """JSON with half of a surrogate pair in it, as servers write that cut a reply within an emoji."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise Passing("a reply that is not whole JSON", billed=True) from None
    return _mapping(json.loads(well_formed(json.dumps(value, ensure_ascii=False))))


def _mapping(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str) else 0


def _tokens(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None


@dataclass(frozen=True, slots=True)
class Denial:
    """An answer of another status than 200."""

    status: int
    body: bytes
    wait: float
    """Seconds that the server asks to be left alone."""


def judge(name: str, denial: Denial, secrets: Iterable[str], sent: Iterable[str]) -> Exception:
    """What a denial means: Passing, Refused (every call would be denied), or BackendError for this one prompt.

    `sent` are the names of the body's fields, to see which one is complained of.
    """
    error = _error(denial.body)
    message = clean(error["message"], secrets)
    what = f"HTTP {denial.status}"
    line = f"{name}: {what}{': ' if message else ''}{message}"
    if advice := _advice(denial.status, error, sent):
        return Refused(f"{line}; {advice}")
    if denial.status in _PASSING or denial.status >= 500:
        gateway = denial.status in _DOWN
        return Passing(
            what, message, denial.wait, busy=denial.status == 429, down=gateway, billed=denial.status in _HALFWAY
        )
    return BackendError(line)


def _advice(status: int, error: Mapping[str, str], sent: Iterable[str]) -> str:
    """What to change where every call would be denied; empty where another one may pass."""
    if 300 <= status < 400:
        return "a redirect, which is not followed; give the final address as --base-url"
    if error["code"] in _NO_CREDIT:
        return _REFUSED[402]
    if status == 400 and _WRONG_KEY.search(error["message"]):
        return _REFUSED[401]
    if status in {400, 422} and _complains_of(error, sent):
        return "change the model or that option"
    return _REFUSED.get(status, "")


def _complains_of(error: Mapping[str, str], sent: Iterable[str]) -> bool:
    """Whether an option (or the model) is at fault, and not this prompt."""
    options = [name for name in sent if name != "messages"]
    if error["param"]:
        return error["param"] in options
    if error["code"] == "context_length_exceeded" or _OF_THIS_PROMPT.search(error["message"]):
        return False
    return any(re.search(rf"(?<![a-z_]){re.escape(name)}s?(?![a-z_])", error["message"].lower()) for name in options)


def _error(body: bytes) -> dict[str, str]:
    """`message`, `code` and `param` of an error reply, in whichever of the usual shapes it comes; each may be empty."""
    try:
        reply = orjson.loads(body)
    except ValueError:
        text = body[:4000].decode("utf-8", "replace")
        return {"message": "" if text.lstrip().startswith("<") else text, "code": "", "param": ""}
    outer = _mapping(reply)
    inner = _mapping(outer.get("error")) or outer
    said = (outer.get("error"), inner.get("message"), outer.get("detail"), inner.get("msg"))
    return {
        "message": next((text for text in map(_text, said) if text), ""),
        "code": _text(inner.get("code")) or _text(inner.get("type")),
        "param": _text(inner.get("param")),
    }


def _text(value: Any) -> str:
    """A message given as text, or as FastAPI's list of `{loc, msg}`."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return ""
    findings = [_mapping(item) for item in cast("list[Any]", value)]
    return "; ".join(f"{'.'.join(map(str, item.get('loc') or ()))}: {item.get('msg', '')}" for item in findings if item)
