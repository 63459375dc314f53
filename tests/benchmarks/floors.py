"""Floors under the engine: the same dialogues with no engine, and with a naive one. Prints one line of JSON.

    python -m tests.benchmarks.floors socket --base-url http://127.0.0.1:8399/v1 -D 200 -T 10 -C 64

`socket`: asyncio streams and hand-written HTTP; `aiohttp`: its client; `langgraph`: two nodes in a loop, a LangChain
chat model on aiohttp asked by `ainvoke`, as one would write it in an afternoon. Nothing is kept on disk.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import operator
import resource
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypedDict

from tests.benchmarks.scene import OPENING, profile

Messages = list[dict[str, str]]
Chat = Callable[[Messages], Awaitable[str]]
Play = Callable[[int], Awaitable[None]]


def messages_of(dialogue: int, me: int, said: list[tuple[int, str]]) -> Messages:
    """The prompt of one side: its own turns are the assistant's."""
    told = [{"role": "assistant" if who == me else "user", "content": text} for who, text in said]
    return [{"role": "system", "content": profile(dialogue, me)}, {"role": "user", "content": OPENING}, *told]


@asynccontextmanager
async def over_socket(url: str, limit: int) -> AsyncIterator[Chat]:
    host, port = url.split("/")[2].split(":")
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def chat(messages: Messages) -> str:
        body = json.dumps({"model": "mock", "messages": messages}).encode()
        reader, writer = idle.pop() if idle else await asyncio.open_connection(host, int(port))
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        reply = json.loads(await reader.readexactly(length))
        idle.append((reader, writer))
        return reply["choices"][0]["message"]["content"]

    yield chat
    for _, writer in idle:
        writer.close()


@asynccontextmanager
async def over_aiohttp(url: str, limit: int) -> AsyncIterator[Chat]:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=limit)) as session:

        async def chat(messages: Messages) -> str:
            body = {"model": "mock", "messages": messages}
            async with session.post(f"{url}/chat/completions", json=body) as response:
                return (await response.json())["choices"][0]["message"]["content"]

        yield chat


def plainly(chat: Chat, turns: int) -> Play:
    """A loop over two sides, and nothing else."""

    async def play(dialogue: int) -> None:
        said: list[tuple[int, str]] = []
        for turn in range(turns):
            said.append((turn % 2, await chat(messages_of(dialogue, turn % 2, said))))

    return play


class State(TypedDict):
    dialogue: int
    said: Annotated[list[tuple[int, str]], operator.add]


def on_langgraph(chat: Chat, turns: int) -> Play:
    """Two nodes that take turns, each asking a LangChain model."""
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, BaseMessage, convert_to_messages, convert_to_openai_messages
    from langchain_core.outputs import ChatGeneration, ChatResult
    from langgraph.graph import END, START, StateGraph

    class Model(BaseChatModel):
        @property
        def _llm_type(self) -> str:
            return "naive"

        def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
            raise NotImplementedError

        async def _agenerate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
            text = await chat(convert_to_openai_messages(messages))  # type: ignore[arg-type]
            return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])

    model = Model()

    def side(me: int) -> Callable[[State], Awaitable[dict[str, Any]]]:
        async def speak(state: State) -> dict[str, Any]:
            reply = await model.ainvoke(convert_to_messages(messages_of(state["dialogue"], me, state["said"])))
            return {"said": [(me, reply.content)]}

        return speak

    def then(other: str) -> Callable[[State], str]:
        return lambda state: other if len(state["said"]) < turns else END

    graph = StateGraph(State)
    graph.add_node("a", side(0))
    graph.add_node("b", side(1))
    graph.add_edge(START, "a")
    graph.add_conditional_edges("a", then("b"), ["b", END])
    graph.add_conditional_edges("b", then("a"), ["a", END])
    compiled = graph.compile()

    async def play(dialogue: int) -> None:
        await compiled.ainvoke({"dialogue": dialogue, "said": []}, {"recursion_limit": turns + 5})

    return play


WAYS = {"socket": (over_socket, plainly), "aiohttp": (over_aiohttp, plainly), "langgraph": (over_aiohttp, on_langgraph)}


async def measure(way: str, url: str, dialogues: int, turns: int, jobs: int) -> dict[str, float]:
    """Play one dialogue to warm up, then all of them; only these are measured."""
    client, engine = WAYS[way]
    async with client(url, jobs) as chat:
        play = engine(chat, turns)
        await play(10**6)
        gate = asyncio.Semaphore(jobs)

        async def gated(dialogue: int) -> None:
            async with gate:
                await play(dialogue)

        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(gated(dialogue) for dialogue in range(dialogues)))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"turns": dialogues * turns, "wall_s": wall, "cpu_s": cpu, "peak_rss_mb": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=sorted(WAYS))
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--dialogues", "-D", type=int, default=20)
    parser.add_argument("--turns", "-T", type=int, default=10)
    parser.add_argument("--concurrency", "-C", type=int, default=8)
    given = parser.parse_args()
    told = measure(given.way, given.base_url.rstrip("/"), given.dialogues, given.turns, given.concurrency)
    print(json.dumps(asyncio.run(told)))


if __name__ == "__main__":
    main()
