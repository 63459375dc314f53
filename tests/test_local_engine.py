"""The local engine: it says what `generate` says alone, whoever else is at work and whatever is kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simworld.backends.local.chat import LocalChat
from simworld.backends.local.prefixes import BLOCK, Prefixes, chain
from simworld.errors import BackendError
from tests.tiny_model import build

torch = pytest.importorskip("torch", reason="the extra `local` is not installed")
pytest.importorskip("transformers", reason="the extra `local` is not installed")

from simworld.backends.local import worker  # noqa: E402
from simworld.backends.local.batch import FEWEST, Batch  # noqa: E402
from simworld.backends.local.call import Call, draws_of  # noqa: E402
from simworld.backends.local.forward import Forward  # noqa: E402
from simworld.backends.local.plain import Plain  # noqa: E402
from simworld.backends.local.probe import probe, shapes_of  # noqa: E402
from simworld.backends.local.sampler import Sampler, Style, read_style  # noqa: E402

Message = dict[str, str]
NEW = 8


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two layers, and a vocabulary in which a reply is read back as it was said."""
    return build(tmp_path_factory.mktemp("models") / "words", words=True)


@pytest.fixture
def chat(folder: Path) -> Iterator[LocalChat]:
    model = open_chat(folder)
    yield model
    asyncio.run(model.aclose())


def open_chat(folder: Path, **options: Any) -> LocalChat:
    return LocalChat(model=str(folder), **{"temperature": 0, "max_tokens": NEW, "device": "cpu", **options})


def words(start: int, count: int) -> str:
    return " ".join(f"w{(start * 37 + at * 11) % 500}" for at in range(count))


def told(number: int, *, system: int = 40, common: bool = True) -> list[Message]:
    return [
        {"role": "system", "content": words(0 if common else number + 1, system)},
        {"role": "user", "content": words(number + 100, 5 + 3 * number)},
    ]


def alone(folder: Path, prompt: list[int], count: int = NEW) -> list[int]:
    """What the library's own `generate` says to this prompt, and to nothing else."""
    from transformers import AutoModelForCausalLM

    if folder not in _LOADED:
        _LOADED[folder] = AutoModelForCausalLM.from_pretrained(folder).eval()
    with torch.inference_mode():
        ids = torch.tensor([prompt])
        out = _LOADED[folder].generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False, pad_token_id=0
        )
    return out[0, len(prompt) :].tolist()


_LOADED: dict[Path, Any] = {}


def text_alone(model: LocalChat, folder: Path, messages: list[Message]) -> str:
    return model._template.decode(alone(folder, model._template.encode(messages)))


async def grow(model: LocalChat, folder: Path, numbers: range, turns: int, **how: Any) -> list[tuple[str, str]]:
    """Dialogues at once, each for some turns; what was said, and what is said alone."""

    async def one(number: int) -> list[tuple[list[Message], str]]:
        messages, said = told(number, **how), []
        for turn in range(turns):
            reply = await model.complete(messages, seed=turn)
            said.append((list(messages), reply.text))
            messages += [
                {"role": "assistant", "content": reply.text},
                {"role": "user", "content": words(number * 7 + turn, 4 + (number + turn) % 5)},
            ]
        return said

    pairs = [pair for said in await asyncio.gather(*map(one, numbers)) for pair in said]
    return [(said, text_alone(model, folder, messages)) for messages, said in pairs]


def same(pairs: list[tuple[str, str]]) -> None:
    assert pairs
    assert all(said for said, _ in pairs)
    assert [said for said, _ in pairs] == [wanted for _, wanted in pairs]


