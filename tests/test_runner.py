"""Runs end published or clearly failed; tried on tiny notebooks and a place of two wards."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import nbformat
import numpy as np
import pandas as pd
import pytest
import shapely
from bs4 import BeautifulSoup
from nbformat import v4

from placelib import gate
from placelib.errors import Fault, InputFaults
from placelib.place import Place, Stage
from placelib.run import engine, runner

PARAMETERS = 'place = "a-town"\nedition = ""\ndata = ""'
SETTINGS = """
name = "{slug}"
area_code = "E06000043"
ward_vintage = "2025"
edition = "spring"
agencies = [{{ id = "council", name = "Council" }}, {{ id = "fire", name = "Fire service" }}]
"""


def write_notebook(path: Path, *cells: str, parameters: str = PARAMETERS, title: str = "Tiny") -> Path:
    """Write a notebook with a title, a parameters cell and the given code cells."""
    heading = v4.new_markdown_cell(f"# {title}", id="title")
    declared = v4.new_code_cell(parameters, id="parameters", metadata={"tags": ["parameters"]})
    code = [v4.new_code_cell(cell, id=f"cell-{number}") for number, cell in enumerate(cells)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(v4.new_notebook(cells=[heading, declared, *code], metadata={"kernelspec": kernel}), path)
    return path


def _indicators() -> gate.Open:
    areas = pd.DataFrame(
        {
            "area_type": ["ward", "ward", "place", "england"],
            "area_code": ["E05000001", "E05000002", "E06000043", "E92000001"],
            "area_name": ["=North", "South", "A town", "England"],
            "value": [1.0, 2.0, 1.5, 3.0],
        }
    )
    words = {name: name for name in runner.INDICATOR_COLUMNS if name not in ("value", "ward_code", "ward_name")}
    made = areas.assign(**words, agency_name="Fire service")
    return gate.open_table(made, "Indicators")


def _needs() -> gate.Open:
    frame = pd.DataFrame({"ward_code": ["E05000001", "E05000002"], "ward_name": ["=North", "South"]})
    frame = frame.assign(score=[1.0, -1.0], rank=[1, 2], rank_lower=1, rank_upper=2, health_score=[1.0, -1.0], sure="")
    return gate.open_table(frame, "Needs")


def _wards() -> gate.Open:
    boxes = [shapely.box(530000, 104000, 531000, 105000), shapely.box(531000, 104000, 532000, 105000)]
    frame = _needs().frame[["ward_code", "ward_name"]]
    return gate.open_table(gpd.GeoDataFrame(frame, geometry=boxes, crs=27700), "Wards")


def _fires(place: Place) -> gate.Open:
    return gate.open_table(pd.read_csv(place.data / place.slug / "sources" / "fires.csv"), "Fires")


class TinyPlace(Place):
    """A place of two wards whose one file is sources/fires.csv."""

    wards = Stage("wards", lambda _: _wards())
    indicators = Stage("indicators", lambda _: _indicators())
    needs = Stage("needs", lambda _: _needs())
    fires = Stage("fires", _fires)
    illustrative = False

    @property
    def inputs(self) -> SimpleNamespace:
        """Refuse a file with the word FAULT in it, and warn of a short one."""
        if "FAULT" in (self.data / self.slug / "sources" / "fires.csv").read_text():
            faults = [Fault("fires.csv", "is not a count", "correct it", "fires", [row]) for row in (2, 3)]
            raise InputFaults(faults)
        return SimpleNamespace(warnings=("fires.csv: a ward is absent",))


@pytest.fixture
def order(tmp_path, monkeypatch):
    """Two towns, two notebooks, and nothing made yet."""
    for slug in ("a-town", "b-town"):
        (tmp_path / "data" / slug / "sources").mkdir(parents=True)
        (tmp_path / "data" / slug / "place.toml").write_text(SETTINGS.format(slug=slug))
        (tmp_path / "data" / slug / "sources" / "fires.csv").write_text("fires\n12\n31\n")
    (tmp_path / "notebooks").mkdir()
    write_notebook(tmp_path / "notebooks" / "01_place.ipynb", "print(place, edition)")
    write_notebook(tmp_path / "notebooks" / "10_lsp_pack.ipynb", "import sys; print('slow road', file=sys.stderr)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "open_place", lambda slug, edition, data: TinyPlace(slug, edition, Path(data)))
    return runner.Order(data="data", notebooks=tmp_path / "notebooks")


def _run(order: runner.Order, *slugs: str) -> list[str]:
    """How each run ended, a failure with its words."""
    ends = runner.run_places(slugs or ["a-town"], order)
    return [end.message if end.status == "failed" else end.status for end in ends]


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_report_holds_every_output(order):
    """A report has the pack, the notebooks, the tables with their fixed columns, the map and a true manifest."""
    said = []
    (end,) = runner.run_places(["a-town"], order, said.append)
    assert end.message.startswith("reports/a-town/spring/lsp-pack.html")
    report = order.reports / "a-town" / "spring"
    notebooks = [f"notebooks/{name}.{kind}" for name in ("01_place", "10_lsp_pack") for kind in ("html", "ipynb")]
    tables = [f"tables/{name}.csv" for name in ("indicators", "fires", "need_index")]
    others = ["lsp-pack.html", "manifest.json", "wards.geojson"]
    assert sorted(_bytes(report)) == sorted([*notebooks, *tables, *others])
    indicators = pd.read_csv(report / "tables" / "indicators.csv")
    assert list(indicators) == runner.INDICATOR_COLUMNS
    assert list(indicators["ward_name"]) == ["'=North", "South", "A town"]
    assert list(indicators["ward_code"].isna()) == [False, False, True]
    assert list(pd.read_csv(report / "tables" / "need_index.csv")) == [*runner.NEED_COLUMNS, "health_score"]
    made = json.loads((report / "manifest.json").read_text())
    assert made["packages"]["numpy"] == np.__version__
    assert made["outputs"] == runner.outputs(report)
    assert {"a-town/place.toml", "a-town/sources/fires.csv"} < set(made["inputs"])
    assert made["notebook_status"] == {"01_place": "finished", "10_lsp_pack": "finished"}
    assert made["parameters"] == {"place": "a-town", "edition": "spring", "data": "data"}
    assert made["warnings"] == ["fires.csv: a ward is absent", "10_lsp_pack: slow road"]
    assert {"tables", "01_place"} <= set(made["seconds"])
    assert "a-town: 2 of 2 notebooks run" in said


def test_pages_of_a_report_lead_to_each_other(order):
    """The pack names every notebook's page by its title, outside the notebook's own text; each leads to all pages."""
    write_notebook(order.notebooks / "01_place.ipynb", title="Who & where")
    assert _run(order) == ["published"]
    report = order.reports / "a-town" / "spring"
    pages = {path: BeautifulSoup(path.read_text(), "html.parser") for path in report.rglob("*.html")}
    found = {path: page.select("nav[aria-label*=pages] li a") for path, page in pages.items()}
    links = {path: [(path.parent / link["href"]).resolve() for link in each] for path, each in found.items()}
    pack = report / "lsp-pack.html"
    notebooks = [path.resolve() for path in sorted(report.rglob("notebooks/*.html"))]
    assert links.pop(pack) == notebooks
    assert list(links.values()) == [[pack.resolve(), *notebooks]] * 2
    assert [link.text for link in found[pack]] == ["Who & where", "Tiny"]


def test_report_that_cannot_be_put_in_place(order, monkeypatch):
    """When the new report cannot be given its name, the old one is back as it was."""
    assert _run(order) == ["published"]
    before, rename = _bytes(order.reports), Path.rename

    def refuse(path, target):
        if path.name == ".spring.partial":
            raise PermissionError("in use")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    assert "in use" in _run(runner.replace(order, force=True))[0]
    assert _bytes(order.reports) == before


def test_same_inputs_same_bytes(order):
    """Two runs of the same inputs differ in the manifest's timings alone, and hold no path of the machine."""
    assert _run(order) == ["published"]
    first = _bytes(order.reports / "a-town" / "spring")
    assert _run(runner.replace(order, force=True)) == ["published"]
    second = _bytes(order.reports / "a-town" / "spring")
    assert {name for name in first | second if first.get(name) != second.get(name)} <= {"manifest.json"}
    assert b"a-town spring" in second["notebooks/01_place.html"]
    assert not [name for name, held in second.items() if str(Path.cwd()).encode() in held]


