"""Modelled ward figures: they are the small-area model's, agree with the place, and stand beside the direct ones."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from little import CODES

from placelib.measures.modelled import COLUMNS, modelled_wards
from placelib.measures.smallarea import modelled_proportions
from placelib.stages import needs as stages

WARDS = pd.Index([f"W{row:02d}" for row in range(18)])
ADULTS = pd.Series(np.linspace(5_000, 12_000, 18), WARDS)
QUESTIONS = ["lonely", "damp_home"]


def answered(indicator="lonely", *, seed=1, wards=18, **columns):
    """Rows of the shared indicator table: one question in each ward and in the place as a whole."""
    draw = np.random.default_rng(seed)
    value = draw.uniform(5, 40, wards)
    ward = pd.DataFrame({"area_code": WARDS[:wards], "value": value, "respondents": draw.integers(40, 200, wards)})
    ward = ward.assign(
        area_type="ward", effective_respondents=ward["respondents"] / 1.5, design_effect=1.5, lower=value - 5
    )
    place = {"area_code": "X", "area_type": "place", "value": value.mean(), "respondents": 2_000}
    rows = pd.concat([ward, pd.DataFrame([place])], ignore_index=True).assign(upper=lambda rows: rows["value"] + 5)
    usual = {"characteristic": "all", "release_class": "survey", "illustrative": False}
    return rows.assign(indicator_id=indicator, **usual | columns)


def people(older=0.2):
    """Residents of each ward by age and disability; `older` of them are 65 and over."""
    draw = np.random.default_rng(2)
    aged = pd.Series(older, WARDS) + draw.uniform(-0.05, 0.05, 18)
    limited = draw.uniform(0.05, 0.1, 18)
    parts = {
        ("age_band", "25_34"): 1 - aged,
        ("age_band", "65_74"): aged / 2,
        ("age_band", "85_plus"): aged / 2,
        ("disability", "not_disabled"): 1 - 2 * limited,
        ("disability", "disabled_a_lot"): limited,
        ("disability", "disabled_a_little"): limited,
    }
    rows = [
        pd.DataFrame({"ward_code": WARDS, "characteristic": name, "category": category, "residents": 9_000 * share})
        for (name, category), share in parts.items()
    ]
    return pd.concat(rows, ignore_index=True), pd.DataFrame({"age_band": aged, "disability": 2 * limited})


def test_they_are_the_models_in_per_cent():
    """Direct shares and design effects go in, with the shares of older and of disabled residents beside them."""
    rows, (residents, covariates) = answered(), people()
    found = modelled_wards(rows, residents, ADULTS, questions=QUESTIONS).set_index("ward_code")
    ward = rows[rows["area_type"] == "ward"].set_index("area_code")
    direct = pd.DataFrame({"estimate": ward["value"] / 100, "respondents": ward["respondents"], "design_effect": 1.5})
    place = rows["value"].iloc[-1] / 100
    areas = modelled_proportions(direct, covariates, population=ADULTS, place=place).areas
    assert found["value"].to_numpy() == pytest.approx(100 * areas["value"].to_numpy())
    assert found["lower"].to_numpy() == pytest.approx(100 * areas["lower"].to_numpy())
    assert found["direct_weight_pct"].to_numpy() == pytest.approx(100 * areas["direct_weight"].to_numpy())
    assert list(found.reset_index().columns.sort_values()) == sorted(COLUMNS)


def test_they_agree_with_the_place_and_say_how_far_they_moved():
    """Weighted by adults they make the place's own figure; each move is the modelled less the direct number."""
    rows, (residents, _) = answered(seed=3), people()
    found = modelled_wards(rows, residents, ADULTS, questions=QUESTIONS).set_index("ward_code")
    assert np.average(found["value"], weights=ADULTS[found.index]) == pytest.approx(rows["value"].iloc[-1])
    assert found["moved"].to_numpy() == pytest.approx((found["value"] - found["direct"]).to_numpy())
    given = rows.set_index("area_code").loc[WARDS]
    assert found[["direct", "direct_lower", "direct_upper", "respondents"]].to_numpy() == pytest.approx(
        given[["value", "lower", "upper", "respondents"]].to_numpy(float)
    )
    assert found["direct_weight_pct"].between(0, 100).all()


