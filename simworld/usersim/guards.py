"""Guards: what is wrong with a message that a user simulator has drawn.

judge(Draft("Sure! Here is the code:"), messages, Guards())     # 'flips_role'
judge(Draft("And in Python?"), messages, Guards())              # ''
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simworld.backends.completion import ENDED
from simworld.usersim.detect import is_echo, is_flip, says_again
from simworld.usersim.options import Guards


@dataclass(frozen=True, slots=True)
class Draft:
    """A message as it was drawn."""

    text: str
    ended: bool = False
    """Whether it closes the conversation, after its text where there is any."""
    cut: bool = False
    """Whether it came to the longest that it may be."""

    @property
    def reason(self) -> str:
        """Its finish reason."""
        return ENDED if self.ended else "length" if self.cut else "stop"


def judge(draft: Draft, messages: Sequence[Mapping[str, str]], guards: Guards) -> str:
    """The guard that objects to the draft; '' where none does. `messages`: the prompt, own messages the assistant's."""
    if not draft.text.strip():
        return "" if draft.ended else "empty"
    own = [message["content"] for message in messages if message["role"] == "assistant"]
    others = [message["content"] for message in messages if message["role"] == "user"]
    if not guards.repeats:
        if says_again(draft.text, own):
            return "repeats"
        if is_echo(draft.text, own, others):
            return "echoes"
    if not guards.flips and is_flip(draft.text, own):
        return "flips_role"
    return ""
