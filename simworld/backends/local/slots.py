"""Slots: the keys and values of the rows at work, written in place.

A plane is one tensor `[slots, heads, columns, size]`; each layer has two, keys and values. Column p of a slot belongs
to token p of its row, whatever the other rows do, so rows of any length stand side by side without padding before
them, and a row joins or leaves without moving another's columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from simworld.checkpoint.libraries import library


@dataclass(frozen=True, slots=True)
class Plane:
    """The shape of one plane, without slots and columns."""

    heads: int
    size: int
    width: int
    """Bytes of one number."""
    dtype: Any

    @property
    def token(self) -> int:
        """Bytes that one token of one row takes."""
        return self.heads * self.size * self.width


class Slots:
    """The planes, all of the same slots and columns."""

    def __init__(self, shapes: Sequence[Plane], device: Any) -> None:
        self.shapes = list(shapes)
        self.device = device
        self.token = sum(shape.token for shape in shapes)
        """Bytes that one token of one row takes in all planes."""
        self.rows = self.columns = 0
        self.planes: list[Any] = []

    def size(self, rows: int, columns: int) -> int:
        """Bytes of so many slots and columns."""
        return rows * columns * self.token

    def growth(self, rows: int, columns: int) -> int:
        """Bytes more than now that a change to so many needs while it is made: one plane stands twice."""
        twice = max(shape.token for shape in self.shapes) * self.rows * self.columns
        return self.size(rows, columns) - self.size(self.rows, self.columns) + twice

    def resize(self, rows: int, columns: int, used: int) -> None:
        """Change to so many slots and columns; the first `used` slots keep what they hold."""
        torch = library("torch")
        if not used:
            self.planes = []
        wide = min(columns, self.columns)
        for at, shape in enumerate(self.shapes):
            # zeros: what a mask leaves out is still multiplied, by 0, and must be a number
            plane = torch.zeros((rows, shape.heads, columns, shape.size), dtype=shape.dtype, device=self.device)
            if used:
                plane[:used, :, :wide] = self.planes[at][:used, :, :wide]
                self.planes[at] = plane
            else:
                self.planes.append(plane)
        self.rows, self.columns = rows, columns

    def release(self) -> None:
        """Let all go."""
        self.planes, self.rows, self.columns = [], 0, 0

    def views(self, slot: int, length: int) -> list[Any]:
        """The first `length` tokens of a slot in each plane."""
        return [plane[slot, :, :length] for plane in self.planes]

    def copy_out(self, slot: int, length: int) -> list[Any]:
        """The same as tensors of their own."""
        contiguous = library("torch").contiguous_format
        return [view.clone(memory_format=contiguous) for view in self.views(slot, length)]

    def copy_in(self, slot: int, parts: Sequence[Any], length: int) -> None:
        """Write the first `length` tokens of a slot."""
        for plane, part in zip(self.planes, parts, strict=True):
            plane[slot, :, :length] = part[:, :length]

    def move(self, source: int, target: int, length: int) -> None:
        """Copy the first `length` tokens of one slot to another."""
        for plane in self.planes:
            plane[target, :, :length] = plane[source, :, :length]

    def wipe(self, slot: int) -> None:
        """Write zeros over what a slot holds."""
        for plane in self.planes:
            plane[slot].zero_()


class Window:
    """The slots and columns that one pass reads and writes: `count` slots from `first` on, each from its own start."""

    def __init__(self, slots: Slots, first: int, starts: Sequence[int], width: int) -> None:
        torch = library("torch")
        self.columns = max(starts) + width
        self.starts = list(starts)
        self._slots, self._first, self._width = slots, first, width
        if width == 1:
            self._rows = torch.arange(first, first + len(starts), device=slots.device)
            self._at = torch.tensor(self.starts, device=slots.device)

    def write(self, plane_number: int, states: Any) -> Any:
        """Write `[rows, heads, width, size]`; returns the rows with all that stands before, `[.., columns, size]`."""
        plane = self._slots.planes[plane_number]
        if self._width == 1:
            plane[self._rows, :, self._at] = states[:, :, 0]
        else:
            for row, start in enumerate(self.starts):
                plane[self._first + row, :, start : start + self._width] = states[row]
        return plane[self._first : self._first + len(self.starts), :, : self.columns]

    def cache(self) -> Any:
        """This window as a `transformers.Cache`."""
        layer = _layer_class()
        numbers = range(len(self._slots.planes) // 2)
        return library("transformers.cache_utils").Cache(layers=[layer(self, number) for number in numbers])


def _layer_class() -> Any:
    if not _KNOWN:
        base: Any = library("transformers.cache_utils").DynamicLayer

        class WindowLayer(base):
            """One layer of a window."""

            def __init__(self, window: Window, number: int) -> None:
                base.__init__(self)
                self.window, self.number = window, number
                self.is_initialized = True

            def update(self, key_states: Any, value_states: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
                write = self.window.write
                return write(2 * self.number, key_states), write(2 * self.number + 1, value_states)

            def get_seq_length(self, *_: Any) -> int:
                return self.window.starts[0]

            def get_mask_sizes(self, *_: Any) -> tuple[int, int]:
                return self.window.columns, 0

        _KNOWN.append(WindowLayer)
    return _KNOWN[0]


_KNOWN: list[Any] = []
