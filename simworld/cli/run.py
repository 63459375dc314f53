"""run: play a plan into a corpus, or a few dialogues onto the screen."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

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


def register(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command()(run)


def run(
    scenes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SCENE|STORY|PATH]...",
            help="Ids of scenes and stories, files, folders or packs; default: all built-in scenes.",
        ),
    ] = None,
    backend: Annotated[
        str, typer.Option(help="What speaks: improv, openai:NAME, provider:NAME, scripted:FILE, recorded:CORPUS.")
    ] = "improv",
    seat: Annotated[
        list[str] | None, typer.Option(metavar="ID=B", help="What speaks for one seat (or director=).")
    ] = None,
    base_url: Annotated[str | None, typer.Option(metavar="U", help="Address of an OpenAI-compatible server.")] = None,
    temperature: Annotated[
        float | None, typer.Option(metavar="T", help="Sampling temperature, 0 or more; default: the server's.")
    ] = None,
    top_p: Annotated[
        float | None, typer.Option(metavar="P", help="Nucleus sampling, over 0 up to 1; default: the server's.")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(metavar="N", help="Tokens of one reply.")] = None,
    context: Annotated[
        int | None, typer.Option(metavar="N", help="Tokens that prompt and reply may have together.")
    ] = None,
    timeout: Annotated[float, typer.Option(metavar="S", help="Seconds that one try of a call may take.")] = 120.0,
    max_turns: Annotated[
        int | None, typer.Option(metavar="N", help="Acts a dialogue may have, instead of the scene's.", min=1)
    ] = None,
    emotion: Annotated[
        str,
        typer.Option(metavar="pad|categorical", help="How characters feel: in numbers with a temper, or names alone."),
    ] = "pad",
    memory: Annotated[
        str, typer.Option(metavar="episodic|window", help="What they remember: a life, or only what is in view.")
    ] = "episodic",
    recall: Annotated[
        str, typer.Option(metavar="lexical|minilm|E", help="What finds memories: words, or an encoder (extra [embed]).")
    ] = "lexical",
    memories: Annotated[int, typer.Option(metavar="N", help="Memories that one mind holds before it forgets.")] = 240,
    memory_tokens: Annotated[int, typer.Option(metavar="N", help="Tokens of memories in one note.", min=0)] = 256,
    intervene: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A YAML list of interventions, made beside the scenes' own.")
    ] = None,
    n: Annotated[
        int, typer.Option("-n", metavar="N", help="Dialogues (or stories) in all, spread over the scenes.", min=1)
    ] = 1,
    seed: Annotated[int, typer.Option(metavar="S", help="One seed, one corpus.")] = 0,
    jobs: Annotated[int, typer.Option(metavar="J", help="Dialogues in flight in each process.", min=1)] = 64,
    workers: Annotated[int, typer.Option(metavar="W", help="Processes.", min=1)] = 1,
    out_: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Corpus folder; without it, dialogues are printed.")
    ] = None,
    keep_failed: Annotated[bool, typer.Option("--keep-failed", help="Do not play failed dialogues again.")] = False,
    scene_backends: Annotated[bool, typer.Option("--scene-backends", help="Let scenes name network backends.")] = False,
    replay: Annotated[
        bool, typer.Option("--replay", help="Play again from the journal of --out; asks no model.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan with counts; play nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Play scenes. The same command again goes on where it stopped."""
    from simworld.backends.sampling import Sampling
    from simworld.simulate.minding import Minding
    from simworld.simulate.share import RunSettings

    sampling = _checked(
        Sampling, temperature=temperature, top_p=top_p, max_tokens=max_tokens, context=context, base_url=base_url,
        timeout=timeout,
    )  # fmt: skip
    minding = _checked(
        Minding, emotion=emotion, memory=memory, recall=recall, memories=memories, memory_tokens=memory_tokens
    )
    settings = _checked(
        RunSettings, minding=minding, interventions=_interventions(intervene), scenes=tuple(scenes or _all_scenes()),
        out=str(out_ or ""), backend=backend, seats=_seats(seat), sampling=sampling, n=n, seed=seed,
        max_turns=max_turns, jobs=jobs, workers=workers, keep_failed=keep_failed, replay=replay,
        scene_backends=scene_backends,
    )  # fmt: skip
    if replay and out_ is None:
        raise UsageError("--replay needs --out DIR, the corpus whose journal is played")
    if dry_run:
        _print_plan(settings, as_json)
    elif out_ is None:
        _to_screen(settings, as_json)
    else:
        _to_folder(settings, as_json)


def _all_scenes() -> list[str]:
    from simworld.packs import builtin_root, load_pack

    return sorted(load_pack(builtin_root()).scenes)


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
    from simworld.simulate.plan import Plan
    from simworld.simulate.share import Prepared

    rows: list[tuple[str, ...]] = []
    counts = {name: Counter[str]() for name in ("scenes", "personas", "topics", "emotions")}
    for item in Plan(Prepared(settings).stages, settings.seed).take(settings.n):
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
            share = prepared.share(0, set())
            await play_all(share, speakers, prepared.terms, jobs=settings.jobs, done=done)
        finally:
            await speakers.close()

    if settings.workers > 1:
        raise UsageError("--workers needs --out DIR")
    with tuned():
        asyncio.run(play())
    _end_of_screen(settings, failed)


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
    raise typer.Exit(1 if progress.failed or survey.statuses["failed"] else 0)
