"""The options of `simworld run`, a type each: what speaks, within which limits, with what inside, what comes out."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

Scenes = Annotated[
    list[str] | None,
    Argument(
        metavar="[SCENE|STORY|PATH]...",
        help="Ids of scenes and stories, files, folders or packs; default: all built-in scenes.",
    ),
]
Backend = Annotated[
    str,
    Option(
        help="What speaks: improv, openai:NAME, provider:NAME, local:PATH, scripted:FILE, recorded:CORPUS, usersim:DIR."
    ),
]
Seats = Annotated[list[str] | None, Option(metavar="ID=B", help="What speaks for one seat (or director=).")]
Fallback = Annotated[str, Option(metavar="B", help="A model that answers where another one fails.")]
FallbackUrl = Annotated[str | None, Option(metavar="U", help="Its address; default: --base-url.")]
BaseUrl = Annotated[str | None, Option(metavar="U", help="Address of an OpenAI-compatible server.")]
Temperature = Annotated[
    float | None, Option(metavar="T", help="Sampling temperature, 0 or more; default: the server's, or the model's.")
]
TopP = Annotated[float | None, Option(metavar="P", help="Nucleus sampling, over 0 up to 1; default: likewise.")]
MaxTokens = Annotated[int | None, Option(metavar="N", help="Tokens of one reply.")]
Context = Annotated[int | None, Option(metavar="N", help="Tokens that prompt and reply may have together.")]

Timeout = Annotated[float, Option(metavar="S", help="Seconds that one try of a call may take.")]
CallTimeout = Annotated[float, Option(metavar="S", help="Seconds that a call may take, all its tries together.")]
DialogueTimeout = Annotated[float | None, Option(metavar="S", help="Seconds that a dialogue may take.")]
Wait = Annotated[
    float, Option(metavar="S", help="Seconds to wait for a server that is down or only says 429 before stopping.")
]
Rpm = Annotated[int | None, Option(metavar="N", help="Requests a minute, at most, to one model.")]
Tpm = Annotated[int | None, Option(metavar="N", help="Tokens a minute, at most, to one model.")]
Prices = Annotated[
    list[str] | None,
    Option(
        "--price", metavar="[B=]IN,OUT", help="Usd per million tokens in and out, where the table has another or none."
    ),
]
Budget = Annotated[
    str,
    Option(
        metavar="20usd|5Mtok|2h", help="What the corpus may cost in all, or how long this run may take; a hard stop."
    ),
]
Forecast = Annotated[
    bool, Option("--forecast", help="Play a small sample, then tell what the whole will cost; --out keeps the sample.")
]

Device = Annotated[str | None, Option(metavar="D", help="Where a local model runs: cpu, cuda, cuda:1, mps.")]
Dtype = Annotated[str | None, Option(metavar="T", help="Its numbers: float32, bfloat16, float16.")]
Adapter = Annotated[str | None, Option(metavar="DIR", help="A LoRA adapter on top of it.")]
Batch = Annotated[int, Option(metavar="N", help="Rows that it answers in one pass.", min=1)]
CacheGb = Annotated[
    float | None, Option(metavar="GB", help="Memory for the prompts it has read; default: a quarter of what is free.")
]
TrustRemoteCode = Annotated[
    bool, Option("--trust-remote-code", help="Let its folder bring Python code of its own, which is run.")
]

MaxTurns = Annotated[int | None, Option(metavar="N", help="Acts a dialogue may have, instead of the scene's.", min=1)]
Emotion = Annotated[
    str, Option(metavar="pad|categorical", help="How characters feel: in numbers with a temper, or names alone.")
]
Memory = Annotated[str, Option(metavar="episodic|window", help="What they remember: a life, or only what is in view.")]
Recall = Annotated[
    str, Option(metavar="lexical|minilm|E", help="What finds memories: words, or an encoder (extra [embed]).")
]
Memories = Annotated[int, Option(metavar="N", help="Memories that one mind holds before it forgets.")]
MemoryTokens = Annotated[int, Option(metavar="N", help="Tokens of memories in one note.", min=0)]
Intervene = Annotated[
    Path | None, Option(metavar="FILE", help="A YAML list of interventions, made beside the scenes' own.")
]

Rows = Annotated[
    Path | None,
    Option(metavar="FILE", help="JSON Lines: what each dialogue is about; scenes read a row's columns as row.COLUMN."),
]
Fill = Annotated[
    Path | None,
    Option(metavar="CORPUS", help="Plan first what this corpus has least of: kinds, topics, emotions, careers, ages."),
]
N = Annotated[
    int | None,
    Option(
        "-n", metavar="N", min=1,
        help="Dialogues (or stories) in all, spread over the scenes; default: 1, or one a row and scene.",
    ),
]  # fmt: skip
Seed = Annotated[int, Option(metavar="S", help="One seed, one corpus.")]
Jobs = Annotated[int, Option(metavar="J", help="Dialogues in flight in each process.", min=1)]
Workers = Annotated[int, Option(metavar="W", help="Processes.", min=1)]
Out = Annotated[Path | None, Option("--out", metavar="DIR", help="Corpus folder; without it, dialogues are printed.")]
KeepFailed = Annotated[bool, Option("--keep-failed", help="Do not play failed dialogues again.")]
SceneBackends = Annotated[bool, Option("--scene-backends", help="Let scenes name network backends.")]
Replay = Annotated[bool, Option("--replay", help="Play again from the journal of --out; asks no model.")]
DryRun = Annotated[bool, Option("--dry-run", help="Print the plan with counts; play nothing.")]
AsJson = Annotated[bool, Option("--json", help="Print the result as JSON.")]
