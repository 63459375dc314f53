"""Tokenizers of many kinds, built on the spot, each with a chat template of its own style.

tokenizer = TOKENIZERS["unigram"]()
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from tests.tiny_model import CHATML, ENDS, TEXTS

END = "<|endconversation|>"
ASCII = [chr(code) for code in range(32, 127)]
TALK = [
    "You are Ana, a nurse. You speak briefly.",
    "Good evening. Is the doctor in?",
    "No. He left at 9:30! Try again on Monday (or Tuesday).",
    "Then I shall wait - is that fine?\n\nI have time.",
    "Fine, sit down.\nOver there; the chair by the door.",
    "Thank you.",
    "Not at all.",
]
GENERATION = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}"
    "{% if m['role'] == 'assistant' %}{% generation %}{{ m['content'] + '<|im_end|>' }}{% endgeneration %}"
    "{{- '\n' -}}{% else %}{{ m['content'] + '<|im_end|>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA2 = (
    "{% if messages[0]['role'] == 'system' %}{% set head = '<<SYS>>\n' + messages[0]['content'] + '\n<</SYS>>\n\n' %}"
    "{% set rest = messages[1:] %}{% else %}{% set head = '' %}{% set rest = messages %}{% endif %}"
    "{% for m in rest %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate user/assistant') }}{% endif %}"
    "{% if m['role'] == 'user' %}{{ bos_token + '[INST] ' + (head if loop.first else '') + m['content'].strip() "
    "+ ' [/INST]' }}{% else %}{{ ' ' + m['content'].strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)
BERT = (
    "{% for m in messages %}{{ m['role'] + ' : ' + m['content'] + ' [SEP] ' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant : ' }}{% endif %}"
)
PLAIN = (
    "{% for m in messages %}{{ m['role'].title() + ': ' + m['content'] + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant: ' }}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'assistant' %}{{ m['content'] + eos_token }}"
    "{% else %}{{ '[INST]' + m['content'] + '[/INST]' }}{% endif %}{% endfor %}"
)
PHI = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
LLAMA3 = (
    "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' "
    "+ m['content'] | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
QWEN3 = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n<think>\n\n</think>\n\n' }}{% endif %}"
)
REWRITES = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + (m['content'][:9] if loop.revindex > 3 else "
    "m['content']) + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


@cache
def texts() -> list[str]:
    """What the tokenizers learn: the package's own texts, line by line."""
    files = sorted(path for path in TEXTS.rglob("*") if path.suffix in {".md", ".yaml"})
    return [line for path in files for line in path.read_text(encoding="utf-8").splitlines()][:1500]


def _fast(raw: Any, template: str, special: list[str], **names: str) -> Any:
    from transformers import PreTrainedTokenizerFast

    made = PreTrainedTokenizerFast(
        tokenizer_object=raw, clean_up_tokenization_spaces=False, additional_special_tokens=special, **names
    )
    made.chat_template = template
    return made


@cache
def _bytes(special: tuple[str, ...]) -> str:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=list(special), show_progress=False, initial_alphabet=alphabet
    )
    raw.train_from_iterator(texts(), trainer)
    return raw.to_str()


def _byte_level(template: str = CHATML, *, names: tuple[str, ...] = ("<|im_start|>", END)) -> Any:
    from tokenizers import Tokenizer

    raw = Tokenizer.from_str(_bytes(("<pad>", ENDS, *names)))
    return _fast(raw, template, [*names], pad_token="<pad>", eos_token=ENDS)


def _plain_added() -> Any:
    """`<|im_start|>` is a plain added token, as is a word that the template does not write."""
    made = _byte_level(names=(END,))
    made.add_tokens(["<|im_start|>", "<|tool|>"])
    return made


def _whole_words() -> Any:
    """A word that stands in the vocabulary is taken whole, as by the tokenizers of Llama 3."""
    from tokenizers import Tokenizer

    names = ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|begin_of_text|>", END)
    told = json.loads(_bytes(("<pad>", ENDS, *names)))
    told["model"]["ignore_merges"] = True
    raw = Tokenizer.from_str(json.dumps(told))
    return _fast(raw, LLAMA3, [*names], pad_token="<pad>", bos_token="<|begin_of_text|>", eos_token=ENDS)


def _added_late() -> Any:
    """Control tokens added to a vocabulary that was learnt without them; one is a word that its merges make too."""
    from tokenizers import Tokenizer

    raw = Tokenizer.from_str(_bytes(("<pad>", ENDS)))
    told = " ".join(TALK)
    word = next(word for word in sorted(raw.get_vocab()) if len(word) > 3 and word.isalpha() and word not in told)
    made = _fast(raw, CHATML.replace("<|im_start|>", word), [END], pad_token="<pad>", eos_token=ENDS)
    made.add_special_tokens({"additional_special_tokens": [END, word]})
    return made


