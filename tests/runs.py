"""Start real `simworld run` processes in tests, and read what they leave."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

COMMAND = [sys.executable, "-m", "simworld.cli"]


def simworld(*arguments: object, code: int | None = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end; `code` is the exit status it must have (None: any)."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "NO_COLOR": "1", **environment},
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    if code is not None:
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def kill_after(seconds: float, *arguments: object) -> int:
    """Start the command line and SIGKILL it after a while; its exit status (0 where it was already done)."""
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:
        try:
            return run.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            run.send_signal(signal.SIGKILL)
            return run.wait()


def bytes_of(corpus: Path) -> dict[str, bytes]:
    """What must be equal between runs: `transcripts/` and `manifest.json`."""
    files = [*sorted((corpus / "transcripts").iterdir()), corpus / "manifest.json"]
    return {str(path.relative_to(corpus)): path.read_bytes() for path in files}


def transcripts(corpus: Path) -> list[dict[str, object]]:
    """Every transcript of a finished corpus, parsed."""
    return [
        json.loads(line)
        for path in sorted((corpus / "transcripts").glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def write_pack(root: Path, scenes: Sequence[dict[str, object]], personas: Sequence[dict[str, object]]) -> Path:
    """A pack on disk, made of records."""
    for kind, records in (("scenes", scenes), ("personas", personas)):
        (root / kind).mkdir(parents=True)
        for record in records:
            (root / kind / f"{record['id']}.yaml").write_text(yaml.safe_dump(record), encoding="utf-8")
    return root


def two_scenes(root: Path) -> Path:
    """A pack of four personas, a scene for two and one for three (open seats, a map, happenings)."""
    people = [
        {"id": id, "name": name, "age": age, "career": "nurse", "hobbies": [hobby], "samples": [line]}
        for id, name, age, hobby, line in (
            ("ana", "Ana Reis", 44, "rowing at dawn", "The river does not ask how you slept."),
            ("tom", "Tom Bell", 61, "repairing clocks", "A clock that stops is right twice."),
            ("eva", "Eva Stone", 30, "bell ringing", "I count to nine and pull."),
            ("ned", "Ned Ford", 25, "pigeon racing", "They come home, mostly."),
        )
    ]
    desk = {
        "id": "desk", "title": "At the desk", "background": "{{ a.name }} waits at a desk.",
        "topics": ["money", "work"], "emotions": ["Tense", "Happy", "Bored"],
        "seats": [{"id": "a", "goal": "get a receipt"}, {"id": "b"}],
        "openings": [{"seat": "a", "text": ["Anyone there?", "Hello?"]}], "end": {"max_turns": 7, "goodbye": False},
    }  # fmt: skip
    yard = {
        "id": "yard", "title": "In the yard", "topics": ["health"], "emotions": ["Sad", "Angry"],
        "places": [{"id": "gate", "name": "the gate", "exits": ["shed"]}, {"id": "shed", "name": "the shed"}],
        "seats": [{"id": "a", "persona": "ana"}, {"id": "b"}, {"id": "c"}],
        "happenings": [{"at": 2, "text": "A dog barks."}], "end": {"max_turns": 6, "goodbye": False},
    }  # fmt: skip
    return write_pack(root, [desk, yard], people)


def until(condition: object, seconds: float = 20.0) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)
