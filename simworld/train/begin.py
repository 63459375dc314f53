"""What a training begins with: tokenizer and model of the base, the token that ends a conversation in both.

base = begin(recipe, rows, ends=True)
base.tokenizer, base.conversation_end
model = model_of(base, recipe)
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from simworld.checkpoint.control import END_OF_CONVERSATION
from simworld.checkpoint.libraries import library, quiet
from simworld.checkpoint.open import Checkpoint, load_model, open_checkpoint
from simworld.checkpoint.template import Template
from simworld.errors import MissingDependency, UsageError
from simworld.train.learner import in_bf16
from simworld.train.recipe import Recipe
from simworld.train.rows import TrainRow
from simworld.train.tiny import build_model, build_tokenizer

PACKAGES = ("torch", "transformers", "tokenizers", "trl", "datasets", "accelerate", "matplotlib")


@dataclass(frozen=True, slots=True)
class Base:
    """A tokenizer ready to encode rows, and where its model's weights are."""

    tokenizer: Any
    template: Template
    conversation_end: int | None
    checkpoint: Checkpoint | None
    """None: the model is built."""


def require_extra(lora: bool = False) -> None:
    """Raise MissingDependency where the extra is not installed."""
    wanted = (*PACKAGES, "peft") if lora else PACKAGES
    if missing := [name for name in wanted if find_spec(name) is None]:
        raise MissingDependency(f"training needs {' and '.join(missing)}: pip install 'simworld[train]'")


def fitted(recipe: Recipe) -> Recipe:
    """The recipe with a context that its base takes. Raises UsageError where one was asked for that it does not."""
    recipe = recipe.checked()
    longest = None if recipe.is_tiny else open_checkpoint(recipe.base, spec=recipe.base).longest
    if longest is None or recipe.length <= longest:
        return recipe
    if recipe.context is None:
        return replace(recipe, context=longest)
    raise UsageError(f"--context {recipe.context} is more than {recipe.base} takes; allowed: up to {longest}")


def begin(recipe: Recipe, rows: Iterable[TrainRow], *, ends: bool, tokenizer: Any = None) -> Base:
    """Tokenizer and template of the base. `ends`: the rows teach ends. `tokenizer`: the one made before, on resume.

    Raises UsageError for a base that cannot be opened, or whose template cannot be learnt from.
    """
    checkpoint = None if recipe.is_tiny else open_checkpoint(recipe.base, spec=recipe.base)
    if checkpoint is not None and checkpoint.adapter:
        raise UsageError(
            f"{recipe.base} is an adapter; merge it into its base and save that, or give --base {checkpoint.base}"
        )
    if tokenizer is None:
        built = checkpoint is None
        tokenizer = build_tokenizer(rows, size=recipe.vocabulary, end=ends) if built else checkpoint.tokenizer
    if ends and END_OF_CONVERSATION not in tokenizer.get_vocab():
        added = {"additional_special_tokens": [END_OF_CONVERSATION]}
        tokenizer.add_special_tokens(added, replace_extra_special_tokens=False)
    end = int(tokenizer.convert_tokens_to_ids(END_OF_CONVERSATION)) if ends else None
    return Base(tokenizer, Template(tokenizer, recipe.base), end, checkpoint)


def model_of(base: Base, recipe: Recipe) -> Any:
    """The model to train: weights in float32, an adapter's base in bfloat16 where the device has it."""
    torch, transformers = library("torch"), library("transformers")
    transformers.set_seed(recipe.seed)
    if base.checkpoint is None:
        return build_model(base.tokenizer, width=recipe.width, depth=recipe.depth, context=recipe.length,
                           dropout=recipe.dropout)  # fmt: skip
    dtype = torch.bfloat16 if recipe.lora and in_bf16(recipe) else torch.float32
    model = load_model(base.checkpoint, torch.device("cpu"), dtype).train()
    added = _make_room(model, base)
    return _adapted(model, recipe, base, added) if recipe.lora else model


def _make_room(model: Any, base: Base) -> int | None:
    """Give the end token the mean of all embeddings where it is new; returns its id then."""
    torch, end, checkpoint = library("torch"), base.conversation_end, base.checkpoint
    if end is None or checkpoint is None:
        return None
    known = open_checkpoint(checkpoint.base, spec=checkpoint.base).tokenizer
    if END_OF_CONVERSATION in known.get_vocab():
        return None
    size = len(known)
    if len(base.tokenizer) > model.get_input_embeddings().num_embeddings:
        with quiet():
            model.resize_token_embeddings(len(base.tokenizer), mean_resizing=False)
    with torch.no_grad():
        for layer in {id(one): one for one in (model.get_input_embeddings(), model.get_output_embeddings())}.values():
            layer.weight[end] = layer.weight[:size].mean(0)
    return end


def _adapted(model: Any, recipe: Recipe, base: Base, added: int | None) -> Any:
    peft = library("peft")
    config = peft.LoraConfig(
        r=recipe.lora, lora_alpha=recipe.lora_alpha or 2 * recipe.lora, lora_dropout=recipe.dropout,
        target_modules="all-linear", task_type="CAUSAL_LM",
        **({"trainable_token_indices": _token_layers(model, added)} if added is not None else {}),
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adapted = peft.get_peft_model(model, config)
    if recipe.activation_checkpointing:
        adapted.enable_input_require_grads()
    return adapted


def _token_layers(model: Any, token: int) -> dict[str, list[int]]:
    """The layers with a row for the token: embeddings, and the head where it has weights of its own."""
    layers = [model.get_input_embeddings(), model.get_output_embeddings()]
    tied = layers[0].weight is layers[1].weight
    named = {id(layer): name.rpartition(".")[2] for name, layer in model.named_modules()}
    return {named[id(layer)]: [token] for layer in (layers[:1] if tied else layers)}


def save(model: Any, base: Base, recipe: Recipe, out: Path) -> str:
    """Write the checkpoint into `out`; returns what it is: `weights`, `adapter` or `merged`.

    An adapter on a base that had no room for the end token is merged: nothing could load it on that base otherwise.
    """
    kind = "weights"
    model.config.use_cache = True
    if recipe.lora:
        fits = base.checkpoint is not None and _rows(base.checkpoint) >= len(base.tokenizer)
        kind = "adapter" if fits else "merged"
        model = model if fits else model.merge_and_unload()
    with warnings.catch_warnings(), quiet():
        warnings.simplefilter("ignore")
        model.save_pretrained(out, **({"save_embedding_layers": False} if kind == "adapter" else {}))
        base.tokenizer.save_pretrained(out)
    return kind


def _rows(checkpoint: Checkpoint) -> int:
    """Rows of the base's embeddings, by its config."""
    return int(checkpoint.config.get_text_config().vocab_size)
