"""The house: imports go down the floors, nothing goes in circles, files stay short, importing stays light."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "simworld"
LONGEST = 400

FLOORS = {
    11: ["cli"],
    10: ["__init__", "loop"],
    9: ["curate"],
    8: ["evaluate"],
    7: ["simulate", "forge"],
    6: ["usersim"],
    5: ["agents"],
    4: ["mind", "backends", "corpus", "train"],
    3: ["checkpoint"],
    2: ["world", "text", "embed", "perspective", "prompts", "packs", "registry"],
    1: ["schema", "errors"],
}
"""Floor -> rooms. A room imports only from floors below it."""

FLOOR_OF = {room: floor for floor, rooms in FLOORS.items() for room in rooms}
# the package's version is the one thing that may be read from any floor
VERSION = ("simworld", "__version__")


def modules() -> dict[str, Path]:
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in PACKAGE.rglob("*.py")
    }


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imports_of(module: str, path: Path, known: set[str]) -> set[str]:
    """The modules of the package that this one imports, wherever in the file it does."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "simworld"}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "simworld":
            for alias in node.names:
                if (node.module, alias.name) != VERSION:
                    longer = f"{node.module}.{alias.name}"
                    found.add(longer if longer in known else node.module)
    return found - {module}


def graph() -> nx.DiGraph:
    known = modules()
    edges = [(module, other) for module, path in known.items() for other in imports_of(module, path, set(known))]
    made = nx.DiGraph(edges)
    made.add_nodes_from(known)
    return made


def test_every_room_stands_on_a_floor() -> None:
    rooms = {room_of(module) for module in modules()}
    assert rooms == set(FLOOR_OF)


def test_imports_go_down() -> None:
    wrong = [
        f"{module} imports {other}"
        for module, other in graph().edges
        if room_of(module) != room_of(other) and FLOOR_OF[room_of(module)] <= FLOOR_OF[room_of(other)]
    ]
    assert wrong == []


def test_no_circles() -> None:
    made = graph()
    # a package's face only passes on names, so what imports the face imports the files behind it
    for module, path in modules().items():
        if path.name == "__init__.py" and module != "simworld":
            for user in list(made.predecessors(module)):
                if user.startswith(module + "."):
                    made.remove_edge(user, module)
    assert [circle for circle in nx.strongly_connected_components(made) if len(circle) > 1] == []


def test_files_stay_short() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in PACKAGE.rglob("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST
    }
    assert long == {}


def test_heavy_libraries_are_imported_in_their_rooms_only() -> None:
    heavy = {"torch", "transformers", "peft", "trl", "datasets", "sentence_transformers", "model2vec"}
    users = {
        module
        for module, path in modules().items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        and {(alias.name if isinstance(node, ast.Import) else node.module or "").split(".")[0] for alias in node.names}
        & heavy
    }
    rooms = {module for module in users if module.startswith(("simworld.backends.local.", "simworld.train."))}
    assert users - rooms <= {"simworld.embed"}


LIGHT = """
import json, sys
{do}
heavy = ["torch", "transformers", "langgraph", "langchain_openai", "langchain_core", "jinja2", "aiohttp", "networkx"]
print(json.dumps([name for name in heavy if name in sys.modules]))
"""


@pytest.mark.parametrize(
    "do",
    [
        "import simworld",
        "import simworld; dir(simworld); simworld.Persona; simworld.Scene",
        "from typer.testing import CliRunner; from simworld.cli.app import app; "
        "assert 'run' in CliRunner().invoke(app, ['--help']).output",
    ],
    ids=["import", "records", "help"],
)
def test_importing_stays_light(do: str) -> None:
    code = LIGHT.format(do=do)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_every_name_of_the_face_is_there() -> None:
    import simworld

    assert simworld.__all__ == sorted(simworld.__all__)
    for name in simworld.__all__:
        assert getattr(simworld, name) is not None
    with pytest.raises(AttributeError, match="it has Condition, Corpus"):
        _ = simworld.Nothing


def test_no_seat_or_chapter_may_be_called_as_the_graphs_state() -> None:
    from simworld.packs.names import RESERVED
    from simworld.simulate.state import State
    from simworld.simulate.story import Told

    assert {*State.__annotations__, *Told.__annotations__} <= RESERVED
