"""What a model replied, read strictly as the one JSON object that it was asked for.

>>> read_object('```json\\n{"age": 67}\\n```')
{'age': 67}
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn, cast

_FENCE = re.compile(r"```(?:json)?\s*(.*?)\s*```", re.DOTALL)
_REASONING = re.compile(r"\s*<think>.*?</think>", re.DOTALL)


def read_object(reply: str) -> dict[str, Any]:
    """The object, which stands alone or alone in a fence, after model reasoning where there is any.

    Raises ValueError, saying what is wrong, for all else: text around it, a list, a key given twice, NaN.
    """
    text = _REASONING.sub("", reply, count=1).strip() if reply.lstrip().startswith("<think>") else reply.strip()
    if fenced := _FENCE.fullmatch(text):
        text = fenced[1]
    if not text:
        raise ValueError("the reply is empty")
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise ValueError(f"the reply is not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise ValueError("the reply is nested too deep") from None
    if not isinstance(found, dict):
        raise ValueError(f"the reply is a {type(found).__name__}, not an object")
    return cast("dict[str, Any]", found)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("the reply gives a key twice")
    return found


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"the reply holds {name}, which is no number")
