"""improv, the embedded default: it speaks for any seat with no model, key or network.

    deed = await ImprovAgent().act(view)

It composes from the persona, the scene, the emotion and what was just said, by the authored files of
`templates/improv`. An act is a pure function of its view.
"""

from simworld.agents.improv.agent import ImprovAgent

__all__ = ["ImprovAgent"]
