"""Processes to be measured, each on a core of its own, and the server that they talk to.

with serving() as server:
    server.reset(latency=0.05)
    ran = run([sys.executable, "-c", "pass"], core=1)
    ran.cpu_s, ran.wall_s, ran.peak_mb
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVER_CORE, CORE = 0, 1
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Ran:
    """What a process that ended well came to, from its start to its end."""

    cpu_s: float
    """User and system, with those children that it waited for."""
    wall_s: float
    peak_mb: float
    """Resident memory at its most."""
    said: str


def pinned(core: int | None) -> list[str]:
    """The words that start a command on one core, where that can be said."""
    if core is None or not shutil.which("taskset"):
        return []
    return ["taskset", "-c", str(core % (os.cpu_count() or 1))]


def run(command: Sequence[object], core: int | None = CORE, folder: Path = ROOT) -> Ran:
    """Run a command to its end. RuntimeError where it fails."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        process = subprocess.Popen([*pinned(core), *map(str, command)], stdout=out, stderr=err, cwd=folder)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        for stream in (out, err):
            stream.seek(0)
        if process.returncode:
            words = " ".join(map(str, command))
            raise RuntimeError(f"{words}: exit {process.returncode}\n{err.read().decode()[-3000:]}")
        return Ran(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, out.read().decode())


@dataclass(frozen=True, slots=True)
class Server:
    """A running server that knows /reset and /stats."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def reset(self, latency: float) -> None:
        """Count from nothing, and answer after so many seconds."""
        self._ask("/reset", {"latency_ms": latency * 1000})

    def stats(self) -> dict[str, Any]:
        return self._ask("/stats")

    def _ask(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data)
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.load(reply)


@contextmanager
def serving(mock: Path | None = None) -> Iterator[Server]:
    """The project's own server on a core of its own, or another program that takes `--port`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [str(mock)] if mock else ["-m", "tests.llm_server"]
    command = [*pinned(SERVER_CORE), sys.executable, *program, "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT)
    server = Server(port)
    try:
        _wait_for(server, process)
        yield server
    finally:
        process.terminate()
        process.wait()


def _wait_for(server: Server, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        try:
            server.stats()
        except OSError:
            if process.poll() is not None:
                raise RuntimeError("the server has ended") from None
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the server does not answer")
