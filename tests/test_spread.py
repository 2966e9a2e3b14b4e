"""Spread over the wards: a planted gradient is found, a level place has none, and outlying wards are named."""

import numpy as np
import pandas as pd
import pytest
from test_needs import WORDS

from placelib.assessment.equality import associated
from placelib.assessment.needs import domain_weights, standing
from placelib.assessment.spread import DEPRIVATION, funnel, social_gradient
from placelib.measures import answers
from placelib.stages import needs as stages

WARDS = [f"W{number:02d}" for number in range(12)]


def wards_of(indicator, counts, *, people=1_000.0, flow="flow", **columns):
    """Rows of the shared indicator table: one count a ward."""
    counts = np.array(counts, dtype=float)
    rows = pd.DataFrame({"area_code": WARDS[: len(counts)], "numerator": counts, "denominator": people})
    rows = rows.assign(value=1_000 * counts / people, standard_error=np.sqrt(np.maximum(counts, 1)) * 1_000 / people)
    usual = {"area_type": "ward", "per": 1_000.0, "years": 1.0, "basis": "direct", "release_class": "open"}
    usual |= {"characteristic": "all", "category": "all", "status": "published"}
    usual |= dict.fromkeys(["lower", "upper", "respondents", "threshold"], np.nan)
    return rows.assign(indicator_id=indicator, measure=flow, **usual | columns)


WEIGHTS = domain_weights(WORDS, {})
INCOME = wards_of(DEPRIVATION, np.arange(12), flow="proportion", standard_error=0.0)


def gradient_of(rows, income=INCOME):
    """Gradient of a place whose wards are ordered by income deprivation, if any."""
    table = rows if income is None else pd.concat([rows, income])
    return social_gradient(table, standing(table, WORDS), WEIGHTS)


def test_a_measure_alone_has_nothing_to_be_ordered_by():
    """One indicator and no income deprivation: it would be set against itself."""
    assert gradient_of(wards_of("burglary", 10 + 2 * np.arange(12)), income=None).empty


def test_a_planted_gradient_is_found_to_the_digit():
    """Rates on a line from 10 among the least to 32 among the most deprived: the ends lie half a ward beyond."""
    found = gradient_of(wards_of("burglary", 10 + 2 * np.arange(12))).iloc[0]
    assert found["wards"] == 12
    assert found["slope"] == pytest.approx(24)  # 2 a ward, over the width of 12 wards
    assert found["relative"] == pytest.approx(33 / 9)
    assert found["slope_lower"] < 24 < found["slope_upper"]
    assert found["relative_lower"] < 33 / 9 < found["relative_upper"]


def test_where_the_line_may_fall_below_nought_no_number_of_times_is_told():
    """Hardly any among the least deprived: no upper limit; a line that ends below nought: no ratio at all."""
    few = gradient_of(wards_of("burglary", [2, 2, 1, 1, 2, 3, 5, 5, 6, 7, 6, 8])).iloc[0]
    assert few["relative_lower"] > 1
    assert few["relative"] > few["relative_lower"]
    assert np.isnan(few["relative_upper"])
    none = gradient_of(wards_of("burglary", [0, 0, 1, 1, 2, 3, 5, 8, 12, 18, 25, 33])).iloc[0]
    assert none[["relative", "relative_lower", "relative_upper"]].isna().all()
    assert none["slope_lower"] > 0


def test_a_turned_order_turns_the_gradient():
    """More among the least deprived is below nought and below one, limits and all."""
    rows = wards_of("burglary", 10 + 2 * np.arange(12))
    ends = ["slope", "slope_lower", "slope_upper"]
    once, turned = (gradient_of(rows, INCOME.assign(value=sign * INCOME["value"])).iloc[0] for sign in (1, -1))
    assert turned[ends].tolist() == pytest.approx((-once[["slope", "slope_upper", "slope_lower"]]).tolist())
    ends = [end.replace("slope", "relative") for end in ends]
    assert turned[ends].tolist() == pytest.approx(
        (1 / once[["relative", "relative_upper", "relative_lower"]].astype(float)).tolist()
    )


def test_where_nothing_slopes_nothing_is_claimed_in_95_of_100_editions():
    """Two measures by chance alone: limits of both hold nought in at least 95, less the simulation's error."""
    draw, held = np.random.default_rng(5), []
    for _ in range(150):
        rows = pd.concat([wards_of(name, draw.poisson(80, 12)) for name in ("burglary", "noise")])
        found = gradient_of(rows)
        held.append(((found["slope_lower"] <= 0) & (found["slope_upper"] >= 0)).all())
    assert np.mean(held) >= 0.95 - 2 * np.sqrt(0.95 * 0.05 / 150)


