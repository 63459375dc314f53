"""Checkpoint: a folder or hub id -> tokenizer and config at once, weights when they are first needed.

    checkpoint = open_checkpoint("/models/seven", spec="local:/models/seven")
    model = load_model(checkpoint, device=None, dtype=None)

Weights are read from safetensors files and from nothing else: other formats can run code. A folder that is a LoRA
adapter loads the model it was trained on, with the adapter merged into it.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simworld.checkpoint.libraries import library, quiet, require
from simworld.errors import Refused, SimworldError, UsageError
from simworld.text.redact import clean, secrets_of_environment

_HUB_ID = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)?")
_LIMITS = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "max_sequence_length")
_UNBOUNDED = 10**9
_TURNING = frozenset({"dynamic", "longrope"})
"""Rotary embeddings that change for all tokens once a row passes the length that the model was trained at."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """An opened checkpoint without its weights."""

    spec: str
    base: str
    """Folder or hub id of the model."""
    adapter: str | None
    """Folder of the LoRA adapter on top of it."""
    trust: bool
    """Whether the folder's own Python code may run."""
    config: Any
    tokenizer: Any

    @property
    def longest(self) -> int | None:
        """Tokens that the model takes, by its config; None where that says nothing."""
        text = self.config.get_text_config()
        told = next((value for name in _LIMITS if isinstance(value := getattr(text, name, None), int)), None)
        return told or (limit if (limit := self.tokenizer.model_max_length) < _UNBOUNDED else None)

    @property
    def turns_at(self) -> int | None:
        """Length of a row at which its earlier tokens would be embedded in another way; None where there is none."""
        text = self.config.get_text_config()
        rope: dict[str, Any] = getattr(text, "rope_parameters", None) or getattr(text, "rope_scaling", None) or {}
        if rope.get("rope_type", rope.get("type")) not in _TURNING:
            return None
        told = rope.get("original_max_position_embeddings") or getattr(text, "original_max_position_embeddings", None)
        return told or self.longest


def open_checkpoint(place: str, *, spec: str, adapter: str | None = None, trust: bool = False) -> Checkpoint:
    """Read tokenizer and config. Raises MissingDependency without the extra, UsageError for what cannot be used."""
    require(spec, "torch", "transformers")
    place = _place(place, spec)
    own = _adapter_config(Path(place))
    if own and adapter:
        raise UsageError(f"{spec} is itself an adapter; leave out --adapter, or name the model that it stands on")
    base, adapter = (_base(own, Path(place), spec), place) if own else (place, adapter)
    if adapter:
        require(spec, "peft")
        adapter = _check_adapter(Path(adapter).expanduser(), spec)
    _check_weights(Path(base), spec)
    with _told(spec), quiet():
        transformers = library("transformers")
        config = transformers.AutoConfig.from_pretrained(base, trust_remote_code=trust)
        source = adapter if adapter and (Path(adapter) / "tokenizer_config.json").is_file() else base
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, trust_remote_code=trust)
    return Checkpoint(spec, base, adapter, trust, config, tokenizer)


def load_model(checkpoint: Checkpoint, device: Any, dtype: Any) -> Any:
    """The model on its device, ready to answer. Raises Refused where its weights cannot be used."""
    try:
        with _told(checkpoint.spec), quiet():
            model = _load_base(checkpoint, dtype)
            if checkpoint.adapter:
                model = _merge(model, checkpoint)
            return model.to(device).eval()
    except SimworldError as error:
        failure = Refused(str(error))
    raise failure


def choose_device(name: str | None, spec: str) -> Any:
    """The `torch.device` of this name, or the best there is. Raises UsageError where it is not there."""
    torch = library("torch")
    if name is None:
        best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device(best)
    try:
        device: Any = torch.device(name)
        kind, number = str(device.type), int(device.index or 0)
    except RuntimeError:
        device, kind, number = None, "", 0
    count = torch.cuda.device_count() if kind == "cuda" else int(kind == "cpu" or torch.backends.mps.is_available())
    if kind not in {"cpu", "cuda", "mps"} or number >= count:
        raise UsageError(f"{spec}: there is no device '{name}' here; allowed: cpu, and cuda, cuda:N, mps if there")
    return device


def choose_dtype(name: str | None, device: Any) -> Any:
    """The `torch.dtype` of this name; by default bfloat16 on a CUDA device that has it, else float32."""
    torch = library("torch")
    if name is None:
        name = "bfloat16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "float32"
    return getattr(torch, name)


def _place(place: str, spec: str) -> str:
    folder = Path(place).expanduser()
    if folder.is_dir():
        return str(folder)
    if folder.exists() or not _HUB_ID.fullmatch(place):
        raise UsageError(f"{spec}: there is no folder '{place}'; give the folder of a checkpoint, or a hub id")
    return place


