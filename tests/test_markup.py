"""The reply format: what real models send is read, and what is written back is read as it was."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from simworld.perspective import attribute, parse_reply, strip_reasoning, write_act
from simworld.perspective.markup import TAGS, escape, unescape
from simworld.schema import Piece, Reply, Turn

OWN = ("Mara Quill", "Mara")
OTHERS = ("Tom Bell", "Tom")
SAY = "<say>Good evening.</say>"


def read(text: str, *, plain: bool = False) -> Reply:
    return parse_reply(text, own=OWN, others=OTHERS, plain=plain)


def shown(reply: Reply) -> list[tuple[str, ...]]:
    """Each piece as (what it is, text, addressees ...)."""
    return [(piece.manner or piece.kind, piece.text, *piece.to) for piece in reply.pieces]


# what real models send: the reply, and the pieces read from it
REPLIES: dict[str, tuple[str, list[tuple[str, ...]]]] = {
    "canonical": (
        '<feel>Tense</feel>\n<thought>Late.</thought>\n<do>nods</do>\n<say to="Tom Bell">Sit.</say>\n<move>out</move>',
        [("think", "Late."), ("do", "nods"), ("say", "Sit.", "Tom Bell"), ("move", "out")],
    ),
    "no markup is speech": ("Good evening.", [("say", "Good evening.")]),
    "space around": (f"\n\n  {SAY} \n", [("say", "Good evening.")]),
    "fence": (f"```\n{SAY}\n```", [("say", "Good evening.")]),
    "fence with a language": (f"```xml\n{SAY}\n```", [("say", "Good evening.")]),
    "fence not closed": (f"```xml\n{SAY}", [("say", "Good evening.")]),
    "fence on the line": (f"```{SAY}```", [("say", "Good evening.")]),
    "fence after a word": (f"Here:\n```xml\n{SAY}\n```", [("say", "Here:"), ("say", "Good evening.")]),
    "fence around speech": ("```\nGood evening.\n```", [("say", "Good evening.")]),
    "fence around speech not closed": ("```text\nGood evening.", [("say", "Good evening.")]),
    "two fences are speech": ("```\na\n```\n```\nb\n```", [("say", "```\na\n```\n```\nb\n```")]),
    "last tag not closed": (
        "<thought>Late.</thought><say>Good evening.",
        [("think", "Late."), ("say", "Good evening.")],
    ),
    "no tag closed": ("<thought>Late.\n<do>nods\n<say>Sit.", [("think", "Late."), ("do", "nods"), ("say", "Sit.")]),
    "closing tag torn": ("<say>Good evening.</sa", [("say", "Good evening.")]),
    "closing tag just begun": ("<say>Good evening.<", [("say", "Good evening.")]),
    "opening tag torn": ('<do>nods</do>\n<say to="Tom', [("do", "nods")]),
    "opening tag just begun": ("<do>nods</do>\n<sa", [("do", "nods")]),
    "closing tag of another": ("<say>Good evening.</do>", [("say", "Good evening.")]),
    "opening tag missing": ("He is late.</thought>\n<say>Sit.</say>", [("think", "He is late."), ("say", "Sit.")]),
    "stray closing tag": ("</do>Good evening.", [("say", "Good evening.")]),
    "upper case": ("<SAY>Good evening.</Say>", [("say", "Good evening.")]),
    "space in tags": ("<say >Good evening.</say >", [("say", "Good evening.")]),
    "tag that closes itself before speech": ("<thought/>Good evening.", [("say", "Good evening.")]),
    "tag that closes itself": (f"<thought/>{SAY}<move />", [("say", "Good evening.")]),
    "single quotes": ("<say to='Tom'>Sit.</say>", [("say", "Sit.", "Tom")]),
    "no quotes": ("<say to=Tom>Sit.</say>", [("say", "Sit.", "Tom")]),
    "several addressees": ('<whisper to="Tom, Ann">Sit.</whisper>', [("whisper", "Sit.", "Tom", "Ann")]),
    "another attribute": ('<say tone="dry">Sit.</say>', [("say", "Sit.")]),
    "aside": ("<aside>Typical.</aside>", [("aside", "Typical.")]),
    "speech between tags": ("<do>nods</do> Sit. <do>waits</do>", [("do", "nods"), ("say", "Sit."), ("do", "waits")]),
    "name before tags": (f"Mara Quill: {SAY}", [("say", "Good evening.")]),
    "name in bold": (f"**Mara Quill:** {SAY}", [("say", "Good evening.")]),
    "name in bold, colon after": ("**Mara Quill**: Good evening.", [("say", "Good evening.")]),
    "first name": ("Mara: Good evening.", [("say", "Good evening.")]),
    "name in capitals": ("MARA: Good evening.", [("say", "Good evening.")]),
    "name and manner": ("Mara (drily): Good evening.", [("say", "Good evening.")]),
    "name within the tag": ("<say>Mara: Good evening.</say>", [("say", "Good evening.")]),
    "name in mid-line is no label": ("I told him: Mara: no.", [("say", "I told him: Mara: no.")]),
    "json": ('{"say": "Good evening."}', [("say", '{"say": "Good evening."}')]),
    "end of turn": ("Good evening.<|eot|>", [("say", "Good evening.<|eot|>")]),
    "roles": ("User: hello\n<|assistant|> hi", [("say", "User: hello\n<|assistant|> hi")]),
    "tags that are not ours": ("<b>Good</b> <evening>", [("say", "<b>Good</b> <evening>")]),
    "a tag's name begins another": ("<sayings> <doer>", [("say", "<sayings> <doer>")]),
    "less than": ("<say>I <3 you & yours, 1 < 2</say>", [("say", "I <3 you & yours, 1 < 2")]),
    "note repeated": (f"<note>You feel Sad.</note>{SAY}", [("say", "Good evening.")]),
    "note repeated, not closed": ("<note>You feel Sad.\n<do>nods</do>", [("do", "nods")]),
}


@pytest.mark.parametrize("name", REPLIES)
def test_what_models_send(name: str) -> None:
    text, pieces = REPLIES[name]
    reply = read(text)
    assert shown(reply) == pieces
    assert reply.faults == (("echoed_note",) if name.startswith("note") else ())
    assert reply.dropped == 0


# a tag inside another: what is private stays private
NESTED = {
    "thought": (
        "<thought>He lies. <do>nods</do> I know.</thought>",
        [("think", "He lies."), ("do", "nods"), ("think", "I know.")],
    ),
    "feeling in a thought": (
        "<thought>He lies. <feel>Sad</feel> I know.</thought>",
        [("think", "He lies."), ("think", "I know.")],
    ),
    "whisper": (
        '<whisper to="Tom">The key <do>leans in</do> is here.</whisper>',
        [("whisper", "The key", "Tom"), ("do", "leans in"), ("whisper", "is here.", "Tom")],
    ),
    "aside": (
        "<aside>Fool. <do>nods</do> Old fool.</aside>",
        [("aside", "Fool."), ("do", "nods"), ("aside", "Old fool.")],
    ),
    "thought never closed": (
        "<thought>He lies. <feel>Sad</feel> I know.",
        [("think", "He lies."), ("think", "I know.")],
    ),
    "closed twice": ("<thought>He lies.</thought> I know.</thought>", [("think", "He lies."), ("think", "I know.")]),
    "speech": (
        '<say to="Tom">Sit. <do>nods</do> Please.</say>',
        [("say", "Sit.", "Tom"), ("do", "nods"), ("say", "Please.", "Tom")],
    ),
    "thought not closed, then speech": ("<thought>He lies.\n<say>Sit.</say>", [("think", "He lies."), ("say", "Sit.")]),
}


@pytest.mark.parametrize("name", NESTED)
def test_a_tag_inside_another_keeps_what_is_private(name: str) -> None:
    text, pieces = NESTED[name]
    assert shown(read(text)) == pieces


@pytest.mark.parametrize(
    ("text", "feel"),
    [
        ("<feel>Tense</feel><say>Sit.</say>", "Tense"),
        ("<feel>Tense\n<say>Sit.</say>", "Tense"),
        ("Tense</feel><say>Sit.</say>", "Tense"),
        ("<say>Sit.</say><feel>Tense</feel><feel>Sad</feel>", "Tense"),
        ("<say>Sit.</say>", ""),
    ],
)
def test_the_first_feeling_counts_and_is_no_piece(text: str, feel: str) -> None:
    reply = read(text)
    assert reply.feel == feel
    assert shown(reply) == [("say", "Sit.")]


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", ("empty",)),
        (" \n\t ", ("empty",)),
        ("<think>How shall I put it?", ("empty",)),
        ("```\n\n```", ("empty",)),
        ("<say></say>", ("unreadable",)),
        ("<thought> </thought><say>\n</say>", ("unreadable",)),
        ("<feel>Tense</feel>", ("unreadable",)),
        ("<say", ("unreadable",)),
        ("</say>", ("unreadable",)),
        ("<note>You feel Sad.</note>", ("unreadable", "echoed_note")),
        ("Tom: Good evening.", ("spoke_for_others", "unreadable")),
    ],
)
def test_nothing_to_read(text: str, faults: tuple[str, ...]) -> None:
    reply = read(text)
    assert reply.pieces == ()
    assert reply.faults == faults


# several speakers in one reply: only the own part is kept
@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Sit down.\nTom: No.\nMara: Please.", [("say", "Sit down.")]),
        ("Mara: Sit down.\n\n**Tom Bell:** No.", [("say", "Sit down.")]),
        ("Tom: No.\nMara: Please.", [("say", "Please.")]),
        ("Tom: No.\nMara: Please.\nTom: No!", [("say", "Please.")]),
        ("TOM: No.\nMARA: Please.", [("say", "Please.")]),
        ("Tom (shouting): No.\nMara Quill: Please.", [("say", "Please.")]),
        ("<say>Sit down.</say>\nTom: <say>No.</say>", [("say", "Sit down.")]),
        ("Tom: <say>No.</say>\nMara: <say>Please.</say>", [("say", "Please.")]),
        ("<say>Sit down.\nTom: No.</say><do>nods</do>", [("say", "Sit down.")]),
        ("<do>nods</do> Sit down.\nTom Bell: No.", [("do", "nods"), ("say", "Sit down.")]),
    ],
)
def test_only_the_own_part_is_kept(text: str, pieces: list[tuple[str, ...]]) -> None:
    reply = read(text)
    assert shown(reply) == pieces
    assert reply.faults == ("spoke_for_others",)


def test_a_name_in_mid_line_or_of_nobody_is_speech() -> None:
    text = "I asked Tom: why?\nAnna: she would know.\nTomorrow: rain."
    reply = read(text)
    assert shown(reply) == [("say", text)]
    assert reply.faults == ()


# the model's own reasoning is not the character's
@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("<think>Who am I?</think>Good evening.", "Good evening."),
        ("<thinking>Who am I?</thinking>\nGood evening.", "\nGood evening."),
        ("<THINK>a</THINK>b<think>c</think>d", "bd"),
        ("Who am I?</think>Good evening.", "Good evening."),
        ("<say>no</say></think><say>yes</say>", "<say>yes</say>"),
        ("<think>a<think>b</think>c</think>d", "d"),
        ("Good evening.<think>What now", "Good evening."),
        ("I think so.", "I think so."),
        ("<thought>So.</thought>", "<thought>So.</thought>"),
    ],
)
def test_reasoning_is_dropped_and_counted(text: str, kept: str) -> None:
    assert strip_reasoning(text) == (kept, len(text) - len(kept))
    assert parse_reply(text).dropped == len(text) - len(kept)


def test_reasoning_that_rehearses_the_reply_is_not_the_reply() -> None:
    reply = read("<think>Perhaps <say>No!</say>? Or:\nTom: hm</think>\n<thought>Late.</thought><say>Sit.</say>")
    assert shown(reply) == [("think", "Late."), ("say", "Sit.")]
    assert reply.faults == ()


# who speaks plainly has no markup
@pytest.mark.parametrize(
    "text", ["<say>Hi</say>", "```xml\n<note>a</note>\n```", "```python\nprint()\n```", "<aside class='x'>", "*nods*"]
)
def test_plain_speech_is_taken_as_it_stands(text: str) -> None:
    assert shown(read(text, plain=True)) == [("say", text)]


def test_plain_speech_loses_reasoning_names_and_the_lines_of_others() -> None:
    reply = read("<think>Hm.</think>Mara: Sit.\nTom: No.", plain=True)
    assert shown(reply) == [("say", "Sit.")]
    assert reply.faults == ("spoke_for_others",)
    assert reply.dropped == len("<think>Hm.</think>")


TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=60)
TRICKY = st.lists(
    st.sampled_from(
        [*(f"<{tag}>" for tag in TAGS), *(f"</{tag}>" for tag in TAGS), "&lt;say", "&amp;lt;/do>", "&amp;amp;lt;say>",
         "<think>", "</think>", "</thinking>", "&lt;think>", "<say", '<say to="Tom">', "<SAY >", "< say>", "<", ">",
         "&", "&amp;", "\n", "\r", "\u2028", "\x85", "Tom: ", "```", "é", "𝔘", "ſay", "<ſay>", "<|eot|>", "word "]
    ),
    min_size=1, max_size=12,
).map("".join)  # fmt: skip
TEXTS = st.one_of(TEXT, TRICKY).map(str.strip).filter(bool)
NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters='"<>,'), min_size=1).map(
    str.strip
).filter(bool)  # fmt: skip


@st.composite
def pieces_of_an_act(draw: st.DrawFn) -> Piece:
    kind = draw(st.sampled_from(["thought", "do", "say", "whisper", "aside", "move"]))
    text = draw(TEXTS)
    if kind in ("thought", "do", "move"):
        return Piece(kind={"thought": "think"}.get(kind, kind), text=text)
    to = tuple(draw(st.lists(NAMES, max_size=3))) if kind != "aside" else ()
    return Piece(kind="say", text=text, to=to, manner="" if kind == "say" else kind)


def turns_of(pieces: list[Piece], emotion: str = "") -> list[Turn]:
    return [Turn(n=n, act=0, seat="mara", emotion=emotion, **piece.model_dump()) for n, piece in enumerate(pieces)]


@given(st.lists(pieces_of_an_act(), min_size=1, max_size=6), st.one_of(st.just(""), TEXTS))
@example([Piece(kind="say", text="<think>not reasoning</think>")], "")
@example([Piece(kind="say", text="a</think>b"), Piece(kind="think", text="<thinking>")], "")
@example([Piece(kind="say", text="O'Neil said", to=("O'Neil",))], "Sad & <feel>")
@example([Piece(kind="say", text="&lt;say>a&amp;lt;/say>", manner="aside")], "")
def test_what_is_written_is_read_back(pieces: list[Piece], emotion: str) -> None:
    reply = parse_reply(write_act(turns_of(pieces, emotion), {}, plain=False))
    assert reply == Reply(pieces=tuple(pieces), feel=emotion)


@given(st.one_of(TEXT, TRICKY))
def test_unescape_is_the_inverse_of_escape(text: str) -> None:
    assert unescape(escape(text)) == text
    assert unescape(unescape(escape(escape(text)))) == text


@given(st.one_of(TEXT, TRICKY), st.sampled_from(TAGS))
def test_no_text_opens_or_closes_a_tag(text: str, tag: str) -> None:
    lowered = escape(text).lower()
    assert f"<{tag}>" not in lowered
    assert f"</{tag}>" not in lowered
    assert f"<{tag} " not in lowered


def test_other_text_is_left_byte_for_byte() -> None:
    text = "a < b && c > d &lt; &amp; <b>bold</b> <sayings> &lt;b> < say> R&D"
    assert escape(text) == text
    assert unescape(text) == text


def test_an_act_is_written_with_names_and_in_order() -> None:
    turns = turns_of([
        Piece(kind="think", text="Late."), Piece(kind="do", text="nods"), Piece(kind="say", text="Sit.", to=("tom",)),
        Piece(kind="say", text="Now.", to=("tom", "ann"), manner="whisper"), Piece(kind="move", text="yard"),
        Piece(kind="move", text="out"),
    ], "Tense")  # fmt: skip
    names = {"tom": "Tom Bell", "ann": 'Ann "Nan", Lee', "yard": "Someone Yard"}
    assert write_act(turns, names, plain=False, places={"yard": "the back yard"}) == (
        "<feel>Tense</feel>\n<thought>Late.</thought>\n<do>nods</do>\n"
        '<say to="Tom Bell">Sit.</say>\n<whisper to="Tom Bell, Ann Nan Lee">Now.</whisper>\n'
        "<move>the back yard</move>\n<move>out</move>"
    )


def test_a_plain_act_is_its_speech() -> None:
    turns = turns_of(
        [Piece(kind="think", text="Late."), Piece(kind="say", text="<b>\n1 < 2"), Piece(kind="say", text="So.")]
    )
    assert write_act(turns, {}, plain=True) == "<b>\n1 < 2\nSo."


def test_a_name_fits_into_an_attribute() -> None:
    assert attribute('Ann "Nan" <Lee>, RN') == "Ann Nan Lee RN"


# time that grows with the square of the length would not end here
SIZE = 400_000


@pytest.mark.parametrize(
    "unit",
    ["<say>", "</say>", "<say", "<thought>a</say>", "<do>x</do>y", "&amp;lt;", "&amp;", "&amp;lt;say>", "<think>",
     "</think>", "Tom: ", "Tom: a\n", "Mara: a\n", "Tom (", "**Tom", " ", "\t", "```", "```\n", '<say to="', "<say to",
     "<", "</", "to = ", "\n "],
)  # fmt: skip
@pytest.mark.parametrize("frame", ["{}", "<say>{}", "```xml\n{}x", "<say to={}>a</say>", "Tom: hm\n{}"])
def test_a_huge_reply_is_read_in_linear_time(unit: str, frame: str) -> None:
    text = frame.replace("{}", unit * (SIZE // len(unit)))
    reply = read(text)
    assert reply.pieces or reply.faults
    assert unescape(escape(text)) == text
