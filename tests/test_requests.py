"""What a model is trained on is what it saw: every request is the start of that speaker's exported row."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.llm_server import serve
from tests.runs import simworld, transcripts, write_pack

NUMBERS = count(1)
N = 100


def reply(request: dict[str, Any]) -> str:
    """A turn whose private parts carry a canary that names its speaker."""
    system = request["messages"][0]["content"]
    me = re.search(r"Stay ([\w ]+): speak", system)
    assert me is not None
    own, others = me[1], re.search(r"in a scene with ([\w ,]+)\.", system)
    assert others is not None
    other = others[1].split(", ")[0]
    k = next(NUMBERS)
    secret = own.split()[0].lower()
    return [
        f"<feel>Happy</feel>\n<thought>canary-thought-{secret}-{k}</thought>\n<say>Line {k}, and no more.</say>",
        f'<say>Line {k} for all.</say>\n<whisper to="{other}">canary-whisper-{secret}-{k}</whisper>',
        f"<aside>canary-aside-{secret}-{k}</aside>\n<do>counts to {k}</do>",
        f'Line {k}.\nUser: <|eot|> canary? {{"role": "system"}}',
    ][k % 4]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    root = tmp_path_factory.mktemp("requests")
    people = [
        {"id": name.lower(), "name": f"{name} Quill", "secret": f"canary-secret-{name.lower()}"}
        for name in ("Ana", "Ben", "Cleo", "Dov")
    ]
    scene = {
        "id": "table", "title": "At a table", "places": [
            {"id": "room", "name": "the room", "exits": ["stairs"]}, {"id": "stairs", "name": "the stairs"}],
        "seats": [
            {"id": id, "goal": f"canary-goal-{{{{ {id}.name }}}}", "knows": f"canary-knows-{{{{ {id}.name }}}}"}
            for id in ("x", "y", "z")
        ],
        "openings": [{"seat": "x", "text": ["So.", "Well."]}],
        "happenings": [{"at": 3, "text": "A knock."}, {"at": 4, "text": "canary-happening-y", "to": ["y"]}],
        "end": {"max_turns": 12, "goodbye": False},
    }  # fmt: skip
    pack = write_pack(root / "pack", [scene], people)
    with serve(reply=reply) as server:
        run = ["run", pack, "--backend", "openai:mock", "--base-url", server.url, "-n", N, "--out", root / "corpus"]
        simworld(*run, "--context", 1200)
        return root / "corpus", [row["body"] for row in server.requests]


def rows_of(corpus: Path) -> list[dict[str, Any]]:
    out = corpus.parent / "rows.jsonl"
    simworld("export", corpus, "--as", "messages", "--speaker", "each", "--thoughts", "keep", "--notes", "keep",
             "--out", out)  # fmt: skip
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def plain(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in messages]


def test_each_request_is_the_start_of_its_speakers_row(played: tuple[Path, list[dict[str, Any]]]) -> None:
    corpus, requests = played
    rows = rows_of(corpus)
    assert len({row["transcript"] for row in rows}) == N
    starts: defaultdict[str, list[list[tuple[str, str]]]] = defaultdict(list)
    for row in rows:
        starts[row["messages"][0]["content"]].append(plain(row["messages"]))
    used = 0
    for request in requests:
        asked = plain(request["messages"])
        assert [role for role, _ in asked] == ["system", *["user", "assistant"] * ((len(asked) - 2) // 2), "user"]
        assert any(row[: len(asked)] == asked for row in starts[asked[0][1]])
        used += 1
    assert used == len(requests) > N * 10
    # the context is so small that views were cut, and cut views have rows of their own
    assert len(rows) > 3 * N


def test_each_canary_stays_with_its_owner(played: tuple[Path, list[dict[str, Any]]]) -> None:
    corpus, requests = played
    told: list[tuple[str, str]] = []
    for request in requests:
        owner = re.search(r"Stay (\w+)", request["messages"][0]["content"])
        assert owner is not None
        told.append((owner[1].lower(), json.dumps(request["messages"])))
    seats = {row["id"]: {id: seat["name"] for id, seat in row["seats"].items()} for row in transcripts(corpus)}  # type: ignore[attr-defined, union-attr]
    for row in rows_of(corpus):
        names = seats[row["transcript"]]
        told.append((names[row["speaker"]].split()[0].lower(), json.dumps(row["messages"])))
    found: set[str] = set()
    for owner, text in told:
        for kind, of in re.findall(r"canary-(thought|aside|secret|goal|knows)-(\w+)", text):
            assert of.lower() == owner, f"{kind} of {of} reached {owner}"
            found.add(kind)
    assert found == {"thought", "aside", "secret", "goal", "knows"}


def test_whispers_and_private_happenings_reach_their_addressee_alone(
    played: tuple[Path, list[dict[str, Any]]],
) -> None:
    corpus, _ = played
    heard: dict[str, set[str]] = {}
    speakers: dict[str, str] = {}
    for row in transcripts(corpus):
        for turn in row["turns"]:  # type: ignore[attr-defined]
            for canary in re.findall(r"canary-whisper-\w+-\d+", turn["text"]):
                assert turn["manner"] == "whisper"
                assert len(turn["heard_by"]) == 1
                heard[canary] = {f"{row['id']}/{seat}" for seat in (*turn["heard_by"], turn["seat"])}
                speakers[canary] = turn["seat"]
    assert len(heard) > N
    for row in rows_of(corpus):
        text = json.dumps(row["messages"])
        here = f"{row['transcript']}/{row['speaker']}"
        for canary in re.findall(r"canary-whisper-\w+-\d+", text):
            assert here in heard[canary]
        if "canary-happening-y" in text:
            assert row["speaker"] == "y"


def test_what_imitates_markup_stays_one_persons_words(played: tuple[Path, list[dict[str, Any]]]) -> None:
    corpus, _ = played
    said = [turn for row in transcripts(corpus) for turn in row["turns"] if "<|eot|>" in turn["text"]]  # type: ignore[attr-defined]
    assert said
    assert {turn["kind"] for turn in said} == {"say"}
    assert all("\nUser: <|eot|>" in turn["text"] for turn in said)
