"""forge scenes, forge interviews, forge pack: from characters to a pack that plays."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from simworld.cli import options
from simworld.cli.screen import out, say
from simworld.errors import UsageError

if TYPE_CHECKING:
    from simworld.backends.asking import Asking
    from simworld.schema import Persona

R = TypeVar("R")
COMPOSER = "composer"
FEW = 6
"""Personas below which the built-in ones are there to be met too."""

Personas = Annotated[
    list[str],
    typer.Argument(metavar="PERSONA...", help="Ids of personas, YAML files of personas, or folders of them."),
]
Backend = Annotated[str, typer.Option(help="What writes: composer (built in), openai:NAME, provider:NAME, local:PATH.")]
PackFolder = Annotated[Path | None, typer.Option("--pack", metavar="DIR", help="The pack that the ids are of.")]
Jobs = Annotated[int, typer.Option(metavar="J", help="Calls in flight.", min=1)]


def scenes(
    personas: Personas,
    out_: Annotated[Path, typer.Option("--out", metavar="DIR", help="Pack to write; its scenes/ takes them.")],
    n: Annotated[int, typer.Option("--n", "-n", metavar="N", help="Scenes a character.", min=1, max=1000)] = 20,
    seed: options.Seed = 0,
    pack: PackFolder = None,
    backend: Backend = COMPOSER,
    base_url: options.BaseUrl = None,
    temperature: options.Temperature = None,
    top_p: options.TopP = None,
    max_tokens: options.MaxTokens = None,
    rpm: options.Rpm = None,
    tpm: options.Tpm = None,
    jobs: Jobs = 16,
    budget: options.Budget = "",
    price: options.Prices = None,
    as_json: options.AsJson = False,
) -> None:
    """Make distinct scenes for characters, with partners from those around them."""
    from simworld.forge.pack import ANSWERS
    from simworld.forge.relations import read_ties, write_ties
    from simworld.forge.scenes import SceneOrder, forge_scenes, scene_id
    from simworld.forge.write import write_persona
    from simworld.forge.write_scene import write_scene
    from simworld.packs import builtin_root, load_pack

    found, around = _found(personas, pack)
    clash = [id for one in found if (out_ / "scenes" / f"{(id := scene_id(one, 0))}.yaml").exists()]
    if clash:
        raise UsageError(f"{out_}/scenes/{clash[0]}.yaml is there already; name another folder with --out DIR")
    ties = read_ties(pack / "relations.yaml") if pack else ()
    order = SceneOrder(n=n, seed=seed)
    made = _with_model(
        backend, _sampling(base_url, temperature, top_p, max_tokens, rpm, tpm), out_ / ANSWERS, jobs, budget, price,
        lambda asking: forge_scenes(order, found, asking, among=around, ties=ties or None),
    )  # fmt: skip
    for scene in made.scenes:
        write_scene(scene, out_)
    installed = load_pack(builtin_root()).personas
    seated = {seat.persona for scene in made.scenes for seat in scene.seats}
    there = {one.id: one for one in (*around, *found) if one.id in seated and installed.get(one.id) != one}
    for id in sorted(there):
        if not (out_ / "personas" / f"{id}.yaml").exists():
            write_persona(there[id], out_)
    if made.ties and not (out_ / "relations.yaml").exists():
        write_ties([tie for tie in made.ties if {tie.of, tie.to} <= seated], out_ / "relations.yaml")
    _tell(made.report.lines(), {"out": str(out_), **made.report.facts()}, as_json)
    raise typer.Exit(1 if made.report.missed else 0)


def interviews(
    personas: Personas,
    out_: Annotated[Path, typer.Option("--out", metavar="FILE", help="JSON Lines, a question a line.")],
    n: Annotated[int, typer.Option("--n", "-n", metavar="N", help="Questions a character.", min=1, max=1000)] = 50,
    seed: options.Seed = 0,
    pack: PackFolder = None,
    backend: Backend = COMPOSER,
    base_url: options.BaseUrl = None,
    temperature: options.Temperature = None,
    top_p: options.TopP = None,
    max_tokens: options.MaxTokens = None,
    rpm: options.Rpm = None,
    tpm: options.Tpm = None,
    jobs: Jobs = 16,
    budget: options.Budget = "",
    price: options.Prices = None,
    as_json: options.AsJson = False,
) -> None:
    """Make interview questions: what a character knows, cannot know, and keeps."""
    from simworld.forge.interviews import distinct_share, kinds_of
    from simworld.forge.pack import ask_all, write_questions
    from simworld.forge.relations import read_ties, weave

    if out_.exists():
        raise UsageError(f"{out_} is there already; name another file with --out FILE")
    found, around = _found(personas, pack)
    everybody = {one.id: one for one in (*around, *found)}
    ties = (read_ties(pack / "relations.yaml") if pack else ()) or weave([*everybody.values()], seed)
    kept = out_.with_name(f".{out_.name}.answers")
    rows = _with_model(
        backend, _sampling(base_url, temperature, top_p, max_tokens, rpm, tpm), kept, jobs, budget, price,
        lambda asking: ask_all(found, ties, n, seed, asking),
    )  # fmt: skip
    write_questions(rows, out_)
    short = n * len(found) - len(rows)
    kinds = kinds_of(rows)
    lines = [f"{len(rows)} of {n * len(found)} questions; distinct: {distinct_share(rows):.1%}"]
    lines.append("kinds: " + ", ".join(f"{kind} {count}" for kind, count in kinds.items()))
    facts = {"out": str(out_), "questions": len(rows), "distinct": distinct_share(rows), "kinds": kinds}
    _tell(lines, facts, as_json)
    raise typer.Exit(1 if short else 0)


def pack(
    n: Annotated[int, typer.Option("--n", "-n", metavar="N", help="Personas.", min=2)] = 68,
    scenes: Annotated[int, typer.Option("--scenes", metavar="N", help="Scenes a character.", min=1, max=1000)] = 20,
    out_: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the pack.")] = Path("forged"),
    seed: options.Seed = 0,
    interviews: Annotated[int, typer.Option(metavar="N", help="Questions a character; 0: none.", min=0, max=1000)] = 50,
    balance: Annotated[
        str, typer.Option(metavar="D,..", help="What is spread by quota: age, gender, career, region.")
    ] = "age,gender,career,region",
    backend: Backend = COMPOSER,
    base_url: options.BaseUrl = None,
    temperature: options.Temperature = None,
    top_p: options.TopP = None,
    max_tokens: options.MaxTokens = None,
    rpm: options.Rpm = None,
    tpm: options.Tpm = None,
    jobs: Jobs = 16,
    budget: options.Budget = "",
    price: options.Prices = None,
    as_json: options.AsJson = False,
) -> None:
    """Make a whole pack: personas, who is what to whom, scenes, interviews."""
    from simworld.forge.order import DIMENSIONS, PeopleOrder
    from simworld.forge.pack import ANSWERS, PackOrder, begin, forge_pack
    from simworld.registry import names
    from simworld.simulate.directors import DIRECTORS

    spread = tuple(word.strip() for word in balance.split(",") if word.strip())
    wrong = [word for word in spread if word not in DIMENSIONS]
    if wrong:
        raise UsageError(f"--balance: '{wrong[0]}' cannot be spread; allowed: {', '.join(DIMENSIONS)}")
    people = PeopleOrder.model_validate({"n": n, "seed": seed, "balance": spread})
    order = PackOrder(people=people, scenes=scenes, interviews=interviews, backend=backend)
    begin(order, out_)
    made = _with_model(
        backend, _sampling(base_url, temperature, top_p, max_tokens, rpm, tpm), out_ / ANSWERS, jobs, budget, price,
        lambda asking: forge_pack(order, out_, asking, directors=names("director", DIRECTORS)),
    )  # fmt: skip
    lines = [*made.people.lines(), f"{made.ties} ties", *made.scenes.lines(), "", *made.measures.lines(), ""]
    lines += [str(problem) for problem in made.problems[:20]]
    lines.append(f"{len(made.problems)} problems" if made.problems else f"no problems; play it: simworld run {out_}")
    facts: dict[str, Any] = {
        "out": str(out_), "whole": made.is_whole, "problems": len(made.problems), "ties": made.ties,
        "measures": made.measures.facts(), "personas": made.people.facts(), "scenes": made.scenes.facts(),
    }  # fmt: skip
    _tell(lines, facts, as_json)
    raise typer.Exit(0 if made.is_whole else 1)


def _found(names: list[str], pack: Path | None) -> tuple[list[Persona], list[Persona]]:
    """The personas of these names, each once, and those around them: of their packs, else of the built-in one."""
    from simworld.packs import builtin_root, find_persona, load_pack

    own = load_pack(pack) if pack else None
    found: dict[str, Persona] = {}
    around: dict[str, Persona] = dict(own.personas) if own else {}
    for name in names:
        path = Path(name)
        if path.exists():
            there = load_pack(path).personas
            if not there:
                raise UsageError(f"'{name}' holds no personas; name a persona, a YAML file of one, or a folder of them")
            found.update(there)
        else:
            found[name] = find_persona(name, own)
    if not own and len(found) < FEW:
        around.update(load_pack(builtin_root()).personas)
    return list(found.values()), [one for one in around.values() if one.drawn]


def _sampling(
    base_url: str | None, temperature: float | None, top_p: float | None, max_tokens: int | None, rpm: int | None,
    tpm: int | None,
) -> Any:  # fmt: skip
    from pydantic import ValidationError

    from simworld.backends.sampling import Sampling

    try:
        return Sampling(
            base_url=base_url, temperature=temperature, top_p=top_p, max_tokens=max_tokens, rpm=rpm, tpm=tpm
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UsageError(f"--{str(first['loc'][0]).replace('_', '-')}: {first['msg']}") from None


def _with_model(
    backend: str, sampling: Any, kept: Path, jobs: int, budget: str, price: list[str] | None,
    work: Callable[[Asking | None], Awaitable[R]],
) -> R:  # fmt: skip
    """Do the work with what asks the backend, or with None for the composer; tell what was asked."""
    if backend == COMPOSER:
        return asyncio.run(_plainly(work(None)))
    from simworld.backends.asking import open_asking
    from simworld.backends.prices import read_prices

    async def do() -> R:
        kept.parent.mkdir(parents=True, exist_ok=True)
        asking = open_asking(backend, sampling, kept, jobs=jobs, budget=budget, prices=read_prices(price or []))
        try:
            return await work(asking)
        finally:
            await asking.close()
            for line in asking.lines():
                say(line)

    return asyncio.run(do())


async def _plainly(work: Awaitable[R]) -> R:
    return await work


def _tell(lines: list[str], facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        out(json.dumps(facts, ensure_ascii=False, indent=1))
    else:
        for line in lines:
            out(line)
