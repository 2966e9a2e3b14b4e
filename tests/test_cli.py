"""The command line answers in clear lines: what was done to standard output, what was refused to standard error."""

import sys
from pathlib import Path

import pytest
from little import households, noise, write_little

from placelib import cli
from placelib.run.runner import Order, Outcome

PLACE = """
name = "A town"
area_code = "E06000043"
ward_vintage = "2025"
edition = "spring"
agencies = [{ id = "council", name = "Council" }, { id = "fire", name = "Fire service" }]
"""


@pytest.fixture
def placelib(monkeypatch, capsys):
    """Call the command line as a shell would; gives exit status, standard output and standard error."""

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["placelib", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0), *capsys.readouterr()

    return call


@pytest.fixture
def data(tmp_path):
    """A data folder with two places: one is sound, the other has two faults."""
    root = write_little(tmp_path / "data", noise, households, slug="a-town")
    (root / "b-town" / "sources").mkdir(parents=True)
    (root / "b-town" / "place.toml").write_text(PLACE)
    (root / "b-town" / "sources" / "fires.toml").write_text('title = "Fires"\nfile = "fires.csv"\nkind = "fire"\n')
    return str(root)


def test_check_tells_every_fault(placelib, data):
    """Every place is checked; each fault has its line, and one faulty place makes the status 1."""
    status, said, wrong = placelib("check", "--all", "--data", data)
    assert status == 1
    assert said == "a-town: 2 sources, no fault found\n"
    assert wrong.startswith("b-town: FAILED: ")
    assert wrong.count("fires.toml") > 2
    assert "key 'agency'" in wrong
    assert placelib("check", "a-town", "--data", data) == (0, "a-town: 2 sources, no fault found\n", "")


def test_check_prints_what_may_be_amiss(placelib, data):
    """A file that no contract describes is a warning below the place's line, and no failure."""
    (Path(data) / "a-town" / "sources" / "copy.csv").write_text("x")
    status, said, wrong = placelib("check", "a-town", "--data", data)
    assert (status, wrong) == (0, "")
    first, second = said.splitlines()
    assert first.startswith("a-town: 2 sources, no fault found")
    assert "copy.csv: no contract describes this file" in second


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("slug", ["c-town", "../a-town", "a-town/../b-town", "", "A-TOWN"])
def test_unknown_place(placelib, data, tmp_path, command, slug):
    """A place that is not there, or a name that leaves the data folder, gets one line with those that are there."""
    where = ["--reports", str(tmp_path / "reports")] if command == "run" else []
    status, said, wrong = placelib(command, slug, "--data", data, *where)
    assert (status, said) == (1, "")
    expected = f"There is no place '{slug}' in the data folder '{data}'. Places there: a-town, b-town."
    assert wrong == f"{slug}: FAILED: {expected}\n"
    assert not (tmp_path / "reports").exists()


def test_a_data_folder_that_is_not_there_is_named(placelib, tmp_path):
    """A slip in the folder's name is not told as a slip in the place's."""
    _, _, wrong = placelib("check", "a-town", "--data", str(tmp_path / "nowhere"))
    assert wrong.startswith(f"a-town: FAILED: There is no data folder '{tmp_path / 'nowhere'}': correct its name")


@pytest.mark.parametrize("words", [["run"], ["run", "a-town", "--all"], ["check"]])
def test_which_places_must_be_said(placelib, words):
    """Neither a name nor --all, or both, is an error in one line."""
    assert placelib(*words) == (1, "", "Error: Name the places, or say --all for every place in the data folder.\n")


def test_empty_data_folder(placelib, tmp_path):
    """A data folder without places is told, not passed over in silence."""
    status, said, wrong = placelib("run", "--all", "--data", str(tmp_path))
    assert (status, said) == (1, "")
    assert wrong.startswith("Error: There is no place in the data folder")


def test_run_passes_on_what_was_asked(placelib, data, monkeypatch, tmp_path):
    """Options reach the run as they were given; one failing place makes the status 1 and the others are told."""
    asked = []

    def run_places(slugs: list[str], order: Order, say: object) -> list[Outcome]:
        asked.append((slugs, order))
        say("a-town: 1 of 2 notebooks run")
        return [Outcome("a-town", "published", "reports/a-town"), Outcome("b-town", "failed", "[c] is no mark.")]

    monkeypatch.setattr(cli, "run_places", run_places)
    options = ["--edition", "may", "--workers", "3", "--force", "--reports", str(tmp_path)]
    status, said, wrong = placelib("run", "--all", "--data", data, *options)
    order = Order(data=data, edition="may", reports=tmp_path, workers=3, force=True)
    assert asked == [(["a-town", "b-town"], order)]
    assert (status, said) == (1, "a-town: 1 of 2 notebooks run\na-town: reports/a-town\n")
    assert wrong == "b-town: FAILED: [c] is no mark.\n"