def _adapter_config(folder: Path) -> dict[str, Any] | None:
    """The adapter's config where the folder is one and holds no model of its own."""
    file = folder / "adapter_config.json"
    if not file.is_file() or (folder / "config.json").is_file():
        return None
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return {}


def _base(adapter: dict[str, Any], folder: Path, spec: str) -> str:
    name = adapter.get("base_model_name_or_path")
    if not isinstance(name, str) or not name:
        raise UsageError(f"{spec}: its adapter_config.json names no base model; give that one, and this as --adapter")
    beside = folder / name
    return str(beside) if beside.is_dir() else _place(name, spec)


def _check_adapter(folder: Path, spec: str) -> str:
    if not (folder / "adapter_config.json").is_file():
        raise UsageError(f"{spec}: '{folder}' is no folder of a LoRA adapter; it must hold adapter_config.json")
    if not (folder / "adapter_model.safetensors").is_file():
        raise UsageError(f"{spec}: the adapter '{folder}' holds no adapter_model.safetensors; {_CONVERT}")
    return str(folder)


_CONVERT = "only safetensors are read, since other formats can run code: load it where you trust it, and save it again"


def _check_weights(folder: Path, spec: str) -> None:
    if not folder.is_dir():
        return
    if not (folder / "config.json").is_file():
        raise UsageError(f"{spec}: '{folder}' holds no config.json; give the folder of a checkpoint")
    if not any(folder.glob("*.safetensors")):
        raise UsageError(f"{spec}: '{folder}' holds no weights in *.safetensors; {_CONVERT}")


def _load_base(checkpoint: Checkpoint, dtype: Any) -> Any:
    loader = library("transformers").AutoModelForCausalLM
    model, about = loader.from_pretrained(
        checkpoint.base, dtype=dtype, use_safetensors=True, trust_remote_code=checkpoint.trust, output_loading_info=True
    )
    if lacking := sorted(about["missing_keys"]):
        raise UsageError(f"{checkpoint.spec}: its files lack {len(lacking)} of the weights, such as {lacking[0]}")
    return model


def _merge(model: Any, checkpoint: Checkpoint) -> Any:
    peft = library("peft")
    adapter = str(checkpoint.adapter)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what does not fit is told below, in one line
        try:
            adapted = peft.PeftModel.from_pretrained(model, adapter)
            unlike = _unlike(adapter, peft.get_peft_model_state_dict(adapted, save_embedding_layers=False))
            if not unlike:
                return adapted.merge_and_unload()
        except (RuntimeError, ValueError, KeyError) as error:
            unlike = _first_line(error)
    raise UsageError(f"{checkpoint.spec}: the adapter '{adapter}' does not fit this model: {unlike}")


def _unlike(adapter: str, taken: Iterable[str]) -> str:
    """How the weights in the adapter's file differ by name from those that the model took; '' where they do not."""
    with library("safetensors").safe_open(Path(adapter) / "adapter_model.safetensors", framework="pt") as file:
        held = {name for name in file.keys() if "lora_" in name}  # noqa: SIM118 - it is no mapping
    made = {name for name in taken if "lora_" in name}
    if held == made:
        return ""
    return f"{len(held - made)} of its weights have no place there, {len(made - held)} places have no weight"


@contextmanager
def _told(spec: str) -> Generator[None]:
    """What the libraries raise, as one line that says what to do."""
    try:
        yield
    except SimworldError:
        raise
    except Exception as error:  # noqa: BLE001 - they raise what they like, with keys of the hub in it
        failure = UsageError(_line(error, spec))
    else:
        return
    # outside the handler: the cause may hold a key and is not carried along
    raise failure


def _line(error: Exception, spec: str) -> str:
    text = str(error)
    if "gated repo" in text or "401 Client Error" in text or "403 Client Error" in text:
        return f"{spec} is gated, private or not there: accept its terms on the hub and set HF_TOKEN, or check the name"
    if "trust_remote_code" in text:
        return f"{spec} brings Python code of its own; if you trust it, add --trust-remote-code"
    if "couldn't connect" in text or "offline" in text.lower() or "Cannot send a request" in text:
        return f"{spec} is no folder here, is not in the hub's local cache, and the hub cannot be reached"
    if "safetensors" in text and "does not appear to have a file named" in text:
        return f"{spec} holds no weights in *.safetensors; {_CONVERT}"
    return f"{spec} cannot be opened: {type(error).__name__}: {clean(_first_line(error), secrets_of_environment())}"


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "")
