"""The notebooks as they are committed: short, without machinery, and their stored outputs true."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NAMES = [
    "01_place",
    "02_survey",
    "03_needs",
    "04_equalities",
    "05_aspirations",
    "06_outcomes",
    "07_resources",
    "08_commissioning",
    "09_assurance",
    "10_lsp_pack",
]
MACHINERY = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.For, ast.While, ast.With, ast.Try)
TRIED = ROOT / "notebooks" / "03_needs.ipynb"


def _read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def _code(path: Path) -> list[NotebookNode]:
    return [cell for cell in _read(path).cells if cell.cell_type == "code"]


def _nbval(*paths: Path) -> subprocess.CompletedProcess:
    """Run notebooks again and compare what they show with what is stored."""
    plain = ["-c", "pyproject.toml", "-o", "addopts=", "-o", "filterwarnings=", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", *plain, *map(str, paths)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_course_is_complete():
    """The notebooks are there in their order, and no other."""
    assert [path.stem for path in NOTEBOOKS] == NAMES


def test_links_lead_to_headings_that_are_there():
    """The pack leads to the very sections of the other notebooks; a heading that changed takes its links with it."""
    words = {
        path: "\n".join(cell.source for cell in _read(path).cells if cell.cell_type == "markdown") for path in NOTEBOOKS
    }
    headings = {
        f"{path.name}#{heading.replace(' ', '-')}"
        for path, text in words.items()
        for heading in re.findall(r"^#+ (.+)", text, re.MULTILINE)
    }
    links = [re.findall(r"\]\((.+?\.ipynb.*?)\)", text) for text in words.values()]
    assert len(links[-1]) > 10
    assert {link for each in links for link in each} <= headings
    told = re.findall(r"\[([^\]]+)\]\(.+?\.ipynb.*?\)", list(words.values())[-1])
    assert len(set(told)) == len(told)  # the same words never lead to two places


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_parameters_cell(path):
    """One cell is tagged `parameters`: place, edition and data, each with a comment, no path of a machine."""
    tagged = [cell for cell in _code(path) if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    lines = tagged[0].source.splitlines()
    assert [line.split(" = ")[0] for line in lines] == ["place", "edition", "data"]
    assert all("# " in line for line in lines)
    assert [ast.literal_eval(line.split(" = ")[1]) for line in lines] == ["brighton-and-hove", "", ""]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_short_and_without_machinery(path):
    """15 to 25 cells; code cells of a few lines, without functions, loops or unprotected numbers."""
    cells, code = _read(path).cells, [cell.source for cell in _code(path)]
    assert 15 <= len(cells) <= 25
    assert sorted(len(source.splitlines()) for source in code)[len(code) // 2] <= 3
    assert max(len(source.splitlines()) for source in code) <= 12
    assert not [node for source in code for node in ast.walk(ast.parse(source)) if isinstance(node, MACHINERY)]
    assert "unprotected" not in " ".join(code)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_outputs(path):
    """Every code cell has been run once, in order, without error or warning, and nothing of the run itself is kept."""
    code = _code(path)
    outputs = [output for cell in code for output in cell.outputs]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    assert outputs
    text = path.read_text(encoding="utf8")
    assert "papermill" not in text
    assert str(ROOT) not in text


def test_nbval_finds_the_stored_outputs_true():
    """Run again, every notebook shows what is stored in it."""
    done = _nbval(*NOTEBOOKS)
    assert done.returncode == 0, done.stdout[-3000:]


def test_nbval_finds_a_changed_number(tmp_path):
    """One digit changed in a stored output is found, and no other cell is blamed."""
    notebook = _read(TRIED)
    tampered = tmp_path / TRIED.name
    cell = next(cell for cell in notebook.cells if cell.get("outputs") and _digits(cell.outputs[-1]))
    text = cell.outputs[-1].data["text/plain"]
    last = max(place for place, letter in enumerate(text) if letter.isdigit())
    cell.outputs[-1].data["text/plain"] = f"{text[:last]}{(int(text[last]) + 1) % 10}{text[last + 1 :]}"
    nbformat.write(notebook, tampered)
    done = _nbval(tampered)
    assert done.returncode == 1
    assert "1 failed" in done.stdout.splitlines()[-1]


def _digits(output: NotebookNode) -> bool:
    return any(letter.isdigit() for letter in output.get("data", {}).get("text/plain", ""))


@pytest.mark.parametrize("folder", [".", "notebooks"])
def test_plain_papermill_from_either_folder(folder, tmp_path):
    """Plain papermill runs a notebook for the other place from the repository's root and from notebooks/."""
    done = _papermill(folder, tmp_path, "place", "tower-hamlets")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Tower Hamlets" in json.dumps(_read(tmp_path / "out.ipynb"))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("plcae", "tower-hamlets", "The notebook has no parameter 'plcae'. Did you mean 'place'?"),
        ("place", "tower-hamlts", "There is no place 'tower-hamlts' in the data folder."),
    ],
)
def test_plain_papermill_tells_a_mistake_in_one_line(tmp_path, name, value, words):
    """A misspelt parameter and an unknown place each end papermill with one clear line and no traceback."""
    done = _papermill(".", tmp_path, name, value)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"Error: {words}")


def _papermill(folder: str, tmp_path: Path, name: str, value: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "papermill", str(TRIED), str(tmp_path / "out.ipynb"), "-p", name, value]
    return subprocess.run(command, cwd=ROOT / folder, capture_output=True, text=True, check=False)
