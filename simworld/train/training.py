"""Train: rows in, a checkpoint folder out.

    result = train(source, Recipe(base="tiny", out=Path("user"), minutes=10), tell=print)
    result.metrics["bits_per_byte"]

While it runs, OUT holds `checkpoints/`: the tokens, the newest and the best state. The same command goes on from
there; at the end they are taken away, and OUT is an ordinary checkpoint with `simworld.json`, `README.md`, `loss.png`
and `training.json`.
"""

from __future__ import annotations

import json
import math
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

from simworld.checkpoint.facts import template_hash, write_trained
from simworld.checkpoint.libraries import library, quiet
from simworld.errors import UsageError
from simworld.schema import Trained
from simworld.train.begin import Base, begin, fitted, model_of, require_extra, save
from simworld.train.card import write_card
from simworld.train.chart import curve, draw
from simworld.train.encode import Part, facts_of, read_packed, write_tokens
from simworld.train.learner import SPENT, in_bf16, judge, last_checkpoint, make_learner
from simworld.train.meter import Meter
from simworld.train.optimizer import Clock
from simworld.train.recipe import Recipe
from simworld.train.rows import TrainRow

WORK = "checkpoints"
"""Folder inside OUT of a training that is not finished."""
STATE, REPORT = "training-state.json", "training.json"
FREE = frozenset({"out", "evaluations", "minutes"})
"""Choices that may change when a training goes on."""


class Source(Protocol):
    """Rows that can be read again and again, and what is known of them."""

    def __iter__(self) -> Iterator[TrainRow]: ...

    @property
    def names(self) -> str:
        """`bare`, `named` or `both`: how others' lines stood in the rows of the last reading."""
        ...

    def facts(self) -> dict[str, Any]:
        """What was read and what was left out, of the last reading."""
        ...


@dataclass(slots=True)
class Result:
    """What a training made."""

    out: Path
    kind: str
    """`weights`, `adapter` or `merged`."""
    weights: int
    parts: dict[str, Part]
    source: dict[str, Any]
    metrics: dict[str, Any]
    recipe: dict[str, Any]
    history: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def facts(self) -> dict[str, Any]:
        """The result as plain data."""
        return {
            "out": str(self.out), "kind": self.kind, "weights": self.weights, "data": self.source,
            "parts": facts_of(self.parts), "metrics": self.metrics, "recipe": self.recipe,
        }  # fmt: skip

    def lines(self) -> list[str]:
        """The result for a reader."""
        made = {"weights": "a checkpoint", "adapter": "an adapter", "merged": "a checkpoint, the adapter merged,"}
        told, held = self.metrics, self.parts["validation"]
        judged = "nothing held out"
        if held.tokens:
            bits = f"{told['bits_per_byte']:.3f} bits per byte"
            judged = f"{bits} on {held.turns} held-out turns, best at step {told['best_step']}"
        losses = [one["loss"] for one in self.history if "loss" in one]
        left = [f"left out: {count} {what}" for what, count in self.source.get("left_out", {}).items()]
        return [
            f"{self.out}: {made[self.kind]} of {self.weights:,} weights after {told['steps']} steps; {judged}",
            f"loss {losses[0]:.2f} {curve(losses)} {losses[-1]:.2f}; {told['tokens_per_second']:,} tokens/s"
            + (f", {told['flops_used']:.1%} of the device's peak" if "flops_used" in told else ""),
            *left,
        ]


def train(source: Source, recipe: Recipe, *, tell: Callable[[str], None]) -> Result | None:
    """Train, or go on where an interrupted training of OUT stopped; None in all processes but the first.

    Raises UsageError for what cannot be done.
    """
    require_extra(bool(recipe.lora))
    _refuse_others(recipe.out)
    recipe = fitted(recipe)
    work = recipe.out / WORK
    with quiet(), _first_alone():
        if _is_first():
            begun = work.exists()
            try:
                prepare(source, recipe, work, tell)
            except BaseException:
                if not begun:
                    _take_away(work)
                raise
    state = json.loads((work / STATE).read_text(encoding="utf-8"))
    parts = {name: Part.of(part) for name, part in state["parts"].items()}
    base = begin(recipe, (), ends=state["ends"], tokenizer=_tokenizer(work))
    data = read_packed(work / "train", context=recipe.length)
    held = read_packed(work / "validation", context=recipe.length) if parts["validation"].tokens else None
    model = model_of(base, recipe)
    clock = Clock(recipe.minutes, _steps(recipe, len(data)))
    meter = Meter(recipe, clock, model, tell, _history(work))
    with quiet():
        learner = make_learner(model, base.tokenizer, data, held, recipe, clock, work, meter.note)
        before = last_checkpoint(work)
        spent = json.loads((before / SPENT).read_text(encoding="utf-8")) if before else {"seconds": 0.0, "seen": 0}
        meter.begin(parts, before.name if before else "", spent)
        learner.seen = spent["seen"]
        clock.start(spent["seconds"])
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*save_embedding_layers")  # of peft: they are saved merged
            learner.train(resume_from_checkpoint=str(before) if before else None)
        metrics = {**meter.facts(), **(judge(learner, held, range(len(held))) if held is not None else {})}
        best = learner.state.best_global_step
        metrics["best_step"] = best if held is not None else learner.state.global_step
        result = Result(recipe.out, "weights", meter.weights, parts, state["source"], metrics, recipe.facts(),
                        meter.history)  # fmt: skip
        if not learner.is_world_process_zero():
            return None
        _finish(result, learner, base, recipe, state, work)
    return result


