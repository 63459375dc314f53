"""Packs: YAML files of personas, scenes and stories, read safely, checked at once, told by line."""

from simworld.packs.accept import accept_scene, accept_story, problems_of_scene
from simworld.packs.casting import matches
from simworld.packs.editor import json_schema
from simworld.packs.find import candidates, find_persona, find_scenes
from simworld.packs.find_story import FoundStory, find_stories, is_story
from simworld.packs.interventions import read_interventions
from simworld.packs.layout import builtin_root, installed_roots
from simworld.packs.node import Node
from simworld.packs.pack import Pack, check, load_pack, vocabulary
from simworld.packs.reader import read_yaml
from simworld.packs.starter import new_pack
from simworld.packs.words import Vocabulary

__all__ = [
    "FoundStory", "Node", "Pack", "Vocabulary", "accept_scene", "accept_story", "builtin_root", "candidates", "check",
    "find_persona", "find_scenes", "find_stories", "installed_roots", "is_story", "json_schema", "load_pack", "matches",
    "new_pack", "problems_of_scene", "read_interventions", "read_yaml", "vocabulary",
]  # fmt: skip
