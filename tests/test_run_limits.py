"""Runs within limits: a budget that is never passed, a forecast that holds, a second backend, servers in trouble."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

import simworld as sw
from simworld.backends.sampling import Sampling
from simworld.cli.app import app
from simworld.errors import UsageError
from simworld.simulate.forecast import total
from tests.llm_server import serve
from tests.runs import bytes_of, simworld, transcripts, two_scenes

PRICE = ["--price", "1,4"]


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_scenes(tmp_path_factory.mktemp("pack") / "two")


def command(pack: Path, url: str, out: Path, *more: object) -> list[object]:
    return ["run", pack, "--backend", "openai:mock", "--base-url", url, "--out", out, *more]


@pytest.mark.parametrize(
    ("budget", "workers", "knobs"),
    [
        ("30ktok", 1, {"faults": {"half": 0.1, "500": 0.1}}),
        ("30ktok", 2, {}),
        ("0.05usd", 1, {"odd": {"usage_zero": 0.2, "usage_absent": 0.2}}),
    ],
    ids=["tokens", "tokens-two-workers", "money-wrong-usage"],
)
def test_a_budget_is_never_passed_and_a_larger_one_goes_on(
    pack: Path, tmp_path: Path, budget: str, workers: int, knobs: dict[str, object]
) -> None:
    """By the bill of the server, which charges for replies that never arrived as well."""
    with serve(price_in=1, price_out=4, latency=0.002, **knobs) as server:
        run = command(pack, server.url, tmp_path / "c", "-n", 40, "--workers", workers, "--max-tokens", 60, *PRICE)

        def billed() -> float:
            return server.tokens_in + server.tokens_out if budget.endswith("tok") else server.cost * 1e6

        most = 30_000 if budget.endswith("tok") else 50_000
        done = simworld(*run, "--budget", budget, code=3)
        assert f"the budget of {budget} holds no more; what was finished is kept" in done.stderr
        assert 0.7 * most < billed() <= most
        manifest = json.loads((tmp_path / "c" / "manifest.json").read_text())
        assert manifest["status"] == "incomplete"
        assert manifest["statuses"]["complete"] >= 3
        assert set(manifest["statuses"]) <= {"complete", "stopped_by_budget"}
        before = billed()
        simworld(*run, "--budget", budget, code=3)  # the same budget is spent already, but for a last call or two
        assert billed() <= most
        assert billed() - before <= 0.2 * most
        simworld(*run, "--budget", "5usd")
        answered = server.answered
    rows = transcripts(tmp_path / "c")
    assert [row["status"] for row in rows] == ["complete"] * 40
    assert answered == sum(usage["calls"] for row in rows for usage in row["usage"].values())  # type: ignore[attr-defined]


def test_a_budget_changes_nothing_but_how_far_a_run_comes(pack: Path, tmp_path: Path) -> None:
    with serve() as server:
        simworld(*command(pack, server.url, tmp_path / "a", "-n", 20, "--max-tokens", 200))
        run = command(pack, server.url, tmp_path / "b", "-n", 20, "--max-tokens", 200, *PRICE)
        simworld(*run, "--budget", "0.01usd", code=3)
        done = simworld(*run, "--budget", "1usd")
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")
    assert "out, 0.0" in done.stderr


def test_a_stopped_dialogue_says_so_and_is_left_out_of_exports(pack: Path, tmp_path: Path) -> None:
    with serve() as server:
        run = command(pack, server.url, tmp_path / "c", "-n", 4, "--max-tokens", 100)
        simworld(*run, "--budget", "1200tok", code=3)
    rows = transcripts(tmp_path / "c")
    assert {row["status"] for row in rows} == {"stopped_by_budget"}
    assert all(row["ending"]["reason"] == "budget" and row["ending"]["by"] for row in rows)  # type: ignore[index]
    done = simworld("export", tmp_path / "c", "--out", tmp_path / "rows.jsonl", code=None)
    assert "stopped_by_budget" in done.stderr
    assert not (tmp_path / "rows.jsonl").exists() or not (tmp_path / "rows.jsonl").read_text()


def test_a_budget_of_time_begins_nothing_after_it(pack: Path, tmp_path: Path) -> None:
    with serve(latency=0.05) as server:
        run = command(pack, server.url, tmp_path / "c", "-n", 500, "--jobs", 4)
        began = time.monotonic()
        simworld(*run, "--budget", "2s", code=3)
        assert time.monotonic() - began < 20
        assert 0 < server.answered < 500
        asked = server.count
        time.sleep(0.3)
        assert server.count == asked


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--budget", "20"], "--budget '20': write an amount over 0 and a unit, such as 20usd"),
        (["--budget", "1usd"], "the price of 'openai:mock' is unknown"),
        (["--price", "cheap"], "--price 'cheap': write --price IN,OUT"),
        (["--rpm", "0"], "--rpm: Input should be greater than or equal to 1"),
        (["--fallback", "improv"], "backend 'improv' is not complete"),
        (["--forecast", "--replay"], "--forecast plays a sample, and --replay asks no model"),
        (["--dtype", "int4"], "--dtype: Input should be 'float32', 'bfloat16' or 'float16'"),
    ],
    ids=["budget", "price-unknown", "price", "rpm", "fallback", "forecast-replay", "dtype"],
)
def test_wrong_limits_are_named(pack: Path, tmp_path: Path, options: list[str], said: str) -> None:
    line = [*map(str, command(pack, "http://127.0.0.1:9/v1", tmp_path / "c")), *options]
    found = CliRunner().invoke(app, line).exception
    assert isinstance(found, UsageError)
    assert said in str(found)


def test_the_forecast_of_money_and_tokens_holds_and_the_sample_is_kept(pack: Path, tmp_path: Path) -> None:
    with serve(price_in=1, price_out=4) as server:
        run = command(pack, server.url, tmp_path / "c", "-n", 90, *PRICE)
        told = json.loads(simworld(*run, "--forecast", "--json").stdout)
        asked = server.answered
        assert told["sample"] == 24 == len(transcripts(tmp_path / "c"))
        report = json.loads(simworld(*run, "--json").stdout)
        assert server.answered == report["usage"]["openai:mock"]["calls"]
        assert asked < server.answered / 3
        assert told["usd"]["low"] <= server.cost <= told["usd"]["high"]
        assert told["tokens"]["low"] <= server.tokens_in + server.tokens_out <= told["tokens"]["high"]
        assert told["seconds"]["low"] > 0
        assert report["usd"]["openai:mock"] == pytest.approx(server.cost, abs=1e-6)
        bare = simworld("run", pack, "--backend", "openai:mock", "--base-url", server.url, "-n", 90, "--forecast")
    assert "usd\tunknown" in bare.stdout
    assert "the price of openai:mock is unknown: give --price" in bare.stderr


def test_the_interval_holds_nine_times_in_ten() -> None:
    """Sums of draws from a skewed distribution, by a generator of our own."""
    from random import Random

    held, widths = 0, []
    for seed in range(400):
        rng = Random(seed)
        costs = [rng.lognormvariate(8, 0.6) for _ in range(300)]
        told = total(costs[:24], 300)
        held += told.low <= sum(costs) <= told.high
        widths.append((told.high - told.low) / sum(costs))
    assert 0.85 <= held / 400 <= 0.95
    assert sum(widths) / 400 < 0.6
    exact = total([1.0, 2.0], 2)
    assert (exact.low, exact.expected, exact.high) == (3, 3, 3)


def test_costs_are_told_by_model_seat_scene_and_dialogue(pack: Path, tmp_path: Path) -> None:
    with serve(price_in=2, price_out=8) as server:
        simworld(*command(pack, server.url, tmp_path / "c", "-n", 6, "--seat", "b=improv"))
        for by, keys in (("model", {"openai:mock"}), ("seat", {"a", "c"}), ("scene", {"desk", "yard"})):
            told = json.loads(simworld("cost", tmp_path / "c", "--by", by, "--price", "2,8", "--json").stdout)
            assert {row[by] for row in told["rows"]} == keys
            assert sum(row["usd"] for row in told["rows"]) == pytest.approx(server.cost, abs=1e-5)
        rows = simworld("cost", tmp_path / "c", "--by", "dialogue").stdout.splitlines()
    assert len(rows) == 6
    assert all(row.endswith("\tunknown") for row in rows)


def test_a_second_backend_answers_and_the_transcript_tells(pack: Path, tmp_path: Path) -> None:
    with serve(faults={"400": 0.3}, fault_tries=None, message="too long") as server, serve() as other:
        run = command(pack, server.url, tmp_path / "c", "-n", 12, "--fallback", "openai:spare")
        done = simworld(*run, "--fallback-base-url", other.url, "--json")
        assert other.answered
        report = json.loads(done.stdout)
        assert "openai:spare answers for it" in done.stderr
    rows = transcripts(tmp_path / "c")
    assert {row["status"] for row in rows} == {"complete"}
    usages = [usage for row in rows for usage in row["usage"].values()]  # type: ignore[attr-defined]
    assert sum(usage["fallback_calls"] for usage in usages) == other.answered
    assert {usage["fallback"] for usage in usages if usage["fallback_calls"]} == {"openai:spare"}
    assert report["usage"]["openai:spare"]["calls"] == other.answered
    assert report["usage"]["openai:mock"]["calls"] == server.answered
    marked = [turn for row in rows for turn in row["turns"] if "fallback" in turn["faults"]]  # type: ignore[attr-defined]
    assert len(marked) == other.answered


def test_a_server_that_is_down_is_passed_by_where_another_stands_by() -> None:
    with serve() as server, serve() as other:
        server.down()
        scene, people = _scene()

        async def run() -> list[sw.Transcript]:
            from simworld.backends.open import open_backend
            from simworld.backends.standby import Standby

            first = open_backend("openai:mock", Sampling(base_url=server.url, yields=True, call_timeout=1))
            second = open_backend("openai:spare", Sampling(base_url=other.url))
            backend = Standby(first, second)
            told = [one async for one in sw.play_many(scene, n=3, backend=backend, cast=people, jobs=3)]
            await backend.aclose()
            return told

        told = asyncio.run(run())
    assert {one.status for one in told} == {"complete"}
    assert all(usage.fallback_calls == usage.calls for one in told for usage in one.usage.values())


def _scene() -> tuple[sw.Scene, list[sw.Persona]]:
    end = {"max_turns": 4, "goodbye": False, "stale": 0}
    scene = sw.Scene(id="s", title="t", seats=[{"id": "a", "persona": "x"}, {"id": "b", "persona": "y"}], end=end)  # type: ignore[arg-type]
    return scene, [sw.Persona(id="x", name="X One"), sw.Persona(id="y", name="Y Two")]


def test_a_dialogue_that_takes_too_long_fails_with_what_it_had(pack: Path, tmp_path: Path) -> None:
    with serve(latency=0.4) as server:
        simworld(*command(pack, server.url, tmp_path / "c", "-n", 2, "--dialogue-timeout", 1), code=1)
        for row in transcripts(tmp_path / "c"):
            assert row["status"] == "failed"
            assert row["ending"]["detail"] == "not over after 1 s (--dialogue-timeout)"  # type: ignore[index]
            assert sum(usage["calls"] for usage in row["usage"].values()) >= 1  # type: ignore[attr-defined]
        server.knobs.latency = 0
        simworld(*command(pack, server.url, tmp_path / "c", "-n", 2))
    assert {row["status"] for row in transcripts(tmp_path / "c")} == {"complete"}


def test_mixed_faults_lose_nothing(pack: Path, tmp_path: Path) -> None:
    counts: dict[str, int] = {}
    for name, knobs in (("none", {}), ("mixed", {"faults": {"mixed": 0.2}, "hang": 0.5})):
        with serve(**knobs) as server:
            simworld(*command(pack, server.url, tmp_path / name, "-n", 120, "--timeout", 3), code=None)
            counts[name] = server.count
        rows = transcripts(tmp_path / name)
        assert [row["index"] for row in rows] == list(range(120))
        assert Counter(row["status"] for row in rows)["complete"] >= 119
        assert all(row["ending"]["detail"] for row in rows if row["status"] == "failed")  # type: ignore[index]
    assert counts["mixed"] <= 1.6 * counts["none"]


@pytest.mark.parametrize("trouble", ["busy", "dead"])
def test_a_server_in_trouble_costs_no_dialogue(pack: Path, tmp_path: Path, trouble: str) -> None:
    with serve(latency=0.02) as server:

        def begin_and_end() -> None:
            while server.answered < 60:
                time.sleep(0.01)
            if trouble == "dead":
                server.down(2.5)
            else:
                server.knobs.always = "429"
                time.sleep(2.5)
                server.knobs.always = ""

        threading.Thread(target=begin_and_end).start()
        done = simworld(*command(pack, server.url, tmp_path / "c", "-n", 60, "--jobs", 16))
    assert "waiting for it (up to 3600 s)" in done.stderr
    assert "answers again" in done.stderr
    assert {row["status"] for row in transcripts(tmp_path / "c")} == {"complete"}
    log = (tmp_path / "c" / "run.log.jsonl").read_text()
    assert '"event":"notice"' in log


def test_a_limit_of_requests_in_flight_is_found(pack: Path, tmp_path: Path) -> None:
    with serve(latency=0.02, max_in_flight=8) as server:
        simworld(*command(pack, server.url, tmp_path / "c", "-n", 100, "--jobs", 64))
        refused = server.count - server.answered
        assert server.answered > 400
    assert refused < 0.2 * server.answered
    assert {row["status"] for row in transcripts(tmp_path / "c")} == {"complete"}


def test_what_a_server_ignores_is_told_once(pack: Path, tmp_path: Path) -> None:
    with serve(ignore=["max_tokens"]) as server:
        done = simworld(*command(pack, server.url, tmp_path / "c", "-n", 4, "--max-tokens", 3))
    assert done.stderr.count("openai:mock: the server ignores 'max_tokens'") == 1
