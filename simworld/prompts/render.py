"""render(name, **values): a file of `templates/prompts` filled in; an undefined name is an error."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simworld.errors import TemplateError

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import SandboxedEnvironment

TEMPLATES = Path(__file__).parent.parent / "templates"


def render(template: str, /, **values: Any) -> str:
    """The prompt `templates/prompts/TEMPLATE.md` with these values, without blank space around it.

    Raises TemplateError where a value is missing.
    """
    from jinja2 import TemplateError as JinjaError

    try:
        return _template(template).render(**values).strip()
    except JinjaError as error:
        raise TemplateError(f"prompt '{template}': {error}") from error


def page(template: str, /, **values: Any) -> str:
    """The page `templates/pages/TEMPLATE.md` with these values, ending in one newline."""
    return _template(template, "pages").render(**values).strip() + "\n"


@cache
def digest(name: str) -> str:
    """Hash of a prompt's wording (blake2b, 16 hex digits); `forms` and other YAML files count too."""
    path = TEMPLATES / "prompts" / (name if name.endswith(".yaml") else f"{name}.md")
    return blake2b(path.read_bytes(), digest_size=8).hexdigest()


@cache
def folder_digest(folder: str) -> str:
    """Hash of all files in and below a folder of `templates/`: other wordings are another corpus."""
    total = blake2b(digest_size=12)
    for path in sorted((TEMPLATES / folder).rglob("*.*")):
        total.update(path.relative_to(TEMPLATES).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


@cache
def forms() -> dict[str, str]:
    """How perceived turns are laid out for a participant: wordings by kind (see `perspective.Layout`)."""
    loaded: dict[str, str] = data("prompts/forms.yaml")
    return loaded


@cache
def words(name: str) -> tuple[str, ...]:
    """A built-in vocabulary: `careers`, `aspirations`, `traits`, `skills`, `emotions`, `topics`, `genders`."""
    return tuple(str(word) for word in data(f"vocabularies/{name}.yaml"))


@lru_cache(maxsize=4096)
def second_person(text: str) -> str:
    """First-person text turned to the reader: 'I have two sons.' -> 'You have two sons.'"""
    for pattern, word in _PERSONS:
        text = pattern.sub(word, text)
    return _SENTENCE.sub(lambda match: match[0].capitalize(), text)


_PERSONS = tuple(
    (re.compile(rf"\b{pattern}\b"), word)
    for pattern, word in (
        ("I am", "you are"), ("I'm", "you're"), ("I was", "you were"), ("am I", "are you"), ("was I", "were you"),
        ("I", "you"), ("[Mm]yself", "yourself"), ("[Mm]y", "your"), ("[Mm]ine(?= |[.,;])", "yours"), ("[Mm]e", "you"),
        ("[Ww]e", "you"), ("[Oo]ur", "your"), ("[Oo]urs", "yours"), ("[Uu]s", "you"), ("[Oo]urselves", "yourselves"),
    )
)  # fmt: skip
_SENTENCE = re.compile(r"(?:^|(?<=[.!?]\s))(?:you|your|yours|yourself)\b")


@cache
def data(path: str) -> Any:
    """A YAML file of `templates/`, such as `mind/emotions.yaml`, parsed once; not to be changed."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, ten times as fast where libyaml is there
    return yaml.load((TEMPLATES / path).read_text(encoding="utf-8"), loader)


@cache
def _environment() -> SandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False)
    environment.filters["you"] = second_person
    return environment


@cache
def _template(name: str, folder: str = "prompts") -> Template:
    path = TEMPLATES / folder / f"{name}.md"
    if not path.is_file():
        raise TemplateError(f"template '{name}': there is no {path.name} in templates/{folder}")
    return _environment().from_string(path.read_text(encoding="utf-8"))
