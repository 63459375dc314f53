"""Scenes as files: YAML in the order of the schema, as people write it.

write_scene(scene, Path("mypack"))      # mypack/scenes/mara_01.yaml
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from simworld.schema import Scene

WIDTH = 118
SHORT = 96
"""Characters up to which a list or mapping of words stands on one line."""


class _Flow(list[Any]):
    """A list on one line."""


class _FlowMap(dict[str, Any]):
    """A mapping on one line."""


class _Folded(str):
    """Text folded over lines."""


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists under their key."""
        del indentless
        super().increase_indent(flow, False)


def _flow(dumper: yaml.SafeDumper, value: list[Any]) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=True)


def _flow_map(dumper: yaml.SafeDumper, value: dict[str, Any]) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", value, flow_style=True)


def _folded(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=">")  # pyright: ignore[reportUnknownMemberType]


_Dumper.add_representer(_Flow, _flow)
_Dumper.add_representer(_FlowMap, _flow_map)
_Dumper.add_representer(_Folded, _folded)


def write_scene(scene: Scene, folder: Path) -> Path:
    """Write `folder/scenes/ID.yaml`, in place of what is there; the path."""
    path = folder / "scenes" / f"{scene.id}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(scene_yaml(scene), encoding="utf-8")
    return path


def scene_yaml(scene: Scene) -> str:
    """A scene as YAML; what says its default is left out."""
    plain: dict[str, Any] = scene.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return yaml.dump(_laid_out(plain), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)


def _laid_out(value: Any) -> Any:
    if isinstance(value, dict):
        entries: dict[str, Any] = {str(key): _laid_out(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return _FlowMap(entries) if _is_short(entries) else entries
    if isinstance(value, list):
        items = [_laid_out(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
        return _Flow(items) if _is_short(items) else items
    return _Folded(value) if isinstance(value, str) and len(value) > SHORT else value


def _is_short(value: dict[str, Any] | list[Any]) -> bool:
    """Whether it holds plain words that fit on one line."""
    items = list(value.values()) if isinstance(value, dict) else value
    return all(isinstance(item, str | int | float) for item in items) and len(str(value)) < SHORT
