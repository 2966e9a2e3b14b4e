"""Every table that can be published, judged against promise 1: what stands in it tells no more of people than it may.

Three attackers. One looks for numbers that are known exactly. One draws another world, with other counts of people,
from which the same indicators and the same people served would be published: any table that differs tells them apart.
One solves for the people of a ward and for the events of a month, knowing each total. Each is also set on a leak.
"""

import dataclasses
from inspect import getmembers, isfunction, signature

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from little import CODES, MONTHS, TEXT, WARD, WHOLE, contract, feed, population, write_little
from test_attack import BASE, FEWEST_CANDIDATES, GUARDED, SLUGS, THRESHOLD, another_world, candidates, cells, shipped

from placelib import suppression
from placelib.measures.months import monthly_counts
from placelib.measures.shared import measure
from placelib.place import ROOMS, Place
from placelib.sources.readers import read_place
from placelib.stages import needs, outcomes

STAGES = {
    name: make for room in ROOMS for name, make in getmembers(room, isfunction) if name in Place.stage_names()
    if make.__module__ == room.__name__
}  # fmt: skip
LARGE, OFTEN = 20, 0.2  # a smaller number, or a cell here and there, may be met by chance
NAMED = {"area_code": "ward_code"}  # what tables call the same thing


@pytest.fixture(scope="module", params=SLUGS)
def opened(request):
    """A shipped place."""
    return shipped(request.param)


@pytest.fixture(scope="module")
def place(opened):
    """Its inputs and exact measures."""
    return opened.inputs, opened._exact


def made(name, inputs, exact):
    """Make the table of a stage anew, never from what is kept."""
    asked = {"inputs": inputs, "exact": exact}
    return STAGES[name](**{each: asked[each] for each in signature(STAGES[name]).parameters}).frame


def test_every_table_that_can_be_published_is_judged():
    """No stage is left out here, whichever room it is added to."""
    assert sorted(STAGES) == sorted(Place.stage_names())


def secrets(inputs, exact):
    """Exact numbers that no table may hold, each under `secret` with the columns that say whose it is."""
    counts = exact.table[exact.table["release_class"].isin(GUARDED)]
    months = monthly_counts(inputs, exact.geography)
    months = months[months["release_class"].isin(GUARDED)].assign(
        period=lambda each: each["month"].dt.strftime("%b %Y")
    )
    served = inputs.book("service_wards")
    bought = inputs.book("contracts")
    files = exact.ledger.set_index(["source_id", "indicator_id"])[["records", "matched", "unmatched"]].stack()
    answers = pd.concat([exact.gaps, exact.together, exact.wanted])
    asked = [name for name in ("indicator_id", "aspiration_id", "needs") if name in answers]
    found = {
        "a count of an agency": counts[["indicator_id", "area_code", "characteristic", "category", "numerator"]],
        "events of a month": months[["indicator_id", "period", "events"]],
        "records of a file": files.rename("records").reset_index()[["source_id", "indicator_id", "records"]],
        "people of a ward": served.groupby("ward_code", as_index=False)["people_served"].sum(),
        "people of a service in a ward": served,
        "answers of a group": exact.response[["characteristic", "category", "respondents"]],
        **{f"answers by {name}": answers.dropna(subset=name)[[name, "characteristic", "category", "respondents"]]
           for name in asked},
        "a price": bought[["category", "unit_price"]],
        "a supplier's pay": bought.groupby(["category", "supplier"], as_index=False)["annual_value"].sum(),
    }  # fmt: skip
    return {name: rows.rename(columns={rows.columns[-1]: "secret"}) for name, rows in found.items()}


def given_away(frame, hidden):
    """Columns of a table in which secrets stand beside what says whose they are."""
    frame = frame if "ward_code" in frame else frame.rename(columns=NAMED)
    hidden = hidden.rename(columns=NAMED)
    keys = [name for name in hidden if name in frame and name != "secret"]
    if len(keys) < len(hidden.columns) - 1 - ("supplier" in hidden):
        return []
    exact = pd.to_numeric(hidden["secret"]).astype(float)
    hidden = hidden[(exact > LARGE) & (exact % BASE != 0)].drop_duplicates()
    both = frame.merge(hidden, on=keys)
    return [name for name in frame.select_dtypes("number") if (both[name] == both["secret"]).mean() > OFTEN]


def test_no_table_holds_an_exact_number_of_what_is_guarded(opened):
    """No count of an agency, of answers or of people served, and no price, whatever the column is called."""
    hidden = secrets(opened.inputs, opened._exact)
    assert not [name for name, rows in hidden.items() if rows.empty]
    for name in STAGES:
        frame = pd.DataFrame(getattr(opened, name).frame)
        found = {what: given_away(frame, rows) for what, rows in hidden.items()}
        assert not any(found.values()), (name, {what: columns for what, columns in found.items() if columns})


