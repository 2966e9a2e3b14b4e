"""Options appraisal by hand: two partners, two criteria, and a pound that is worth less each year."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placelib.commissioning.options import appraise, compare_providers, discount_factor, switching_values, who_gains
from placelib.errors import PlacelibError
from placelib.sources.readers import SHIPPED
from placelib.sources.terms import read_vocabulary

BOOKS = read_vocabulary(SHIPPED / "vocabulary").books
EMPTY = {name: book.empty() for name, book in BOOKS.items()}


def table(columns, *rows):
    """Rows under the named columns."""
    return pd.DataFrame(rows, columns=columns.split())


OPTIONS = table(
    "option_id decision option counterfactual outcome_id",
    ("now", "Homes", "As now", "yes", "o"),
    ("hub", "Homes", "One hub", "no", "o"),
    ("map", "Homes", "Better maps", "no", "o"),
)
# Together quality and cost count half each: the hub 4 + 2 = 6, maps 2.5 + 3 = 5.5, as now 1.5 + 3.5 = 5.
SCORES = table(
    "option_id criterion score score_lower score_upper evidence",
    ("now", "quality", 3.0, 3.0, 3.0, "e"),
    ("now", "cost", 7.0, 7.0, 7.0, "e"),
    ("hub", "quality", 8.0, 6.5, 9.0, "e"),
    ("hub", "cost", 4.0, 2.0, 5.0, "e"),
    ("map", "quality", 5.0, 4.0, 6.0, "e"),
    ("map", "cost", 6.0, 5.0, 7.0, "e"),
)
WEIGHTS = table(
    "partner criterion weight", ("nhs", "quality", 0.7), ("nhs", "cost", 0.3), ("council", "quality", 0.3),
    ("council", "cost", 0.7),
)  # fmt: skip
NAMES = OPTIONS.set_index("option")["option_id"]
FLOW = "option_id partner year kind value_kind cashable amount optimism_bias confidence"


def test_each_partner_and_all_together_weigh_the_options():
    """The NHS, for quality, puts the hub first; the council, for cost, leaves things as they are; together the hub."""
    found = appraise(OPTIONS, SCORES, WEIGHTS)
    assert found.index.tolist() == ["hub", "map", "now"]
    assert found[["score", "score_lower", "score_upper"]].round(9).to_numpy().tolist() == [
        [6.0, 4.25, 7.0], [5.5, 4.5, 6.5], [5.0, 5.0, 5.0]
    ]  # fmt: skip
    assert found["nhs_view"].round(9).tolist() == [6.8, 5.3, 4.2]
    assert found["council_view"].round(9).tolist() == [5.2, 5.7, 5.8]
    assert found["rank"].tolist() == [1, 2, 3]
    assert found["first_for"].tolist() == [1, 0, 1]


def test_an_option_without_a_score_has_no_total():
    """A missing score is not nought: the option is neither ranked nor first for anyone."""
    found = appraise(OPTIONS, SCORES.drop(index=2), WEIGHTS)
    assert found["score"].isna().to_dict() == {"map": False, "now": False, "hub": True}
    assert found.loc["hub", "first_for"] == 0
    assert found.loc["map", "rank"] == 1


def test_switching_values_are_those_worked_by_hand():
    """The hub leads maps by 0.5 and as now by 1.

    Weight of quality w: hub 8w + 4(1 − w), maps 5w + 6(1 − w): equal at 3w = 2(1 − w), so at 0.4. As now has
    3w + 7(1 − w): equal at 5w = 3(1 − w), 0.375, which is further off. For maps to draw level a score of the hub must
    fall by 0.5 / 0.5 = 1: of quality to 7 (likely, as 6.5 is), of cost to 3 (likely, as 2 is); for as now by 2: to 6
    (not likely) and to 2.
    """
    found = switching_values(OPTIONS, SCORES, WEIGHTS)
    assert sorted(found["option_other"]) == ["As now", "As now", "Better maps", "Better maps"]
    found = found.sort_values(["option_other", "criterion"])  # as now: cost, quality; maps: cost, quality
    assert found["switch_pct"].round(9).tolist() == [62.5, 37.5, 60.0, 40.0]
    assert found["score_switch"].tolist() == [2.0, 6.0, 3.0, 7.0]
    assert found["likely"].tolist() == ["yes", "no", "yes", "yes"]
    assert set(found["option"]) == {"One hub"}


def test_no_switching_value_where_nothing_would_do():
    """An option best on everything stays first at any weight; a lead of 5.5 or 4 cannot be lost on a score of 2."""
    scores = SCORES.assign(score=[1.0, 0.0, 10.0, 2.0, 2.0, 2.0])
    found = switching_values(OPTIONS, scores, WEIGHTS).set_index(["option_other", "criterion"])
    assert found.loc[("As now", "quality"), "switch_pct":"switch_pct"].isna().all()
    assert pd.isna(found.loc[("As now", "cost"), "score_switch"])
    assert found.loc[("As now", "cost"), "likely"] == "no"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 10), min_size=6, max_size=6), st.integers(1, 9))
def test_at_its_switching_weight_another_option_draws_level(numbers, tenths):
    """With the weight that is said, and the rest in proportion, the first and that option have the same total."""
    scores = SCORES.assign(score=np.array(numbers, float))
    weights = table("partner criterion weight", ("nhs", "quality", tenths / 10), ("nhs", "cost", 1 - tenths / 10))
    for row in switching_values(OPTIONS, scores, weights).dropna(subset="switch_pct").itertuples():
        part = {"quality": row.switch_pct / 100, "cost": row.switch_pct / 100, row.criterion: row.switch_pct / 100}
        other = "cost" if row.criterion == "quality" else "quality"
        part[other] = 1 - row.switch_pct / 100
        total = (scores["score"] * scores["criterion"].map(part)).groupby(scores["option_id"]).sum()
        assert total[NAMES[row.option]] == pytest.approx(total[NAMES[row.option_other]])


def test_a_pound_is_discounted_as_the_green_book_says():
    """Year 0 whole, 3.5% a year to year 30, 3% from year 31."""
    factor = discount_factor(pd.Series([0, 1, 30, 31, 60]), 0.035)
    assert factor.tolist() == pytest.approx([1, 1 / 1.035, 1.035**-30, 1.035**-30 / 1.03, 1.035**-30 * 1.03**-30])


def test_who_invests_and_who_gains_against_going_on_as_now():
    """The council puts in 100 with a fifth more for optimism, and saves the 50 of going on as now: 70 in all.

    The NHS gains 103.5 a year on, less a tenth for optimism, of which 80% are counted: 103.5 · 0.9 · 0.8 / 1.035 = 72.
    Society's 10 are as sure as can be.
    """
    flows = table(
        FLOW,
        ("hub", "council", 0, "cost", "fiscal", "yes", 100.0, 0.2, 1.0),
        ("now", "council", 0, "cost", "fiscal", "yes", 50.0, 0.0, 1.0),
        ("hub", "nhs", 1, "benefit", "fiscal", "no", 103.5, 0.1, 0.8),
        ("hub", "society", 0, "benefit", "social", "no", 10.0, 0.0, 1.0),
        ("map", "society", 0, "benefit", "social", "no", 10.0, 1.5, 1.0),  # optimism takes off all, and no more
    )
    found = who_gains(OPTIONS, flows, 0.035).set_index(["option_id", "partner"])
    assert found.loc[("hub", "council"), ["cost_gbp", "benefit_gbp", "net_gbp"]].tolist() == [70.0, 0.0, -70.0]
    assert found.loc[("hub", "nhs"), "net_gbp"] == pytest.approx(72.0)
    assert found.loc[("hub", "nhs"), ["value_kind", "cashable"]].tolist() == ["fiscal", "no"]
    assert found.loc[("hub", "society"), "net_gbp"] == 10.0
    assert found.loc[("map", "council"), ["cost_gbp", "net_gbp"]].tolist() == [-50.0, 50.0]
    assert found.loc[("map", "society"), "net_gbp"] == 0.0
    assert "now" not in found.index.get_level_values("option_id")


@pytest.mark.parametrize("given_now", [("no", "no", "no"), ("yes", "yes", "no")])
def test_a_decision_has_one_counterfactual(given_now):
    """Without one there is nothing to set options against; with two it is not known which."""
    with pytest.raises(PlacelibError, match=r"'Homes' needs one option with 'counterfactual' = yes"):
        who_gains(OPTIONS.assign(counterfactual=given_now), table(FLOW), 0.035)


SERVICE = table(
    "service_id service outcome_id case_mix effect effect_lower effect_upper provider provider_kind",
    ("a", "A", "o", 1.0, 3.0, 2.0, 4.0, "P", "public"),
    ("b", "B", "o", 2.0, 2.0, 1.5, 2.5, "P", "private"),
    ("c", "C", "o", 1.0, 1.0, 0.9, 1.1, "P", "voluntary"),
    ("d", "D", "p", 1.0, 9.0, 8.0, 9.5, "P", "public"),
)


def test_providers_are_compared_after_case_mix_and_blind_to_their_kind():
    """B does 2 for a pound with people twice as complex, so 4: first, not surely above A's 3, surely above C's 1.

    Errors are 1 / 1.96, 1 / 1.96 and 0.1 / 1.96; of two comparisons each has a critical value of 2.24: B and A
    differ by 1 against 2.24 · √2 / 1.96 = 1.62, B and C by 3 against 1.15. D is alone with its outcome.
    """
    found = compare_providers(SERVICE).set_index("service_id")
    assert found.index.tolist() == ["b", "a", "c"]
    assert found["effect"].tolist() == [4.0, 3.0, 1.0]
    assert found.loc["b", ["effect_lower", "effect_upper"]].tolist() == [3.0, 5.0]
    assert found["verdict"].tolist() == [
        "highest", "no clear difference from the highest", "clearly below the highest"
    ]  # fmt: skip
    assert not {"provider", "provider_kind"} & {*found}


def test_a_margin_just_inside_chance_is_no_difference():
    """Two services: their difference of 2 is clear where the margin is 1.99, and is not where it is 2.01."""
    pair = SERVICE.iloc[[0, 2]].assign(case_mix=1.0)
    for margin, verdict in ((1.99, "clearly below the highest"), (2.01, "no clear difference from the highest")):
        half = margin / np.sqrt(2)  # each half-width is 1.96 errors
        given_rows = pair.assign(effect_lower=pair["effect"] - half, effect_upper=pair["effect"] + half)
        assert compare_providers(given_rows)["verdict"].iloc[1] == verdict


def test_a_place_without_files_has_empty_tables():
    """Nothing to compare, and no error."""
    books = EMPTY["options"], EMPTY["option_scores"], EMPTY["option_weights"]
    assert appraise(*books).empty
    assert switching_values(*books).empty
    assert who_gains(EMPTY["options"], EMPTY["option_flows"], 0.035).empty
    assert compare_providers(EMPTY["services"]).empty
