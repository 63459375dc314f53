"""Fixtures of the whole suite: no network but loopback, real data only where the user has them."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

LOOPBACK = ("127.", "::1", "localhost")


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches for any other address fails."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if self.family in (socket.AF_INET, socket.AF_INET6) and not str(host).startswith(LOOPBACK):
            raise AssertionError(f"a test tried to reach {host}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real conversations that SIMWORLD_DATA names."""
    given = os.environ.get("SIMWORLD_DATA")
    if not given or not Path(given).is_dir():
        pytest.skip("SIMWORLD_DATA names no folder of real conversations")
    return Path(given)