def test_nothing_changed_is_kept_and_one_byte_is_not(order):
    """A report is left alone until a byte of an input, a notebook or the report itself changes."""
    report, twice = order.reports / "a-town" / "spring", ["a-town", "a-town"]
    ends = ["published", "unchanged"]
    assert _run(order, *twice) == ends
    (order.notebooks.parent / "data/a-town/sources/fires.csv").write_text("fires\n12\n36\n")
    assert _run(order, *twice) == ends
    assert "36" in (report / "tables" / "fires.csv").read_text()
    write_notebook(order.notebooks / "01_place.ipynb", "print('new')")
    assert _run(order, *twice) == ends
    (report / "wards.geojson").write_text("{}")
    assert _run(order, *twice) == ends


def test_failing_place_stops_no_other(order):
    """The place that fails keeps its old report byte for byte, and the other is published."""
    assert _run(order) == ["published"]
    before = _bytes(order.reports)
    write_notebook(order.notebooks / "01_place.ipynb", 'assert place != "a-town", "no such fire"')
    write_notebook(order.notebooks / "02_survey.ipynb", "1 / (place == 'b-town')")
    first, second = _run(order, "a-town", "b-town")
    assert second == "published"
    assert first.splitlines() == [
        '01_place.ipynb, cell 3 (assert place != "a-town", "no such fire"): AssertionError: no such fire',
        "02_survey.ipynb, cell 3 (1 / (place == 'b-town')): ZeroDivisionError: division by zero",
    ]
    after = _bytes(order.reports)
    assert {name: held for name, held in after.items() if name.startswith("a-town")} == before
    assert not list(order.reports.rglob("*.partial"))


