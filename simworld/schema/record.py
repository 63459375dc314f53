"""Record: the frozen pydantic model that every noun of simworld is made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel, frozen=True):
    """An immutable value. Unknown fields are refused; the string below a field is its documentation."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)
