"""Names -> agents, in one place: `improv`, `scripted:FILE`, `recorded:CORPUS`, `provider:name`, or an object in Python.

    speakers = Speakers(default="improv", seats={"clerk": "openai:gpt-4.1-mini"}, sampling=Sampling())
    agents = speakers.cast(scene)          # seat id -> Agent

Which one speaks for a seat: what the user named for the seat, else what the scene names, else the user's default. A
scene of a stranger's pack may ask for a network model only if the user named the same one, or allowed it by name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simworld.agents.agent import Agent
from simworld.agents.character import CharacterAgent
from simworld.backends.adapt import as_chat
from simworld.backends.backend import ChatBackend
from simworld.backends.journal import Journal
from simworld.backends.local.fingerprint import fingerprint
from simworld.backends.open import open_backend
from simworld.backends.sampling import REPLY_TOKENS, Sampling
from simworld.backends.scripted import open_scripted
from simworld.backends.standby import Standby
from simworld.backends.till import Till
from simworld.errors import UsageError, unknown
from simworld.schema import Scene, Seat
from simworld.simulate.state import DIRECTOR
from simworld.simulate.trained import check_trained
from simworld.usersim.options import usersim_digest

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

    Backend = str | Runnable[Any, Any] | Callable[..., Awaitable[str]] | Agent

LATER = ("human",)
USERSIM = "usersim"
FREE = ("improv", "scripted")
"""What a scene may name without the user's word: it costs nothing and reaches no network."""


