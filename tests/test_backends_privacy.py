"""Keys and addresses: where a key may go, and that nothing shows it."""

from __future__ import annotations

import asyncio
import logging
import traceback

import pytest
from pydantic import ValidationError

from simworld.backends import endpoint
from simworld.backends.endpoint import is_elsewhere, resolve
from simworld.backends.openai import OpenAIChat
from simworld.backends.retry import Patience
from simworld.backends.sampling import Sampling
from simworld.errors import BackendError, MissingDependency, UsageError
from simworld.text.redact import clean, secrets_of_environment
from tests.llm_server import FAULTS, serve

KEY = "sk-canary-0123456789abcdef"
HELLO = [{"role": "user", "content": "Good evening."}]
OFFICIAL = "https://api.openai.com/v1/chat/completions"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def make(url, **options):
    return OpenAIChat(
        **{"model": "mock", "base_url": url, "patience": Patience(first=0.001), "max_retries": 1, **options}
    )


def ask(model):
    return asyncio.run(model.complete(HELLO))


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1/chat/completions"),
        ("http://localhost:8000/", "http://localhost:8000/v1/chat/completions"),
        (" http://localhost:8000/v1 ", "http://localhost:8000/v1/chat/completions"),
        ("http://localhost:8000/v1/", "http://localhost:8000/v1/chat/completions"),
        ("http://localhost:8000/v1/chat/completions", "http://localhost:8000/v1/chat/completions"),
        ("https://host/chat/completions/", "https://host/chat/completions"),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1/chat/completions"),
        ("https://host/v1beta/openai/", "https://host/v1beta/openai/chat/completions"),
        ("https://host/proxy", "https://host/proxy/v1/chat/completions"),
        ("http://[::1]:8000", "http://[::1]:8000/v1/chat/completions"),
    ],
)
def test_an_address_is_completed(given, url):
    assert resolve(given, None, {}).url == url


