"""Opening a local model: what is refused and how it is told, templates, token counts, adapters, fingerprints."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from simworld.backends.backend import ChatBackend
from simworld.backends.local.fingerprint import fingerprint
from simworld.backends.open import open_backend
from simworld.backends.sampling import Sampling
from simworld.errors import BackendError, MissingDependency, Refused, UsageError
from simworld.text.tokens import MESSAGE_OVERHEAD
from tests.tiny_model import CHATML, DEAF, LONG_WINDED, NO_SYSTEM, build, lora

torch = pytest.importorskip("torch", reason="the extra `local` is not installed")
pytest.importorskip("transformers", reason="the extra `local` is not installed")
needs_peft = pytest.mark.skipif(
    __import__("importlib.util").util.find_spec("peft") is None, reason="the extra `local` is not whole: no peft"
)

TALK = [
    {"role": "system", "content": "You are Ana, a nurse. You speak briefly."},
    {"role": "user", "content": "Good evening.\n\n Is the doctor in?"},
    {"role": "assistant", "content": "No. *looks up* He left at 9:30!"},
    {"role": "user", "content": "  Then I shall wait…\n"},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return build(tmp_path_factory.mktemp("models") / "plain")


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """A checkpoint to be spoilt."""
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def open_local(folder: Path | str, **options: Any) -> Any:
    return open_backend(f"local:{folder}", Sampling(**{"temperature": 0, "max_tokens": 6, "device": "cpu", **options}))


def say(model: Any, messages: list[dict[str, str]] = TALK) -> Any:
    async def run() -> Any:
        try:
            return await model.complete(messages, seed=1)
        finally:
            await model.aclose()

    return asyncio.run(run())


def refused(text: str, folder: Path | str, **options: Any) -> str:
    with pytest.raises(UsageError) as caught:
        open_local(folder, **options)
    message = str(caught.value)
    assert text in message
    assert "\n" not in message
    assert message.startswith(f"local:{folder}")
    return message


# -- opening


def test_it_is_a_backend_with_the_context_that_its_config_tells(folder: Path) -> None:
    model = open_local(folder)
    assert isinstance(model, ChatBackend)
    assert model.spec == f"local:{folder}"
    assert 2000 < model.context_tokens < 2048
    assert open_local(folder, context=512).context_tokens == model.context_tokens - 2048 + 512
    refused("takes 2048 tokens at most; give --context 2048 or less", folder, context=4096)


def test_weights_are_loaded_by_the_first_call_and_no_sooner(copy: Path) -> None:
    (copy / "model.safetensors").write_bytes(b"no weights")
    model = open_local(copy)
    assert model.count("Good evening.") > 2
    assert model.context_tokens > 2000
    with pytest.raises(Refused, match="cannot be opened: ") as caught:
        say(model)
    assert "\n" not in str(caught.value)


def test_many_first_calls_load_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import AutoModelForCausalLM

    loads, load = [], AutoModelForCausalLM.from_pretrained
    monkeypatch.setattr(
        AutoModelForCausalLM, "from_pretrained", lambda *args, **kw: (loads.append(args), load(*args, **kw))[1]
    )
    model = open_local(folder)

    async def run() -> None:
        await asyncio.gather(*(model.complete(TALK) for _ in range(5)))
        await model.aclose()
        await model.complete(TALK)
        await model.aclose()

    asyncio.run(run())
    assert len(loads) == 1


def test_what_is_no_checkpoint_is_refused(folder: Path, copy: Path, tmp_path: Path) -> None:
    refused("there is no folder '/no/such/place'", "/no/such/place")
    refused("there is no folder", copy / "config.json")
    (tmp_path / "empty").mkdir()
    refused("holds no config.json", tmp_path / "empty")
    (copy / "config.json").write_text('{"model_type": "unheard_of"}')
    refused("cannot be opened: ", copy)
    (copy / "config.json").write_text("{")
    refused("cannot be opened: ", copy)
    refused("there is no device 'cuda:99' here", folder, device="cuda:99")
    refused("there is no device 'abacus' here", folder, device="abacus")


def test_pickled_weights_are_not_read(copy: Path) -> None:
    from safetensors.torch import load_file

    torch.save(load_file(copy / "model.safetensors"), copy / "pytorch_model.bin")
    assert say(open_local(copy)).output_tokens == 6
    (copy / "model.safetensors").unlink()
    refused("holds no weights in *.safetensors; only safetensors are read, since other formats can run code", copy)


def test_weights_that_are_not_all_there_are_refused(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(Refused, match=r"lack 1 of the weights, such as model\.layers\.1\.mlp\.up_proj\.weight"):
        say(open_local(copy))


def test_code_of_the_checkpoint_is_not_run_unasked(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.OwnModel"}}
    (copy / "config.json").write_text(json.dumps(config))
    (copy / "own.py").write_text(f"open({str(copy / 'ran')!r}, 'w')\n")
    refused("brings Python code of its own; if you trust it, add --trust-remote-code", copy)
    assert not (copy / "ran").exists()


def test_a_hub_id_that_is_not_at_hand_is_told_in_one_line(tmp_path: Path) -> None:
    code = (
        "from simworld.backends.open import open_backend\nfrom simworld.errors import UsageError\n"
        "try:\n    open_backend('local:nobody/nothing')\nexcept UsageError as error:\n    print(error)\n"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines() == [
        "local:nobody/nothing is no folder here, is not in the hub's local cache, and the hub cannot be reached"
    ]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("You are trying to access a gated repo.\nMake sure", "is gated, private or not there: accept its terms"),
        ("401 Client Error. (Request ID: x)", "is gated, private or not there"),
        (
            "a strange thing with hf_secret1234 in it\nmore",
            "cannot be opened: OSError: a strange thing with [key] in it",
        ),
    ],
)
def test_what_the_hub_says_is_told_without_keys(said: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import AutoConfig

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(said)

    monkeypatch.setenv("HF_TOKEN", "hf_secret1234")
    monkeypatch.setattr(AutoConfig, "from_pretrained", fail)
    refused(told, "some/model")


def test_a_missing_package_is_told_with_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from simworld.checkpoint import libraries

    monkeypatch.setattr(libraries, "find_spec", lambda name: None if name == "torch" else name)
    with pytest.raises(MissingDependency, match=r"needs torch: pip install 'simworld\[local\]'"):
        open_local(folder)


# -- templates and counts


def with_template(copy: Path, template: str) -> Path:
    (copy / "chat_template.jinja").write_text(template)
    return copy


def test_a_model_without_a_template_is_refused(copy: Path) -> None:
    (copy / "chat_template.jinja").unlink()
    refused("has no chat template (is it a base model?)", copy)


@pytest.mark.parametrize("template", [NO_SYSTEM, DEAF], ids=["refuses", "drops"])
def test_without_a_system_role_its_text_heads_the_first_user_message(copy: Path, template: str) -> None:
    model = open_local(with_template(copy, template))
    head = {"role": "user", "content": f"{TALK[0]['content']}\n\n{TALK[1]['content']}"}
    plain = open_local(with_template(copy, CHATML))
    assert model._template.encode(TALK) == plain._template.encode([head, *TALK[2:]])
    assert model._template.encode(TALK[1:]) == plain._template.encode(TALK[1:])


@pytest.mark.parametrize(
    ("template", "wrong"),
    [
        (CHATML.replace("m['content']", "(m['content'] if m['role'] != 'assistant' else '')"), "drops the assistant"),
        (CHATML + "{{ raise_exception('I am tired') }}", "I am tired"),
        ("{% for m in messages %}", "TemplateSyntaxError"),
        ("{{ messages[0]['content'] }}", "drops the assistant message"),
    ],
)
def test_a_template_that_cannot_hold_a_dialogue_is_refused(copy: Path, template: str, wrong: str) -> None:
    refused(wrong, with_template(copy, template))


@pytest.mark.parametrize(
    "template",
    [CHATML, NO_SYSTEM, LONG_WINDED, "{{ 'A long preamble of every prompt. ' * 5 }}" + CHATML],
    ids=["chatml", "no-system", "long-winded", "preamble"],
)
def test_counts_are_never_lower_than_the_prompt(copy: Path, template: str) -> None:
    model = open_local(with_template(copy, template), context=1000)
    texts = ["", "Yes.", " no", "A\n", "\n\nb", "1 2 3", "Ünï — “quoted”", "word " * 40, "</s> <|x|>", "🙂 ok"]
    for length in range(2, 12, 2):
        for first in range(len(texts)):
            contents = [texts[(first + at) % len(texts)] for at in range(length)]
            roles = ["system", *(("user", "assistant")[at % 2] for at in range(length - 1))]
            talk = [{"role": role, "content": text} for role, text in zip(roles, contents, strict=True)]
            counted = sum(model.count(text) + MESSAGE_OVERHEAD for text in contents)
            assert len(model._template.encode(talk)) <= counted + 1000 - model.context_tokens
    estimated = sum(model.count(message["content"]) + MESSAGE_OVERHEAD for message in TALK)
    assert estimated <= len(model._template.encode(TALK)) + 8 * len(TALK)


def test_a_prompt_that_leaves_no_room_is_refused_with_its_length(folder: Path) -> None:
    model = open_local(folder, context=256)
    long = [{"role": "user", "content": "word " * 600}]
    length = len(model._template.encode(long))
    with pytest.raises(BackendError, match=rf"a prompt of {length} tokens leaves no room .* within the 256 that"):
        say(model, long)
    prompts = [[{"role": "user", "content": "1" * count}] for count in range(200, 256)]
    nearly = next(prompt for prompt in prompts if len(model._template.encode(prompt)) > 250)
    room = 256 - len(model._template.encode(nearly))
    assert 0 < room < 6
    reply = say(model, nearly)
    assert (reply.output_tokens, reply.finish_reason) == (room, "length")


# -- replies


def test_a_reply_tells_its_tokens_and_why_it_ended(copy: Path) -> None:
    model = open_local(copy)
    reply = say(model)
    assert reply.input_tokens == len(model._template.encode(TALK))
    assert (reply.output_tokens, reply.finish_reason) == (6, "length")
    fourth = generated(copy)[3]
    config = json.loads((copy / "generation_config.json").read_text())
    (copy / "generation_config.json").write_text(json.dumps({**config, "eos_token_id": [2, fourth]}))
    ended = say(open_local(copy))
    assert (ended.output_tokens, ended.finish_reason) == (4, "stop")
    assert ended.text == model._template.decode(generated(copy)[:3])


def generated(folder: Path, count: int = 6) -> list[int]:
    from transformers import AutoModelForCausalLM

    model = open_local(folder)
    ids = torch.tensor([model._template.encode(TALK)])
    library = AutoModelForCausalLM.from_pretrained(folder)
    library.generation_config.eos_token_id = None
    out = library.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False, pad_token_id=0
    )
    return out[0, ids.shape[1] :].tolist()


def test_the_templates_end_of_turn_ends_a_reply(copy: Path) -> None:
    tokenizer = json.loads((copy / "tokenizer_config.json").read_text())
    (copy / "tokenizer_config.json").write_text(json.dumps({**tokenizer, "eos_token": "<pad>"}))
    assert open_local(copy)._template.ends == {0, 2}


def test_the_models_own_way_of_choosing_holds_where_the_user_says_nothing(copy: Path) -> None:
    config = json.loads((copy / "generation_config.json").read_text())
    (copy / "generation_config.json").write_text(json.dumps({**config, "do_sample": True, "temperature": 1.5}))
    greedy = say(open_local(copy)).text
    drawn = {say(open_local(copy, temperature=None)).text for _ in range(2)}
    assert len(drawn) == 1, "the same seed drew otherwise"
    assert greedy not in drawn


def test_as_a_langchain_model(folder: Path) -> None:
    model = open_local(folder)

    async def run() -> Any:
        message = await model.ainvoke([HumanMessage("Good evening.")], seed=3, seat="a", call=1)
        direct = await model.complete([{"role": "user", "content": "Good evening."}])
        await model.aclose()
        return message, direct

    message, direct = asyncio.run(run())
    assert message.content == direct.text
    assert message.usage_metadata["output_tokens"] == 6
    assert message.response_metadata["finish_reason"] == "length"
    with pytest.raises(UsageError, match="asynchronous only"):
        model.invoke("Good evening.")
    with pytest.raises(UsageError, match="takes no stop words"):
        asyncio.run(model.ainvoke("Good evening.", stop=["x"]))
    with pytest.raises(UsageError, match="'top_k' cannot be given with a call"):
        asyncio.run(model.ainvoke("Good evening.", top_k=1))


# -- adapters


@needs_peft
def test_an_adapter_says_what_the_merged_model_says(folder: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    adapter = lora(folder, tmp_path / "adapter")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from peft import PeftModel

        merged = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder), adapter).merge_and_unload()
    merged.save_pretrained(tmp_path / "merged")
    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path / "merged")
    wanted = say(open_local(tmp_path / "merged")).text
    assert say(open_local(folder, adapter=str(adapter))).text == wanted
    assert say(open_local(adapter)).text == wanted
    assert say(open_local(folder)).text != wanted


@needs_peft
def test_an_adapter_that_cannot_be_used_is_refused(folder: Path, tmp_path: Path) -> None:
    adapter = lora(folder, tmp_path / "adapter")
    refused("is no folder of a LoRA adapter", folder, adapter=str(tmp_path))
    refused("is itself an adapter; leave out --adapter", adapter, adapter=str(adapter))
    other = build(tmp_path / "other", hidden=32)
    for spoil in ("size", "names"):
        wide = lora(other if spoil == "size" else build(tmp_path / "deep", layers=3), tmp_path / spoil)
        base = folder if spoil == "size" else build(tmp_path / "flat", layers=1)
        with pytest.raises(Refused, match=r"the adapter '.*' does not fit this model") as caught:
            say(open_local(base, adapter=str(wide)))
        assert "\n" not in str(caught.value)
    (adapter / "adapter_model.safetensors").rename(adapter / "adapter_model.bin")
    refused("holds no adapter_model.safetensors; only safetensors are read", folder, adapter=str(adapter))
    about = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps({**about, "base_model_name_or_path": None}))
    refused("names no base model", adapter)


# -- fingerprints


def spoilt(copy: Path, name: str, at: int) -> str:
    data = bytearray((copy / name).read_bytes())
    data[at] ^= 1
    (copy / name).write_bytes(data)
    return fingerprint(copy)


def test_a_retrained_checkpoint_has_another_fingerprint(folder: Path, copy: Path) -> None:
    whole = fingerprint(folder)
    assert len(whole) == 24
    assert fingerprint(copy) == whole, "it is of the place"
    with (copy / "model.safetensors").open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        spans = [about["data_offsets"] for name, about in json.loads(file.read(length)).items() if name[0] != "_"]
    seen = {whole}
    for start, end in spans:
        for at in (start, end - 1):
            seen.add(spoilt(copy, "model.safetensors", 8 + length + at))
    assert len(seen) == 1 + 2 * len(spans)
    seen.add(spoilt(copy, "chat_template.jinja", 0))
    seen.add(spoilt(copy, "config.json", 0))
    assert len(seen) == 3 + 2 * len(spans)
    assert fingerprint("org/name") == ""
    (copy / "model.safetensors").write_bytes(b"")
    assert fingerprint(copy) not in seen


@needs_peft
def test_an_adapter_is_of_the_fingerprint(folder: Path, copy: Path, tmp_path: Path) -> None:
    one, other = lora(folder, tmp_path / "one"), lora(folder, tmp_path / "other", seed=9)
    prints = [fingerprint(folder), fingerprint(folder, one), fingerprint(folder, other), fingerprint(one)]
    assert len({*prints, ""}) == 5
    about = json.loads((one / "adapter_config.json").read_text())
    (one / "adapter_config.json").write_text(json.dumps({**about, "base_model_name_or_path": str(copy)}))
    before = fingerprint(one)
    spoilt(copy, "model.safetensors", -1)
    assert fingerprint(one) != before
    assert fingerprint("org/name", other) == fingerprint(other)[:0] + fingerprint("other/name", other)