class Speakers:
    """Opens each backend once and hands out agents."""

    def __init__(
        self,
        default: Backend = "improv",
        seats: Mapping[str, Backend] | None = None,
        *,
        sampling: Sampling | None = None,
        journal: Journal | None = None,
        callbacks: list[Any] | None = None,
        allow_scene_backends: bool = False,
        fallback: str = "",
        fallback_url: str | None = None,
        till: Till | None = None,
    ) -> None:
        """`fallback` answers where another backend fails, at `fallback_url` or the same address; `till` is what calls
        are paid from."""
        self._default = default
        self._seats = dict(seats or {})
        self._sampling = sampling or Sampling()
        self._journal = journal
        self._callbacks = callbacks
        self._allow = allow_scene_backends
        self._fallback = fallback
        self._till = till
        self._asking = self._bounded().model_copy(update={"yields": bool(fallback)})
        self._asking_other = self._bounded().model_copy(update={"base_url": fallback_url} if fallback_url else {})
        self._open: dict[Any, Agent] = {}
        self._backends: list[ChatBackend] = []

    def cast(self, scene: Scene, root: Path | None = None, parts: Mapping[str, str] | None = None) -> dict[str, Agent]:
        """Seat id -> agent, for a scene whose pack lies at `root`; `parts`: seat id -> the story's part there."""
        parts = parts or {}
        agents = {seat.id: self._agent(self._named(scene, seat, parts.get(seat.id, "")), root) for seat in scene.seats}
        for seat in scene.seats:
            _check_part(scene, seat, agents[seat.id])
            check_trained(scene, seat, agents[seat.id])
        return agents

    def director(self, scene: Scene) -> Agent | None:
        """The chat model that directs, where the scene's director is a model."""
        if scene.director.name != "model":
            return None
        agent = self._agent(self._seats.get(DIRECTOR, self._default), None)
        if not agent.wants_messages or agent.spec.startswith(f"{USERSIM}:"):
            raise UsageError(
                f"scene '{scene.id}': its director is a model, and '{agent.spec}' is none; name one with "
                "--seat director=provider:name"
            )
        return agent

    def check(self, seats: Iterable[str]) -> None:
        """Raise UsageError where a seat named by the user is none of these."""
        known = {*seats, DIRECTOR}
        for seat in self._seats:
            if seat not in known:
                raise unknown("seat", seat, known, "--seat takes a seat's id of the scene.")

    def identity(self) -> dict[str, Any]:
        """What of the speakers makes one corpus and not another; holds no address and no key."""
        seats = {seat: _name(backend) for seat, backend in sorted(self._seats.items())}
        named = {_name(self._default), self._fallback, *seats.values()}
        files = {name: self._digest(name) for name in named if ":" in name}
        return {
            "default": _name(self._default),
            "seats": seats,
            "files": {name: digest_ for name, digest_ in sorted(files.items()) if digest_},
            "sampling": self._sampling.model_dump(include={"temperature", "top_p", "max_tokens", "context"}),
            **({"fallback": self._fallback} if self._fallback else {}),
        }

    def _digest(self, spec: str) -> str:
        """Hash of the files behind a spec, so that an edited script or a retrained model is another corpus; '' for all
        else."""
        kind, _, rest = spec.partition(":")
        if kind == "local":
            return fingerprint(rest, self._sampling.adapter)
        if kind == USERSIM:
            return usersim_digest(rest, self._sampling.adapter)
        path = Path(rest)
        if kind != "scripted" or not path.is_file():
            return ""
        return blake2b(path.read_bytes(), digest_size=12).hexdigest()

    async def close(self) -> None:
        """Let go of the backends' connections."""
        for backend in self._backends:
            await backend.aclose()

    def _named(self, scene: Scene, seat: Seat, part: str) -> Backend:
        named = next((name for name in (part, seat.id) if name in self._seats), None)
        if named is not None:
            return self._seats[named]
        wanted = seat.backend
        if wanted is None:
            return self._default
        if wanted.split(":")[0] in FREE or self._allow or wanted == self._default or wanted in self._seats.values():
            return wanted
        raise UsageError(
            f"scene '{scene.id}' asks for backend '{wanted}' at seat '{seat.id}'; allow it with --scene-backends, or "
            f"name another with --seat {seat.id}=BACKEND"
        )

    def _agent(self, backend: Backend, root: Path | None) -> Agent:
        key = (backend, str(root)) if isinstance(backend, str) and backend.startswith("scripted:") else backend
        found = self._open.get(key) if isinstance(key, (str, tuple)) else self._open.get(id(backend))
        if found is None:
            found = self._make(backend, root)
            self._open[key if isinstance(key, (str, tuple)) else id(backend)] = found
        return found

    def _make(self, backend: Backend, root: Path | None) -> Agent:
        if isinstance(backend, str):
            return self._open_spec(backend, root)
        if hasattr(backend, "act") and hasattr(backend, "wants_messages"):
            agent: Any = backend
            return agent
        return self._character(as_chat(backend))

    def _open_spec(self, spec: str, root: Path | None) -> Agent:
        kind, _, rest = spec.partition(":")
        if kind == "improv":
            from simworld.agents.improv import ImprovAgent

            return ImprovAgent()
        if kind == "recorded":
            from simworld.agents.recorded import RecordedAgent

            return RecordedAgent(rest)
        if kind == USERSIM:
            from simworld.usersim.chat import open_usersim

            return self._character(open_usersim(rest, self._asking))
        if kind in LATER:
            raise UsageError(f"backend '{spec}': '{kind}' is not there yet; see `simworld list backends`")
        if kind == "scripted" and root is not None and (root / rest).is_file():
            chat = open_scripted(str(root / rest), self._asking)
            chat.label = spec  # a transcript names the file as the pack does, not where the pack stands
            return self._character(chat)
        return self._character(open_backend(spec, self._asking))

    def _character(self, chat: ChatBackend) -> Agent:
        acts_only, trained = chat.spec.startswith(f"{USERSIM}:"), getattr(chat, "trained", None)
        chat = self._watched(chat)
        if self._fallback:
            chat = Standby(chat, self._watched(open_backend(self._fallback, self._asking_other)))
        return CharacterAgent(
            chat, self._journal, max_tokens=self._sampling.max_tokens, reflects=not acts_only, trained=trained
        )

    def _watched(self, chat: ChatBackend) -> ChatBackend:
        """The backend, with callbacks and paid from the till where there are any."""
        self._backends.append(chat)
        if self._callbacks:
            chat = as_chat(chat, callbacks=self._callbacks)
        return self._till.meter(chat) if self._till else chat

    def _bounded(self) -> Sampling:
        """The sampling, with a bound on replies where money or tokens are counted: without one no call could be held
        back for. It is no more than prompts leave free for a reply anyway."""
        sampling = self._sampling
        if self._till is None or self._till.purse.unit == "seconds" or sampling.max_tokens:
            return sampling
        return sampling.model_copy(update={"max_tokens": min(REPLY_TOKENS, sampling.context_tokens // 4)})


def _check_part(scene: Scene, seat: Seat, agent: Agent) -> None:
    """A user simulator takes the seat of a user alone."""
    if agent.spec.startswith(f"{USERSIM}:") and not (seat.role == "user" and seat.is_plain):
        users = [other.id for other in scene.seats if other.role == "user" and other.is_plain]
        raise UsageError(
            f"scene '{scene.id}': {agent.spec} plays users, and seat '{seat.id}' is none (its role is {seat.role}"
            f"{', its format acted' if seat.role == 'user' else ''}); "
            + (f"seat it as --seat {users[0]}={agent.spec}" if users else "give a scene with a seat of the role user")
        )


def _name(backend: Any) -> str:
    if isinstance(backend, str):
        return backend
    return str(getattr(backend, "spec", "") or f"python:{getattr(backend, '__name__', type(backend).__name__)}")


def described() -> list[tuple[str, str]]:
    """What can be named as a backend, and what it is; for `simworld list backends`."""
    from simworld.backends.open import kinds

    own = {
        "improv": "the embedded default: authored lines, no model, no key, no network",
        "local:PATH": "a causal language model in this process, by folder or hub id (extra `local`); equal seeds draw "
        "equal numbers, but the same bytes come of the journal only",
        "openai:NAME": "OpenAI, and with --base-url every server of its protocol (vLLM, llama.cpp, Ollama, LM Studio)",
        "recorded:CORPUS": "the same seat's lines of a corpus, dialogue by dialogue",
        "scripted:FILE": "replies from a YAML, JSON or text file",
        "usersim:DIR": "a user simulator trained by `simworld train --speaker user`, at seats with the role user; or "
        "a YAML file that names one, with guards and options (docs/playing_users.md)",
    }
    shown = {name.split(":")[0] for name in own}
    return [*own.items(), *((f"{kind}:NAME", "through LangChain") for kind in kinds() if kind not in shown)]
