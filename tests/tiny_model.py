"""Build a tiny causal language model on the spot: random weights, a tokenizer of the package's own texts, ChatML.

folder = build(tmp_path / "model")                       # 2 layers, 0.1M parameters
folder = build(tmp_path / "model", template=NO_SYSTEM)   # whose template refuses a system message
folder = lora(folder, tmp_path / "adapter")              # an adapter on top
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

TEXTS = Path(__file__).parent.parent / "simworld" / "templates"
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" + (
    CHATML
)
DEAF = CHATML.replace("+ m['content'] +", "+ (m['content'] if m['role'] != 'system' else '') +")
"""A template that drops what the system message says."""
LONG_WINDED = CHATML.replace("+ m['role'] +", "+ 'Here begins what was said by the ' + m['role'] +")
ENDS = "<|im_end|>"


def build(
    folder: Path,
    *,
    layers: int = 2,
    hidden: int = 64,
    heads: int = 4,
    kv_heads: int = 2,
    vocab: int = 512,
    context: int = 2048,
    template: str | None = CHATML,
    seed: int = 0,
    kind: str = "llama",
    generation: dict[str, Any] | None = None,
    words: bool = False,
    **config: Any,
) -> Path:
    """Write a model folder and return it. Equal arguments make equal weights.

    `words`: a vocabulary of whole words, in which every reply is read back as the tokens that it was said in.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

    tokenizer = _words(vocab) if words else _tokenizer(vocab, template)
    ids = {"eos_token_id": tokenizer.convert_tokens_to_ids(ENDS), "pad_token_id": 0, "bos_token_id": None}
    shape = {
        "vocab_size": vocab, "hidden_size": hidden, "intermediate_size": hidden * 2, "num_hidden_layers": layers,
        "num_attention_heads": heads, "num_key_value_heads": kv_heads, "max_position_embeddings": context,
        "initializer_range": 0.2, "tie_word_embeddings": False,
    }  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **{**shape, **ids, **config}))
    model.generation_config = GenerationConfig(**ids, **(generation or {}))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def lora(base: Path, folder: Path, *, seed: int = 1, rank: int = 4, **config: Any) -> Path:
    """Write an adapter with random weights on top of `base`, and return its folder."""
    import torch
    from transformers import AutoModelForCausalLM

    settings = {"r": rank, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"], "task_type": "CAUSAL_LM"}
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of peft, which asks transformers for an old name
        from peft import LoraConfig, get_peft_model

        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_pretrained(base)
        adapted: Any = get_peft_model(model, LoraConfig(**{**settings, **config}))
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, std=0.3)
        adapted.save_pretrained(folder)
    return folder


def _tokenizer(vocab: int, template: str | None) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab, special_tokens=["<pad>", "<|im_start|>", ENDS], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    files = sorted(path for path in TEXTS.rglob("*") if path.suffix in {".md", ".yaml"})
    raw.train_from_iterator((path.read_text(encoding="utf-8") for path in files), trainer)
    made = PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="<pad>", eos_token=ENDS, additional_special_tokens=["<|im_start|>"]
    )
    made.chat_template = template
    return made


WORDS = (
    "{% for m in messages %}{{ '<|im_start|> ' + m['role'] + ' ' + m['content'] + ' <|im_end|> ' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|> assistant ' }}{% endif %}"
)


def _words(vocab: int) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    names = ["<pad>", "<|im_start|>", ENDS, "<unk>", "system", "user", "assistant"]
    names += [f"w{number}" for number in range(vocab - len(names))]
    raw = Tokenizer(models.WordLevel({name: at for at, name in enumerate(names)}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made = PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="<pad>", eos_token=ENDS, unk_token="<unk>",
        additional_special_tokens=["<|im_start|>"], clean_up_tokenization_spaces=False,
    )  # fmt: skip
    made.chat_template = WORDS
    return made
