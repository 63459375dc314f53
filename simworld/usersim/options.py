"""How a user simulator is kept to its part, and how one that was trained elsewhere is spoken to.

    read_options("user")              # the folder of a checkpoint: all as it stands here
    read_options("mine.yaml")         # a small file: `model: user`, then any of the names below

A file for a checkpoint that was trained elsewhere says what its `simworld.json` would:

    model: microsoft/UserLM-8b
    own: user
    prefix: "<|start_header_id|>user<|end_header_id|>\\n\\n"
    turn_end: ["<|eot_id|>"]
    conversation_end: "<|endconversation|>"
"""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from simworld.backends.local.fingerprint import fingerprint
from simworld.errors import UsageError, unknown
from simworld.schema import Record

SUFFIXES = (".yaml", ".yml")
_Text = Annotated[str, Field(min_length=1, max_length=400)]
_Texts = Annotated[tuple[_Text, ...], Field(max_length=400)]


class Guards(Record, frozen=True):
    """What a user simulator may not do. Each guard is counted when it acts."""

    min_turns: Annotated[int, Field(ge=0)] = 1
    """It may not end the conversation before it has said so many turns. Counted as `early_end`."""
    max_turns: Annotated[int, Field(ge=1)] | None = None
    """After so many turns of its own the conversation ends, of a guard's doing (`max_turns`)."""
    ends: bool = True
    """`false`: it never ends the conversation; the scene does. Counted as `early_end`."""
    min_tokens: Annotated[int, Field(ge=1)] = 1
    """A message has at least so many tokens (`too_short`); the longest it may be is `max_tokens`."""
    banned_first: _Texts = ()
    """No message begins with the first token of one of these (`banned_first`)."""
    repeats: bool = False
    """`false`: a message that says an earlier one again, its own or the assistant's, is asked for again (`repeats`,
    `echoes`)."""
    flips: bool = False
    """`false`: a message that answers in place of asking is asked for again (`flips_role`)."""
    tries: Annotated[int, Field(ge=1, le=64)] = 4
    """Draws that a message may take. Where none is good the conversation ends of a guard's doing (`gave_up`)."""
    overflow: Literal["cut", "end"] = "cut"
    """Where a conversation passes what the model can take: `cut` leaves out its older half, `end` ends it, of a
    guard's doing (`context_full`)."""


class Foreign(Record, frozen=True):
    """How a checkpoint that was trained elsewhere is spoken to."""

    own: Literal["assistant", "user"] = "assistant"
    """The role under which its own messages stand in its chat template."""
    prefix: str = ""
    """Text behind the prompt that opens its message; empty: as the chat template opens one."""
    turn_end: _Texts = ()
    """Tokens that close a message; empty: those of the chat template."""
    conversation_end: str = ""
    """The token that closes the conversation; empty: it has none."""
    system: Literal["briefing", "goal"] = "briefing"
    """What the system message says: all that the seat is told, or what it wants alone."""


class Options(Guards, Foreign, frozen=True):
    """A user simulator's file."""

    model: _Text
    """Folder of the checkpoint (sought beside the file first), or its id on the hub."""
    adapter: str | None = None
    """Folder of a LoRA adapter on top of it."""
    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.8
    max_tokens: Annotated[int, Field(ge=1)] = 512
    """Longest message; one that comes to it is cut off (`too_long`)."""

    @property
    def guards(self) -> Guards:
        """The guards alone."""
        return Guards(**{name: getattr(self, name) for name in Guards.model_fields})

    @property
    def foreign(self) -> Foreign | None:
        """How it is spoken to, where the file says anything of that."""
        told = {name: getattr(self, name) for name in Foreign.model_fields}
        found = Foreign(**told)
        return found if found != Foreign() else None


def read_options(place: str) -> Options:
    """What `usersim:PLACE` names. Raises UsageError for a file that cannot be read or says what is not known."""
    file = Path(place).expanduser()
    if file.suffix not in SUFFIXES or file.is_dir():
        return checked(place, {"model": place})
    import yaml

    try:
        told: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"usersim:{place}: the file cannot be read: {reason}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise UsageError(f"{file}{where}: no YAML: {getattr(error, 'problem', None) or 'cannot be parsed'}") from None
    if not isinstance(told, dict):
        raise UsageError(f"{file}: should be a mapping with `model: DIR` and options; see docs/playing_users.md")
    options = checked(str(file), told)  # pyright: ignore[reportUnknownArgumentType]
    beside = {
        name: str(file.parent / given)
        for name in ("model", "adapter")
        if (given := getattr(options, name)) and (file.parent / given).is_dir()
    }
    return options.model_copy(update=beside)


def usersim_digest(place: str, adapter: str | None) -> str:
    """Hash of the file and the checkpoint that `usersim:PLACE` names, so that another one makes another corpus."""
    options = read_options(place)
    digest = blake2b(digest_size=12)
    digest.update(fingerprint(options.model, adapter or options.adapter).encode())
    digest.update(options.model_dump_json(exclude={"model", "adapter"}).encode())
    return digest.hexdigest()


def checked(where: str, told: dict[Any, Any]) -> Options:
    """The options, or what is wrong with them in one line."""
    for name in told:
        if name not in Options.model_fields:
            raise unknown(f"{where}: option", str(name), Options.model_fields)
    try:
        return Options.model_validate(told)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UsageError(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
