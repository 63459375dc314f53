"""The training itself: transformers' Trainer, fed packed rows, with our clock, our evaluation and our warm start.

    learner = make_learner(model, tokenizer, train, validation, recipe, clock, folder, watch)
    learner.train(resume_from_checkpoint=None)

Packed rows are one flat sequence with positions that begin anew at each row: attention never crosses from one to the
next (TRL's collator). The loss of a step is the mean over the learnt tokens of all its sequences, on all devices.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from simworld.checkpoint.libraries import library
from simworld.train.mask import NOTHING
from simworld.train.optimizer import Clock, build_optimizer, of_first
from simworld.train.recipe import Recipe

NEVER = 10**9
"""A step that no training reaches: when things happen is decided by the clock."""
LOGS = 200
"""Times that the training loss is told, spread evenly."""
MOST_PACKS = 64
"""Packed sequences of the validation part that are looked at while training, spread evenly over it."""
MOST_LOOKING = 0.15
"""Share of the time that looks at the validation part may take where the clock rules; then some are left out."""
SPENT = "clock.json"

Watch = Callable[[dict[str, Any]], None]
"""Takes what is measured: `{"at", "step", "seconds", "loss" | "eval_loss", ...}`."""


def make_learner(
    model: Any, tokenizer: Any, train: Any, validation: Any, recipe: Recipe, clock: Clock, folder: Path, watch: Watch
) -> Any:
    """A `transformers.Trainer` that is ready to train. `validation` may be None: then the last weights are kept."""
    args = _arguments(recipe, clock, folder, judged=validation is not None)
    model.config.use_cache = False  # packed positions are wrong with it
    rate = {"rate": recipe.height, "decay": recipe.decay, "warm_up": recipe.warm_up}
    collator = library("trl.trainer.sft_trainer").DataCollatorForLanguageModeling(
        pad_token_id=tokenizer.pad_token_id or 0, padding_free=True
    )
    learner = _learner_type()(
        model=model, args=args, train_dataset=train, eval_dataset=validation, data_collator=collator,
        processing_class=tokenizer, optimizers=build_optimizer(model, muon=recipe.muon, clock=clock, **rate),
    )  # fmt: skip
    learner.remove_callback(library("transformers").PrinterCallback)
    learner.clock, learner.all_tokens, learner.seen, learner.watch = clock, recipe.warm_share, 0, watch
    learner.add_callback(_callback(learner, recipe.evaluations))
    return learner


def _arguments(recipe: Recipe, clock: Clock, folder: Path, *, judged: bool) -> Any:
    torch, transformers = library("torch"), library("transformers")
    cuda = torch.cuda.is_available()
    world = _world()
    names = {field.name for field in fields(transformers.TrainingArguments)}
    checkpointing = "activation_checkpointing" if "activation_checkpointing" in names else "gradient_checkpointing"
    return transformers.TrainingArguments(
        output_dir=str(folder), per_device_train_batch_size=recipe.micro_batch,
        gradient_accumulation_steps=max(1, recipe.sequences // (recipe.micro_batch * world)),
        max_steps=clock.steps or NEVER, max_grad_norm=1.0, seed=recipe.seed, data_seed=recipe.seed,
        use_cpu=not cuda and not torch.backends.mps.is_available(),
        bf16=in_bf16(recipe), ddp_backend=None if cuda or world == 1 else "gloo",
        eval_strategy="steps" if judged else "no", eval_steps=NEVER, save_strategy="steps", save_steps=NEVER,
        logging_strategy="no", save_total_limit=2, load_best_model_at_end=judged, metric_for_best_model="eval_loss",
        greater_is_better=False, report_to="none", disable_tqdm=True, remove_unused_columns=False,
        dataloader_pin_memory=cuda, label_names=["labels"], ddp_find_unused_parameters=False,
        **{checkpointing: recipe.activation_checkpointing},
    )  # fmt: skip


def in_bf16(recipe: Recipe) -> bool:
    """Whether the passes are done in bfloat16: never on a CPU, where it is slower."""
    cuda = library("torch").cuda
    return recipe.dtype != "float32" and cuda.is_available() and cuda.is_bf16_supported()


def _world() -> int:
    import os

    return int(os.environ.get("WORLD_SIZE", "1"))


def _learner_type() -> Any:
    transformers, torch = library("transformers"), library("torch")

    class Learner(transformers.Trainer):  # pyright: ignore[reportUntypedBaseClass]
        clock: Clock
        all_tokens: float
        seen: int
        """Tokens that this device has read."""
        looked: float = 0.0
        """Seconds spent on the validation part."""

        def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any) -> Any:
            parent: Any = super()
            batches, items = parent.get_batch_samples(epoch_iterator, num_batches, device)
            self.seen += sum(batch["input_ids"].numel() for batch in batches)
            if self.clock.tick(self.state.global_step) < self.all_tokens:
                for batch in batches:
                    batch["labels"] = batch["input_ids"].masked_fill(batch["position_ids"] == 0, NOTHING)
                items = self._get_num_items_in_batch(batches, device)
            return batches, items

        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            """The mean over learnt tokens; logits are made for those alone."""
            inputs = dict(inputs)
            labels = inputs.pop("labels")[0, 1:]
            asked = (labels != NOTHING).nonzero().flatten()
            outputs = model(**inputs, logits_to_keep=asked)
            loss = torch.nn.functional.cross_entropy(outputs.logits[0].float(), labels[asked], reduction="sum")
            # the count is of all devices, whose gradients are averaged
            loss = loss / num_items_in_batch * self.args.world_size
            return (loss, outputs) if return_outputs else loss

        def may_look(self) -> bool:
            """Whether there is time to look at the validation part."""
            clock = self.clock
            return clock.minutes is None or of_first(self.looked) <= MOST_LOOKING * of_first(clock.seconds)

        def evaluate(self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval") -> Any:
            data = eval_dataset if eval_dataset is not None else self.eval_dataset
            step = max(1, -(-len(data) // MOST_PACKS)) if eval_dataset is None else 1
            began = time.monotonic()
            measured = judge(self, data, range(0, len(data), step))
            self.looked += time.monotonic() - began
            metrics = {f"{metric_key_prefix}_{name}": value for name, value in measured.items()}
            self.log(dict(metrics))
            self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
            return metrics

    return Learner


def judge(learner: Any, data: Any, wanted: Sequence[int]) -> dict[str, float]:
    """`loss` (nats a learnt token) and `bits_per_byte` (of the own turns' text) over packed sequences.

    The bytes are those of the packed tokens as they are decoded, so what was cut off is not counted.
    """
    torch = library("torch")
    model, device = learner.model, learner.args.device
    was = model.training
    model.eval()
    sums = torch.zeros(4, dtype=torch.float64)
    with torch.inference_mode(), learner.accelerator.autocast():
        for at in list(wanted)[learner.args.process_index :: learner.args.world_size]:
            row = data[at]
            batch = {name: value.to(device) if hasattr(value, "to") else value
                     for name, value in learner.data_collator([row]).items()}  # fmt: skip
            labels = batch.pop("labels")[0, 1:]
            asked = (labels != NOTHING).nonzero().flatten()
            logits = model(**batch, use_cache=False, logits_to_keep=asked).logits[0]
            costs = torch.nn.functional.cross_entropy(logits.float(), labels[asked], reduction="none").double().cpu()
            text = torch.tensor(row["text"], dtype=torch.bool)[1:][asked.cpu()]
            sums += torch.tensor([costs.sum(), len(costs), costs[text].sum(), sum(row["bytes"])], dtype=torch.float64)
    model.train(was)
    if learner.args.world_size > 1:
        sums = learner.accelerator.reduce(sums.to(device), "sum").cpu()
    nats, tokens, text_nats, size = (float(one) for one in sums)
    return {"loss": nats / max(tokens, 1), "bits_per_byte": text_nats / max(size, 1) / 0.6931471805599453}


def _callback(learner: Any, evaluations: int) -> Any:
    class Watcher(library("transformers").TrainerCallback):  # pyright: ignore[reportUntypedBaseClass]
        """Decides by the clock when to tell, to look at the validation part, and to stop."""

        def __init__(self) -> None:
            self._before = 0.0

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self._before = learner.clock.tick(state.global_step)

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
            before, now = self._before, learner.clock.tick(state.global_step)
            self._before = now
            over = now >= 1
            control.should_log = over or int(now * LOGS) > int(before * LOGS)
            looks = over or int(now * evaluations) > int(before * evaluations)
            control.should_save = looks
            control.should_evaluate = looks and learner.eval_dataset is not None and (over or learner.may_look())
            control.should_training_stop = over
            return control

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            if state.is_world_process_zero and ("loss" in logs or "eval_loss" in logs):
                tokens = learner.seen * args.world_size
                told = {"at": learner.clock.now, "step": state.global_step, "seconds": learner.clock.seconds}
                learner.watch({**logs, **told, "tokens": tokens})

        def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.is_world_process_zero:
                folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
                spent = {"seconds": learner.clock.seconds, "seen": learner.seen}
                (folder / SPENT).write_text(json.dumps(spent), encoding="utf-8")

    return Watcher()


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint in a folder; None where there is none."""
    found = sorted(
        (path for path in folder.glob("checkpoint-*") if (path / SPENT).is_file()),
        key=lambda path: int(path.name.partition("-")[2]),
    )
    return found[-1] if found else None