@pytest.mark.parametrize(
    "given",
    [
        "localhost:8000", "ftp://host", "file:///etc/passwd", "http://", "http://host:99999", "http://ho st/v1", "http://[::1",
        "http://user:hunter2@host/v1", "http://hunter2@host", "http://host/v1?key=hunter2", "http://host/v1#hunter2", "http://host:0",
        "http://host/\nhunter2",
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_used_is_refused_without_repeating_it(given):
    for call in (lambda: resolve(given, KEY, {}), lambda: OpenAIChat(model="m", base_url=given, api_key=KEY)):
        with pytest.raises(UsageError, match=r"^base_url ") as caught:
            call()
        assert "hunter2" not in "".join(traceback.format_exception(caught.value))
        assert KEY not in str(caught.value)


def test_a_wrong_address_of_the_environment_is_named_by_its_variable():
    with pytest.raises(UsageError, match=r"^OPENAI_BASE_URL "):
        resolve(None, KEY, {"OPENAI_BASE_URL": "localhost"})


def test_without_key_and_address_one_line_says_what_to_set():
    with pytest.raises(MissingDependency, match=r"set OPENAI_API_KEY, or give --base-url") as caught:
        OpenAIChat(model="mock")
    assert "\n" not in str(caught.value)


def test_the_key_of_the_environment_goes_to_openai():
    found = resolve(None, None, {"OPENAI_API_KEY": KEY})
    assert (found.url, found.key, found.official) == (OFFICIAL, KEY, True)


def test_models_at_an_address_of_the_users_have_no_list_price():
    assert not is_elsewhere(None, {})
    assert is_elsewhere("http://localhost:1", {})
    assert is_elsewhere(None, {"OPENAI_BASE_URL": "http://localhost:1"})


def test_an_explicit_key_comes_before_the_environments():
    assert resolve(None, "sk-other", {"OPENAI_API_KEY": KEY}).key == "sk-other"


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_key_is_none(empty):
    assert resolve("http://localhost", empty, {"OPENAI_API_KEY": ""}).key is None
    with pytest.raises(MissingDependency):
        resolve(None, "", {"OPENAI_API_KEY": ""})


@pytest.mark.parametrize("key", [KEY + "\r\nX-Evil: 1", "sk canary", "schlüssel"])
def test_a_key_that_is_no_header_is_refused_without_showing_it(key):
    with pytest.raises(UsageError, match="the key") as caught:
        resolve("http://localhost", key, {})
    assert key not in str(caught.value)


def test_the_environments_key_goes_to_an_address_that_the_user_gave(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serve() as server:
        ask(make(server.url))
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        ask(make(None))
        assert [request["headers"]["Authorization"] for request in server.requests] == [f"Bearer {KEY}"] * 2


def test_the_environments_key_goes_to_no_default_but_openais_own(monkeypatch):
    monkeypatch.setattr(endpoint, "DEFAULT_URL", "https://elsewhere.example/v1")
    with pytest.raises(MissingDependency):
        resolve(None, None, {"OPENAI_API_KEY": KEY})
    monkeypatch.setattr(endpoint, "DEFAULT_URL", "http://api.openai.com/v1")
    with pytest.raises(MissingDependency):
        resolve(None, None, {"OPENAI_API_KEY": KEY})


def test_a_redirect_gets_neither_request_nor_key():
    with serve() as other, serve(faults={"redirect": 1.0}, redirect=f"{other.url}/chat/completions") as server:
        with pytest.raises(BackendError, match="redirect"):
            ask(make(server.url, api_key=KEY))
        assert other.count == 0
        assert server.count == 1


def test_a_proxy_of_the_environment_sees_nothing(monkeypatch):
    with serve() as proxy, serve() as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.origin)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        ask(make(server.url, api_key=KEY))
        assert (proxy.count, server.count) == (0, 1)


@pytest.mark.parametrize("fault", FAULTS)
def test_no_error_log_or_traceback_shows_key_or_host(fault, caplog):
    said = f"wrong key {KEY} or {KEY[:16]} at http://me:{KEY}@host.example/v1?key={KEY}"
    with (
        caplog.at_level(logging.DEBUG),
        serve(faults={fault: 1.0}, fault_tries=None, message=said, redirect=f"http://{KEY}@host.example") as server,
        pytest.raises(BackendError) as caught,
    ):
        ask(make(server.url, api_key=KEY, timeout=0.1))
    port = server.origin.rpartition(":")[2]
    shown = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(caught.value)
    assert KEY[:16] not in shown
    assert "host.example" not in shown
    assert f":{port}" not in shown


def test_the_model_shows_neither_key_nor_address():
    model = make("http://secret-host.example/v1", api_key=KEY)
    client = model._client
    shown = [repr(model), str(model), model.spec, repr(model._identifying_params), repr(model.to_json()), repr(client)]
    shown.append(repr(client._endpoint))
    assert KEY not in "".join(shown)
    assert "secret-host" not in repr(model)
    assert KEY not in model.model_dump_json()


def test_a_wrong_field_does_not_show_the_others():
    with pytest.raises(ValidationError) as caught:
        OpenAIChat(model="mock", base_url="http://localhost", api_key=KEY, temperature="hunter2")
    assert KEY not in str(caught.value)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ValidationError) as caught:
        Sampling(base_url=["hunter2"])
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(Sampling(base_url="http://hunter2"))


def test_callbacks_are_shown_no_key():
    from langchain_core.callbacks import AsyncCallbackHandler

    seen = []

    class Spy(AsyncCallbackHandler):
        async def on_chat_model_start(self, serialized, messages, **kwargs):
            seen.append(repr((serialized, kwargs)))

        async def on_llm_end(self, response, **kwargs):
            seen.append(repr((response, kwargs)))

    with serve() as server:
        asyncio.run(make(server.url, api_key=KEY).ainvoke("Hi.", {"callbacks": [Spy()]}))
    assert len(seen) == 2
    assert KEY not in "".join(seen)


@pytest.mark.parametrize(
    ("text", "secret", "cleaned"),
    [
        (f"bad {KEY}!", KEY, "bad [key]"),
        (f"bad {KEY[:14]} here", KEY, "bad [key] here"),
        (f"bad ...{KEY[-14:]} here", KEY, "bad [key] here"),
        ("external xs x", "x", "external xs [key]"),
        ("see https://a.example/b?key=1, ok", "", "see [url] ok"),
        ("a\tb\nc\x1b[31m\u200b", "", "a\\tb\\nc\\x1b[31m\\u200b"),
        ("ü 日本 😀", "", "ü 日本 😀"),
    ],
)
def test_foreign_words_are_cleaned(text, secret, cleaned):
    assert clean(text, [secret] if secret else []) == cleaned


def test_a_key_does_not_escape_by_the_cut():
    for offset in range(150, 210):
        assert KEY[:6] not in clean("x " * (offset // 2) + KEY, [KEY])


def test_cleaning_a_long_text_without_blanks_is_quick():
    assert len(clean("a" * 10**7, [KEY])) == 200


def test_keys_of_the_environment_are_known_by_name(monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "value-of-key")
    monkeypatch.setenv("SOME_TOKEN", "short")
    monkeypatch.setenv("SOME_COLOUR", "vermilion")
    found = secrets_of_environment()
    assert "value-of-key" in found
    assert "short" not in found
    assert "vermilion" not in found
