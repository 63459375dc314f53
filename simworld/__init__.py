"""simworld: characters in scenes, a trainable user, trainer-ready transcripts.

    import asyncio
    import simworld as sw

    transcript = asyncio.run(sw.play("lost_luggage", seed=1))
    print(transcript)

Names are loaded on first use: importing simworld loads neither langgraph nor a model library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simworld.backends.openai import OpenAIChat
    from simworld.backends.sampling import Sampling
    from simworld.backends.scripted import ScriptedChat
    from simworld.corpus.store import Corpus
    from simworld.errors import SimworldError
    from simworld.packs.load import load
    from simworld.schema import Persona, Scene, Transcript, Turn
    from simworld.simulate.graph import compile_scene
    from simworld.simulate.run import play, play_many

__version__ = "0.1.0"

_HOMES = {
    "Corpus": "simworld.corpus.store",
    "OpenAIChat": "simworld.backends.openai",
    "Persona": "simworld.schema",
    "Sampling": "simworld.backends.sampling",
    "Scene": "simworld.schema",
    "ScriptedChat": "simworld.backends.scripted",
    "SimworldError": "simworld.errors",
    "Transcript": "simworld.schema",
    "Turn": "simworld.schema",
    "compile_scene": "simworld.simulate.graph",
    "load": "simworld.packs.load",
    "play": "simworld.simulate.run",
    "play_many": "simworld.simulate.run",
}

__all__ = [
    "Corpus",
    "OpenAIChat",
    "Persona",
    "Sampling",
    "Scene",
    "ScriptedChat",
    "SimworldError",
    "Transcript",
    "Turn",
    "compile_scene",
    "load",
    "play",
    "play_many",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'simworld' has no attribute '{name}'; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
