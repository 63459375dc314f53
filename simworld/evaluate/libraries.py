"""The packages of the extra `evaluate`, asked for by name when something is measured, and never before.

linear = library("sklearn.linear_model")
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from simworld.errors import MissingDependency

NEEDED = ("numpy", "sklearn", "matplotlib")


def library(name: str) -> Any:
    """A module of one of these packages. Raises MissingDependency where it is not installed."""
    try:
        return import_module(name)
    except ImportError as error:
        raise _missing(name.partition(".")[0]) from error


def require() -> None:
    """Raise MissingDependency, with the line to type, where one of the packages is not installed."""
    for name in NEEDED:
        if find_spec(name) is None:
            raise _missing(name)


def _missing(name: str) -> MissingDependency:
    package = {"sklearn": "scikit-learn"}.get(name, name)
    return MissingDependency(f"evaluating needs {package}, which is not installed: pip install 'simworld[evaluate]'")
