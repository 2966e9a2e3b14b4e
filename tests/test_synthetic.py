"""The illustrative places: the same seed gives the same bytes, published totals hold, and the truth is whole."""

import hashlib
import tomllib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from illustrative.agencies import agency_indicators
from illustrative.books import BOOKS
from illustrative.people import DATA, HERE, assign, build_world, margins, whole_numbers
from illustrative.survey import grade
from illustrative.write import SLUGS, toml, write_place
from placelib.settings import Settings, read_toml
from placelib.sources.contracts import Contract

TRUTH = DATA.parent / "tests/truth"


@pytest.fixture(scope="module", params=SLUGS)
def contracts(request):
    """Every contract of one committed place, by path."""
    return {path: read_toml(path, Contract) for path in sorted((DATA / request.param / "sources").glob("*.toml"))}


@pytest.fixture(scope="module", params=SLUGS)
def truth(request):
    """The truth of one place, with the wards of its district."""
    settings = read_toml(DATA / request.param / "place.toml", Settings)
    wards = pd.read_csv(DATA / "geography/ward_names.csv").query(f"area_code == '{settings.area_code}'")["ward_code"]
    return pd.read_csv(TRUTH / f"{request.param}.csv.gz"), set(wards), settings.area_code


def fingerprints(folder):
    """Hash of every file of a place's folder, by its name within it."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_same_seed_gives_the_committed_bytes(tmp_path):
    """Workbook, SPSS file and GeoPackage included: nothing in a file tells when it was written."""
    write_place("tower-hamlets", tmp_path, tmp_path / "truth")
    assert fingerprints(tmp_path / "tower-hamlets") == fingerprints(DATA / "tower-hamlets")
    written = pd.read_csv(tmp_path / "truth/tower-hamlets.csv.gz")
    pd.testing.assert_frame_equal(written, pd.read_csv(TRUTH / "tower-hamlets.csv.gz"))
    planted = [folder / "tower-hamlets-books.json" for folder in (tmp_path / "truth", TRUTH)]
    assert planted[0].read_bytes() == planted[1].read_bytes()


def test_published_margins_are_reproduced():
    """Every characteristic adds up to its published total, or to its published share of adults."""
    slug = "brighton-and-hove"
    world = build_world(slug, tomllib.loads((HERE / f"{slug}.toml").read_text(encoding="utf8")))
    assert len(world.people) == margins(slug, "residents").iloc[0]
    assert world.areas["households"].sum() == margins(slug, "households").iloc[0]
    for characteristic in world.people.select_dtypes("category"):
        found = world.people[characteristic].value_counts(normalize=True)
        published = margins(slug, characteristic)
        assert (found - published / published.sum()).abs().max() < 1e-5, characteristic


def test_margins_name_their_source_and_what_is_assumed():
    """A published total has a table or a producer behind it; what has none says that it is assumed."""
    table = pd.read_csv(HERE / "margins.csv", keep_default_na=False)
    unsourced = table[table["source"] == "no published figure"]
    assert set(unsourced["note"]) == {"assumed"}
    assert table["source"].str.contains("Office for National Statistics|no published figure").all()
    first, second = (set(part["category"]) for _, part in table.groupby("place"))
    assert first == second


def test_every_file_is_the_one_that_its_contract_signs(contracts):
    """Each contract reads without fault, is marked illustrative, and its hash is the file's."""
    for path, contract in contracts.items():
        assert contract.sha256 == hashlib.sha256((path.parent / contract.file).read_bytes()).hexdigest(), path.name
        assert contract.illustrative, path.name
    assert len({contract.file for contract in contracts.values()}) == len(contracts)


def test_every_indicator_is_fed_once(contracts):
    """Both places feed all indicators of indicators.csv, each from one source."""
    fed = [feed.id for contract in contracts.values() for feed in contract.indicators]
    assert sorted(fed) == sorted(agency_indicators().index)


