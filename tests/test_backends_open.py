"""Backends by name: ours, plug-ins, and LangChain's providers."""

from __future__ import annotations

import asyncio
import importlib.metadata
import inspect
import subprocess
import sys

import pytest

from simworld import registry
from simworld.backends import open as opening
from simworld.backends.backend import ChatBackend
from simworld.backends.open import BACKENDS, open_backend
from simworld.backends.provider import PROVIDERS, open_provider
from simworld.backends.sampling import Sampling
from simworld.errors import BackendError, MissingDependency, UsageError

KEY = "secret-canary-0123456789"
HELLO = [{"role": "user", "content": "Good evening."}]
FAKE = """
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field

class Chat{name}(BaseChatModel):
    model: str
    temperature: float | None = None
    longest: int | None = Field(default=None, alias="max_tokens")
    url: str | None = Field(default=None, alias="base_url")
    max_retries: int = 2

    def __init__(self, **given):
        if given["model"] == "broken":
            raise ValueError("bad key {key} in the environment")
        super().__init__(**given)

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        text = f"{{self.model}} {{self.temperature}} {{self.longest}} {{self.url}} {{messages[-1].content}}"
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])

    @property
    def _llm_type(self):
        return "fake"
"""


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "GROQ_API_KEY", "XAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def groq(tmp_path, monkeypatch):
    """A stand-in for langchain-groq, with its key set."""
    pytest.importorskip("langchain", reason="the extra 'providers' is not installed")
    (tmp_path / "langchain_groq.py").write_text(FAKE.format(name="Groq", key=KEY))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "langchain_groq", raising=False)
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    from langchain.chat_models import base

    base._get_chat_model_creator.cache_clear()
    yield
    base._get_chat_model_creator.cache_clear()
    sys.modules.pop("langchain_groq", None)


def test_every_row_of_the_table_opens_a_backend(tmp_path):
    names = {"openai": "mock", "scripted": str(tmp_path / "lines.txt")}
    (tmp_path / "lines.txt").write_text("one\n")
    assert {*names, "local"} == BACKENDS.keys()  # test_local opens that one
    options = Sampling(base_url="http://127.0.0.1:9", context=1234)
    for kind, name in names.items():
        backend = open_backend(f"{kind}:{name}", options)
        assert isinstance(backend, ChatBackend)
        assert backend.spec == f"{kind}:{name}"
        assert backend.context_tokens == 1234
        assert backend.count("") == 0
        assert list(inspect.signature(backend.complete).parameters) == ["messages", "seed", "seat", "call"]
        asyncio.run(backend.aclose())


def test_sampling_reaches_the_model():
    options = Sampling(temperature=0.5, top_p=0.9, max_tokens=10, timeout=3, base_url="http://127.0.0.1:9")
    model = open_backend("openai:llama3.1:8b", options)
    assert (model.model, model.temperature, model.top_p, model.max_tokens, model.timeout) == (
        "llama3.1:8b",
        0.5,
        0.9,
        10,
        3,
    )
    assert model.context_tokens == 8192


@pytest.mark.parametrize("spec", ["", "gpt-4", "openai:", "openai: ", ":mock", "openai:a\nb", "openai:\x1b[31m"])
def test_an_incomplete_name_is_told_the_form(spec):
    with pytest.raises(UsageError) as caught:
        open_backend(spec)
    assert "KIND:NAME" in str(caught.value)
    assert str(caught.value).isprintable()


def test_an_address_in_a_name_is_refused_without_repeating_it():
    with pytest.raises(UsageError, match="holds an address") as caught:
        open_backend("openai:https://me:hunter2@host/v1")
    assert "hunter2" not in str(caught.value)


def test_an_unknown_kind_is_told_what_is_allowed_and_near():
    with pytest.raises(
        UsageError, match=r"'antropic' is not known; allowed: .*anthropic.*openai.*scripted.*nearest: anthropic"
    ):
        open_backend("antropic:x")
    with pytest.raises(UsageError, match=r"provider 'antropic' is not known.*nearest: anthropic"):
        open_provider("antropic:x")


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": -1},
        {"temperature": float("nan")},
        {"top_p": 0},
        {"max_tokens": 0},
        {"timeout": 0},
        {"context": 10},
    ],
)
def test_sampling_knows_its_bounds(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Sampling(**options)


def test_a_plug_in_joins_and_cannot_replace_our_own(monkeypatch):
    points = [
        importlib.metadata.EntryPoint("echo", "simworld.backends.scripted:open_scripted", registry.group("backend")),
        importlib.metadata.EntryPoint("openai", "simworld.backends.scripted:open_scripted", registry.group("backend")),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == "simworld.backends" else [])
    assert "echo" in opening.kinds()
    with pytest.raises(UsageError, match=r"ends in \.txt"):
        open_backend("echo:lines.csv")
    with pytest.raises(MissingDependency):
        open_backend("openai:mock")


def test_every_provider_is_one_that_langchain_knows():
    base = pytest.importorskip("langchain.chat_models.base", reason="the extra 'providers' is not installed")
    known = {name: row[0].partition(".")[0] for name, row in base._BUILTIN_PROVIDERS.items()}
    for name, provider in PROVIDERS.items():
        assert known[name] == provider.package.replace("-", "_")


def test_a_missing_package_is_named_with_the_line_to_type(monkeypatch):
    monkeypatch.setattr(
        "simworld.backends.provider.find_spec", lambda name: None if name == "langchain_groq" else object()
    )
    with pytest.raises(MissingDependency) as caught:
        open_backend("groq:llama")
    assert str(caught.value) == "groq:llama needs langchain-groq: pip install langchain-groq"
    monkeypatch.setattr("simworld.backends.provider.find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"pip install langchain langchain-groq$"):
        open_backend("groq:llama")


def test_a_missing_key_is_named_by_its_variable(groq, monkeypatch):
    monkeypatch.delenv("GROQ_API_KEY")
    with pytest.raises(MissingDependency, match=r"^groq:llama needs a key: set GROQ_API_KEY$"):
        open_backend("groq:llama")


def test_a_provider_opens_with_what_was_given(groq):
    options = Sampling(temperature=0.5, max_tokens=10, base_url="http://127.0.0.1:9", context=999)
    backend = open_backend("groq:llama", options)
    assert (backend.spec, backend.context_tokens) == ("groq:llama", 999)
    reply = asyncio.run(backend.complete(HELLO, seed=1, seat="clerk", call=0))
    assert reply.text == "llama 0.5 10 http://127.0.0.1:9 Good evening."
    reply = asyncio.run(open_backend("groq:llama").complete(HELLO))
    assert reply.text == "llama None None None Good evening."


def test_an_option_that_the_provider_would_drop_is_an_error(groq):
    with pytest.raises(UsageError, match="groq:llama takes no 'top_p'; leave it out"):
        open_backend("groq:llama", Sampling(top_p=0.5))


def test_a_provider_that_fails_to_open_shows_no_key(groq):
    with pytest.raises(UsageError, match=r"groq:broken: ValueError: bad key \[key\] in the environment") as caught:
        open_backend("groq:broken")
    assert caught.value.__context__ is None
    assert not isinstance(caught.value, BackendError)


def test_opening_is_light():
    code = (
        "import sys, simworld.backends.open as o; "
        "print(*(m for m in ('aiohttp', 'langchain', 'langchain_core', 'tenacity', 'yaml') if m in sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == ""
