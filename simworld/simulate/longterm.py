"""Long-term memory in a LangGraph store: minds are read as a scene starts and written as it ends.

    transcript = await sw.play("ward_at_night", store=InMemoryStore())

Under the namespace `("simworld", PERSONA)` the key `mind` holds a mind without its memories; each memory is an item of
its own under `("simworld", PERSONA, "memories")`, so that a store with an index finds them by meaning. Only what this
one remembers, feels and knows is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pydantic import ValidationError

from simworld.errors import UsageError
from simworld.mind import mind_at
from simworld.schema import Memory, Mind, Transcript

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore

ROOT = "simworld"
PAGE = 500
"""Items that are asked for at once."""


async def read_minds(store: BaseStore, personas: Iterable[str]) -> dict[str, Mind]:
    """Persona id -> its mind, of those that the store holds. Raises UsageError for an item that is no mind of ours."""
    found: dict[str, Mind] = {}
    for persona in personas:
        item = await store.aget((ROOT, persona), "mind")
        if item is None:
            continue
        try:
            memories = [Memory.model_validate(value) for value in await _memories(store, persona)]
            mind = Mind.model_validate(item.value)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise UsageError(
                f"the store's mind of '{persona}' cannot be read: {where}: {first['msg']}; delete what lies under "
                f"('{ROOT}', '{persona}') or give another store"
            ) from error
        ordered = tuple(sorted(memories, key=lambda memory: memory.id))
        found[persona] = mind.model_copy(update={"memories": ordered})
    return found


async def write_minds(store: BaseStore, told: Sequence[Transcript]) -> None:
    """Write the mind with which each persona went out of the last of these transcripts it was in."""
    lasting = [transcript for transcript in told if transcript.status != "failed"]
    last = {one.seats[id].persona: (one, id) for one in lasting for id in one.minds}
    for persona, (transcript, seat) in last.items():
        mind = mind_at(transcript, seat)
        there = {memory.id: memory for memory in mind.memories}
        for value in await _memories(store, persona):
            if value["id"] not in there:
                await store.adelete((ROOT, persona, "memories"), _key(value["id"]))
        for id, memory in there.items():
            await store.aput((ROOT, persona, "memories"), _key(id), memory.model_dump(mode="json"))
        rest = mind.model_copy(update={"memories": ()})
        await store.aput((ROOT, persona), "mind", rest.model_dump(mode="json", exclude={"memories"}))


async def _memories(store: BaseStore, persona: str) -> list[dict[str, object]]:
    namespace, found = (ROOT, persona, "memories"), list[dict[str, object]]()
    while True:
        page = await store.asearch(namespace, limit=PAGE, offset=len(found))
        found += [item.value for item in page]
        if len(page) < PAGE:
            return found


def _key(id: object) -> str:
    return f"{id:08d}"