@pytest.mark.parametrize(
    "changed",
    [{"standard_error": 0.0}, {"basis": "modelled"}, {"numerator": np.nan}, {"value": np.nan}, {"denominator": np.nan}],
)
def test_what_is_no_count_with_chance_in_it_has_no_gradient(changed):
    """Full counts, modelled figures, rates without counts, hidden wards, nobody at risk."""
    rows = wards_of("burglary", 10 + 2 * np.arange(12)).assign(**changed)
    assert gradient_of(rows).empty
    assert funnel(rows).empty


def test_income_deprivation_is_not_set_against_itself():
    """Even where chance has a part in it; the table says what wards are ordered by."""
    found = gradient_of(wards_of("burglary", 10 + np.arange(12)), INCOME.assign(standard_error=1.0))
    assert found["indicator_id"].tolist() == ["burglary"]
    assert found["ordered_by"].tolist() == ["income deprivation"]


def test_a_ward_whose_deprivation_is_not_known_is_left_out():
    """Eleven of twelve wards are ordered; the rest of the report is made."""
    income = INCOME.assign(value=INCOME["value"].mask(INCOME["area_code"] == "W03"))
    found = gradient_of(wards_of("burglary", 10 + 2 * np.arange(12)), income)
    assert found["wards"].tolist() == [11]


def test_what_never_happened_has_no_usual_number():
    """No event in any ward, or in any whose count is shown: no funnel, where there was an error, and no gradient."""
    never = wards_of("burglary", [0] * 11 + [3])
    never.loc[11, "value"] = np.nan  # hidden
    rows = pd.concat([never, wards_of("noise", 30 + np.arange(12))])
    assert funnel(never).empty
    assert funnel(rows)["indicator_id"].unique().tolist() == ["noise"]
    assert gradient_of(rows)["indicator_id"].tolist() == ["noise"]


def test_or_else_wards_are_ordered_by_the_need_index_without_the_measure_itself():
    """Burglary falls where noise rises: each falls with the other, which ordered by itself it could not."""
    rows = pd.concat([wards_of("burglary", 10 + np.arange(12)), wards_of("noise", 30 - np.arange(12))])
    found = gradient_of(rows, None)
    assert (found["slope"] < 0).all()
    assert found["ordered_by"].unique().tolist() == ["the need index without the measure itself"]


def test_a_ward_beyond_the_usual_spread_is_named():
    """Eleven wards of about 100 events and one of 200; a ward of 130 among them is perhaps higher."""
    rows = wards_of("burglary", [95, 105, 98, 102, 100, 97, 103, 99, 101, 96, 128, 200])
    found = funnel(rows).set_index("ward_code")
    assert found["average"].tolist() == pytest.approx([1324 / 12] * 12)
    assert found.loc["W11", "verdict"] == "higher"
    assert found.loc["W00":"W09", "verdict"].eq("as others").all()
    assert ((found["value"] > found["upper"]) == (found["verdict"] == "higher")).all()


def test_shares_of_people_have_no_funnel_of_events():
    """Claimants are people, counted once; a measure that few wards have has none either."""
    assert funnel(wards_of("claimants", 100 + np.arange(12), flow="proportion")).empty
    assert funnel(wards_of("burglary", 100 + np.arange(9))).empty


def test_characteristics_are_named_where_all_tests_together_allow():
    """Holm over four tests: 0.01 and 0.016 pass a quarter and a third of 0.05, 0.03 fails a half."""
    found = pd.DataFrame({
        "indicator_id": ["lonely", "damp_home", "lonely", "damp_home"],
        "characteristic": ["sex", "age_band", "disability", "sex"],
        "p_value": [0.016, 0.03, 0.01, 0.9],
    })  # fmt: skip
    told = associated(found, WORDS).set_index("indicator_id")
    assert told.loc["lonely", "differs_by"] == "Disability; Sex"
    assert told.loc["damp_home", "differs_by"] == "none, beyond chance"
    assert told["tested"].tolist() == [2, 2]
    assert associated(found.iloc[:0], WORDS).empty


def test_questions_are_tested_by_every_characteristic_of_groups_large_enough(little, exact):
    """Loneliness by sex and age; nine people who are limited a lot are no group, and a pair is left."""
    found = answers.associations(little, little.sources["survey"], exact.geography)
    asked = found[found["indicator_id"] == "lonely"].set_index("characteristic")["p_value"]
    assert sorted(asked.index) == ["age_band", "sex"]  # 29 limited a little are too few as well: nobody to compare
    assert asked.between(0, 1).all()


def test_the_tables_leave_with_their_reading(little, exact):
    """Each says how it was made; four wards are too few for a gradient."""
    for stage in (stages.gradient, stages.funnel, stages.associations):
        table = stage(little, exact)
        assert table.frame.empty or any(note.startswith("Method: ") for note in table.notes)
    assert stages.gradient(little, exact).frame.empty
    told = stages.associations(little, exact).frame
    assert set(told["indicator_id"]) == {"lonely", "damp_home"}