def test_all_faults_before_any_notebook(order):
    """Every fault of the sources is told, and no notebook has started."""
    write_notebook(order.notebooks / "01_place.ipynb", "open('started', 'w')")
    (order.notebooks.parent / "data/a-town/sources/fires.csv").write_text("fires\nFAULT\nFAULT\n")
    (message,) = _run(order)
    assert message.startswith("2 faults in the input")
    assert not Path("started").exists()


def test_input_that_changes_meanwhile(order):
    """A report is not published when a file that it rests on changed while the notebooks ran."""
    change = "from pathlib import Path; Path('data/a-town/sources/fires.csv').write_text('fires\\n13\\n')"
    write_notebook(order.notebooks / "01_place.ipynb", change)
    assert "changed while it was being made" in _run(order)[0]
    assert _run(order) == ["published"]


def test_fault_of_our_own_is_told_in_a_line(order, monkeypatch):
    """An error that nobody foresaw fails one place, in a line that says where."""
    monkeypatch.setattr(TinyPlace, "stage_names", classmethod(lambda _: ["needs", "nothing"]))
    (message,) = _run(order)
    assert message.startswith("Unexpected AttributeError in placelib/run/runner.py, line ")


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"edition": "../../etc"}, "cannot name an edition"), ({"notebooks": Path()}, "no 10_lsp_pack.ipynb")],
)
def test_orders_that_are_refused(order, changes, words):
    """An edition that could leave the folder, and notebooks that are not there, are refused."""
    (message,) = _run(runner.replace(order, **changes))
    assert words in message


def test_one_run_of_a_report_at_a_time(order):
    """A second run of the same report is told to wait; the lock goes with the run that held it."""
    lock = order.reports / "a-town" / ".spring.lock"
    lock.parent.mkdir(parents=True)
    with closing(sqlite3.connect(lock)) as held:
        held.execute("BEGIN EXCLUSIVE")
        assert "Another run" in _run(order)[0]
    assert _run(order) == ["published"]


def test_run_that_was_cut_off_is_cleared_up(order):
    """After a run that ended between moving the old report out and the new one in, the old one is back."""
    assert _run(order) == ["published"]
    report = order.reports / "a-town" / "spring"
    report.rename(report.with_name(".spring.old"))
    report.with_name(".spring.partial").mkdir()
    assert _run(order) == ["unchanged"]
    assert sorted(path.name for path in report.parent.iterdir()) == [".spring.lock", "spring"]


def test_folder_that_is_no_report_is_not_replaced(order):
    """Somebody's own files where the report would go are left there, and the run says so."""
    mine = order.reports / "a-town" / "spring" / "minutes.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    assert "is not a report of placelib" in _run(order)[0]
    assert mine.read_text() == "mine"


UNPROTECTED = "display({}, raw=True, metadata={'placelib': {'unprotected': True}})"
OWN_ERROR = "class PlacelibError(Exception): pass\nraise PlacelibError('There is no such place.')"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os; os._exit(1)", "its kernel died"),
        ("import os, threading, time; threading.Timer(0.2, os._exit, [0]).start(); time.sleep(0.4)", "its kernel died"),
        ("import time; time.sleep(60)", "a cell took longer than 2 seconds"),
        ("1 / 0", r"tiny.ipynb, cell 2 \(1 / 0\): ZeroDivisionError: division by zero"),
        (UNPROTECTED, "have not passed the gate"),
        (OWN_ERROR, "tiny.ipynb: There is no such place."),
    ],
)
def test_notebook_that_does_not_finish(tmp_path, code, words):
    """A dead kernel (even one that exits with 0), a slow cell, an error and the analyst's mark: one message each."""
    path = write_notebook(tmp_path / "tiny.ipynb", code)
    before = path.read_bytes()
    with pytest.raises(engine.NotebookError, match=words) as caught:
        engine.execute(path, {}, cell_seconds=2)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("given", "words"),
    [("plcae", "Did you mean 'place'\\?"), ("data", "has no parameter 'data'. Its parameters: place.")],
)
def test_parameter_that_is_not_declared(tmp_path, given, words):
    """A misspelt parameter, and one that the notebook forgot to declare, are errors before the kernel starts."""
    path = write_notebook(tmp_path / "tiny.ipynb", "open('started', 'w')", parameters='place = "a-town"  # which')
    with pytest.raises(engine.NotebookError, match=words):
        engine.execute(path, {given: "x"})
    assert not Path("started").exists()


def test_refreshed_notebooks_are_stable(tmp_path, capsys):
    """Storing outputs in a notebook a second time changes no byte, and leaves papermill's own marks out."""
    path = write_notebook(tmp_path / "tiny.ipynb", "print(place)", "place")
    engine.refresh(tmp_path)
    first = path.read_bytes()
    engine.refresh(tmp_path)
    assert path.read_bytes() == first
    assert b"papermill" not in first
    assert b"a-town" in first
    assert "tiny.ipynb: outputs stored" in capsys.readouterr().out
