"""Both partnerships on real open data, from contract to report, held against the files worked out in plain pandas."""

import json
import tomllib

import lay
import numpy as np
import pandas as pd
import pytest

from placelib.place import Place
from placelib.run import runner
from placelib.sources.readers import read_place

AREA = dict(zip(lay.SLUGS, ("E06000043", "E09000030"), strict=True))
# wards of whole LSOAs of 2021: nothing of theirs is shared out
WHOLE_WARD = dict(zip(lay.SLUGS, ("E05015420", "E05009319"), strict=True))
DEPRIVED = ["two", "three", "four"]
BURGLARY = ["BURGLARY - RESIDENTIAL", "BURGLARY IN A DWELLING"]
VIOLENCE = ["VIOLENCE AGAINST THE PERSON", "SEXUAL OFFENCES"]
POLICE_UK = {
    "burglary": "Burglary",
    "violence": "Violence and sexual offences",
    "antisocial_behaviour": "Anti-social behaviour",
}
every_place = pytest.mark.parametrize("slug", lay.SLUGS)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Data folder with both real places; without the open data, skip with the reason, and under CI fail."""
    lay.need_real_data()
    return lay.lay(tmp_path_factory.mktemp("real") / "data")


@pytest.fixture(scope="module")
def places(data):
    """Both places, opened."""
    return {slug: Place(slug, "", data) for slug in lay.SLUGS}


@pytest.fixture
def place(places, slug):
    """One place."""
    return places[slug]


def raw(name):
    """One of the open files as published."""
    return pd.read_csv(next(lay.real().rglob(name)))


def census(slug, table):
    """A census table of the district: lsoa21_code, category, n."""
    rows = raw(f"census2021_lsoa21_{table}.csv.gz")
    return rows[rows["ltla24_code"] == AREA[slug]]


def counted(slug):
    """Counts of each census indicator by LSOA 2021."""
    disabled = census(slug, "disability").query("disability == 'Disabled under the Equality Act'")
    homes = census(slug, "household_deprivation")
    dimensions = homes["deprivation_dimensions"].str.extract(r"in (\w+) dim")[0]
    tenure = census(slug, "household_tenure")
    rows = {
        "disabled_residents": disabled,
        "household_deprivation": homes[dimensions.isin(DEPRIVED)],
        "social_renting": tenure[tenure["tenure"].str.startswith("Social rented")],
    }
    return {name: each.groupby("lsoa21_code")["n"].sum() for name, each in rows.items()}


def police(slug):
    """Crimes by indicator: one row a crime with its count, and the ward where the file says it."""
    if slug == "brighton-and-hove":
        crimes = raw("police_uk_street_brighton_*.csv.gz")
        return {name: crimes[crimes["Crime type"] == kind].assign(n=1) for name, kind in POLICE_UK.items()}
    crimes = raw("mps_ward_level_crime_*.csv").query("LookUp_BoroughName == 'Tower Hamlets'")
    months = [name for name in crimes if "202407" <= name <= "202506"]
    crimes = crimes.assign(n=crimes[months].sum(axis=1))
    return {
        "burglary": crimes[crimes["MinorText"].isin(BURGLARY)],
        "violence": crimes[crimes["MajorText"].isin(VIOLENCE)],
    }


def deprivation(slug):
    """Scores and populations of the Indices of Deprivation by LSOA 2011, shared out to wards."""
    rows = raw("imd2019_lsoa11_england.csv.gz").merge(
        raw("imd2019_lsoa11_population_denominators_england.csv.gz"), on="lsoa11_code"
    )
    shares = pd.read_csv(lay.SHIPPED / "geography" / AREA[slug] / "lsoa_2011_to_ward_2025.csv")
    return rows.merge(shares, left_on="lsoa11_code", right_on="area_code")


def published(place, area_type):
    """Published rows for everyone, by indicator and area."""
    rows = place.indicators.frame.query("characteristic == 'all'")
    return rows[rows["area_type"] == area_type].set_index(["indicator_id", "area_code"])


@every_place
def test_every_contract_is_read_without_a_fault(slug, data):
    """Every contract and file of the place is read, and nothing in it is made up."""
    inputs = read_place(slug, data)
    assert set(inputs.sources) == {path.stem for path in (lay.HERE / slug / "sources").glob("*.toml")}
    assert not any(source.contract.illustrative for source in inputs.sources.values())
    assert not inputs.geography.approximate


@every_place
def test_one_indicator_has_one_source(slug):
    """No two files feed the same indicator, so none enters the index twice."""
    contracts = [tomllib.loads(path.read_text()) for path in (lay.HERE / slug / "sources").glob("*.toml")]
    fed = [feed["id"] for contract in contracts for feed in contract.get("indicators", [])]
    assert len(fed) == len(set(fed)) >= 8


@every_place
def test_wards_and_ledger_add_up_to_the_file(slug, place):
    """For each count, what is published by ward and what the ledger holds make the total of the file."""
    ledger = place.ledger.frame.set_index("indicator_id")
    wards = published(place, "ward")["numerator"].groupby("indicator_id").sum()
    totals = {name: each.sum() for name, each in counted(slug).items()}
    totals |= {name: each["n"].sum() for name, each in police(slug).items()}
    for name, total in totals.items():
        assert ledger.loc[name, "records"] == total
        assert wards[name] + ledger.loc[name, "unmatched"] == pytest.approx(total, abs=1e-6)


@every_place
def test_open_data_come_out_exactly_as_published(slug, place):
    """The place's census counts are the sums of the file, neither rounded nor hidden."""
    rows = published(place, "place").droplevel("area_code")
    for name, counts in counted(slug).items():
        assert rows.loc[name, "numerator"] == pytest.approx(counts.sum(), abs=1e-6)
    assert (place.indicators.frame["mark"] == "").all()
    assert rows.loc["disabled_residents", "denominator"] == pytest.approx(
        census(slug, "disability")["n"].sum(), abs=1e-6
    )


