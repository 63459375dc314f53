"""YAML as people write it: lists indented under their key, short ones on one line, long text folded.

in_yaml({"traits": Flow(["shy", "dry"]), "personality": Folded("...")}, width=120)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml


class Flow(list[Any]):
    """A list on one line."""


class FlowMap(dict[str, Any]):
    """A mapping on one line."""


class Folded(str):
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
    return dumper.represent_scalar(  # pyright: ignore[reportUnknownMemberType]
        "tag:yaml.org,2002:str", value, style=">"
    )


_Dumper.add_representer(Flow, _flow)
_Dumper.add_representer(FlowMap, _flow_map)
_Dumper.add_representer(Folded, _folded)


def in_yaml(data: Mapping[str, Any], width: int) -> str:
    """Plain data as YAML of at most so many characters a line, its keys in their order."""
    return yaml.dump(data, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=width)
