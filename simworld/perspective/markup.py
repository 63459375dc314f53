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

from simworld.schema import Piece, Reply, Turn

TAGS = ("feel", "thought", "do", "say", "whisper", "aside", "move", "note")
_NAMES = "|".join(TAGS)
_IMITATION = re.compile(rf"(&(?:amp;)*lt;|<)(?=/?(?:{_NAMES})\b)", re.IGNORECASE)
_ESCAPED = re.compile(rf"&(?:amp;)*lt;(?=/?(?:{_NAMES})\b)", re.IGNORECASE)
_OPEN = re.compile(r"<(feel|thought|do|say|whisper|aside|move)((?:\s[^<>]*)?)>", re.IGNORECASE)
_CLOSE = re.compile(rf"</(?:{_NAMES})\s*>", re.IGNORECASE)
_TORN = re.compile(rf"</?(?:{_NAMES})\b[^<>]*$", re.IGNORECASE)
_TO = re.compile(r"""\bto\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_THINK = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.IGNORECASE | re.DOTALL)
_THINK_END = re.compile(r"\A.*</think(?:ing)?>", re.IGNORECASE | re.DOTALL)
_FENCE = re.compile(r"\A\s*```[\w-]*[ \t]*\n(.*?)\n?[ \t]*```\s*\Z", re.DOTALL)
_KIND = {"thought": "think", "do": "do", "move": "move"}


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


def write_act(turns: Sequence[Turn], names: Mapping[str, str], *, plain: bool) -> str:
    """One act in canonical form. `names` maps ids of seats and places to names; `plain` writes the speech alone."""
    if plain:
        return "\n".join(turn.text for turn in turns if turn.kind != "think")
    lines = [f"<feel>{escape(turns[0].emotion)}</feel>"] if turns and turns[0].emotion else []
    lines += [_write(turn, names) for turn in turns]
    return "\n".join(lines)


def _write(turn: Turn, names: Mapping[str, str]) -> str:
    tag = turn.manner or {"think": "thought"}.get(turn.kind, turn.kind)
    to = ""
    if turn.to and tag in ("say", "whisper"):
        to = f' to="{", ".join(attribute(names.get(id, id)) for id in turn.to)}"'
    text = names.get(turn.text, turn.text) if turn.kind == "move" else turn.text
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


def parse_reply(text: str, *, own: Iterable[str] = (), others: Iterable[str] = (), plain: bool = False) -> Reply:
    """Read a model's reply.

    `own` and `others` are the names by which the speaker and the other seats are known. A reply without our markup is
    speech. Faults: `spoke_for_others` (lines of other speakers were cut off), `unreadable` (markup, but nothing in
    it), `empty`. A reply with either of the last two has no pieces and is worth asking again.
    """
    text, dropped = strip_reasoning(text)
    fenced = _FENCE.match(text)
    if fenced and (_OPEN.search(fenced[1]) or not plain):
        text = fenced[1]
    script = _Script(own, others)
    text = text.strip()
    if plain or not (_OPEN.search(text) or _CLOSE.search(text) or _TORN.search(text)):
        speech = script.own_part(text)
        pieces = [Piece(kind="say", text=speech)] if speech else []
        return _reply(pieces, "", script, dropped, marked=False)
    pieces, feel = _pieces(script.own_block(text), script)
    return _reply(pieces, feel, script, dropped, marked=True)


def _reply(pieces: list[Piece], feel: str, script: _Script, dropped: int, *, marked: bool) -> Reply:
    faults = ["spoke_for_others"] if script.cut else []
    if not pieces:
        faults.append("unreadable" if marked or script.cut else "empty")
    return Reply(pieces=tuple(pieces), feel=feel, faults=tuple(faults), dropped=dropped)


def _pieces(text: str, script: _Script) -> tuple[list[Piece], str]:
    """The tagged pieces in order, stray text between them as speech; and the feeling."""
    pieces: list[Piece] = []
    feel, at = "", 0
    while match := _OPEN.search(text, at):
        _add_speech(pieces, text[at : match.start()], script)
        tag, attributes = match[1].lower(), match[2] or ""
        body, at = _body(text, match.end(), tag)
        if tag == "feel":
            feel = feel or body
        elif tag in _KIND:
            pieces += [Piece(kind=_KIND[tag], text=body)] if body else []  # pyright: ignore[reportArgumentType]
        elif body := script.own_part(body):
            manner = tag if tag in ("whisper", "aside") else ""
            pieces.append(Piece(kind="say", text=body, to=_addressed(attributes), manner=manner))
        if script.closed:
            return pieces, feel
    _add_speech(pieces, _TORN.sub("", text[at:]), script)
    return pieces, feel


def _body(text: str, start: int, tag: str) -> tuple[str, int]:
    """What stands in the tag opened before `start`, and where to read on; an unclosed tag ends at the next one."""
    close = re.compile(rf"</{tag}\s*>", re.IGNORECASE).search(text, start)
    follows = _OPEN.search(text, start)
    if close and not (follows and follows.start() < close.start()):
        return unescape(text[start : close.start()].strip()), close.end()
    end = follows.start() if follows else len(text)
    body = _CLOSE.sub("", _TORN.sub("", text[start:end]))
    return unescape(body.strip()), end


def _add_speech(pieces: list[Piece], stray: str, script: _Script) -> None:
    speech = script.own_part(unescape(_CLOSE.sub("", stray).strip()))
    if speech:
        pieces.append(Piece(kind="say", text=speech))


def _addressed(attributes: str) -> tuple[str, ...]:
    found = _TO.search(attributes)
    value = next((group for group in found.groups() if group is not None), "") if found else ""
    return tuple(name.strip() for name in value.split(",") if name.strip())


class _Script:
    """Cuts the lines of other speakers out of a reply written as a script (`Name: ...`)."""

    def __init__(self, own: Iterable[str], others: Iterable[str]) -> None:
        self._own = _labels(own)
        self._others = _labels(others)
        self.cut = False
        self.closed = False

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
            self.closed = True
            return head
        own = self._own.search(text, other.end()) if self._own else None
        return self.own_block(text[own.start() :]) if own else ""


def _labels(names: Iterable[str]) -> re.Pattern[str] | None:
    """A pattern for `Name:`, `**Name:**`, `Name (thinking):` at the start of a line."""
    known = sorted({re.escape(name) for name in names if name}, key=len, reverse=True)
    if not known:
        return None
    return re.compile(
        rf"^[ \t]*(?:\*\*|__)?(?:{'|'.join(known)})(?:\*\*|__)?[ \t]*(?:\([^()\n]{{0,60}}\)[ \t]*)?:(?:\*\*|__)?",
        re.MULTILINE,
    )