@pytest.mark.parametrize("stage", ["indicators", "ledger", "variation", "response", "equality", "aspirations"])
def test_numbers_that_are_not_rounded_are_found(place, monkeypatch, stage):
    """The same search, where the gate rounds to the nearest one."""
    monkeypatch.setattr(suppression, "nearest", lambda numbers, _: numbers)
    monkeypatch.setattr(suppression, "SURVEY_BASE_ROUNDING", 1)
    inputs, exact = place
    frame = made(stage, inputs, exact)
    assert any(given_away(frame, rows) for rows in secrets(inputs, exact).values())


def other_people(rows, seed=1):
    """Draw other people served of which the same is made: pairs of wards of a service, one more here and one less."""
    random, other = np.random.default_rng(seed), rows.copy()
    for _, parts in rows.groupby("service_id"):
        for one, two in random.permutation(parts.index)[: len(parts) // 2 * 2].reshape(-1, 2):
            moved = other.loc[parts.index].copy()
            moved.loc[[one, two], "people_served"] += [1, -1]
            drawn, true = (
                suppression.people_coarsened(each, THRESHOLD, BASE) for each in (moved, rows.loc[parts.index])
            )
            if (moved["people_served"] >= 0).all() and drawn.equals(true):
                other.loc[parts.index] = moved
    return other


def with_people(inputs, rows):
    """Put other people served in the place of those of the file."""
    source = inputs.of_kind("service_wards")[0]
    return dataclasses.replace(inputs, sources=inputs.sources | {source.name: dataclasses.replace(source, frame=rows)})


@pytest.fixture(scope="module")
def worlds():
    """A place, and another world of it."""
    opened = shipped("brighton-and-hove")
    inputs, exact = place = opened.inputs, opened._exact
    rows = inputs.book("service_wards")
    other = other_people(rows)
    assert (other["people_served"] != rows["people_served"]).mean() > 0.2
    return place, (with_people(inputs, other), another_world(exact))


def test_what_is_published_tells_no_world_from_another(worlds):
    """Every table is the same, cell by cell, in every world with the same indicators and people served."""
    (_, exact), world = worlds
    assert not world[1].table.equals(exact.table)
    for name in [name for name, make in STAGES.items() if "exact" in signature(make).parameters]:
        one, other = pd.DataFrame(getattr(shipped("brighton-and-hove"), name).frame), pd.DataFrame(made(name, *world))
        other = other.reset_index(drop=True)  # as tables are kept
        pd.testing.assert_frame_equal(one, other, check_dtype=False, obj=name)


@pytest.mark.parametrize("stage", ["needs", "comparisons", "issues", "funnel", "gradient", "spend_and_need"])
def test_made_of_exact_counts_tables_would_tell_the_worlds_apart(worlds, monkeypatch, stage):
    """The same worlds, where tables are made of counts that are not rounded."""
    monkeypatch.setattr(suppression, "coarsened", lambda table, _: table)
    assert not made(stage, *worlds[0]).equals(made(stage, *worlds[1]))


@pytest.mark.parametrize("stage", ["indicators", "needs", "choices", "equality", "aspirations", "together"])
def test_without_regard_to_few_answers_tables_would_tell_the_worlds_apart(worlds, monkeypatch, stage):
    """Of four people asked about care, 18% had too little: two scores of a domain of two questions gave it back."""
    monkeypatch.setattr(suppression, "few_answers", lambda rows, _: pd.Series(False, rows.index))
    assert not made(stage, *worlds[0]).equals(made(stage, *worlds[1]))


@pytest.mark.parametrize("stage", ["spend_by_ward", "equality_impact"])
def test_made_of_exact_people_served_tables_would_tell_the_worlds_apart(worlds, monkeypatch, stage):
    """Pounds a head are people: £1 each from 12,000 residents is a dozen people at £1,000, or a part of one in care."""
    monkeypatch.setattr(suppression, "people_coarsened", lambda rows, *_: rows)
    assert not made(stage, *worlds[0]).equals(made(stage, *worlds[1]))


def least_left_of_service(counts):
    """Fewest candidates of a service's small count in a ward, for one who knows its total and which wards are small."""
    wards, true = [f"W{number}" for number in range(len(counts))], pd.Series(counts, dtype=float)
    rows = pd.DataFrame({"service_id": "S", "ward_code": wards, "people_served": counts})
    known = suppression.people_coarsened(rows, THRESHOLD, BASE)["people_served"]
    few = suppression.is_small(true, THRESHOLD)
    if not few.any() or known.nunique() == 1:  # nothing to find, or nothing said of any ward
        return np.inf
    shown = known.mask(few | (known != suppression.nearest(true, BASE))).set_axis(wards)
    total = (dict.fromkeys(wards, 1), sum(counts), sum(counts))
    return candidates(cells(shown, [ward for ward, small in zip(wards, few, strict=True) if small]), [total]).min()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.integers(0, 9), st.integers(0, 40)), min_size=2, max_size=7))
