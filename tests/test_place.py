"""A place and its kept stages: cold and warm alike, made again when anything changes, nothing of a person kept."""

import os
import re
import shutil

import geopandas as gpd
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from little import SLUG, events, households, noise, population, write_little, write_source

from placelib import gate
from placelib.errors import InputFaults, PlacelibError
from placelib.measures.shared import measure
from placelib.place import Place, open_place

STAGES = Place.stage_names()


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch):
    """Keep stages beside the data that they are made of."""
    monkeypatch.delenv("PLACELIB_CACHE", raising=False)


@pytest.fixture(scope="module")
def opened(little_data, tmp_path_factory):
    """Data root of a copy of the little place, every stage of which has been made once."""
    data = tmp_path_factory.mktemp("opened") / "data"
    shutil.copytree(little_data, data)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PLACELIB_CACHE", raising=False)
        place = open_place(SLUG, data=str(data))
        for name in STAGES:
            getattr(place, name)
    return data


@pytest.fixture
def small(tmp_path):
    """Data root of a place with three sources."""
    return write_little(tmp_path / "data", events, population, households)


def kept(data):
    """Files of the kept stages, by name."""
    return {path.name: path.read_bytes() for path in (data.parent / ".cache").rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_is_a_table_that_passed_the_gate(opened, name):
    """Each property has a title, says whether it is made up, and is a table for readers."""
    table = getattr(open_place(SLUG, data=str(opened)), name)
    assert isinstance(table, gate.Protected | gate.Open)
    assert table.title
    assert not table.illustrative
    assert isinstance(table.frame, gpd.GeoDataFrame) == (name == "wards")
    assert Place.__dict__[name].__get__(None, Place) is Place.__dict__[name]


def test_a_frame_that_is_changed_changes_no_table(opened):
    """What an analyst does to the frame of a table is not in the table that is asked for next."""
    place = open_place(SLUG, data=str(opened))
    frame = place.needs.frame
    frame["rank"] = 0
    assert place.needs.frame["rank"].min() == 1


def test_cold_and_warm_are_equal_byte_for_byte(opened, little_data, tmp_path):
    """The same place made anew elsewhere keeps the same bytes; read again, nothing is made."""
    again = tmp_path / "data"
    shutil.copytree(little_data, again)
    cold = open_place(SLUG, data=str(again))
    frames = {name: getattr(cold, name).frame for name in STAGES}
    assert kept(again) == kept(opened)
    warm = open_place(SLUG, data=str(again))
    for name, frame in frames.items():
        pd.testing.assert_frame_equal(getattr(warm, name).frame, frame)
    assert "inputs" not in vars(warm)


def test_one_changed_byte_makes_the_stage_again_and_only_the_newest_is_kept(small):
    """One more burglary: another fingerprint, another number, and the old stage is gone."""
    first = open_place(SLUG, data=str(small))
    before = first.indicators.frame.set_index(["indicator_id", "area_name"])["numerator"]
    rows, terms = events()
    write_source(small / SLUG / "sources", "events", [*rows, [999, "Burglary", 500_500, 100_500]], terms)
    second = open_place(SLUG, data=str(small))
    after = second.indicators.frame.set_index(["indicator_id", "area_name"])["numerator"]
    assert first.fingerprint != second.fingerprint
    assert (after - before).loc[("burglary", "Ashby")] == 1
    names = [name for name in kept(small) if name.startswith("indicators.")]
    assert names == [f"indicators.{second.fingerprint[:16]}.parquet"]


@pytest.mark.parametrize(
    "file", ["little/place.toml", "little/sources/events.toml", "geography/E06009999/postcodes.csv.gz", "little/new.md"]
)
def test_every_file_is_in_the_fingerprint(small, file):
    """Settings, contracts, geography and notes, each changed by one byte; a second look changes nothing."""
    before = open_place(SLUG, data=str(small)).fingerprint
    assert open_place(SLUG, data=str(small)).fingerprint == before
    with (small / file).open("ab") as added:
        added.write(b"\n")
    assert open_place(SLUG, data=str(small)).fingerprint != before


def test_a_broken_stage_leaves_what_was_kept_as_it_was(small):
    """After a fault in a file the stage fails with its message, and the old files are untouched."""
    open_place(SLUG, data=str(small)).indicators  # noqa: B018 - made for what it keeps
    before = kept(small)
    (small / SLUG / "sources" / "crimes.csv").write_text("gone")
    with pytest.raises(InputFaults, match=r"crimes\.csv"):
        open_place(SLUG, data=str(small)).indicators  # noqa: B018
    assert kept(small) == before


def test_nothing_of_a_person_is_kept(opened):
    """No identifier, postcode or answer of a person, and no unrounded small count, is in any kept file."""
    frames = [pd.read_parquet(path) for path in (opened.parent / ".cache").rglob("*.parquet")]
    assert len(frames) == len(STAGES)
    cells = {str(cell) for frame in frames for name in frame if name != "geometry" for cell in frame[name].unique()}
    assert not [cell for cell in cells if re.fullmatch(r"LT\d \dAA|[KP]\d+", cell)]
    assert max(len(frame) for frame in frames) < 200
    (indicators,) = (opened.parent / ".cache").rglob("indicators.*")
    kids = pd.read_parquet(indicators).query("indicator_id == 'children_in_need'")
    assert kids.loc[kids["area_name"] == "Carlton", ["numerator", "value"]].isna().all(axis=None)
    assert {frame.attrs["kind"] for frame in frames} == {"Protected", "Open"}


def test_the_cache_can_be_put_elsewhere(small, tmp_path, monkeypatch):
    """PLACELIB_CACHE names the folder; nothing is left beside the data."""
    monkeypatch.setenv("PLACELIB_CACHE", str(tmp_path / "elsewhere"))
    open_place(SLUG, data=str(small)).terms  # noqa: B018
    assert [path.parent.name for path in (tmp_path / "elsewhere").rglob("terms.*")] == [SLUG]
    assert not kept(small)


def test_half_written_stages_are_not_read(small):
    """What a killed run leaves of a stage has another name, and no such name is left by a run that ends."""
    place = open_place(SLUG, data=str(small))
    place.cache.mkdir(parents=True)
    (place.cache / f".terms.{place.fingerprint[:16]}.parquet.1").write_text("cut sh")
    assert len(place.terms.frame) == 2
    assert not [name for name in kept(small) if str(os.getpid()) in name]


@pytest.mark.parametrize("slug", ["nowhere", "../little", "little/sources", "", "Little"])
def test_an_unknown_place_is_one_line_that_says_which_there_are(small, slug):
    """A misspelt name, tricks with paths, nothing at all."""
    with pytest.raises(PlacelibError, match=r"^There is no place .* Places there: little\.$"):
        open_place(slug, data=str(small))


def test_an_edition_is_a_plain_label(small):
    """The place's own unless another is given; never a path."""
    assert open_place(SLUG, data=str(small)).edition == "spring-2026"
    assert open_place(SLUG, "autumn-2026", str(small)).edition == "autumn-2026"
    with pytest.raises(PlacelibError, match="edition"):
        open_place(SLUG, "../../elsewhere", str(small))


def test_unprotected_marks_what_is_shown(small):
    """The exact measures come with a plain warning and a mark that the runner looks for."""
    InteractiveShell.instance()
    try:
        with capture_output() as shown:
            exact = open_place(SLUG, data=str(small)).unprotected
    finally:
        InteractiveShell.clear_instance()
    (output,) = shown.outputs
    assert output.metadata["placelib"] == {"unprotected": True}
    assert "cannot be published" in output.data["text/plain"]
    assert exact.table["standard_error"].notna().any()


def test_a_made_up_source_marks_the_place_and_only_its_own_tables(tmp_path):
    """One illustrative file: the place and its indicators say so, the population made of real files does not."""

    def made_up():
        rows, terms = events()
        return rows, terms | {"illustrative": True}

    data = write_little(tmp_path / "data", made_up, population, households)
    place = open_place(SLUG, data=str(data))
    assert place.illustrative
    assert repr(place) == "Littleton, edition spring-2026, illustrative data"
    assert place.indicators.illustrative
    assert not place.population.illustrative
    assert place.sources.frame.set_index("source_id")["illustrative"].to_dict() == {
        "households": False,
        "made_up": True,
        "population": False,
    }


def test_every_part_of_a_sparse_place_can_be_opened(small):
    """No survey, no comparators: every stage is there, empty where nothing is known."""
    place = open_place(SLUG, data=str(small))
    lengths = {name: len(getattr(place, name).frame) for name in STAGES}
    assert lengths["response"] == lengths["comparisons"] == 0
    assert lengths["issues"] == 1
    assert lengths["wards"] == lengths["needs"] == 4
    assert len(place.unknowns.frame["indicator"].str.cat(sep="; ").split("; ")) > 30


def test_who_calls_it_what_and_the_register_of_files(opened):
    """Each agency's own word beside the shared one, and each file with its licence and period."""
    place = open_place(SLUG, data=str(opened))
    terms = place.terms.frame.set_index("indicator_id")
    assert terms.loc["children_in_need", ["agency", "agency_term"]].tolist() == ["Childrens Services", "Open CIN cases"]
    sources = place.sources.frame.set_index("source_id")
    assert sources.loc["noise", ["area", "period_start", "release_class"]].tolist() == [
        "ward",
        pd.Timestamp("2024-04-01"),
        "administrative",
    ]
    assert len(sources) == 14


def test_no_choice_puts_a_ward_beyond_its_highest_and_lowest_rank(opened):
    """Partners' weights, other methods, and one indicator left out alike."""
    table = open_place(SLUG, data=str(opened)).choices.frame
    ranks = table.filter(regex="^rank|_rank$")
    assert {"rank_without", "rank", "z_score_rank"} <= set(ranks)
    assert (ranks.min(axis=1) == table["highest"]).all()
    assert (ranks.max(axis=1) == table["lowest"]).all()


def test_ledger_and_response_leave_by_the_rule_for_counts(opened):
    """Three children nowhere and nine disabled respondents are hidden; open crimes are as they are."""
    place = open_place(SLUG, data=str(opened))
    ledger = place.ledger.frame.set_index("indicator_id")
    assert ledger.loc["children_in_need", ["unmatched", "unmatched_pct"]].isna().all()
    assert ledger.loc["children_in_need", "mark"] == "[c]"
    assert ledger.loc["burglary", ["records", "matched", "in_the_place", "unmatched"]].tolist() == [43, 40, 40, 3]
    response = place.response.frame.set_index("category")
    assert response.loc["female", ["respondents", "sample_pct", "weighted_pct"]].tolist() == [80, 40, 50]
    assert response.loc["disabled_a_lot", ["respondents", "sample_pct"]].isna().all()
    assert response["category_name"].notna().all()


def noise_again():
    """The same measure in another file."""
    rows, terms = noise()
    return rows, terms | {"file": "again.xlsx"}


@pytest.mark.parametrize(
    ("makers", "fault"),
    [
        ([noise, noise_again, households], "noise_again.toml, key 'indicators': 'noise' is fed twice"),
        ([households, population], "place.toml: no file under sources/ feeds an indicator of the need index"),
        ([noise], "noise.toml, key 'indicators': it counts for a rate of households, which no population file"),
    ],
)
def test_a_place_needs_something_to_assess_and_whom_it_is_a_rate_of(read, makers, fault):
    """Read they can be, as each file is in order; what they lack together is told before anything is measured."""
    with pytest.raises(InputFaults, match=re.escape(fault)):
        measure(read(*makers))


def test_a_place_may_begin_with_one_file_and_whom_it_counts_among(tmp_path):
    """Every table can be made, most of them without rows."""
    place = open_place(SLUG, data=str(write_little(tmp_path / "data", noise, households)))
    tables = {name: getattr(place, name) for name in place.stage_names()}
    assert len(tables["needs"].frame) == 4
    assert tables["total_spend"].frame.empty
