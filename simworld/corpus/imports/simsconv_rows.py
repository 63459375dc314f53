"""SimsConv's files, line by line: what each row holds (arXiv 2406.17962; the tidied form, one object a line)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class _Row(BaseModel, frozen=True):
    """Keys that are not named here are kept aside in `model_extra`."""

    model_config = ConfigDict(extra="allow")


class CharacterRow(_Row, frozen=True):
    """A line of `characters.jsonl`."""

    name: str
    profile: str
    """Second-person text, 'You are ...'."""
    slug: str = ""
    age: int | None = None


class SceneRow(_Row, frozen=True):
    """A line of `scenes.jsonl`."""

    character: str
    """Name of the main character."""
    scene: int
    """Number among the character's scenes, from 0."""
    type: str = ""
    location: str = ""
    background: str = ""

    @property
    def words(self) -> int:
        """A hash of what the scene says, good for this process: two rows of one scene should have the same."""
        return hash((self.type, self.location, self.background))


class TurnRow(_Row, frozen=True):
    """A turn of a dialogue."""

    speaker: str
    action: str
    """`speaking`, `thinking` or `narration`."""
    content: str
    fix: tuple[str, ...] = ()
    """What was mended when the data was tidied."""


class DialogueRow(_Row, frozen=True):
    """A line of `dialogues.jsonl`."""

    id: str
    character: str
    """Name of the main character."""
    scene: int
    turns: tuple[TurnRow, ...]
    scene_type: str = ""
    location: str = ""
    setting: str = ""
    """The paper's 'Status'."""
    scene_background: str = ""
    """The background of the scene's own row."""
    background: str = ""
    """Always '.' in the source."""
    emotion: str = ""
    """Of the main character."""
    topic: str = ""
    """Normalised, or `other`."""
    topic_raw: str = ""
    partners: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def as_scene(self) -> SceneRow:
        """The row of the scene that was played."""
        return SceneRow(
            character=self.character,
            scene=self.scene,
            type=self.scene_type,
            location=self.location,
            background=self.scene_background,
        )
