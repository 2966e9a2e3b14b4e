"""The disclosure rules as little tables: what an agency or a survey gives, and what leaves. Check with a finger."""

import numpy as np
import pandas as pd
import pytest

from placelib import gate
from placelib.settings import Disclosure

POLICY = Disclosure()
MISSING = float("nan")
ROW = {
    "indicator_id": "any",
    "source_id": "any",
    "area_type": "ward",
    "value": MISSING,
    "standard_error": 1.0,
    "lower": MISSING,
    "upper": MISSING,
    "numerator": MISSING,
    "denominator": MISSING,
    "respondents": MISSING,
    "effective_respondents": MISSING,
    "previous": 12.3,
    "coverage": 0.95652173,
    "per": 1000.0,
    "years": 1.0,
    "measure": "flow",
    "status": "published",
    "threshold": 8,
    "illustrative": False,
}


def leaves(release_class, **given):
    """Pass one row through the gate, as it leaves."""
    row = pd.DataFrame([ROW | {"release_class": release_class} | given])
    return gate.release_indicators(row, "One row", policy=POLICY).frame.iloc[0]


@pytest.mark.parametrize(
    ("count", "residents", "shown", "base", "rate", "mark"),
    [
        # count, residents ┃ count shown, base shown, rate per 1,000 shown, mark
        (0, 1000, 0, 1000, 0.0, ""),
        (1, 1000, MISSING, 1000, MISSING, "[c]"),
        (7, 1000, MISSING, 1000, MISSING, "[c]"),
        (8, 1000, 10, 1000, 10.0, ""),
        (12, 1000, 10, 1000, 10.0, ""),
        (13, 1000, 15, 1000, 15.0, ""),
        (998, 1998, 1000, 2000, 500.0, ""),
        (12, 1003, 10, 1005, 10.0, ""),
    ],
)
def test_administrative_counts_below_eight_are_hidden_and_others_rounded_to_five(
    count, residents, shown, base, rate, mark
):
    """0 stays, 1 to 7 go, from 8 on to the nearest 5; the rate is made again from what is shown."""
    row = leaves("administrative", numerator=count, denominator=residents, value=count / residents * 1000)
    assert [row["numerator"], row["denominator"], row["value"]] == pytest.approx([shown, base, rate], nan_ok=True)
    assert (row["mark"], row["status"]) == (mark, "suppressed" if mark else "published")


@pytest.mark.parametrize(
    ("people", "of", "mark"),
    [
        (50, 100, ""),
        (92, 100, ""),  # 8 do not
        (93, 100, "[c]"),  # 7 do not: to know the 93 is to know the 7
        (99, 100, "[c]"),
        (100, 100, ""),  # all do
        (0, 100, ""),
        (0, 7, "[c]"),  # all seven do not
    ],
)
def test_of_a_proportion_neither_part_may_be_small(people, of, mark):
    """Those who do not are as private as those who do."""
    share = {"measure": "proportion", "per": 100.0, "value": people / of * 100}
    assert leaves("administrative", numerator=people, denominator=of, **share)["mark"] == mark


@pytest.mark.parametrize("measure", ["flow", "proportion"])
def test_limits_do_not_give_a_rounded_count_back(measure):
    """Whatever the count from 13 to 17, the same row leaves: value, limits and all else."""
    rows = []
    for count in range(13, 18):
        per = {"measure": measure, "value": count / 2, "lower": count / 3, "upper": float(count)}
        row = leaves("administrative", numerator=count, denominator=2000 + count - 15, **per)
        rows.append(row.drop("coverage"))
    assert all(row.equals(rows[0]) for row in rows[1:])
    assert rows[0]["lower"] < rows[0]["value"] < rows[0]["upper"]


def test_nothing_else_in_a_row_gives_its_count_back():
    """No standard error, no figure of the year before, no share of records that matched."""
    row = leaves("administrative", numerator=3, denominator=1000, value=3.0, lower=0.6, upper=8.8)
    assert "standard_error" not in row
    assert "previous" not in row
    assert np.isnan(row["coverage"])
    gone = ["value", "lower", "upper", "numerator", "respondents", "effective_respondents"]
    assert row[gone].isna().all()


@pytest.mark.parametrize(
    ("respondents", "effective", "lower", "upper", "mark"),
    [
        # respondents, effective, limits ┃ mark
        (9, 9, 20, 40, "[c]"),
        (10, 10, 20, 40, "[u]"),
        (40, 29, 20, 40, "[u]"),
        (40, 29.9, 20, 40, "[u]"),
        (60, 42, 20, 21, "[u]"),  # narrow by luck: at one half 42 answers leave 30.2 points
        (42, 60, 20, 21, "[u]"),  # an effective base above the answers themselves counts for no more than they do
        (60, 43, 20, 40, ""),  # at one half 43 answers leave 29.9 points
        (60, 43, 20, 50, ""),  # 30 points wide
        (60, 43, 20, 51, "[u]"),  # 31 points wide
        (400, 300, MISSING, MISSING, ""),  # self-selected: no limits to judge by
    ],
)
def test_survey_figures_need_ten_respondents_and_are_marked_when_unsure(respondents, effective, lower, upper, mark):
    """Fewer than ten: nothing. Limits over 30 points apart, or a base that allows it at one half: shown, and marked."""
    given = {"lower": lower, "upper": upper, "effective_respondents": effective, "per": 100.0}
    row = leaves("survey", respondents=respondents, value=30.4, measure="proportion", **given)
    assert row["mark"] == mark
    assert row["value"] == pytest.approx(MISSING if mark == "[c]" else 30, nan_ok=True)
    assert row["status"] == {"[c]": "suppressed", "[u]": "unreliable", "": "published"}[mark]