def test_police_ward_counts_come_out_exactly(places):
    """Each ward's burglaries and violent offences are the twelve latest months of its rows in the police's file."""
    rows = published(places["tower-hamlets"], "ward")["numerator"]
    for name, crimes in police("tower-hamlets").items():
        expected = crimes.groupby("WardCode")["n"].sum()
        pd.testing.assert_series_equal(rows[name], expected, check_names=False, check_dtype=False)


def test_the_year_before_is_kept_for_the_trend(places):
    """The place's rate of the twelve months before comes from the earlier twelve columns of the police's file."""
    exact = places["tower-hamlets"].unprotected.table.query("area_type == 'place'").set_index("indicator_id")
    crimes = raw("mps_ward_level_crime_*.csv").query("LookUp_BoroughName == 'Tower Hamlets'")
    before = crimes.loc[crimes["MinorText"].isin(BURGLARY), "202307":"202406"].to_numpy().sum()
    homes = census("tower-hamlets", "household_deprivation")["n"].sum()
    assert exact.loc["burglary", "previous"] == pytest.approx(1000 * before / homes)


@every_place
def test_one_ward_by_hand(slug, place):
    """A ward of whole LSOAs has the census percentages that its LSOAs add up to by the published best-fit lookup."""
    lookup = raw("lsoa21_ward24_bestfit.csv").query(f"ward24_code == '{WHOLE_WARD[slug]}'")["lsoa21_code"]
    everyone = census(slug, "disability").groupby("lsoa21_code")["n"].sum()[lookup].sum()
    homes = census(slug, "household_deprivation").groupby("lsoa21_code")["n"].sum()[lookup].sum()
    rows = published(place, "ward")
    for name, base in {"disabled_residents": everyone, "household_deprivation": homes}.items():
        row = rows.loc[name, WHOLE_WARD[slug]]
        count = counted(slug)[name][lookup].sum()
        assert (row["numerator"], row["basis"]) == (pytest.approx(count), "direct")
        assert row["value"] == pytest.approx(100 * count / base)
        assert np.isnan(row["lower"])  # a full count has no sampling interval


@every_place
@pytest.mark.parametrize(
    ("name", "score", "people"),
    [
        ("income_deprivation", "Income_score", "pop_total_mid2015_excl_prisoners"),
        ("employment_deprivation", "Employment_score", "working_age_18_59_64"),
    ],
)
def test_deprivation_by_ward_and_as_published_for_the_district(slug, place, name, score, people):
    """Ward rates are population-weighted means of the scores, and the district's is the one that was published."""
    parts = deprivation(slug)
    weight = parts[people] * parts["share"]
    by_ward = (parts[score] * weight).groupby(parts["ward_code"]).sum() / weight.groupby(parts["ward_code"]).sum()
    pd.testing.assert_series_equal(published(place, "ward")["value"][name], 100 * by_ward, check_names=False)
    summary = raw("imd2019_ltla19_summaries.csv").set_index("ltla19_code").loc[AREA[slug]]
    value = published(place, "place")["value"][name].iloc[0]
    assert round(value / 100, 3) == summary[score.replace("score", "Score")]
    every = raw("imd2019_lsoa11_england.csv.gz").merge(
        raw("imd2019_lsoa11_population_denominators_england.csv.gz"), on="lsoa11_code"
    )
    england = 100 * np.average(every[score], weights=every[people])
    assert published(place, "england")["value"][name].iloc[0] == round(england, 1)


