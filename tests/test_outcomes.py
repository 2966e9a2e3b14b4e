"""Outcomes: each word by a little table, targets on either side of limits, and a forecast that is honest."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from little import half_year, households, noise, population
from test_needs import WORDS
from test_panel import panel, walks

from placelib.assessment.outcomes import ASSURED, CHANGED, STANDING, evaluated, inspected_by, outlook, standing
from placelib.assessment.outcomes import variation as told
from placelib.measures.panel import synthetic_control
from placelib.measures.series import charted, year_totals
from placelib.measures.shared import measure
from placelib.sources.terms import Vocabulary
from placelib.stages.outcomes import _months

MONTHS = pd.period_range("2023-04", periods=36, freq="M")
TURNED = Vocabulary(WORDS.indicators.assign(direction="higher is better"), WORDS.domains, WORDS.characteristics)
NO_FIGURE, REACHED, NOT_REACHED, CANNOT_TELL = STANDING


def book(**columns):
    """One outcome of the book, with other cells."""
    usual = {"outcome_id": "o1", "outcome": "Safer homes", "indicator_id": "burglary", "baseline": 9.0, "target": 8.0}
    dates = {"baseline_date": pd.Timestamp("2024-03-31"), "target_date": pd.Timestamp("2028-03-31")}
    return pd.DataFrame([usual | dates | columns])


def figure(value, lower, upper, method="count of records"):
    """The place's published figure, beside a ward's that must not be taken for it."""
    names = {"indicator_id": "burglary", "characteristic": "all", "mark": "", "period": "Apr 2025 to Mar 2026"}
    names |= {"source": "Police", "method": method, "illustrative": True}
    place = {"area_type": "place", "value": value, "lower": lower, "upper": upper}
    ward = {"area_type": "ward", "value": 99.0, "lower": 98.0, "upper": 100.0}
    return pd.DataFrame([names | ward, names | place])


@pytest.mark.parametrize(
    ("value", "lower", "upper", "words", "turned"),
    [  # against a target of 8
        (7.0, 6.0, 7.9, REACHED, NOT_REACHED),
        (8.0, 7.0, 8.0, REACHED, CANNOT_TELL),
        (7.5, 7.0, 8.1, CANNOT_TELL, CANNOT_TELL),
        (9.0, 8.1, 10.0, NOT_REACHED, REACHED),
        (7.0, np.nan, np.nan, REACHED, NOT_REACHED),  # a full count has no interval
        (np.nan, np.nan, np.nan, NO_FIGURE, NO_FIGURE),
    ],
)
def test_a_target_is_reached_only_where_the_whole_interval_is(value, lower, upper, words, turned):
    """Higher is worse; turned round, higher is better."""
    rows = figure(value, lower, upper)
    assert standing(book(), rows, WORDS)["standing"].item() == words
    assert standing(book(), rows, TURNED)["standing"].item() == turned


@pytest.mark.parametrize(
    ("value", "lower", "upper", "words", "turned"),
    [  # against a baseline of 9 that is as uncertain: limits lie √2 times as far off
        (7.0, 6.0, 8.0, "Better", "Worse"),  # 5.6 to 8.4
        (8.0, 7.2, 8.8, "No clear change", "No clear change"),  # to 9.1
        (11.0, 9.7, 12.0, "Worse", "Better"),  # from 9.2
        (9.0, np.nan, np.nan, "No clear change", "No clear change"),  # two full counts, alike
        (8.0, np.nan, np.nan, "Better", "Worse"),
        (np.nan, np.nan, np.nan, NO_FIGURE, NO_FIGURE),
    ],
)
def test_a_change_since_the_promise_is_told_where_it_is_clear(value, lower, upper, words, turned):
    """Higher is worse; turned round, higher is better."""
    rows = figure(value, lower, upper)
    assert standing(book(), rows, WORDS)["since"].item() == words
    assert standing(book(), rows, TURNED)["since"].item() == turned


def test_a_year_to_date_says_so():
    """The months that stand for a year are named; a whole year says nothing."""
    method = "count of records, Byar 95% interval; 7 months put on a yearly footing"
    found = standing(book(), figure(7, 6, 7.5, method), WORDS)["standing"].item()
    assert found == "Reached; 7 months put on a yearly footing"
    assert standing(book(), figure(7, 6, 7.5), WORDS)["standing"].item() == "Reached"


def test_an_outcome_without_a_figure_and_a_place_without_outcomes():
    """No source: no figure, nothing invented; no book: no row, every column."""
    found = standing(book(indicator_id="violence"), figure(7, 6, 8), WORDS)
    assert found["standing"].tolist() == [NO_FIGURE]
    empty = standing(book().head(0), figure(7, 6, 8), WORDS)
    assert empty.empty
    assert outlook(empty, months([20.0] * 36), {}).empty


def test_regimes_are_dated():
    """Those that ask still, each once, with who asks and since when; one that has ended asks no more."""
    regimes = pd.DataFrame(
        {
            "regime": ["CQC", "BVPI", "CQC"],
            "inspectorate": ["Care Quality Commission", "Council", "Care Quality Commission"],
        }
    )
    regimes["in_force_from"] = pd.to_datetime(["2024-04-01", "2021-01-01", "2024-04-01"])
    regimes["in_force_to"] = pd.to_datetime([None, "2023-03-31", None])
    found = inspected_by(regimes.assign(indicator_id="lonely"))
    assert found["lonely"] == "CQC (Care Quality Commission, from April 2024)"
    assert inspected_by(regimes.assign(indicator_id="lonely").head(0)).empty


def months(events, indicator="burglary"):
    """Monthly counts of one indicator."""
    rows = pd.DataFrame({"month": MONTHS[: len(events)], "events": np.asarray(events, float)})
    facts = {"threshold": 8, "release_class": "administrative", "illustrative": True, "source": "Police"}
    return rows.assign(indicator_id=indicator, **facts)


STEADY = [48.0, 52.0] * 18  # mean 50, ranges of 4: limits 50 ± 10.64


@pytest.mark.parametrize(("target", "side"), [(39.3, 0), (39.4, 1), (50, 1), (60.6, 1), (60.7, 2), (np.nan, 3)])
def test_assurance_is_whether_the_target_lies_short_of_inside_or_beyond_the_limits(target, side):
    """Limits of 39.36 and 60.64, fewer being better; turned round, the ends change places."""
    found = told(months(STEADY), {"burglary": target}, WORDS).query("latest").iloc[0]
    assert found["assurance"] == ASSURED[side].format(each="month")
    assert found["variation"] == "Steady, with nothing beyond chance in 36 months"
    turned = told(months(STEADY), {"burglary": target}, TURNED).query("latest").iloc[0]
    assert turned["assurance"] == ASSURED[{0: 2, 2: 0}.get(side, side)].format(each="month")


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([*STEADY[:-1], 80.0], "Worse lately than chance explains"),
        ([*STEADY[:-1], 20.0], "Better lately than chance explains"),
        ([*STEADY[:10], 80.0, *STEADY[11:]], "Steady lately; last stood out in February 2024"),
        ([*STEADY[:-7], *np.linspace(40, 46, 7)], "Better than usual lately, but getting worse"),
    ],
)
def test_variation_is_told_in_words(events, words):
    """One point outside the limits: now, and more than six months ago; seven rising below the mean; assurance warns."""
    found = told(months(events), {"burglary": 50.0}, WORDS)
    assert found["variation"].unique().tolist() == [words]
    assert found["assurance"].iloc[0].endswith(CHANGED)
    assert found["stands_out"].ne("").sum() >= 1


def test_few_events_are_pooled_into_quarters_or_have_no_limits():
    """Ten a month are thirty a quarter, with a target of three months; one a month is too few; twelve months stand."""
    found = told(months([10.0] * 36), {"burglary": 9.0}, WORDS)
    assert found[["each", "centre", "target"]].drop_duplicates().to_numpy().tolist() == [["quarter", 30, 27]]
    assert found["period"].tolist()[:2] == ["Jun 2023", "Sep 2023"]
    for few in ([1.0] * 36, [10.0] * 30, [40.0] * 11, [np.nan, *[40.0] * 35]):
        row = told(months(few), {}, WORDS)
        assert row["variation"].str.startswith("No limits").tolist() == [True]
        assert row["latest"].tolist() == [True]
    assert len(told(months([40.0, 41.0] * 6), {}, WORDS)) == 12


def test_no_months_no_rows():
    """An empty table keeps its columns."""
    found = told(months([]), {}, WORDS)
    assert found.empty
    assert {"variation", "assurance", "events", "indicator"} <= set(found)


def test_quarters_that_are_not_whole_are_left_out():
    """From May to the April three years on: the first two months and the last one belong to no whole quarter."""
    events = pd.Series(10.0, pd.period_range("2023-05", periods=39, freq="M"))
    chart, period = charted(events)
    assert (period, len(chart), set(chart["value"])) == ("quarter", 12, {30.0})


def test_the_outlook_is_certain_where_the_target_is_far_away_and_even_in_the_middle():
    """Six hundred a year in 10 thousand homes are 60 per 1,000: 30 is out of reach, 90 sure, the middle about even."""
    steady = months(np.random.default_rng(1).poisson(50, 36))
    outcomes = pd.concat([book(target=target, direction="higher is worse") for target in (30.0, 90.0)])
    found = outlook(outcomes.reset_index(drop=True), steady, {"burglary": 10.0})
    assert found["chance_pct"].tolist() == [0, 100]
    assert found["foreseen"].all()
    assert found["outlook"].str.startswith(("Fewer than 5 in", "More than 95 in")).all()
    assert (found["forecast_lower"] < 60).all()
    assert (found["forecast_upper"] > 60).all()
    even = outlook(book(target=found["forecast"].iloc[0], direction="higher is better"), steady, {"burglary": 10.0})
    assert even["chance_pct"].item() == 50


@pytest.mark.parametrize("events", [[50.0] * 23, [10.0] * 36, [np.nan, *[50.0] * 35]])
def test_too_little_behind_it_is_no_outlook(events):
    """Under two years, under 20 events a month, or a month that is not known: no outlook."""
    found = outlook(book(direction="higher is worse"), months(events), {"burglary": 10.0})
    assert found["outlook"].eq("Not known").all()
    assert found["chance_pct"].isna().all()
    assert not found["foreseen"].any()
    past = book(direction="higher is worse", target_date=pd.Timestamp("2026-03-31"))
    assert outlook(past, months([50.0] * 36), {"burglary": 10.0})["chance_pct"].isna().all()


def test_months_that_are_known_count_as_they_were():
    """Three months ahead: nine of the twelve are known, so that the total varies little beyond them."""
    events = pd.Series(np.random.default_rng(2).poisson(50, 36), MONTHS)
    total = year_totals(events, pd.Period("2026-06", "M"))
    assert total.min() > events.tail(9).sum()
    assert np.median(total) == pytest.approx(events.tail(9).sum() + 150, abs=25)
    assert (year_totals(events, pd.Period("2026-06", "M")) == total).all()


def test_intervals_of_forecasts_cover():
    """Of 14 series at a steady rate or with a trend, 11 or more totals of the second year lie within 95% limits.

    Fewer would come by chance once in 200 times; benchmarks/forecasts.py measures more kinds of truth.
    """
    covered = 0
    for seed in range(14):
        random, slope = np.random.default_rng(seed), -0.10 / 12 * (seed % 2)
        truth = random.poisson(80 * np.exp(slope * np.arange(60)))
        events = pd.Series(truth[:36], MONTHS)
        lower, upper = np.quantile(year_totals(events, pd.Period("2028-03", "M")), [0.025, 0.975])
        covered += lower <= truth[48:].sum() <= upper
    assert covered >= 11


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 11), st.floats(-20, 20))
def test_an_evaluation_is_told_from_its_own_cells(seed, effect):
    """The sentence's number, sign and rank are those of the table, whatever they are."""
    values = walks(np.random.default_rng(seed))
    values["Here"] = values["Here"] + effect * (np.arange(2012, 2026) >= 2021)
    compared = synthetic_control(panel(values))
    words = evaluated(compared, WORDS.named(panel(values)))
    after = compared.query("after and role == 'place'")
    change, rank = after["difference"].mean(), int(after["rank"].iloc[0])
    assert f"{abs(change):.1f} {'below' if change < 0 else 'above'} its twin" in words
    assert f"{rank - 1 or 'None'} of 11 places" in words
    assert f"in {rank} of 12 cases" in words


def test_a_twin_that_was_unlike_says_little_and_no_panel_nothing():
    """A place far above all others cannot be a mix of them."""
    values = walks(np.random.default_rng(1))
    values["Here"] = values["Here"] + 100
    book = WORDS.named(panel(values))
    assert evaluated(synthetic_control(book), book).endswith("this says little.")
    assert evaluated(synthetic_control(book.head(0)), book) == ""


def test_months_are_of_the_file_that_the_figure_is_of(read):
    """A made-up file of the same complaints, ten times as many, stands aside, and so does one without a real fellow."""

    def made_up():
        rows, terms = noise()
        counts = [[row[0], *(10 * count for count in row[1:])] for row in rows[3:]]
        return [*rows[:3], *counts], terms | {"file": "made_up.xlsx", "title": "Made up", "illustrative": True}

    def alone():
        rows, terms = half_year()
        return rows, terms | {"illustrative": True}

    inputs = read(noise, made_up, alone, population, households)
    monthly, exposure = _months(inputs, measure(inputs))
    assert monthly["indicator_id"].unique().tolist() == exposure.index.tolist() == ["noise"]
    assert monthly["events"].tolist() == [4] * 12 + [12] * 12