KINDS: dict[str, tuple[type, dict[str, Any]]] = {
    "llama": (Batch, {}),
    "qwen2": (Batch, {}),
    "qwen3": (Batch, {"head_dim": 16}),
    "gpt2": (Batch, {"n_embd": 64, "n_head": 4, "n_layer": 2, "n_positions": 512}),
    "phi3": (Batch, {"sliding_window": None}),
    "mistral": (Batch, {"sliding_window": None}),
    "mistral-windows": (Plain, {"sliding_window": 24}),
    "bloom": (Plain, {"n_head": 4, "n_layer": 2}),
    "mamba": (Plain, {"state_size": 4, "num_hidden_layers": 2, "expand": 1, "intermediate_size": 64}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_many_dialogues_say_what_each_says_alone(kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    runner, config = KINDS[kind]
    folder = build(tmp_path / "model", words=True, kind=kind.partition("-")[0], **config)
    model = open_chat(folder)
    same(asyncio.run(grow(model, folder, range(4), 2)))
    assert type(model._worker.runner) is runner
    warned = [record.getMessage() for record in caplog.records if record.name == "simworld.backends"]
    assert len(warned) == (runner is Plain)
    assert all("prompts are read anew at every turn" in line for line in warned)
    asyncio.run(model.aclose())
    _LOADED.pop(folder)


def test_read_anew_a_reply_ends_where_it_ends_though_the_batch_goes_on(tmp_path: Path) -> None:
    folder = build(tmp_path / "model", words=True, kind="mistral", sliding_window=24)
    model = open_chat(folder)
    whole = [alone(folder, model._template.encode(told(number))) for number in range(2)]
    end = next(token for token in whole[0][2:] if token not in whole[0][:2] and token not in whole[1])
    settings = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps({**settings, "eos_token_id": [2, end]}))
    model = open_chat(folder)

    async def run() -> list[Any]:
        replies = await asyncio.gather(*(model.complete(told(number)) for number in range(2)))
        await model.aclose()
        return replies

    short, long = asyncio.run(run())
    said = whole[0].index(end)
    assert (short.finish_reason, short.output_tokens) == ("stop", said + 1)
    assert short.text == model._template.decode(whole[0][:said])
    assert (long.finish_reason, long.text) == ("length", model._template.decode(whole[1]))
    _LOADED.pop(folder)


def test_eager_attention_is_masked_alike(folder: Path) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    with torch.inference_mode():
        assert probe(Forward(model), shapes_of(model)) == ""


def test_a_model_that_looks_beyond_its_mask_is_found_out(folder: Path) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    forward = Forward(model)
    forward._mask = lambda positions, columns: torch.ones(
        (len(positions), 1, positions.shape[1], columns), dtype=torch.bool
    )
    with torch.inference_mode():
        assert "it answers otherwise over kept keys and values than alone" in probe(forward, shapes_of(model))


def test_byte_pairs_that_are_read_back_otherwise_change_nothing(tmp_path: Path) -> None:
    folder = build(tmp_path / "model", vocab=400)
    model = open_chat(folder)
    same(asyncio.run(grow(model, folder, range(4), 3)))
    asyncio.run(model.aclose())


def test_a_turn_reads_only_what_is_new(chat: LocalChat) -> None:
    async def run() -> tuple[int, int]:
        messages = told(0, system=200)
        reply = await chat.complete(messages)
        first = chat._worker.runner.read_tokens
        messages += [{"role": "assistant", "content": reply.text}, {"role": "user", "content": words(3, 10)}]
        await chat.complete(messages)
        return first, chat._worker.runner.read_tokens - first

    first, second = asyncio.run(run())
    assert first > 200
    assert second <= 10 + 8, "more than the new message and its template was read"


def test_a_beginning_in_common_is_read_once_in_one_wave_and_after_it(chat: LocalChat, folder: Path) -> None:
    pairs = asyncio.run(grow(chat, folder, range(8), 1, system=160))
    same(pairs)
    wave = chat._worker.runner.read_tokens
    assert wave < 2 * 160 + 8 * 40
    pairs = asyncio.run(grow(chat, folder, range(8, 10), 1, system=160))
    same(pairs)
    assert chat._worker.runner.read_tokens - wave < 2 * 60


def test_systems_of_their_own_are_told_apart(chat: LocalChat, folder: Path) -> None:
    same(asyncio.run(grow(chat, folder, range(6), 3, common=False)))


def test_an_extended_row_replaces_what_it_grew_from(chat: LocalChat, folder: Path) -> None:
    same(asyncio.run(grow(chat, folder, range(3), 4, common=False)))
    store = chat._worker.runner.store
    assert len(store) == 3
    assert store.evicted == 0


# -- memory


def real_bytes(runner: Any) -> int:
    """Bytes of all tensors that hold keys and values now."""
    kept = sum(part.nbytes for entry in runner.store.entries() for part in entry.parts)
    return kept + sum(plane.nbytes for plane in runner._slots.planes)


@pytest.mark.parametrize("megabytes", [0.3, 0.45, 1.5])
def test_the_bound_of_memory_holds_and_changes_nothing(
    megabytes: float, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from simworld.backends.local.slots import Slots
    from simworld.backends.local.store import Store

    bound, seen = int(megabytes * 1e6), []
    model = open_chat(folder, cache_gb=megabytes / 1e3)
    resize, keep, zeros = Slots.resize, Store.keep, torch.zeros

    def watched_zeros(*args: Any, **kwargs: Any) -> Any:
        made = zeros(*args, **kwargs)
        runner = model._worker.runner
        if runner is not None and made.dim() == 4:
            seen.append(real_bytes(runner) + made.nbytes)
        return made

    def watched_keep(self: Store, call: Call, parts: list[Any]) -> None:
        keep(self, call, parts)
        seen.append(real_bytes(model._worker.runner))
        assert self.working + self.kept == seen[-1]

    def watched_resize(self: Slots, rows: int, columns: int, used: int) -> None:
        assert rows == 1 or self.size(rows, columns) <= bound // 2
        resize(self, rows, columns, used)

    monkeypatch.setattr(torch, "zeros", watched_zeros)
    monkeypatch.setattr(Store, "keep", watched_keep)
    monkeypatch.setattr(Slots, "resize", watched_resize)
    same(asyncio.run(grow(model, folder, range(6), 4, common=False)))
    store = model._worker.runner.store
    assert max(seen) <= bound
    assert max(seen) <= store.peak <= bound
    assert (store.evicted > 0) == (megabytes < 1)
    asyncio.run(model.aclose())
    assert real_bytes(model._worker.runner) == 0


def test_slots_take_no_more_to_grow_than_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    from simworld.backends.local.slots import Plane, Slots

    slots = Slots([Plane(2, 16, 4, torch.float32)] * 4, torch.device("cpu"))
    slots.resize(2, 32, 0)
    slots.planes[3][1] = 7.0
    before, growth, seen, zeros = slots.size(2, 32), slots.growth(3, 64), [], torch.zeros

    def watched(*args: Any, **kwargs: Any) -> Any:
        made = zeros(*args, **kwargs)
        seen.append(sum(plane.nbytes for plane in slots.planes) + made.nbytes)
        return made

    monkeypatch.setattr(torch, "zeros", watched)
    slots.resize(3, 64, 2)
    assert max(seen) == before + growth
    assert slots.planes[3][1].sum() == 7.0 * 2 * 32 * 16


def test_a_row_that_the_bound_cannot_hold_fails_alone(folder: Path) -> None:
    model = open_chat(folder, cache_gb=0.1e-3)

    async def run() -> list[Any]:
        short = [{"role": "user", "content": "w1 w2"}]
        calls = [model.complete(told(0, system=300)), model.complete(short), model.complete(told(1, system=300))]
        return await asyncio.gather(*calls, return_exceptions=True)

    long, short, other = asyncio.run(run())
    for failed in (long, other):
        assert isinstance(failed, BackendError)
        assert "GB of keys and values, and 0.0001 GB are allowed; give a larger --cache-gb" in str(failed)
    assert short.output_tokens == NEW
    asyncio.run(model.aclose())


@pytest.mark.parametrize("fits", [1, 2, 3])
def test_out_of_memory_means_fewer_rows_and_the_same_words(
    fits: int, chat: LocalChat, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asyncio.run(chat.complete(told(0)))
    forward = chat._worker.runner._forward
    logits, failures = forward.logits, []

    def scarce(slots: Any, tokens: Any, positions: Any) -> Any:
        if len(tokens) > fits:
            failures.append(len(tokens))
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return logits(slots, tokens, positions)

    forward.logits = scarce
    same(asyncio.run(grow(chat, folder, range(7), 2)))
    assert failures == sorted(failures, reverse=True)
    assert 1 <= chat._worker.runner.most_rows <= fits
    warned = [record.getMessage() for record in caplog.records if "out of memory" in record.getMessage()]
    assert len(warned) == 1
    assert "Tried to allocate 2.00 GiB" in warned[0]


def test_out_of_memory_in_the_middle_loses_no_word(chat: LocalChat, folder: Path) -> None:
    asyncio.run(chat.complete(told(0)))
    forward = chat._worker.runner._forward
    logits, steps = forward.logits, []

    def once(slots: Any, tokens: Any, positions: Any) -> Any:
        steps.append(len(tokens))
        if len(steps) == 6:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")
        return logits(slots, tokens, positions)

    forward.logits = once
    same(asyncio.run(grow(chat, folder, range(5), 1)))
    assert chat._worker.runner.most_rows == 2


def test_one_row_without_memory_fails_its_call_only(chat: LocalChat) -> None:
    asyncio.run(chat.complete(told(0)))
    forward = chat._worker.runner._forward
    read = forward.read

    def scarce(slots: Any, first: int, starts: Any, ids: Any) -> None:
        if any(501 in row for row in ids):
            raise torch.OutOfMemoryError("out of memory")
        read(slots, first, starts, ids)

    forward.read = scarce

    async def run() -> list[Any]:
        greedy = {"role": "user", "content": "w494 w1 w2"}  # id 501
        calls = [chat.complete([greedy]), *(chat.complete(told(number)) for number in range(1, 4))]
        return await asyncio.gather(*calls, return_exceptions=True)

    failed, *others = asyncio.run(run())
    assert isinstance(failed, BackendError)
    assert "out of memory with one row alone" in str(failed)
    assert [reply.output_tokens for reply in others] == [NEW] * 3
    assert chat._worker.runner.pass_tokens == FEWEST


def test_a_fault_of_the_model_ends_the_calls_at_work_in_one_line(chat: LocalChat) -> None:
    asyncio.run(chat.complete(told(0)))
    forward = chat._worker.runner._forward
    logits, forward.logits = forward.logits, None

    async def run() -> list[Any]:
        return await asyncio.gather(*(chat.complete(told(n)) for n in range(2)), return_exceptions=True)

    for failed in asyncio.run(run()):
        assert isinstance(failed, BackendError)
        assert str(failed).startswith(f"{chat.spec}: TypeError: ")
    forward.logits = logits
    assert asyncio.run(chat.complete(told(1))).output_tokens == NEW


def test_numbers_that_are_none_fail_their_row_and_no_other(chat: LocalChat, folder: Path) -> None:
    asyncio.run(chat.complete(told(0)))
    forward = chat._worker.runner._forward
    logits = forward.logits

    def broken(slots: Any, tokens: Any, positions: Any) -> Any:
        made = logits(slots, tokens, positions).clone()
        made[torch.tensor([max(positions) == position for position in positions])] = float("nan")
        return made

    forward.logits = broken

    async def run() -> list[Any]:
        calls = [chat.complete(told(9, common=False)), chat.complete(told(2))]
        return await asyncio.gather(*calls, return_exceptions=True)

    failed, other = asyncio.run(run())
    assert isinstance(failed, BackendError)
    assert "the model gave no numbers" in str(failed)
    # the shorter row is the longest once it is alone: it fails as well, unless it is done
    assert isinstance(other, BackendError) or other.text == text_alone(chat, folder, told(2))


# -- coming and going


def batch_of(folder: Path, **options: Any) -> Batch:
    with torch.inference_mode():
        runner = open_chat(folder, **options)._load()
    assert isinstance(runner, Batch)
    return runner


def call_of(model: LocalChat, messages: list[Message], most: int) -> Call:
    tokens = model._template.encode(messages)
    return Call(list(tokens), len(tokens), most, [])


def test_rows_join_and_leave_in_the_middle(folder: Path, chat: LocalChat) -> None:
    batch = batch_of(folder)
    calls = [call_of(chat, told(number), 3 + 4 * (number % 3)) for number in range(9)]
    sizes = []
    with torch.inference_mode():
        for at in range(30):
            if at < 9 and at % 2 == 0:
                batch.join(calls[at : at + 2])
            batch.step()
            sizes.append(batch.active)
    assert max(sizes) > 3
    assert batch.active == 0
    for call in calls:
        said = call.future.result(timeout=0)
        assert said.tokens == alone(folder, call.tokens[: call.given], call.most)
        assert said.finish_reason == "length"
        assert len(said.tokens) == call.most


def test_a_call_that_is_cancelled_leaves_at_the_next_step(folder: Path, chat: LocalChat) -> None:
    batch = batch_of(folder)
    calls = [call_of(chat, told(number), 10) for number in range(3)]
    with torch.inference_mode():
        batch.join(calls)
        batch.step()
        assert calls[0].future.cancel()
        batch.step()
        assert batch.active == 2
        while batch.active:
            batch.step()
    for call in calls[1:]:
        assert call.future.result(timeout=0).tokens == alone(folder, call.tokens[: call.given], 10)
    assert len(batch.store) == 2


def test_a_cancelled_task_frees_its_row(chat: LocalChat, folder: Path) -> None:
    async def run() -> str:
        gone = asyncio.create_task(chat.complete(told(0)))
        other = asyncio.create_task(chat.complete(told(1)))
        await asyncio.sleep(0)  # both are asked; the weights are not even loaded
        gone.cancel()
        reply = await other
        assert gone.cancelled()
        return reply.text

    assert asyncio.run(run()) == text_alone(chat, folder, told(1))
    assert chat._worker.runner.active == 0


def test_no_more_rows_are_at_work_than_allowed(folder: Path) -> None:
    model = open_chat(folder, rows=3)
    asyncio.run(model.complete(told(0)))
    forward = model._worker.runner._forward
    logits, sizes = forward.logits, []

    def watched(slots: Any, tokens: Any, positions: Any) -> Any:
        sizes.append(len(tokens))
        return logits(slots, tokens, positions)

    forward.logits = watched
    same(asyncio.run(grow(model, folder, range(8), 2)))
    assert max(sizes) == 3
    asyncio.run(model.aclose())


def test_one_that_waits_joins_in_the_end_however_few_wait_with_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = open_chat(folder, max_tokens=150)
    asyncio.run(model.complete([{"role": "user", "content": "w1"}]))
    forward = model._worker.runner._forward
    logits, sizes = forward.logits, []

    def watched(slots: Any, tokens: Any, positions: Any) -> Any:
        sizes.append(len(tokens))
        return logits(slots, tokens, positions)

    forward.logits = watched

    async def run(long: float) -> int:
        monkeypatch.setattr(worker, "LONG", long)
        sizes.clear()
        first = [asyncio.create_task(model.complete(told(number))) for number in range(6)]
        while len(sizes) < 5:
            await asyncio.sleep(0.001)
        await asyncio.gather(*first, model.complete(told(7)))
        return max(sizes)

    assert asyncio.run(run(0.001)) == 7
    assert asyncio.run(run(1000.0)) == 6
    asyncio.run(model.aclose())


def test_half_precision_is_served_alike(folder: Path) -> None:
    model = open_chat(folder, dtype="bfloat16")
    replies = asyncio.run(grow(model, folder, range(3), 2))
    assert len(replies) == 6
    assert type(model._worker.runner) is Batch
    assert model._worker.runner._slots.shapes[0].width == 2
    asyncio.run(model.aclose())


def test_a_closed_model_opens_again_and_says_the_same(chat: LocalChat, folder: Path) -> None:
    async def run() -> list[str]:
        first = await chat.complete(told(0))
        await chat.aclose()
        assert chat._worker._thread is None
        weights = chat._worker.runner
        second = await chat.complete(told(0))
        assert chat._worker.runner is weights
        return [first.text, second.text]

    assert asyncio.run(run()) == [text_alone(chat, folder, told(0))] * 2


def test_calls_that_are_waiting_fail_when_the_model_is_closed(folder: Path) -> None:
    model = open_chat(folder, rows=1, max_tokens=400)

    async def run() -> list[Any]:
        calls = [asyncio.create_task(model.complete(told(number))) for number in range(4)]
        await asyncio.sleep(0.3)
        await model.aclose()
        return await asyncio.gather(*calls, return_exceptions=True)

    failed = [reply for reply in asyncio.run(run()) if isinstance(reply, BackendError)]
    assert len(failed) >= 2
    assert all(str(error) == f"{model.spec} was closed" for error in failed)


# -- choosing


def calls_with(draws: list[float]) -> list[Call]:
    return [Call([1, 2], 2, 1, [draw]) for draw in draws]


def logits_of(*chances: float) -> Any:
    return torch.tensor([chances]).log()


@pytest.mark.parametrize(
    ("style", "edges"),
    [
        (Style(1.0), [0.5, 0.8, 0.95, 1.0]),
        (Style(1.0, top_p=0.75), [0.625, 1.0, None, None]),
        (Style(1.0, top_k=3), [0.5 / 0.95, 0.8 / 0.95, 1.0, None]),
        (Style(1.0, min_p=0.25), [0.5 / 0.95, 0.8 / 0.95, 1.0, None]),
        (Style(0.5), [0.25 / 0.365, 0.34 / 0.365, 0.3625 / 0.365, 1.0]),
    ],
    ids=["all", "top_p", "top_k", "min_p", "cold"],
)
def test_a_token_is_drawn_where_its_number_falls(style: Style, edges: list[float | None]) -> None:
    sampler, low = Sampler(style), 0.0
    for token, edge in enumerate(edges):
        if edge is None:
            continue
        near = [low + 1e-4, edge - 1e-4]
        chosen = sampler.choose(logits_of(0.5, 0.3, 0.15, 0.05).expand(2, 4), calls_with(near))
        assert chosen == [token, token]
        low = edge
    assert sampler.choose(logits_of(0.5, 0.3, 0.15, 0.05), calls_with([1 - 1e-12]))[0] == sum(
        edge is not None for edge in edges
    ) - 1  # fmt: skip


def test_top_p_looks_at_all_tokens_where_the_likeliest_are_too_few() -> None:
    logits = torch.zeros((1, 1000))
    chosen = [Sampler(Style(1.0, top_p=0.9)).choose(logits, calls_with([draw]))[0] for draw in (0.1, 0.5, 0.99)]
    assert len(set(chosen)) == 3


def test_a_repetition_penalty_is_the_librarys() -> None:
    from transformers import RepetitionPenaltyLogitsProcessor

    logits = torch.randn((2, 50), generator=torch.Generator().manual_seed(3))
    calls = [Call([1, 7, 7, 9], 2, 1, []), Call([4, 30], 1, 1, [])]
    ids = torch.tensor([[1, 7, 7, 9], [4, 30, 30, 4]])
    wanted = RepetitionPenaltyLogitsProcessor(1.7)(ids, logits.clone())
    assert torch.equal(Sampler(Style(repetition_penalty=1.7))._penalised(logits, calls), wanted)


def test_the_style_is_the_users_then_the_models_own(caplog: pytest.LogCaptureFixture) -> None:
    from transformers import GenerationConfig

    own = GenerationConfig(do_sample=True, temperature=0.6, top_p=0.9, top_k=20, repetition_penalty=1.05)
    assert read_style(None, None, own, "m") == Style(0.6, 0.9, 20, 0.0, 1.05)
    assert read_style(0.0, 0.5, own, "m") == Style(0.0, 0.5, 20, 0.0, 1.05)
    assert read_style(None, None, GenerationConfig(), "m") == Style()
    assert read_style(None, None, GenerationConfig(do_sample=True), "m") == Style(1.0)
    assert caplog.records == []
    read_style(None, None, GenerationConfig(no_repeat_ngram_size=3), "m")
    assert "no_repeat_ngram_size, which is not heeded" in caplog.text


def test_a_seed_draws_the_same_whoever_else_is_there(folder: Path) -> None:
    model = open_chat(folder, temperature=1.3, top_p=0.95)

    async def run(numbers: range) -> list[str]:
        return [reply.text for reply in await asyncio.gather(*(model.complete(told(n), seed=n) for n in numbers))]

    together = asyncio.run(run(range(9)))
    assert [asyncio.run(run(range(n, n + 1)))[0] for n in range(9)] == together
    assert len(set(together)) == 9
    other = asyncio.run(model.complete(told(0), seed=12345))
    assert other.text != together[0]
    unseeded = {asyncio.run(model.complete(told(0))).text for _ in range(3)}
    assert len(unseeded) == 3
    asyncio.run(model.aclose())


def test_draws_are_of_the_seed_alone() -> None:
    assert draws_of(7, 5) == draws_of(7, 9)[:5]
    assert draws_of(7, 5) != draws_of(8, 5)
    assert all(0 <= draw < 1 for draw in draws_of(1, 1000))


def test_each_token_has_a_number_of_its_own() -> None:
    call, drawn = Call([1, 2], 2, 3, [0.1, 0.2, 0.3]), []
    for token in (5, 6, 7):
        drawn.append(call.draw)
        call.add(token)
    assert drawn == [0.1, 0.2, 0.3]


def test_a_greedy_row_is_drawn_by_no_number(folder: Path) -> None:
    model = open_chat(folder)
    first, second = (asyncio.run(model.complete(told(0), seed=seed)).text for seed in (1, 2))
    assert first == second
    asyncio.run(model.aclose())


# -- finding


class Held:
    def __init__(self, tokens: list[int]) -> None:
        self.tokens, self.marks, self.known = tokens, chain(tokens), len(tokens)


def test_the_longest_beginning_is_found_to_the_token() -> None:
    prefixes = Prefixes()
    long, short = Held(list(range(100))), Held([*range(50), *range(500, 530)])
    prefixes.add(long)
    prefixes.add(short)
    assert prefixes.longest(Held([*range(50), 500, 501, 502, 9, 9]), 54) == (short, 53)
    assert prefixes.longest(Held([*range(70), 7, 7, 7]), 72) == (long, 70)
    assert prefixes.longest(Held(list(range(100))), 99) == (long, 99)
    assert prefixes.longest(Held([5, *range(99)]), 99) == (None, 0)
    assert prefixes.longest(Held(list(range(BLOCK - 1))), BLOCK - 1) == (None, 0)
    prefixes.remove(long)
    assert prefixes.longest(Held([*range(70), 7, 7, 7]), 72) == (short, 50)
    prefixes.remove(short)
    assert prefixes._holders == {}


def test_a_hash_that_two_prompts_share_is_not_believed() -> None:
    prefixes = Prefixes()
    liar = Held(list(range(40)))
    asked = Held(list(range(100, 140)))
    liar.marks = asked.marks
    prefixes.add(liar)
    assert prefixes.longest(asked, 39) == (None, 0)
