"""forge persona: personas from given and drawn aspects, by the built-in composer or by a model."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simworld.cli import options
from simworld.cli.screen import out, say
from simworld.errors import UsageError, unknown

if TYPE_CHECKING:
    from simworld.backends.asking import Asking
    from simworld.forge.people import People
    from simworld.schema import Persona

COMPOSER = "composer"
ANSWERS = ".answers.jsonl"
"""Beside the personas: what a model answered, so that the same command goes on where it stopped."""

Description = Annotated[
    str, typer.Argument(metavar="[DESCRIPTION]", help="A line: 'a retired tram driver of 67 from Lisbon, stubborn'.")
]
Count = Annotated[int, typer.Option("-n", "--n", metavar="N", min=1, help="Personas.")]
Career = Annotated[list[str] | None, typer.Option(metavar="C", help="From the vocabulary; several take turns.")]
Aspiration = Annotated[list[str] | None, typer.Option(metavar="A", help="From the vocabulary; several take turns.")]
Trait = Annotated[list[str] | None, typer.Option(metavar="T", help="Everybody's; repeat it for more.")]
Skill = Annotated[list[str] | None, typer.Option(metavar="S", help="Everybody's; repeat it for more.")]
Sets = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A field: age=67, age=60-75, voice.tone=dry.")
]
Profile = Annotated[str, typer.Option(metavar="FILE|-", help="A finished text about the person, read into the schema.")]
Balance = Annotated[
    str, typer.Option(metavar="D,..", help="What is spread by quota: age,gender,career,region (all), or none.")
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR|FILE", help="A pack's folder, or one .yaml file; default: stdout.")
]
Writer = Annotated[
    str, typer.Option(metavar="B", help="What writes: composer, openai:NAME, provider:NAME, local:PATH.")
]
Jobs = Annotated[int, typer.Option(metavar="J", min=1, help="Calls in flight.")]
Alike = Annotated[float, typer.Option(metavar="0..1", help="Draw again what is more like another than this.")]
Force = Annotated[bool, typer.Option("--force", help="Make what was given even where it contradicts itself.")]


def persona(
    description: Description = "",
    n: Count = 1,
    out_: Out = None,
    career: Career = None,
    aspiration: Aspiration = None,
    trait: Trait = None,
    skill: Skill = None,
    set_: Sets = None,
    profile: Profile = "",
    balance: Balance = "age,gender,career,region",
    alike: Alike = 0.3,
    force: Force = False,
    seed: options.Seed = 0,
    backend: Writer = COMPOSER,
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
    """Make personas. Their report goes to stderr; exit 1 where any could not be made."""
    from simworld.forge.people import PeopleOrder

    order = _checked(
        PeopleOrder, n=n, seed=seed, career=_words(career), aspiration=_words(aspiration), traits=_words(trait),
        skills=_words(skill), sets=_sets(set_), describe=description, profile=_profile(profile),
        balance=_balance(balance), alike=alike, force=force,
    )  # fmt: skip
    if out_ is not None and out_.suffix in (".yaml", ".yml"):
        if n > 1:
            raise UsageError(f"--out {out_}: {n} personas do not go into one file; name a folder")
        if out_.exists():
            raise UsageError(f"{out_} is there already, and personas are not overwritten; name another file")
    sampling = {
        "base_url": base_url, "temperature": temperature, "top_p": top_p, "max_tokens": max_tokens, "rpm": rpm,
        "tpm": tpm,
    }  # fmt: skip
    people = asyncio.run(_make(order, backend, sampling, out_, jobs, budget, price or []))
    _deliver(people, out_, order.sets.get("id", ""), as_json=as_json)
    for line in people.report.lines():
        say(line)
    raise typer.Exit(1 if people.report.missed else 0)


async def _make(
    order: Any,
    backend: str,
    sampling: dict[str, Any],
    folder: Path | None,
    jobs: int,
    budget: str,
    price: list[str],
) -> People:
    from simworld.forge.people import forge_people

    taken = _taken(folder)
    if backend == COMPOSER:
        return await forge_people(order, taken=taken)
    asking = _asking(backend, sampling, folder, jobs, budget, price)
    try:
        return await forge_people(order, asking, taken=taken)
    finally:
        await asking.close()
        for line in asking.lines():
            say(line)


def _asking(
    backend: str, sampling: dict[str, Any], folder: Path | None, jobs: int, budget: str, price: list[str]
) -> Asking:
    from simworld.backends.asking import open_asking
    from simworld.backends.prices import read_prices
    from simworld.backends.sampling import Sampling

    kept = None
    if folder is not None and folder.suffix not in (".yaml", ".yml"):
        folder.mkdir(parents=True, exist_ok=True)
        kept = folder / ANSWERS
    given = {name: value for name, value in sampling.items() if value is not None}
    return open_asking(backend, _checked(Sampling, **given), kept, jobs=jobs, budget=budget, prices=read_prices(price))


def _taken(folder: Path | None) -> list[Persona]:
    """The personas that the folder has already."""
    if folder is None or not (folder / "personas").is_dir() or not any((folder / "personas").glob("*.yaml")):
        return []
    from simworld.packs import load_pack

    return list(load_pack(folder / "personas").personas.values())


def _deliver(people: People, target: Path | None, id: str, *, as_json: bool) -> None:
    from simworld.forge.write import persona_yaml, write_file, write_persona

    if target is not None and target.suffix in (".yaml", ".yml"):
        for one in people.personas:
            write_file(one.model_copy(update={"id": id or _id_of(target, one.id)}), target)
    elif target is not None:
        for one in people.personas:
            path = write_persona(one, target)
            if not as_json:
                out(str(path))
    elif not as_json:
        out("\n---\n".join(persona_yaml(one).rstrip() for one in people.personas))
    if as_json:
        rows = [one.model_dump(mode="json", exclude_defaults=True) for one in people.personas]
        out(json.dumps({"personas": rows, "report": people.report.facts()}, ensure_ascii=False, indent=1))


def _id_of(target: Path, id: str) -> str:
    """The file's name where it can be an id: a persona's file is named by its id."""
    from simworld.forge.population import identifier

    stem = identifier(target.stem)
    if stem != target.stem:
        raise UsageError(f"--out {target}: a persona's file is named by its id; call it {stem}.yaml, or {id}.yaml")
    return stem


def _words(given: list[str] | None) -> tuple[str, ...]:
    return tuple(part.strip() for one in given or () for part in one.split(",") if part.strip())


def _sets(given: list[str] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in given or ():
        key, equals, value = item.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set '{item}': write --set KEY=VALUE, such as --set age=67")
        found[key.strip()] = value
    return found


def _balance(given: str) -> tuple[str, ...]:
    from simworld.forge.order import DIMENSIONS

    words = tuple(part.strip() for part in given.split(",") if part.strip() and part.strip() != "none")
    for word in words:
        if word not in DIMENSIONS:
            raise unknown("--balance", word, [*DIMENSIONS, "none"])
    return words


def _profile(given: str) -> str:
    if not given:
        return ""
    try:
        text = sys.stdin.read() if given == "-" else Path(given).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--profile {given} cannot be read: {error}") from None
    if not text.strip():
        raise UsageError(f"--profile {given} is empty; write a text about the person")
    return text


def _checked(record: type[Any], **values: Any) -> Any:
    from pydantic import ValidationError

    try:
        return record(**values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UsageError(f"--{str(first['loc'][0]).replace('_', '-')}: {first['msg']}") from None
