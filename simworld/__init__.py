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
    from simworld.mind.history import mind_at
    from simworld.packs.load import load
    from simworld.schema import Condition, Intervention, Mind, Persona, Scene, Story, Transcript, Turn
    from simworld.simulate.graph import compile_scene
    from simworld.simulate.minding import Minding
    from simworld.simulate.run import play, play_many, play_story
    from simworld.simulate.story import compile_story

__version__ = "0.1.0"

_HOMES = {
    "Condition": "simworld.schema",
    "Corpus": "simworld.corpus.store",
    "Intervention": "simworld.schema",
    "Mind": "simworld.schema",
    "Minding": "simworld.simulate.minding",
    "OpenAIChat": "simworld.backends.openai",
    "Persona": "simworld.schema",
    "Sampling": "simworld.backends.sampling",
    "Scene": "simworld.schema",
    "ScriptedChat": "simworld.backends.scripted",
    "SimworldError": "simworld.errors",
    "Story": "simworld.schema",
    "Transcript": "simworld.schema",
    "Turn": "simworld.schema",
    "compile_scene": "simworld.simulate.graph",
    "compile_story": "simworld.simulate.story",
    "load": "simworld.packs.load",
    "mind_at": "simworld.mind.history",
    "play": "simworld.simulate.run",
    "play_many": "simworld.simulate.run",
    "play_story": "simworld.simulate.run",
}

__all__ = [
    "Condition",
    "Corpus",
    "Intervention",
    "Mind",
    "Minding",
    "OpenAIChat",
    "Persona",
    "Sampling",
    "Scene",
    "ScriptedChat",
    "SimworldError",
    "Story",
    "Transcript",
    "Turn",
    "compile_scene",
    "compile_story",
    "load",
    "mind_at",
    "play",
    "play_many",
    "play_story",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'simworld' has no attribute '{name}'; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
