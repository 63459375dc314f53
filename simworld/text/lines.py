"""Files of lines that are only appended to, and may have been torn by a kill or a full disk.

descriptor = os.open(path, APPENDING, 0o644)
dropped = cut_torn(descriptor)          # bytes of a last line that was never finished
append_whole(descriptor, b"one\\ntwo\\n")
"""

from __future__ import annotations

import os

APPENDING = os.O_RDWR | os.O_CREAT | os.O_APPEND
STEP = 1 << 16
"""Bytes read at once while the last line's end is sought."""


def cut_torn(descriptor: int) -> int:
    """Cut off what stands behind the last line's end; how many bytes that were. Reads no more than that line."""
    end = size = os.lseek(descriptor, 0, os.SEEK_END)
    while end:
        start = max(0, end - STEP)
        at = os.pread(descriptor, end - start, start).rfind(b"\n")
        if at >= 0:
            end = start + at + 1
            break
        end = start
    if end < size:
        os.ftruncate(descriptor, end)
    return size - end


def append_whole(descriptor: int, data: bytes) -> None:
    """Append all of `data`; where that fails (a full disk), cut off what was written of it and raise OSError."""
    start = os.lseek(descriptor, 0, os.SEEK_END)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        os.ftruncate(descriptor, start)
        raise