def test_the_files_are_as_awkward_as_life(contracts):
    """Among a place's files are all the kinds, endings and kinds of area that the library must read."""
    kinds = {contract.kind for contract in contracts.values()} - set(BOOKS)
    assert kinds == {"survey", "events", "register", "counts", "series", "rates", "population", "comparators"}
    areas = {contract.geography.type for contract in contracts.values() if contract.geography}
    assert areas == {"point", "postcode", "output area", "lsoa", "ward", "place"}
    assert any(column.suppressed for contract in contracts.values() for column in contract.columns.values())
    denominators = {item.id for contract in contracts.values() for item in contract.denominators}
    assert denominators == {"residents", "adults", "working_age", "older_people", "children", "households"}


def test_places_use_different_words_for_the_same_indicator():
    """No agency term, file or geography column is shared without need."""
    terms = []
    for slug in SLUGS:
        paths = (DATA / slug / "sources").glob("*.toml")
        feeds = [feed for path in paths for feed in read_toml(path, Contract).indicators]
        terms.append({feed.id: feed.term for feed in feeds})
    assert not [name for name in terms[0] if terms[0][name] == terms[1][name]]


def test_truth_has_every_ward_and_the_place(truth):
    """For each indicator: all wards and the district, values possible, and the wards adding up to the place."""
    table, wards, place = truth
    everyone = table[table["characteristic"] == "all"]
    for name, rows in everyone.groupby("indicator_id"):
        assert set(rows["area_code"]) == wards | {place}, name
    assert table["value"].notna().all()
    assert (table["value"] >= 0).all()
    lonely = everyone[everyone["indicator_id"] == "lonely"].set_index("area_code")
    assert lonely.drop(place)["people"].sum() == lonely.loc[place, "people"]
    mean = np.average(lonely.drop(place)["value"], weights=lonely.drop(place)["people"])
    assert mean == pytest.approx(lonely.loc[place, "value"], abs=1e-3)


def test_a_severe_gap_is_planted_in_a_small_group(truth):
    """People with care experience, one adult in fifty, find it hard to get by far more often than others."""
    table, _, place = truth
    rows = table.query("indicator_id == 'not_making_ends_meet' and area_code == @place").set_index("category")
    small, everyone = rows.loc["care_experienced"], rows.loc["all"]
    assert small["people"] / everyone["people"] == pytest.approx(0.02, abs=0.001)
    assert small["value"] > 2.5 * everyone["value"]


def test_need_is_clustered_and_skewed(truth):
    """Wards are not a normal scatter: the worst is much further from the middle than the best."""
    table, _, place = truth
    rows = table.query("indicator_id == 'not_making_ends_meet' and characteristic == 'all' and area_code != @place")
    middle = rows["value"].median()
    assert rows["value"].max() - middle > 2 * (middle - rows["value"].min())


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=9), st.integers(0, 10_000))
def test_whole_numbers_add_up(shares, total):
    """Nothing is lost in rounding, and no share is more than one away from its exact part."""
    counts = whole_numbers(shares, total)
    assert counts.sum() == total
    assert np.abs(counts - np.array(shares) / np.sum(shares) * total).max() < 1


@given(st.lists(st.integers(0, 60), min_size=2, max_size=6), st.integers(0, 99))
def test_assign_keeps_the_counts(counts, seed):
    """Each category has exactly its count, whatever the scores."""
    random = np.random.default_rng(seed)
    codes = assign(random, random.normal(size=(sum(counts), len(counts))), np.array(counts))
    assert np.bincount(codes, minlength=len(counts)).tolist() == counts


def test_assign_prefers_high_scores():
    """With scores far apart, those with the high score are the ones chosen."""
    scores = np.zeros((100, 2))
    scores[:10, 0] = 50
    codes = assign(np.random.default_rng(1), scores, np.array([10, 90]))
    assert (codes == 0).nonzero()[0].tolist() == list(range(10))


def test_grade_gives_exact_shares():
    """A thousand scores cut 20 : 30 : 50, highest first."""
    codes = grade(np.random.default_rng(2).normal(size=1000), [20, 30, 50])
    assert np.bincount(codes).tolist() == [200, 300, 500]


def test_toml_reads_back():
    """What is written is what was meant: quotes, accents, dates, nested tables."""
    table = {"title": 'A "quoted" — title', "codes": ["", "a"], "columns": {"A b": {"type": "x", "codes": {"1": "é"}}}}
    assert tomllib.loads(toml(table)) == table
