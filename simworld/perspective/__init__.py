"""A transcript as one participant lived it: acting, exporting and judging all read it through this room."""

from simworld.perspective.layout import Layout, Message, stretches
from simworld.perspective.markup import attribute, parse_reply, strip_reasoning, write_act

__all__ = ["Layout", "Message", "attribute", "parse_reply", "stretches", "strip_reasoning", "write_act"]
