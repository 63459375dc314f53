"""run: play a plan into a corpus, or a few dialogues onto the screen."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from simworld.cli import options
from simworld.cli.screen import out, print_transcript, say, table
from simworld.errors import UsageError

if TYPE_CHECKING:
    from simworld.prompts import Situation
    from simworld.schema import Transcript
    from simworld.simulate.plan import Planned, PlannedStory
    from simworld.simulate.share import RunSettings

R = TypeVar("R")
SHOWN = 12
"""Rows of a plan that `--dry-run` prints."""
OUT_OF_BUDGET = "the budget of {budget} holds no more; what was finished is kept"


def register(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command()(run)


def run(
    scenes: options.Scenes = None,
    backend: options.Backend = "improv",
    seat: options.Seats = None,
    fallback: options.Fallback = "",
    fallback_base_url: options.FallbackUrl = None,
    base_url: options.BaseUrl = None,
    temperature: options.Temperature = None,
    top_p: options.TopP = None,
    max_tokens: options.MaxTokens = None,
    context: options.Context = None,
    timeout: options.Timeout = 120.0,
    call_timeout: options.CallTimeout = 600.0,
    dialogue_timeout: options.DialogueTimeout = None,
    wait: options.Wait = 3600.0,
    rpm: options.Rpm = None,
    tpm: options.Tpm = None,
    price: options.Prices = None,
    budget: options.Budget = "",
    forecast: options.Forecast = False,
    device: options.Device = None,
    dtype: options.Dtype = None,
    adapter: options.Adapter = None,
    batch: options.Batch = 64,
    cache_gb: options.CacheGb = None,
    trust_remote_code: options.TrustRemoteCode = False,
    max_turns: options.MaxTurns = None,
    emotion: options.Emotion = "pad",
    memory: options.Memory = "episodic",
    recall: options.Recall = "lexical",
    memories: options.Memories = 240,
    memory_tokens: options.MemoryTokens = 256,
    intervene: options.Intervene = None,
    rows: options.Rows = None,
    fill: options.Fill = None,
    n: options.N = None,
    seed: options.Seed = 0,
    jobs: options.Jobs = 64,
    workers: options.Workers = 1,
    out_: options.Out = None,
    keep_failed: options.KeepFailed = False,
    scene_backends: options.SceneBackends = False,
    replay: options.Replay = False,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
) -> None:
    """Play scenes. The same command again goes on where it stopped."""
    from simworld.backends.prices import read_prices
    from simworld.backends.sampling import Sampling
    from simworld.simulate.minding import Minding
    from simworld.simulate.share import RunSettings

    sampling = _checked(
        Sampling, temperature=temperature, top_p=top_p, max_tokens=max_tokens, context=context, base_url=base_url,
        timeout=timeout, call_timeout=call_timeout, wait=wait, rpm=rpm, tpm=tpm, device=device, dtype=dtype,
        adapter=adapter, batch=batch, cache_gb=cache_gb, trust_remote_code=trust_remote_code,
    )  # fmt: skip
    minding = _checked(
        Minding, emotion=emotion, memory=memory, recall=recall, memories=memories, memory_tokens=memory_tokens
    )
    settings = _checked(
        RunSettings, minding=minding, interventions=_interventions(intervene), scenes=tuple(scenes or _all_scenes()),
        out=str(out_ or ""), backend=backend, seats=_seats(seat), sampling=sampling, n=n or 1, seed=seed,
        max_turns=max_turns, jobs=jobs, workers=workers, keep_failed=keep_failed, replay=replay,
        scene_backends=scene_backends, fallback=fallback, fallback_url=fallback_base_url, budget=budget,
        prices=read_prices(price or []), dialogue_timeout=dialogue_timeout, rows=str(rows or ""), fill=str(fill or ""),
    )  # fmt: skip
    if rows and n is None:
        settings = settings.model_copy(update={"n": _one_each(settings)})
    if fill and out_ and fill.resolve() == out_.resolve():
        raise UsageError(f"--fill {fill} is the folder of --out: new dialogues go into a corpus of their own")
    if replay and out_ is None:
        raise UsageError("--replay needs --out DIR, the corpus whose journal is played")
    if replay and forecast:
        raise UsageError("--forecast plays a sample, and --replay asks no model; give one of them")
    if dry_run:
        _print_plan(settings, as_json)
    elif forecast:
        from simworld.cli.forecasting import print_forecast

        print_forecast(settings, as_json=as_json)
    elif out_ is None:
        _to_screen(settings, as_json)
    else:
        _to_folder(settings, as_json)


def _all_scenes() -> list[str]:
    from simworld.packs import builtin_root, load_pack

    return sorted(id for id, scene in load_pack(builtin_root()).scenes.items() if scene.drawn)


def _one_each(settings: RunSettings) -> int:
    """Dialogues in which each scene goes once through all rows."""
    from simworld.simulate.rows import read_rows
    from simworld.simulate.stage import played
    from simworld.simulate.stages import stages_of

    stages = stages_of([*settings.scenes])
    return len(stages) * len(read_rows(settings.rows, played(stages)))


def _seats(given: list[str] | None) -> dict[str, str]:
    seats: dict[str, str] = {}
    for item in given or []:
        id, equals, backend = item.partition("=")
        if not equals or not id or not backend:
            raise UsageError(f"--seat '{item}': write --seat ID=BACKEND, such as --seat clerk=openai:gpt-4.1-mini")
        seats[id] = backend
    return seats


def _interventions(path: Path | None) -> tuple[Any, ...]:
    if path is None:
        return ()
    from simworld.packs import read_interventions

    return read_interventions(path)


def _checked(record: type[R], **values: Any) -> R:
    """A record made of options; what is wrong is told by the option's name."""
    from pydantic import ValidationError

    try:
        return record(**values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        option = "--" + str(first["loc"][0]).replace("_", "-")
        raise UsageError(f"{option}: {first['msg']}") from None


def _print_plan(settings: RunSettings, as_json: bool) -> None:
    from simworld.simulate.share import Prepared

    rows: list[tuple[str, ...]] = []
    counts = {name: Counter[str]() for name in ("scenes", "personas", "topics", "emotions")}
    for item in Prepared(settings).plan().take(settings.n):
        situations, cast = _situations(item)
        counts["scenes"].update(situation.scene.id for situation in situations)
        counts["personas"].update(cast.values())
        counts["topics"].update(situation.topic or "(none)" for situation in situations)
        counts["emotions"].update(word for situation in situations for word in situation.emotions.values())
        if len(rows) < SHOWN or as_json:
            rows.append((
                item.id, ", ".join(f"{seat}={persona}" for seat, persona in cast.items()),
                ", ".join(situation.topic for situation in situations if situation.topic),
                ", ".join(f"{seat}={word}" for seat, word in situations[0].emotions.items()),
            ))  # fmt: skip
    heads = ("dialogue", "cast", "topic", "emotions")
    if as_json:
        plan = [dict(zip(heads, row, strict=True)) for row in rows]
        out(json.dumps({"n": settings.n, "counts": counts, "plan": plan}, ensure_ascii=False, indent=1))
        return
    table(rows, heads)
    if settings.n > SHOWN:
        out(f"... and {settings.n - SHOWN} more")
    for what, counter in counts.items():
        out("")
        table([(name, str(count)) for name, count in sorted(counter.items())], (what, "dialogues"))


def _situations(item: Planned | PlannedStory) -> tuple[list[Situation], dict[str, str]]:
    """The situations of a unit (of a story all that it may come to), and who takes which seat or part."""
    from simworld.simulate.plan import Planned

    if isinstance(item, Planned):
        return [item.situation], {seat: who.id for seat, who in item.situation.cast.items()}
    return [situation for situation, _ in item.chapters.values()], {part: who.id for part, who in item.cast.items()}


def _to_screen(settings: RunSettings, as_json: bool) -> None:
    """Play and print each dialogue as it ends; nothing is kept."""
    from simworld.simulate.notices import noticed
    from simworld.simulate.run import play_all
    from simworld.simulate.share import Prepared
    from simworld.simulate.tuning import tuned

    prepared = Prepared(settings)
    speakers = prepared.speakers(None)
    failed: list[str] = []

    def done(told: list[Transcript]) -> None:
        failed.extend(transcript.id for transcript in told if transcript.status == "failed")
        for transcript in told:
            _print(transcript, as_json)

    async def play() -> None:
        try:
            with noticed(say):
                await play_all(
                    prepared.plan().take(settings.n), speakers, prepared.terms, jobs=settings.jobs, done=done
                )
        finally:
            await speakers.close()

    if settings.workers > 1:
        raise UsageError("--workers needs --out DIR")
    with tuned():
        asyncio.run(play())
    _end_of_screen(settings, failed)
    if prepared.till and prepared.till.purse.ended:
        say(OUT_OF_BUDGET.format(budget=settings.budget))
        raise typer.Exit(3)


def _print(transcript: Transcript, as_json: bool) -> None:
    if as_json:
        from simworld.corpus.store import to_line

        out(to_line(transcript).decode().rstrip())
        return
    print_transcript(transcript)
    out("")


def _end_of_screen(settings: RunSettings, failed: list[str]) -> None:
    if "improv" in {settings.backend, *settings.seats.values()}:
        say("improv spoke: a stand-in with authored lines, not a model. Keep dialogues with --out DIR.")
    if failed:
        say(f"{len(failed)} of {settings.n} dialogues failed")
        raise typer.Exit(1)


def _to_folder(settings: RunSettings, as_json: bool) -> None:
    from simworld.cli.progress import Progress
    from simworld.simulate.produce import produce
    from simworld.simulate.tuning import tuned

    progress = Progress(settings)
    try:
        with tuned(), progress:
            survey = asyncio.run(produce(settings, progress.note))
    except KeyboardInterrupt:
        say(f"interrupted; {settings.out} holds what was finished, the same command goes on from here")
        raise typer.Exit(130) from None
    progress.report(survey, as_json=as_json)
    if progress.out_of_budget:
        say(OUT_OF_BUDGET.format(budget=settings.budget) + "; the same command goes on with a larger one")
        raise typer.Exit(3)
    raise typer.Exit(1 if progress.failed or survey.statuses["failed"] else 0)
