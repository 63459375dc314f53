"""forge_scenes: distinct scenes for characters, composed or written by a model.

made = asyncio.run(forge_scenes(SceneOrder(n=20, seed=3), personas))
made.scenes[0].background
print(*made.report.lines(), sep="\\n")
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from simworld.backends.asking import Asking
from simworld.errors import UsageError
from simworld.forge.compose_scene import Sketch, compose
from simworld.forge.relations import Tie, weave
from simworld.forge.scene_likeness import Known
from simworld.forge.scene_order import LIKE, SHARE, SceneOrder, SceneReport, Scenes, report_of, scene_id
from simworld.forge.scene_plan import ScenePlan
from simworld.schema import Persona, Scene

__all__ = ["SceneOrder", "SceneReport", "Scenes", "forge_scenes", "scene_id"]

TRIES = 12
"""Drafts of one scene, at the most."""


async def forge_scenes(
    order: SceneOrder,
    personas: Sequence[Persona],
    asking: Asking | None = None,
    *,
    among: Sequence[Persona] = (),
    ties: Sequence[Tie] | None = None,
) -> Scenes:
    """Scenes for each of these personas: by a model where `asking` is given, else by the composer.

    `among`: others who may be partners; `ties`: who is what to whom, woven anew where it is None. Raises UsageError
    where nobody is there to meet.
    """
    everybody = {one.id: one for one in (*among, *personas)}
    if len([one for one in everybody.values() if one.drawn]) < 2:
        raise UsageError("a scene needs two: give more personas, or --pack DIR with those whom they may meet")
    woven = tuple(weave([*everybody.values()], order.seed) if ties is None else ties)
    plan = ScenePlan([*everybody.values()], woven, order.seed)
    total = order.n * len(personas)
    if asking is not None:
        from simworld.forge.scenes_by_model import ask_scenes

        return await ask_scenes(order, personas, asking, plan, woven)
    maker = _Maker(plan, Known(max(3, int(SHARE * total))), order.seed)
    wanted = {one.id: plan.kinds(one, order.n) for one in personas}
    for number in range(order.n):
        for one in personas:
            maker.make(one, wanted[one.id][number], scene_id(one, number))
    scenes = tuple(sorted(maker.scenes, key=lambda scene: scene.id))
    return Scenes(scenes, report_of(scenes, total, maker.redrawn, maker.nearest, maker.worn), woven)


class _Maker:
    """Composes scene after scene; drafts that are too like what is there are drawn again."""

    def __init__(self, plan: ScenePlan, known: Known, seed: int) -> None:
        self.plan, self.known, self.seed = plan, known, seed
        self.scenes: list[Scene] = []
        self.redrawn = self.worn = 0
        self.nearest = 0.0
        self._titles: set[str] = set()

    def make(self, persona: Persona, kind: str, id: str) -> None:
        best: tuple[tuple[int, float], Sketch, Scene] | None = None
        for attempt, sketch in zip(range(TRIES), self.plan.sketches(persona, kind, id), strict=False):
            scene = compose(sketch, Random(f"{self.seed}:{id}:{attempt}"))
            text = f"{scene.background} {scene.status}"
            nearest, worn = self.known.nearest(text), len(self.known.worn(text))
            rank = (worn, max(nearest, LIKE))
            if best is None or rank < best[0]:
                best = rank, sketch, scene
            if not worn and nearest <= LIKE:
                break
            self.redrawn += 1
        if best is None:
            raise UsageError(
                f"no situation is left that fits '{persona.id}' after {len(self.plan.own(persona))} scenes; "
                "ask for fewer with --n, or give more personas with --pack DIR"
            )
        self._keep(best[1], best[2])

    def _keep(self, sketch: Sketch, scene: Scene) -> None:
        text = f"{scene.background} {scene.status}"
        self.nearest = max(self.nearest, self.known.nearest(text))
        self.worn += bool(self.known.worn(text))
        self.known.add(text)
        self.plan.take(sketch)
        titles = (scene.title, f"{scene.title} ({sketch.setting.name})", f"{scene.title} ({scene.time})")
        title = next((one for one in titles if one not in self._titles), f"{scene.title} ({scene.id})")
        self._titles.add(title)
        self.scenes.append(scene.model_copy(update={"title": title}))
