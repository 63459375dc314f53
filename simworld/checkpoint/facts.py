"""What a checkpoint was trained to be: `simworld.json` in its folder, written by the trainer, read by acting.

trained = read_trained("/models/user")           # None where the folder holds no such file
check_fit(trained, tokenizer, "usersim:/models/user")
write_trained("/models/user", trained)
"""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from simworld.checkpoint.control import END_OF_CONVERSATION
from simworld.errors import UsageError
from simworld.schema import Trained

FILE = "simworld.json"


def read_trained(folder: str | Path) -> Trained | None:
    """What the checkpoint was trained to be; None where it does not say. Raises UsageError for a broken file."""
    file = Path(folder).expanduser() / FILE
    if not file.is_file():
        return None
    try:
        return Trained.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UsageError(f"{file}: {place}: {first['msg']}; train again, or mend the file") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None


def write_trained(folder: str | Path, trained: Trained) -> None:
    """Write it into the checkpoint's folder, whole or not at all."""
    file = Path(folder).expanduser() / FILE
    draft = file.with_name(f"{FILE}.new")
    draft.write_text(json.dumps(trained.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")
    draft.replace(file)


def template_hash(tokenizer: Any) -> str:
    """Hash (blake2b, 16 hex digits) of the tokenizer's chat template."""
    template = tokenizer.chat_template
    text = template if isinstance(template, str) else json.dumps(template, sort_keys=True)
    return blake2b(text.encode(), digest_size=8).hexdigest()


def check_fit(trained: Trained, tokenizer: Any, spec: str) -> None:
    """Raise UsageError where the checkpoint's tokenizer or chat template is not the one that it was trained with."""
    if (now := template_hash(tokenizer)) != trained.template:
        raise UsageError(
            f"{spec}: its chat template is not the one that it was trained with (hash {now}, {FILE} says "
            f"{trained.template}); put that template back into the folder, or train again"
        )
    special = {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
    ends = [*trained.turn_ends, *([] if trained.conversation_end is None else [trained.conversation_end])]
    if strange := [id for id in ends if id not in special]:
        raise UsageError(
            f"{spec}: token {strange[0]}, which {FILE} names as an end, is no special token of its tokenizer; put the "
            "tokenizer back that it was trained with, or train again"
        )
    known = tokenizer.get_added_vocab().get(END_OF_CONVERSATION)
    if trained.conversation_end is not None and known not in (None, trained.conversation_end):
        raise UsageError(
            f"{spec}: {FILE} names token {trained.conversation_end} as the end of a conversation, and its tokenizer "
            f"has {END_OF_CONVERSATION} as {known}; put the tokenizer back that it was trained with, or train again"
        )
    if trained.conversation_end in trained.turn_ends:
        raise UsageError(f"{spec}: {FILE} names token {trained.conversation_end} as the end of a turn and of it all")
