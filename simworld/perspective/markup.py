"""The reply format: one act as text, and back.

    <feel>Tense</feel>
    <thought>He has not packed a thing.</thought>
    <do>puts the kettle on</do>
    <say to="Mara Quill">Tea, then.</say>

`write_act` and `parse_reply` are inverses: what a model is shown of its own past is exactly what it is asked to write.
Speech may also stand in `<whisper to="NAME">` (perceived by NAME alone) and `<aside>` (perceived by nobody);
`<move>kitchen</move>` goes to a place, `<move>out</move>` leaves the scene. Text between tags is verbatim; only what
imitates one of these tags is escaped (`&lt;say`), so no text can open a tag of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from simworld.schema import Piece, Reply, Turn
from simworld.schema.turn import Kind, Manner

TAGS = ("feel", "thought", "do", "say", "whisper", "aside", "move", "note")
_NAMES = "|".join(TAGS)
# ASCII: with Unicode case folding a long s would pass for the s of a tag
_FLAGS = re.IGNORECASE | re.ASCII
_IMITATED = rf"(?=/?(?:{_NAMES}|think(?:ing)?)\b)"
_IMITATION = re.compile(rf"(&(?:amp;)*lt;|<){_IMITATED}", _FLAGS)
_ESCAPED = re.compile(rf"&(?:amp;)*lt;{_IMITATED}", _FLAGS)
_TAG = re.compile(rf"<(/?)({_NAMES})((?:[\s/][^<>]*)?)>", _FLAGS)
_TORN = re.compile(rf"</?(?:{_NAMES})\b[^<>]*\Z", _FLAGS)
_BEGUN = "|".join(sorted({tag[:size] for tag in TAGS for size in range(1, len(tag))}))
_TORN_NAME = re.compile(rf"</?(?:{_BEGUN})?\Z", _FLAGS)
_TO = re.compile(r"""\bto\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_THINK = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.IGNORECASE | re.DOTALL)
_THINK_END = re.compile(r"\A.*</think(?:ing)?>", re.IGNORECASE | re.DOTALL)
_FENCE = re.compile(r"```[\w-]*[ \t]*\n")
_FENCE_LINE = re.compile(r"^[ \t]*```[\w-]*[ \t]*$", re.MULTILINE)
_KIND: dict[str, Kind] = {"thought": "think", "do": "do", "move": "move"}
_MANNER: dict[str, Manner] = {"whisper": "whisper", "aside": "aside"}
_PRIVATE = ("thought", "aside", "whisper", "note")


def escape(text: str) -> str:
    """`text` with every imitation of a tag made plain text; other text is left byte for byte."""
    if "<" not in text and "&" not in text:
        return text
    return _IMITATION.sub(lambda m: "&lt;" if m[0] == "<" else "&amp;" + m[0][1:], text)


def unescape(text: str) -> str:
    """The inverse of `escape`."""
    if "&" not in text:
        return text
    return _ESCAPED.sub(lambda m: "<" if m[0] == "&lt;" else "&" + m[0][5:], text)


def write_act(
    turns: Sequence[Turn], names: Mapping[str, str], *, plain: bool, places: Mapping[str, str] | None = None
) -> str:
    """One act in canonical form. `names` and `places` map ids to names; `plain` writes the speech alone."""
    if plain:
        return "\n".join(turn.text for turn in turns if turn.kind != "think")
    lines = [f"<feel>{escape(turns[0].emotion)}</feel>"] if turns and turns[0].emotion else []
    lines += [_write(turn, names, places or {}) for turn in turns]
    return "\n".join(lines)


def _write(turn: Turn, names: Mapping[str, str], places: Mapping[str, str]) -> str:
    tag = turn.manner or {"think": "thought"}.get(turn.kind, turn.kind)
    to = ""
    if turn.to and tag in ("say", "whisper"):
        to = f' to="{", ".join(attribute(names.get(id, id)) for id in turn.to)}"'
    text = places.get(turn.text, turn.text) if turn.kind == "move" else turn.text
    return f"<{tag}{to}>{escape(text)}</{tag}>"


def attribute(name: str) -> str:
    """A name as it may stand in a tag's attribute."""
    return re.sub(r'["<>,]', "", name)


def strip_reasoning(text: str) -> tuple[str, int]:
    """`text` without the model's own reasoning (`<think>` blocks, closed or not), and the characters dropped."""
    if "think" not in text.lower():
        return text, 0
    kept = _THINK_END.sub("", _THINK.sub("", text))
    return kept, len(text) - len(kept)


def parse_reply(
    text: str, *, own: Iterable[str] = (), others: Iterable[str] = (), plain: bool = False, end: str = ""
) -> Reply:
    """Read a model's reply.

    `own` and `others` are the names by which the speaker and the other seats are known. A reply without our markup is
    speech. Faults: `spoke_for_others` (lines of other speakers were cut off), `echoed_note`
    (our note came back), `unreadable` (markup, but nothing in
    it), `empty`. A reply with either of the last two has no pieces and is worth asking again.

    `end` is what a plain speaker writes to close the conversation: what stands before it is said, and nothing after it.
    """
    text, dropped = strip_reasoning(text)
    if end and plain and (found := re.search(re.escape(end), text, _FLAGS)):
        return _closing(parse_reply(text[: found.start()], own=own, others=others, plain=True), dropped)
    text = text.strip()
    script = _Script(own, others)
    if not plain and (_TAG.search(text) or _TORN.search(text)):
        return _Reader(script).read(script.own_block(text), dropped)
    speech = script.own_part(text if plain else _unfenced(text))
    pieces = (Piece(kind="say", text=speech),) if speech else ()
    return Reply(pieces=pieces, faults=_faults(pieces, script, marked=False), dropped=dropped)


