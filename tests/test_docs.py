"""The documentation is true: its code runs, its reference is what the models say, its tables name what there is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reference import reference
from tests.runs import transcripts

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"```(\w+)([^\n]*)\n(.*?)```", re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a language; one that says `no-run` is for the reader only."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [code for kind, about, code in found if kind == language and "no-run" not in about]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_blocks_run(page: Path, tmp_path: Path) -> None:
    """Python and console blocks of a page run one after another in an empty folder, in the page's order."""
    scripts = {"python": [sys.executable, "-"], "sh": ["bash", "-euo", "pipefail", "-s"]}
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for kind, about, code in BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind in scripts and "no-run" not in about:
            done = subprocess.run(
                scripts[kind], input=code, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False,
                env=environment,
            )  # fmt: skip
            assert done.returncode == 0, f"{page.name}:\n{code}\n{done.stdout}\n{done.stderr}"


def test_the_readme_has_its_two_commands() -> None:
    first, second = blocks(ROOT / "README.md", "bash")
    assert "pip install" in first
    assert "simworld run -n 200 --out" in first
    assert ".[dev]" in second
    assert "pytest" in second


def test_the_readmes_first_block_makes_its_corpus(tmp_path: Path) -> None:
    """All but the installing, which the block's second half stands on and CI does."""
    lines = blocks(ROOT / "README.md", "bash")[0].splitlines()
    commands = "\n".join(line for line in lines if not line.startswith(("python3 -m venv", "pip install")))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands], cwd=tmp_path, env=environment, capture_output=True, check=True
    )  # fmt: skip
    found = transcripts(tmp_path / "corpus")
    assert len(found) == 200
    assert {row["status"] for row in found} == {"complete"}
    manifest = json.loads((tmp_path / "corpus" / "manifest.json").read_text())
    assert (manifest["status"], manifest["stand_in"], list(manifest["usage"])) == ("complete", True, [])
    assert (tmp_path / "rows.jsonl").is_file()


def test_the_readmes_sample_is_what_comes_out(tmp_path: Path) -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    command, sample = re.search(r"```sh\n(simworld run [^\n]+)\n```\n\n```text\n(.*?)```", page, re.DOTALL).groups()  # type: ignore[union-attr]
    done = subprocess.run(
        [sys.executable, "-m", "simworld.cli", *command.split()[1:]], capture_output=True, text=True, check=True,
        cwd=tmp_path,
    )  # fmt: skip
    assert sample.strip() in done.stdout, f"run: {command}"


def test_the_reply_format_shown_is_the_one_that_is_read() -> None:
    from simworld.perspective import parse_reply

    shown = blocks(ROOT / "docs" / "architecture.md", "xml")[0]
    reply = parse_reply(shown)
    assert [(piece.kind, piece.to) for piece in reply.pieces] == [("think", ()), ("do", ()), ("say", ("Mara Quill",))]
    assert reply.feel == "Tense"


def test_the_readmes_scenario_is_short() -> None:
    scenario = blocks(ROOT / "README.md", "python")[0]
    assert len(scenario.strip().splitlines()) <= 15
    assert scenario.count("sw.Persona(") == 3


def test_the_reference_is_what_the_models_say() -> None:
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert page == reference(), "run: python -m tests.reference > docs/reference.md"


def test_the_readme_names_every_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "simworld.cli", "--help"], capture_output=True, text=True, check=True
    )  # fmt: skip
    commands = re.findall(r"^  (\w+)  ", done.stdout.split("Commands:")[1], re.MULTILINE)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(commands) == 15
    assert [name for name in commands if f"`simworld {name}" not in readme] == []


def test_links_lead_somewhere() -> None:
    missing = [
        f"{page.name}: {link}"
        for page in PAGES
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if "://" not in link and not (page.parent / link).exists()
    ]
    assert missing == []
