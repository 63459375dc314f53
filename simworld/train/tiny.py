"""A tokenizer and a small model, made of the training rows themselves: no download, no other data.

    tokenizer = build_tokenizer(rows, size=4096, end=True)
    model = build_model(tokenizer, width=256, depth=4, context=1024, dropout=0.0)

Byte-level BPE: every text has tokens. ChatML, one special token for each of its marks. The model is a Llama of a few
million weights, input and output embeddings shared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from simworld.checkpoint.control import END_OF_CONVERSATION
from simworld.checkpoint.libraries import library
from simworld.train.rows import TrainRow

PAD, START, END = "<pad>", "<|im_start|>", "<|im_end|>"
CHATML = Path(__file__).parent.parent / "templates" / "train" / "chatml.jinja"
MOST_CHARACTERS = 50_000_000
"""Characters of the rows that the tokenizer is trained on, from the first row on."""
HEAD = 64
"""Width of an attention head."""


def build_tokenizer(rows: Iterable[TrainRow], *, size: int, end: bool) -> Any:
    """A byte-level BPE tokenizer of up to `size` tokens. `end`: it has a token that ends a conversation."""
    tokenizers: Any = library("tokenizers")
    raw = tokenizers.Tokenizer(tokenizers.models.BPE())
    raw.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = tokenizers.decoders.ByteLevel()
    special = [PAD, START, END, *([END_OF_CONVERSATION] if end else [])]
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, show_progress=False, min_frequency=2,
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
    )  # fmt: skip
    raw.train_from_iterator(_texts(rows), trainer)
    made = library("transformers").PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token=PAD, eos_token=END, additional_special_tokens=special[1:2] + special[3:]
    )
    made.chat_template = CHATML.read_text(encoding="utf-8")
    return made


def _texts(rows: Iterable[TrainRow]) -> Iterator[str]:
    """What the rows of the training part say; each system message once for each row that has it."""
    left = MOST_CHARACTERS
    for row in rows:
        if row["split"] != "train":
            continue
        for message in row["messages"]:
            yield message["content"]
            left -= len(message["content"])
        if left <= 0:
            return


def build_model(tokenizer: Any, *, width: int, depth: int, context: int, dropout: float) -> Any:
    """A Llama with random weights, by torch's own generator; seed that one before."""
    transformers: Any = library("transformers")
    ids = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id, "bos_token_id": None}
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=width, intermediate_size=-(-width * 8 // 3 // 64) * 64,
        num_hidden_layers=depth, num_attention_heads=width // HEAD, num_key_value_heads=width // HEAD,
        max_position_embeddings=context, tie_word_embeddings=True, attention_dropout=dropout, initializer_range=0.02,
        **ids,
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(config)
    model.generation_config = transformers.GenerationConfig(**ids)
    return model
