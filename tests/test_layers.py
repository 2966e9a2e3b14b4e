"""Data flow one way: each room imports only from rooms to its left, and few of them touch the disk."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# `errors` and `settings` hold the words that all rooms use; the rooms from `stages` on join those left of the gate.
FOR_ALL = ["errors", "settings"]
ROOMS = [
    "sources",
    "measures",
    "assessment",
    "commissioning",
    "suppression",
    "gate",
    "stages",
    "kept",
    "place",
    "publish",
    "run",
    "cli",
]
# settings and terms each have one function that reads a file which the readers name
TOUCH_DISK = {"settings", "sources.readers", "sources.terms", "kept", "place", "publish.report"}
TOUCH_DISK_ROOMS = {"run"}
MODULES = sorted(
    path for path in (ROOT / "placelib").rglob("*.py") if path.parent.name != "placelib" or path.stem != "__init__"
)
DISK_MODULES = {"shutil", "tempfile", "sqlite3", "urllib", "requests", "socket", "subprocess", "pooch"}
DISK_METHODS = {
    "open", "read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "rmdir", "unlink", "touch", "glob",
    "rglob", "iterdir", "exists", "is_file", "is_dir", "to_parquet", "to_file", "to_excel", "to_pickle",
}  # fmt: skip
READERS = {"pd", "gpd", "np", "pyreadstat", "pandas", "geopandas"}
WRITE_WHERE_TOLD = {"to_csv", "to_json", "to_html"}


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT / "placelib").with_suffix("").parts).removesuffix(".__init__")


def _imported(tree: ast.AST) -> Iterator[str]:
    """Full names that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (item.name for item in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full"
            yield from (f"{node.module}.{item.name}" for item in node.names)


def wrong_imports(name: str, source: str) -> list[str]:
    """Imports of a module that go against the flow."""
    room = name.split(".")[0]
    ours = [item.split(".")[1] for item in _imported(ast.parse(source)) if item.startswith("placelib.")]
    if room in FOR_ALL:
        return [item for item in ours if item not in FOR_ALL[: FOR_ALL.index(room)]]
    return [item for item in ours if item not in [*FOR_ALL, *ROOMS[: ROOMS.index(room) + 1]]]


def disk_use(source: str) -> list[str]:
    """Calls and imports that reach for files or the network, as far as the syntax tells."""
    tree = ast.parse(source)
    found = [item for item in _imported(tree) if item.split(".")[0] in DISK_MODULES]
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Name) and call.func.id == "open":
            found.append("open")
        if isinstance(call.func, ast.Attribute):
            owner = getattr(call.func.value, "id", "")
            method = call.func.attr
            reads = owner in READERS and method.startswith(("read_", "load"))
            path = method in WRITE_WHERE_TOLD and call.args
            if method in DISK_METHODS or reads or path:
                found.append(f"{owner}.{method}")
    return found


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_imports_go_one_way(path):
    """A module imports only from its own room and those to its left."""
    assert wrong_imports(_name(path), path.read_text(encoding="utf8")) == []


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_few_touch_the_disk(path):
    """Only the readers, the place, the report and the run room open files."""
    name = _name(path)
    allowed = name in TOUCH_DISK or name.split(".")[0] in TOUCH_DISK_ROOMS
    assert allowed or disk_use(path.read_text(encoding="utf8")) == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("sources.checks", "from placelib.measures import rates"),
        ("assessment.needs", "import placelib.gate"),
        ("publish.charts", "from placelib.run.engine import execute"),
        ("errors", "from placelib.settings import Slug"),
    ],
)
def test_wrong_imports_are_found(name, source):
    """An import from a room to the right is found in each of its forms."""
    assert wrong_imports(name, source) != []


@pytest.mark.parametrize(
    "source", ["open('x')", "import shutil", "pd.read_csv(path)", "frame.to_csv(path)", "Path('x').write_text('')"]
)
def test_disk_use_is_found(source):
    """Each way of reaching a file is found."""
    assert disk_use(source) != []


def test_harmless_calls_are_let_pass():
    """A table that becomes text, and words that are replaced, are no use of the disk."""
    assert disk_use("frame.to_csv(index=False); 'a'.replace('a', 'b'); frame.rename(columns={})") == []


def test_every_room_is_known():
    """A new room is given its place in the order before anything is put into it."""
    assert {_name(path).split(".")[0] for path in MODULES} <= {*FOR_ALL, *ROOMS}
