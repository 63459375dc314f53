"""Torch and transformers, imported when they are needed and quiet while they load.

torch = library("torch")
with quiet():
    model = library("transformers").AutoModelForCausalLM.from_pretrained(folder)
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from simworld.errors import MissingDependency


def library(name: str) -> Any:
    """The module of this name, imported now."""
    return import_module(name)


def require(spec: str, *packages: str) -> None:
    """Raise MissingDependency where one of the packages is not installed."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise MissingDependency(f"{spec} needs {' and '.join(missing)}: pip install 'simworld[local]'")


@contextmanager
def quiet() -> Generator[None]:
    """No progress bars and no advice from transformers; its settings are as before afterwards."""
    logging: Any = library("transformers.utils.logging")
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
