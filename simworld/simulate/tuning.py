"""The process, tuned for thousands of live dialogues: the garbage collector, and how many files may be open.

With its default thresholds the collector walks every live dialogue again and again: 12,000 turns took three times as
long. Each call in flight holds a connection, and many systems allow 1,024 by default. The command line tunes both while
it plays; the library leaves them alone.
"""

from __future__ import annotations

import contextlib
import gc
import resource
from collections.abc import Generator
from contextlib import contextmanager

THRESHOLDS = (200_000, 20, 100)
FILES = 65_536
"""Files that may be open, where the system allows as many."""


@contextmanager
def tuned() -> Generator[None]:
    """Freeze what is loaded, raise the thresholds and the limit of open files; restored afterwards."""
    before = gc.get_threshold()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    with contextlib.suppress(ValueError, OSError):  # a system that allows less allows less
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