@cache
def _unigram_raw(scheme: str, words: bool) -> str:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    raw = Tokenizer(models.Unigram())
    raw.normalizer = normalizers.NFKC()
    raw.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    if words:
        raw.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), raw.pre_tokenizer])
    raw.decoder = decoders.Metaspace(prepend_scheme=scheme)
    trainer = trainers.UnigramTrainer(
        vocab_size=700, special_tokens=["<pad>", "<s>", "</s>", "<unk>", "<|im_start|>", ENDS, END], unk_token="<unk>",
        show_progress=False, initial_alphabet=[*ASCII[1:], "\n", "▁"],
    )  # fmt: skip
    raw.train_from_iterator(texts(), trainer)
    return raw.to_str()


def _unigram(template: str = CHATML, scheme: str = "first", *, words: bool = False) -> Any:
    from tokenizers import Tokenizer

    raw = Tokenizer.from_str(_unigram_raw(scheme, words))
    names = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": ENDS, "unk_token": "<unk>"}
    return _fast(raw, template, ["</s>", "<|im_start|>", END], **names)


@cache
def _llama_raw() -> str:
    from tokenizers import Tokenizer, decoders, models, normalizers, trainers

    raw = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    raw.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    raw.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    special = ["<unk>", "<s>", "</s>", END, *bytes_]
    trainer = trainers.BpeTrainer(
        vocab_size=900, special_tokens=special, show_progress=False, initial_alphabet=ASCII[1:]
    )
    raw.train_from_iterator((word for line in texts() for word in line.split()), trainer)
    told = json.loads(raw.to_str())
    told["added_tokens"] = [token for token in told["added_tokens"] if not token["content"].startswith("<0x")]
    return json.dumps(told)


def _llama(template: str = LLAMA2, special: tuple[str, ...] = (END,)) -> Any:
    """A Prepend normalizer, byte fallback, `[INST]` as plain text: as the tokenizers of Llama 2 are."""
    from tokenizers import Tokenizer

    raw = Tokenizer.from_str(_llama_raw())
    return _fast(raw, template, [*special], bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def _wordpiece(template: str = BERT, **names: str) -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    raw = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    raw.normalizer = normalizers.BertNormalizer(lowercase=True)
    raw.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    raw.decoder = decoders.WordPiece(cleanup=False)
    trainer = trainers.WordPieceTrainer(
        vocab_size=900,
        special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", END],
        show_progress=False,
        initial_alphabet=ASCII[1:],
    )
    raw.train_from_iterator(texts(), trainer)
    given = {"pad_token": "[PAD]", "unk_token": "[UNK]", "sep_token": "[SEP]", **names}
    return _fast(raw, template, ["[CLS]", "[MASK]", END], **given)


def _words() -> Any:
    """Whole words, split at white space alone: a control string is a word like any other."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    raw = Tokenizer(models.WordLevel(unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    names = ["<unk>", "<pad>", "<|im_start|>", ENDS, END]
    trainer = trainers.WordLevelTrainer(vocab_size=9000, special_tokens=names, show_progress=False)
    raw.train_from_iterator([*TALK, *texts()[:300]], trainer)
    template = (
        "{% for m in messages %}{{ '<|im_start|> ' + m['role'] + ' ' + m['content'] + ' <|im_end|> ' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|> assistant ' }}{% endif %}"
    )
    return _fast(raw, template, ["<|im_start|>", END], pad_token="<pad>", eos_token=ENDS, unk_token="<unk>")


def _stripping() -> Any:
    """Control tokens that take the white space beside them, as those of Phi-3."""
    from tokenizers import AddedToken

    made = _llama(PHI)
    names = ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
    special = [AddedToken(name, lstrip=name == "<|end|>", rstrip=True) for name in names]
    made.add_special_tokens({"additional_special_tokens": special})
    return made


def _python() -> Any:
    from transformers import ByT5Tokenizer

    made = ByT5Tokenizer(extra_ids=0, additional_special_tokens=[END])
    made.chat_template = PLAIN
    return made


TOKENIZERS: dict[str, Callable[[], Any]] = {
    "byte-level": _byte_level,
    "generation-tags": lambda: _byte_level(GENERATION),
    "plain-added": _plain_added,
    "added-late": _added_late,
    "unigram": _unigram,
    "unigram-always": lambda: _unigram(scheme="always"),
    "xlm-r": lambda: _unigram(scheme="always", words=True),
    "llama-2": _llama,
    "llama-3": _whole_words,
    "mistral": lambda: _llama(MISTRAL, ("[INST]", "[/INST]", END)),
    "phi-3": _stripping,
    "wordpiece": _wordpiece,
    "words": _words,
    "unigram-plain": lambda: _unigram(PLAIN),
    "eos-put-in": lambda: _wordpiece(PLAIN, eos_token="[SEP]"),
    "python": _python,
}
"""Kind -> how it is made."""
EOS_PUT_IN = ("unigram-plain", "eos-put-in", "python")
"""Those whose template writes no closing token: the eos token stands there."""
