"""Record: the frozen pydantic model that every noun of simworld is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class Record(BaseModel, frozen=True):
    """An immutable value. Unknown fields are refused; the string below a field is its documentation."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's, in half the time: a record holds nothing but its fields, and minds are copied at each act."""
        if deep:
            return super().model_copy(update=update, deep=True)
        made = type(self).__new__(type(self))
        object.__setattr__(made, "__dict__", {**self.__dict__, **(update or {})})
        object.__setattr__(made, "__pydantic_fields_set__", {*self.__pydantic_fields_set__, *(update or ())})
        object.__setattr__(made, "__pydantic_extra__", None)
        object.__setattr__(made, "__pydantic_private__", None)
        return made