def test_survey_percentages_are_whole_and_bases_rounded():
    """23.4% of 187 respondents leaves as 23% of 185; its limits are rounded outwards, so that none comes too near."""
    row = leaves("survey", value=23.4, lower=17.6, upper=30.4, respondents=187, effective_respondents=142)
    names = ["value", "lower", "upper", "respondents", "effective_respondents"]
    assert row[names].tolist() == [23, 17, 31, 185, 140]


def test_open_figures_leave_as_they_were_published():
    """A count of 1 in an open file is already public; nothing is rounded."""
    row = leaves("open", numerator=1, denominator=3, value=33.333333333, lower=6.149, upper=79.234, coverage=1.0)
    assert row[["numerator", "denominator", "value", "lower", "upper"]].tolist() == [1, 3, 33.333333333, 6.149, 79.234]
    assert row["mark"] == ""


def test_commercial_figures_follow_the_rule_for_administrative_ones():
    """Seven contracts are hidden, eight rounded."""
    assert leaves("commercial", numerator=7, denominator=1000)["mark"] == "[c]"
    assert leaves("commercial", numerator=8, denominator=1000)["numerator"] == 10


def test_what_was_never_there_is_not_called_hidden():
    """No data is marked [x], and not taken for a suppressed count or for nought."""
    row = leaves("administrative", denominator=1000)
    assert (row["mark"], row["status"]) == ("[x]", "no data")
    withheld = leaves("administrative", denominator=1000, lower=1.0, upper=7.0, status="suppressed")
    assert (withheld["mark"], withheld["status"]) == ("[c]", "suppressed")
    assert withheld[["lower", "upper"]].isna().all()


@pytest.mark.parametrize(("agreed", "count", "mark"), [(8, 10, ""), (11, 10, "[c]"), (11, 11, ""), (5, 6, "[c]")])
def test_the_stricter_of_the_place_and_the_sharing_agreement_holds(agreed, count, mark):
    """An agreement may ask for more than the place's eight, never for less."""
    assert leaves("administrative", numerator=count, denominator=1000, threshold=agreed)["mark"] == mark


def test_a_partnership_may_be_stricter_and_not_looser():
    """A threshold of 10 and rounding to 10, for every row."""
    policy = Disclosure(administrative_threshold=10, rounding_base=10, survey_minimum=20)
    rows = pd.DataFrame(
        [
            ROW | {"release_class": "administrative", "indicator_id": f"of {n}", "numerator": n, "denominator": 1000}
            for n in (9, 14)
        ]
    )
    frame = gate.release_indicators(rows, "Two rows", policy=policy).frame
    assert frame["numerator"].tolist() == pytest.approx([MISSING, 10], nan_ok=True)
    survey = pd.DataFrame(
        [ROW | {"release_class": "survey", "respondents": 19, "effective_respondents": 19, "value": 5}]
    )
    assert gate.release_indicators(survey, "One", policy=policy).frame["mark"].tolist() == ["[c]"]


@pytest.mark.parametrize(
    ("numbers", "shown", "marks"),
    [
        # records, unmatched ┃ as they leave, mark
        ((100, 0), (100, 0), ""),
        ((103, 1), (MISSING, MISSING), "[c]"),  # the rest, with what is shown elsewhere, would give the 1 back
        ((103, 7), (MISSING, MISSING), "[c]"),
        ((103, 8), (105, 10), ""),
        ((7, 0), (MISSING, MISSING), "[c]"),
    ],
)
def test_tables_of_counts_hide_small_ones_and_round_the_rest(numbers, shown, marks):
    """The ledger and the table of respondents: shares are whole, and go with their counts."""
    frame = pd.DataFrame([numbers], columns=["records", "unmatched"]).assign(share=100 * numbers[1] / numbers[0])
    names = ["records", "unmatched"]
    table = gate.release_counts(frame, "T", counts=names, shares=["share"], policy=POLICY, illustrative=False)
    row = table.frame.iloc[0]
    assert row[names].tolist() == pytest.approx(shown, nan_ok=True)
    assert row["mark"] == marks
    assert np.isnan(row["share"]) == bool(marks)


@pytest.mark.parametrize(
    ("paid", "mark"),
    [
        # what each supplier is paid, the largest first ┃ mark
        ((50, 40, 10), ""),  # two make up 90%, no more
        ((50, 41, 9), "[c]"),  # 91%
        ((89, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1), ""),  # the second knows 1, so the first is 89 to 99
        ((34, 33, 33), ""),
        ((60, 40), "[c]"),  # each of two knows the other's
        ((100,), "[c]"),
        ((0,), ""),  # nobody is paid
    ],
)
def test_prices_leave_only_where_no_one_or_two_suppliers_make_up_most(paid, mark):
    """Top two at most 90%, and the largest not told to within 10%: what rests on prices goes, the rest stays."""
    largest, second = (*sorted(paid, reverse=True), 0)[:2]
    cell = pd.DataFrame([{"total": sum(paid), "largest": largest, "second": second, "price": 3.14159, "contracts": 4}])
    safe = gate.release_commercial(cell, "Prices", decimals={"price": 2}, illustrative=False).frame
    assert safe.columns.tolist() == ["price", "contracts", "mark"]
    assert safe.iloc[0].tolist() == pytest.approx([MISSING if mark else 3.14, 4, mark], nan_ok=True)
