"""Scenes as files: YAML in the order of the schema, as people write it.

write_scene(scene, Path("mypack"))      # mypack/scenes/mara_01.yaml
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simworld.forge.yaml_text import Flow, FlowMap, Folded, in_yaml
from simworld.schema import Scene

WIDTH = 118
SHORT = 96
"""Characters up to which a list or mapping of words stands on one line."""


def write_scene(scene: Scene, folder: Path) -> Path:
    """Write `folder/scenes/ID.yaml`, in place of what is there; the path."""
    path = folder / "scenes" / f"{scene.id}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(scene_yaml(scene), encoding="utf-8")
    return path


def scene_yaml(scene: Scene) -> str:
    """A scene as YAML; what says its default is left out."""
    plain: dict[str, Any] = scene.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return in_yaml(_laid_out(plain), WIDTH)


def _laid_out(value: Any) -> Any:
    if isinstance(value, dict):
        entries: dict[str, Any] = {str(key): _laid_out(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return FlowMap(entries) if _is_short(entries) else entries
    if isinstance(value, list):
        items = [_laid_out(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
        return Flow(items) if _is_short(items) else items
    return Folded(value) if isinstance(value, str) and len(value) > SHORT else value


def _is_short(value: dict[str, Any] | list[Any]) -> bool:
    """Whether it holds plain words that fit on one line."""
    items = list(value.values()) if isinstance(value, dict) else value
    return all(isinstance(item, str | int | float) for item in items) and len(str(value)) < SHORT
