"""Tiny user simulators on the spot: random weights, with as much of a leaning to each end as a test needs.

folder = user(tmp_path / "user", end=9.0)        # ends the conversation as soon as it may
folder = user(tmp_path / "user", turn=2.0)       # short messages
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simworld.checkpoint.facts import END_OF_CONVERSATION, template_hash, write_trained
from simworld.schema import Trained
from tests.tiny_model import ENDS, build


def user(
    folder: Path, *, end: float = 0.0, turn: float = 0.0, says: dict[str, float] | None = None, speaker: str = "user",
    taught: bool = True, trained: bool = True, special: tuple[str, ...] = (), **shape: Any,
) -> Path:  # fmt: skip
    """Write a checkpoint. `end`, `turn`: what is added to the logit of the token that ends all, or a turn; `says`: of
    others. `taught`: it knows an end of conversations; `trained`: it says what it was trained for."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    build(folder, kind="phi", **{"initializer_range": 0.02, **shape})
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": [END_OF_CONVERSATION, *special]}, False)
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    bias = {ENDS: turn, END_OF_CONVERSATION: end, **(says or {})}
    with torch.no_grad():
        model.lm_head.bias.zero_()
        model.lm_head.weight.mul_(0.1)
        for token, value in bias.items():
            [id] = tokenizer(token, add_special_tokens=False)["input_ids"]
            model.lm_head.weight[id].zero_()
            model.lm_head.bias[id] = value
        for token in ("<pad>", "<|im_start|>", *special):
            if token not in bias:
                model.lm_head.bias[tokenizer.convert_tokens_to_ids(token)] = -30.0
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if trained:
        write_trained(folder, Trained(
            speaker=speaker, thoughts=True, notes=True, names="bare", template=template_hash(tokenizer),
            turn_ends=(tokenizer.convert_tokens_to_ids(ENDS),), context=512,
            conversation_end=tokenizer.convert_tokens_to_ids(END_OF_CONVERSATION) if taught else None,
        ))  # fmt: skip
    return folder