def test_only_questions_for_all_adults_are_modelled():
    """A question for carers is passed over, as is an agency's rate of the same name."""
    residents, _ = people()
    rows = pd.concat([answered(), answered("carer_strain"), answered("damp_home", release_class="open")])
    found = modelled_wards(rows, residents, ADULTS, questions=QUESTIONS)
    assert set(found["indicator_id"]) == {"lonely"}


@pytest.mark.parametrize("rows", [answered(wards=9), answered().assign(value=0.0), answered().iloc[:0]])
def test_what_cannot_be_modelled_is_absent(rows):
    """Too few wards, nobody who says yes, no survey: no row, and the usual columns."""
    residents, _ = people()
    found = modelled_wards(rows, residents, ADULTS, questions=QUESTIONS)
    assert found.empty
    assert list(found.columns) == COLUMNS


def test_neither_order_nor_a_made_up_survey_beside_it_matters():
    """Shuffled rows give the same; a made-up survey of the same question has its own model and its mark."""
    rows, (residents, _) = answered(), people()
    made_up = answered(seed=9, illustrative=True)
    shuffled = pd.concat([rows, made_up]).sample(frac=1, random_state=1)
    alone = modelled_wards(rows, residents, ADULTS, questions=QUESTIONS).set_index("ward_code")["value"]
    both = modelled_wards(shuffled, residents.sample(frac=1, random_state=2), ADULTS, questions=QUESTIONS)
    real = both[~both["illustrative"]].set_index("ward_code")["value"]
    assert real[alone.index].to_numpy() == pytest.approx(alone.to_numpy())
    assert both["illustrative"].sum() == len(WARDS)


def test_without_covariates_the_wards_lend_to_each_other():
    """Residents not counted by age or disability: every ward is drawn towards the middle of them all."""
    rows, (residents, _) = answered(seed=5), people()
    found = modelled_wards(rows, residents.iloc[:0], ADULTS, questions=QUESTIONS)
    highest, lowest = found.loc[found["direct"].idxmax()], found.loc[found["direct"].idxmin()]
    assert highest["moved"] < 0 < lowest["moved"]
    assert found["value"].std() < found["direct"].std()


def test_the_table_says_how_the_limits_did_in_trials_and_by_which_rule(little, exact):
    """Readers are told of the worst wards; each question stands beside the rule by which its model was fitted."""
    columns = {"ward_code": CODES, "basis": "modelled", "illustrative": False, "respondents": 90, "direct": 20.0}
    part = pd.DataFrame(columns).reindex(columns=COLUMNS).assign(effective_respondents=70.0)
    both = pd.concat([part.assign(indicator_id="lonely", rule="REML"), part.assign(indicator_id="damp_home", rule="b")])
    notes = stages.modelled(little, replace(exact, modelled=both)).notes
    assert "in the worst ward of three questions only 56, 67 and 77 times" in notes[0]
    by = "How far wards differ was found by REML: Lonely. How far wards differ was found by b: Damp or cold home."
    assert notes[1:] == (by,)


def test_modelled_wards_are_in_no_rank_and_no_pattern(little, exact):
    """Burglaries said to be modelled: one indicator fewer makes the ranks, and the wards' order forgets them."""
    table = exact.table
    wards = (table["indicator_id"] == "burglary") & (table["area_type"] == "ward")
    without = stages.needs(little, replace(exact, table=table[~wards])).frame
    modelled = stages.needs(little, replace(exact, table=table.assign(basis=table["basis"].mask(wards, "modelled"))))
    pd.testing.assert_frame_equal(modelled.frame, without)
    assert not without["score"].equals(stages.needs(little, exact).frame["score"])
