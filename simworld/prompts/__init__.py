"""The only door to `templates/`: everything a model is told is rendered here."""

from simworld.prompts.briefing import Situation, brief, field_values, profile
from simworld.prompts.fields import check_template, render_field
from simworld.prompts.render import data, digest, folder_digest, forms, page, render, words
from simworld.prompts.when import ago

__all__ = [
    "Situation", "ago", "brief", "check_template", "data", "digest", "field_values", "folder_digest", "forms", "page",
    "profile", "render", "render_field", "words",
]  # fmt: skip