@every_place
def test_residents_are_of_this_district_only(slug, place):
    """Files that hold other districts too add nothing of theirs to the place."""
    people = place.people.frame.set_index(["basis", "year"])["people"]
    assert people["resident", 2021] == census(slug, "ethnic_group_5cat")["n"].sum()
    assert people["household", 2021] == census(slug, "household_deprivation")["n"].sum()
    assert (
        people["resident", 2020]
        == raw("mye2020_*.csv.gz").query(f"ltla21_code == '{AREA[slug]}'")["total_population"].sum()
    )


@every_place
def test_need_index_agrees_with_the_published_index_of_deprivation(slug, place):
    """Every ward is ranked, and in much the same order as by the official Index of Multiple Deprivation."""
    needs = place.needs.frame.set_index("ward_code")
    assert sorted(needs.index) == sorted(place.wards.frame["ward_code"])
    assert needs["score"].notna().all()
    parts = deprivation(slug)
    weight = parts["pop_total_mid2015_excl_prisoners"] * parts["share"]
    official = (parts["IMD_score"] * weight).groupby(parts["ward_code"]).sum()
    official /= weight.groupby(parts["ward_code"]).sum()
    assert needs["score"].corr(official, method="spearman") > 0.8
    last = {"brighton-and-hove": 2021, "tower-hamlets": 2025}[slug]
    assert place.needs.notes[-1].startswith(f"Figures of 2015 to {last}: ")


@every_place
def test_made_up_never_meets_real(slug, place, tmp_path):
    """The illustrative survey is shown and marked, and changes no real number, comparison, need or key issue."""
    lay.lay_survey(lay.lay(tmp_path / "data"), slug)
    merged = Place(slug, "", tmp_path / "data")
    rows = merged.indicators.frame
    surveyed = rows["release_class"] == "survey"
    assert surveyed.any()
    assert rows.loc[surveyed, "illustrative"].all()
    assert merged.indicators.illustrative
    shared = list(place.indicators.frame)
    pd.testing.assert_frame_equal(
        rows.loc[~surveyed, shared].reset_index(drop=True), place.indicators.frame, check_dtype=False
    )
    for stage in ("needs", "comparisons", "issues"):
        pd.testing.assert_frame_equal(getattr(merged, stage).frame, getattr(place, stage).frame)
        assert not getattr(merged, stage).illustrative


def test_both_places_run_from_end_to_end(tmp_path, data):
    """Each place gets the whole report, a row a ward in its index, no warning and no path of this machine."""
    outcomes = runner.run_places(lay.SLUGS, runner.Order(data=str(data), reports=tmp_path), say=lambda _: None)
    assert [(each.slug, each.status) for each in outcomes] == [(slug, "published") for slug in lay.SLUGS], outcomes
    for slug, wards in zip(lay.SLUGS, (23, 20), strict=True):
        folder = tmp_path / slug / "real-open-data"
        names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        pages = {
            f"notebooks/{path.stem}{end}" for path in runner.NOTEBOOKS.glob("*.ipynb") for end in (".ipynb", ".html")
        }
        tables = {"tables/indicators.csv", "tables/need_index.csv"}
        assert {"lsp-pack.html", "wards.geojson", "manifest.json", *pages, *tables} <= names
        assert len(pd.read_csv(folder / "tables" / "need_index.csv", comment="#")) == wards
        assert json.loads((folder / "manifest.json").read_text(encoding="utf8"))["warnings"] == []
        assert str(data.parent) not in (folder / "lsp-pack.html").read_text(encoding="utf8")


def test_absent_data_skip_but_never_under_continuous_integration(tmp_path, monkeypatch):
    """Without the open data the tests skip with the reason; where CI is true they fail instead."""
    monkeypatch.setenv("PLACELIB_REAL", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="PLACELIB_REAL"):
        lay.need_real_data()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="PLACELIB_REAL"):
        lay.need_real_data()