def prepare(source: Source, recipe: Recipe, work: Path, tell: Callable[[str], None]) -> None:
    """Read the rows, make the tokenizer where there is none, write the tokens; what is there already stays.

    Raises UsageError where there are no rows, or where what is there is of other rows or another recipe.
    """
    rows, ends, digest = 0, False, blake2b(digest_size=16)
    for row in source:
        rows += 1
        ends = ends or any(message["end"] and message["loss"] for message in row["messages"])
        digest.update(json.dumps(row).encode())
    _refuse_empty(rows, source, recipe)
    identity = {"rows": digest.hexdigest(), **{k: v for k, v in recipe.facts().items() if k not in FREE}}
    if (work / STATE).is_file():
        was = json.loads((work / STATE).read_text(encoding="utf-8"))["identity"]
        if other := [name for name in identity if was.get(name) != identity[name]]:
            raise UsageError(
                f"{recipe.out} holds an unfinished training with other {', '.join(other)}; give the same, another "
                f"--out, or remove {work}"
            )
        return
    work.mkdir(parents=True, exist_ok=True)
    base = begin(recipe, source, ends=ends)
    tell(f"{rows} rows; {len(base.tokenizer)} tokens in the vocabulary; writing tokens")
    parts = write_tokens(source, base.template, work, context=recipe.length, conversation_end=base.conversation_end)
    if not parts["train"].learnt:
        raise UsageError(
            f"none of {parts['train'].rows} rows of the training part has a token to learn: they hold no message that "
            f"is learnt or fits --context {recipe.length}"
        )
    base.tokenizer.save_pretrained(work / "tokenizer")
    for name in ("train", "validation"):
        if parts[name].tokens:
            read_packed(work / name, context=recipe.length)
    state = {"identity": identity, "ends": ends, "parts": facts_of(parts), "source": source.facts(),
             "names": source.names}  # fmt: skip
    draft = work / f"{STATE}.new"
    draft.write_text(json.dumps(state), encoding="utf-8")
    draft.replace(work / STATE)


def _refuse_empty(rows: int, source: Source, recipe: Recipe) -> None:
    if not rows:
        left = ", ".join(f"{count} {what}" for what, count in source.facts().get("left_out", {}).items() if count)
        raise UsageError(f"no rows of speaker '{recipe.speaker}'" + (f"; left out: {left}" if left else ""))


def _refuse_others(out: Path) -> None:
    if (out / REPORT).is_file() and not (out / WORK).is_dir():
        raise UsageError(f"{out} holds a finished training; give another --out, or remove it")
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; --out must be a new or empty folder")
    if out.is_dir() and any(out.iterdir()) and not (out / WORK).is_dir():
        raise UsageError(f"{out} is used by something else; --out must be new, empty, or an unfinished training")


def _steps(recipe: Recipe, packs: int) -> int:
    """Optimizer steps in all; 0: as many as the minutes allow."""
    if recipe.minutes is not None:
        return 0
    return recipe.steps or max(1, math.ceil(float(recipe.epochs or 1) * math.ceil(packs / recipe.sequences)))


def _tokenizer(work: Path) -> Any:
    return library("transformers").AutoTokenizer.from_pretrained(work / "tokenizer")


def _history(work: Path) -> list[dict[str, Any]]:
    before = last_checkpoint(work)
    file = work / "history.jsonl"
    if before is None or not file.is_file():
        file.unlink(missing_ok=True)
        return []
    step = int(before.name.partition("-")[2])
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line["step"] <= step]


def _finish(result: Result, learner: Any, base: Base, recipe: Recipe, state: dict[str, Any], work: Path) -> None:
    out = recipe.out
    model = learner.accelerator.unwrap_model(learner.model)
    result.kind = save(model, base, recipe, out)
    write_trained(out, Trained(
        speaker=recipe.speaker, thoughts=recipe.thoughts, notes=recipe.notes, names=state["names"],
        template=template_hash(base.tokenizer), turn_ends=tuple(sorted(base.template.ends)),
        conversation_end=base.conversation_end, context=recipe.length,
    ))  # fmt: skip
    draw(result.history, out / "loss.png")
    write_card(result.facts(), out, bf16=in_bf16(recipe))
    report = {**result.facts(), "history": result.history}
    (out / REPORT).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(work)


def _take_away(work: Path) -> None:
    """Leave nothing of a training that could not begin."""
    shutil.rmtree(work, ignore_errors=True)
    with suppress(OSError):
        work.parent.rmdir()


def _is_first() -> bool:
    import os

    return int(os.environ.get("RANK", "0")) == 0


def _first_alone() -> Any:
    """With several processes: the first does what is inside before the others pass."""
    import os

    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return nullcontext()
    state = library("accelerate").PartialState(cpu=not library("torch").cuda.is_available())
    return state.main_process_first()