@example([3, 12])
@example([1, 8, 0])
@example([1, 11, 16, 21])
def test_people_of_a_small_ward_cannot_be_worked_back_from_their_service(counts):
    """The services book is open, so that a service's total is known: whatever its wards, each small one keeps five."""
    assert least_left_of_service(counts) >= FEWEST_CANDIDATES


@pytest.mark.parametrize("counts", [[1, 8], [7, 10], [1, 11]])
def test_without_complementary_suppression_people_of_a_ward_are_known(counts, monkeypatch):
    """The same attack, where only what is small is hidden: it is what the total leaves, give or take two."""
    monkeypatch.setattr(suppression, "complemented", lambda _, hidden, *__: (hidden, True))
    assert least_left_of_service(counts) < FEWEST_CANDIDATES


def months_of(few, usual=38, months=MONTHS):
    """Incidents: 38 in every month of the place, but few in one, all of them in one ward."""
    rows = [["Ward", "Month", "Incidents"]]
    for month in months:
        parts = [few, 0, 0, 0] if month == months[-4] else [usual // 4, usual // 4, usual // 4, usual - usual // 4 * 3]
        rows += [[ward, month, count] for ward, count in zip(CODES, parts, strict=True)]

    def incidents():
        return rows, contract(
            "Antisocial behaviour",
            "police",
            "series",
            "antisocial.csv",
            period_start=f"{months[0]}-01",
            geography=WARD,
            indicators=[feed("antisocial_behaviour", "ASB", numerator="Incidents")],
            columns={"Ward": TEXT, "Month": {"type": "month", "date_format": "%Y-%m"}, "Incidents": WHOLE},
        )

    return incidents


def least_left_of_a_month(events, year):
    """Candidates of the one small month, for one who also knows the place's published figure of the year."""
    shown = events.set_axis([f"M{number}" for number in range(len(events))])
    small = shown.index[-4]
    latest = dict.fromkeys(shown.index[-12:], 1)
    return candidates(cells(shown, [small]), [(latest, year - BASE // 2, year + BASE // 2)]).item()


def test_a_month_of_few_events_cannot_be_worked_back_from_its_year(tmp_path):
    """Of 38 a month, shown as 40, and one month with 1 the year has 419: shown as 420 it would leave that 1 to 4.

    So no month leaves where one is small, nor limits that one could be said to be below; only the words do.
    """
    inputs = read_place("little", write_little(tmp_path / "data", population, months_of(1)))
    exact = measure(inputs)
    shown = outcomes.variation(inputs, exact).frame
    rows = needs.indicators(inputs, exact).frame
    year = rows.loc[rows["area_type"] == "place", "numerator"].item()
    true = monthly_counts(inputs, exact.geography)["events"]
    assert (year, true.iloc[-4]) == (420, 1)
    assert shown[["centre", "lower", "upper"]].isna().all(axis=None)
    assert set(shown["stands_out"]) == {""}
    assert least_left_of_a_month(shown["events"], year) >= FEWEST_CANDIDATES
    leaky = suppression.nearest(true, BASE).mask(suppression.is_small(true, THRESHOLD))
    assert least_left_of_a_month(leaky, year) < FEWEST_CANDIDATES


def test_months_are_shown_where_none_is_small(tmp_path):
    """Eight in the least month: all are shown, to the nearest five."""
    inputs = read_place("little", write_little(tmp_path / "data", population, months_of(8)))
    shown = outcomes.variation(inputs, measure(inputs)).frame["events"]
    assert sorted(set(shown)) == [10, 40]


def least_left_of_a_quarter(quarters):
    """Candidates of the last quarter, for one who has three from the edition before and now the year."""
    shown = suppression.nearest(pd.Series(quarters, ["Q1", "Q2", "Q3", "now"]), BASE).mask(
        lambda each: each.index == "now"
    )
    year = suppression.nearest(pd.Series([sum(quarters)]), BASE).item()
    return candidates(
        cells(shown, ["now"]), [(dict.fromkeys(shown.index, 1), year - BASE // 2, year + BASE // 2)]
    ).item()


@pytest.mark.parametrize(("least", "shown"), [(14, False), (15, False), (16, True)])
def test_quarters_are_hidden_before_one_turns_small(tmp_path, least, shown):
    """Three of 13, shown as 15, beside a later year's 40 leave 1 to 3 for a quarter that is small and not shown then.

    So none leaves while one is below twice the threshold: the next is then hardly below the threshold itself.
    """
    assert least_left_of_a_quarter([13, 13, 13, 1]) < FEWEST_CANDIDATES <= least_left_of_a_quarter([16, 17, 18, 1])
    months = [str(month) for month in pd.period_range("2023-04", "2026-03", freq="M")]
    inputs = read_place("little", write_little(tmp_path / "data", population, months_of(least - 14, 7, months)))
    table = outcomes.variation(inputs, measure(inputs)).frame
    assert (set(table["each"]), len(table)) == ({"quarter"}, 12)
    assert table["events"].notna().all() == shown
    assert table["events"].isna().all() != shown
