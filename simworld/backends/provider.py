"""Every other provider, through LangChain's `init_chat_model`.

    backend = open_provider("anthropic:claude-sonnet-4-5", Sampling(temperature=0.8))

Its package is installed by the user (`pip install langchain langchain-anthropic`), its key stands in the environment
under the name that the package reads.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from simworld.backends.backend import ChatBackend
from simworld.backends.sampling import REPLY_TOKENS, Sampling
from simworld.errors import MissingDependency, UsageError, unknown
from simworld.text.redact import clean, secrets_of_environment

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


@dataclass(frozen=True, slots=True)
class Provider:
    """What one must have installed and set for a provider."""

    package: str
    """What to pip install; its module has the same name with underscores."""
    keys: tuple[str, ...] = ()
    """Variables of which one must be set; empty where the package signs in by other ways as well."""
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])
    """Options that its model calls by another name."""


PROVIDERS: dict[str, Provider] = {
    "anthropic": Provider("langchain-anthropic", ("ANTHROPIC_API_KEY",)),
    "anthropic_bedrock": Provider("langchain-aws"),
    "azure_openai": Provider("langchain-openai", ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN")),
    "baseten": Provider("langchain-baseten", ("BASETEN_API_KEY",)),
    "bedrock": Provider("langchain-aws"),
    "bedrock_converse": Provider("langchain-aws"),
    "cohere": Provider("langchain-cohere", ("COHERE_API_KEY",)),
    "deepseek": Provider("langchain-deepseek", ("DEEPSEEK_API_KEY",)),
    "fireworks": Provider("langchain-fireworks", ("FIREWORKS_API_KEY",)),
    "google_anthropic_vertex": Provider("langchain-google-vertexai"),
    "google_genai": Provider("langchain-google-genai", ("GOOGLE_API_KEY", "GEMINI_API_KEY")),
    "google_vertexai": Provider("langchain-google-vertexai"),
    "groq": Provider("langchain-groq", ("GROQ_API_KEY",)),
    "litellm": Provider("langchain-litellm"),
    "mistralai": Provider("langchain-mistralai", ("MISTRAL_API_KEY",)),
    "nvidia": Provider("langchain-nvidia-ai-endpoints", ("NVIDIA_API_KEY",)),
    "ollama": Provider("langchain-ollama", renamed={"max_tokens": "num_predict"}),
    "openrouter": Provider("langchain-openrouter", ("OPENROUTER_API_KEY",)),
    "perplexity": Provider("langchain-perplexity", ("PPLX_API_KEY", "PERPLEXITY_API_KEY")),
    "together": Provider("langchain-together", ("TOGETHER_API_KEY",)),
    "upstage": Provider("langchain-upstage", ("UPSTAGE_API_KEY",)),
    "xai": Provider("langchain-xai", ("XAI_API_KEY",)),
}
_BODY = frozenset({"temperature", "top_p", "max_tokens"})


def open_provider(spec: str, options: Sampling | None = None) -> ChatBackend:
    """The backend `PROVIDER:NAME`.

    Raises UsageError for an unknown provider or an option that it does not take, MissingDependency for a package that
    is not installed or a key that is not set.
    """
    from simworld.backends.adapt import Gating, as_chat
    from simworld.backends.retry import Patience

    options = options or Sampling()
    patience = Patience(total=options.call_timeout, wait=options.wait, yields=options.yields)
    gating = Gating(patience, options.rpm, options.tpm, options.max_tokens or REPLY_TOKENS)
    return as_chat(open_model(spec, options), spec=spec, context_tokens=options.context_tokens, gating=gating)


def open_model(spec: str, options: Sampling) -> BaseChatModel:
    """LangChain's own model for `PROVIDER:NAME`; errors as for `open_provider`."""
    kind, _, name = spec.partition(":")
    if kind not in PROVIDERS:
        raise unknown("provider", kind, PROVIDERS)
    _require(spec, PROVIDERS[kind])
    given = _given(options, PROVIDERS[kind])
    model = _construct(spec, kind, name, given)
    for option in given:
        _check_taken(model, option, spec)
    return model


def _require(spec: str, provider: Provider) -> None:
    packages = ("langchain", provider.package)
    missing = [package for package in packages if find_spec(package.replace("-", "_")) is None]
    if missing:
        raise MissingDependency(f"{spec} needs {' and '.join(missing)}: pip install {' '.join(missing)}")
    if provider.keys and not any(os.environ.get(key) for key in provider.keys):
        raise MissingDependency(f"{spec} needs a key: set {' or '.join(provider.keys)}")


def _given(options: Sampling, provider: Provider) -> dict[str, Any]:
    names = ("temperature", "top_p", "max_tokens", "base_url", "timeout")
    given = {name: getattr(options, name) for name in names if name in options.model_fields_set}
    return {provider.renamed.get(name, name): value for name, value in given.items() if value is not None}


def _construct(spec: str, kind: str, name: str, given: Mapping[str, Any]) -> BaseChatModel:
    from langchain.chat_models import init_chat_model

    try:
        return cast("BaseChatModel", init_chat_model(name, model_provider=kind, **given))
    except ImportError as error:
        reason = clean(str(error), secrets_of_environment())
        failure = MissingDependency(f"{spec}: {reason}; pip install {PROVIDERS[kind].package}")
    except Exception as error:  # noqa: BLE001 - packages raise what they like here, with keys in it
        failure = UsageError(f"{spec}: {type(error).__name__}: {clean(str(error), secrets_of_environment())}")
    # outside the handler: the cause may hold a key and is not carried along
    raise failure


def _check_taken(model: BaseChatModel, option: str, spec: str) -> None:
    """Some models drop what they do not know; here that is an error."""
    fields = type(model).model_fields
    taken = {*fields, *(known.alias for known in fields.values() if known.alias)}
    if option in _BODY:
        taken.update(getattr(model, "model_kwargs", None) or ())
    if option not in taken:
        raise UsageError(f"{spec} takes no '{option}'; leave it out")