def _closing(reply: Reply, dropped: int) -> Reply:
    """The reply, with the conversation closed after it: one that says nothing lacks nothing."""
    faults = tuple(fault for fault in reply.faults if fault != "empty")
    return reply.model_copy(update={"end": True, "faults": faults, "dropped": dropped})


def _faults(pieces: Sequence[Piece], script: _Script, *, marked: bool) -> tuple[str, ...]:
    faults = ("spoke_for_others",) if script.cut else ()
    if pieces:
        return faults
    return (*faults, "unreadable" if marked or script.cut else "empty")


def _unfenced(text: str) -> str:
    """A reply that is one code block, without its fence (the closing one may be missing)."""
    opened = _FENCE.match(text)
    inner = text[opened.end() :].removesuffix("```") if opened else text
    return text if "```" in inner else inner.strip()


class _Reader:
    """Reads a reply tag by tag.

    A tag that is not closed ends at the next one. Text after an inner tag belongs to the tag that closes it, or that is
    private and still open: what was thought or whispered never becomes speech. Other text between tags is speech.
    """

    def __init__(self, script: _Script) -> None:
        self._script = script
        self._open: tuple[str, str] | None = None
        self._interrupted: dict[str, str] = {}
        self._pieces: list[Piece] = []
        self._feel = ""
        self._echoed = False

    def read(self, text: str, dropped: int) -> Reply:
        """The reply: the tagged pieces in order, stray text between them as speech; and the feeling."""
        body, at = "", 0
        for match in _TAG.finditer(text):
            body += text[at : match.start()]
            at = match.end()
            body = self._end(match[2].lower(), body) if match[1] else self._begin(match[2].lower(), match[3], body)
        self._add(self._open, body + _TORN_NAME.sub("", _TORN.sub("", text[at:])))
        faults = _faults(self._pieces, self._script, marked=True)
        faults += ("echoed_note",) if self._echoed else ()
        return Reply(pieces=tuple(self._pieces), feel=self._feel, faults=faults, dropped=dropped)

    def _begin(self, tag: str, attributes: str, body: str) -> str:
        """Open a tag; the text before it is done. Returns the text that is still to be placed."""
        if attributes.rstrip().endswith("/"):
            return body
        self._add(self._open, body)
        if self._open:
            self._interrupted[self._open[0]] = self._open[1]
        self._open = (tag, attributes)
        return ""

    def _end(self, tag: str, body: str) -> str:
        """Close a tag, be it the open one or an outer one; one that fits neither is passed over."""
        if self._open and self._open[0] != tag and tag not in self._interrupted:
            return body
        attributes = self._interrupted.pop(tag, "")
        self._add(self._open or (tag, attributes), body)
        self._open = None
        return ""

    def _add(self, where: tuple[str, str] | None, body: str) -> None:
        if where is None:
            body = _FENCE_LINE.sub("", body)
            left = [tag for tag in _PRIVATE if tag in self._interrupted]
            where = (left[0], self._interrupted[left[0]]) if left else ("say", "")
        tag, attributes = where
        body = unescape(body.strip())
        self._echoed = self._echoed or tag == "note"
        if tag == "feel":
            self._feel = self._feel or body
        elif tag in _KIND:
            self._pieces += [Piece(kind=_KIND[tag], text=body)] if body else []
        elif tag != "note" and (body := self._script.own_part(body)):
            to = _addressed(attributes)
            self._pieces.append(Piece(kind="say", text=body, to=to, manner=_MANNER.get(tag, "")))


def _addressed(attributes: str) -> tuple[str, ...]:
    found = _TO.search(attributes)
    value = next((group for group in found.groups() if group is not None), "") if found else ""
    return tuple(name.strip() for name in value.split(",") if name.strip())


class _Script:
    """Cuts the lines of other speakers out of a reply written as a script (`Name: ...`)."""

    def __init__(self, own: Iterable[str], others: Iterable[str]) -> None:
        self._own = _labels(tuple(own))
        self._others = _labels(tuple(others))
        self.cut = False

    def own_part(self, text: str) -> str:
        """`text` without the own name before it and without anything from another speaker's line on."""
        text = self.own_block(text)
        if self._own and (label := self._own.match(text)):
            text = text[label.end() :].lstrip()
        return text.strip()

    def own_block(self, text: str) -> str:
        """`text` up to another speaker's line; where it starts with one, from the own name on."""
        if not self._others:
            return text
        other = self._others.search(text)
        if not other:
            return text
        self.cut = True
        head = text[: other.start()]
        if head.strip():
            return head
        own = self._own.search(text, other.end()) if self._own else None
        return self.own_block(text[own.start() :]) if own else ""


@lru_cache(maxsize=4096)
def _labels(names: tuple[str, ...]) -> re.Pattern[str] | None:
    """A pattern for `Name:`, `**Name:**`, `Name (thinking):` at the start of a line."""
    written = {form for name in names if name for form in (name, name.upper())}
    known = sorted((re.escape(form) for form in written), key=lambda form: (-len(form), form))
    if not known:
        return None
    return re.compile(
        rf"^[ \t]*(?:\*\*|__)?(?:{'|'.join(known)})(?:\*\*|__)?[ \t]*(?:\([^()\n]{{0,60}}\)[ \t]*)?:(?:\*\*|__)?",
        re.MULTILINE,
    )
