"""Verdicts on groups: by a table worked by hand, small groups not drowned, names in readers' words."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from test_needs import WORDS

from placelib.assessment import equality
from placelib.assessment.equality import group_gaps, group_names, severest_small_group
from placelib.measures.groups import gaps
from placelib.measures.survey import Design

GROUPS = ["female", "male", "bisexual", "muslim", "sikh", "veteran", "widowed"]


def gaps_of(p_values, difference=10.0, **columns):
    """Gaps to 30% of endless others, one group each, on so many answers that an exact test gives the p-values."""
    number = len(p_values)
    rows = pd.DataFrame({"category": GROUPS[:number], "difference": np.broadcast_to(difference, number).astype(float)})
    rows["everyone"] = 30.0
    rows["value"] = rows["everyone"] + rows["difference"]
    rows["effective_respondents"] = list(map(answers_for, p_values, rows["value"]))
    rows["ratio"], rows["rest"], rows["expected"] = rows["value"] / rows["everyone"], rows["everyone"], 20.0
    usual = {"characteristic": "sex", "indicator_id": "lonely", "respondents": 400, "degrees_of_freedom": 300}
    usual |= {"rest_respondents": 10**9, "rest_effective_respondents": 1e9, "rest_share": 1.0}
    return rows.assign(**usual | columns)


def answers_for(p_value, value):
    """How many answers, `value` per cent of them yes, have a two-sided exact p-value against everyone's 30%."""

    def apart(logarithm):
        answers = np.exp(logarithm)
        yes = answers * value / 100
        tails = stats.beta.cdf(0.3, yes, answers - yes + 1), stats.beta.sf(0.3, yes + 1, answers - yes)
        return 2 * min(tails) - p_value

    return np.exp(optimize.brentq(apart, -7, 16, xtol=1e-13))


@pytest.mark.parametrize(
    ("value", "answers", "verdict"),
    [(0.0, 60, "no clear difference"), (0.0, 150, "better"), (1.0, 60, "no clear difference"), (25.0, 60, "worse")],
)
def test_a_small_error_from_few_answers_makes_no_certainty(value, answers, verdict):
    """None of 60 say yes where 5% of everyone do: 0.95 to the power of 60 is 5%, far from sure; of 150 it is 0.05%."""
    rows = gaps_of([0.5], effective_respondents=float(answers))
    rows = rows.assign(value=value, everyone=5.0, rest=5.0, difference=value - 5.0)
    assert list(verdicts(rows).values()) == [verdict]


def test_a_group_that_agrees_is_tested_like_any_other():
    """Nobody, or all, of 40 say yes where half of the rest do: no error of its own, and yet it has a verdict."""
    rows = gaps_of([0.5, 0.5], respondents=40, effective_respondents=40.0).assign(difference=[-50.0, 50.0])
    rows = rows.assign(value=[0.0, 100.0], everyone=50.0, rest=50.0)
    assert verdicts(rows) == {"female": "better", "male": "worse"}


def test_the_rest_are_not_taken_for_certain():
    """20 of 50 are sure against 12% of endless others (p 0.000002), and not against 6 of 50, among twenty (0.003)."""
    rows = pd.concat([gaps_of([0.5], effective_respondents=50.0)] * 20, ignore_index=True)
    rows = rows.assign(value=40.0, everyone=26.0, rest=12.0, difference=14.0)
    assert group_gaps(rows, WORDS)["verdict"].eq("worse").all()
    assert group_gaps(rows.assign(rest_effective_respondents=50.0), WORDS)["verdict"].eq("no clear difference").all()


def verdicts(rows):
    """Verdict by group."""
    return group_gaps(rows, WORDS).set_index("category")["verdict"].to_dict()


@pytest.mark.parametrize(
    ("p_values", "sure"),
    [
        ((0.008, 0.0085, 0.020), (True, False, False)),  # each against a third of one in forty: 0.0083
        ((0.020, 0.008, 0.0085), (False, True, False)),  # whatever their order
        ((0.0245,), (True,)),
        ((0.0255,), (False,)),
    ],
)
def test_verdicts_are_those_of_the_table_by_hand(p_values, sure):
    """Each exact p-value against its equal share of one in forty."""
    found = verdicts(gaps_of(p_values))
    expected = ["worse" if each else "no clear difference" for each in sure]
    assert [found[name] for name in GROUPS[: len(sure)]] == expected


def test_single_and_crossed_characteristics_are_families_of_their_own():
    """Three of one kind, one of the other: 0.02 is sure alone in its family and would not be among four."""
    rows = gaps_of([0.3, 0.4, 0.5, 0.02])
    rows.loc[3, "category"] = "female × disabled_a_lot"
    found = group_gaps(rows, WORDS).set_index("category")
    assert found.loc["female × disabled_a_lot", ["family", "comparisons", "verdict"]].tolist() == [
        "two characteristics",
        1,
        "worse",
    ]
    assert found.loc["female", ["family", "comparisons", "verdict"]].tolist() == [
        "one characteristic",
        3,
        "no clear difference",
    ]


def test_which_way_is_worse_is_the_vocabularys():
    """More loneliness is worse, less is better; where higher is better, it is the other way about."""
    rows = gaps_of([1e-6, 1e-6], difference=[10.0, -10.0])
    assert verdicts(rows) == {"female": "worse", "male": "better"}
    words = type(WORDS)(WORDS.indicators.assign(direction="higher is better"), WORDS.domains, WORDS.characteristics)
    turned = group_gaps(rows, words)
    assert turned.set_index("category")["verdict"].to_dict() == {"female": "better", "male": "worse"}
    assert turned["category"].tolist() == ["male", "female"]


def test_few_answers_and_refusals_have_no_verdict_and_no_part_in_the_family():
    """29 answers, 29 beside them, or a self-selected sample: no verdict. Those who would not say are no group."""
    rows = gaps_of([1e-9, 1e-9, 0.02, 0.02, 1e-9])
    rows.loc[0, "respondents"] = 29
    rows.loc[1, "rest_respondents"] = 29
    rows.loc[4, "degrees_of_freedom"] = np.nan
    rows.loc[3, "category"] = "prefer_not_to_say"
    found = group_gaps(rows, WORDS)
    by_group = found.set_index("category")
    assert by_group["verdict"].to_dict() == {
        "female": "too few answers",
        "male": "too few answers",
        "sikh": "too few answers",
        "bisexual": "worse",
    }
    assert by_group["comparisons"].eq(1).all()
    assert found["category"].iloc[0] == "bisexual"  # those tested come first


def test_limits_are_those_of_the_same_test():
    """Five comparisons share one in forty: at either limit an exact test has p = 0.0025, scaled to everyone's gap."""
    rows = gaps_of([0.3] * 5, rest_share=0.8)
    found = group_gaps(rows, WORDS).iloc[0]
    answers = found["effective_respondents"]
    yes = answers * found["value"] / 100
    lowest, highest = 30 + found[["difference_lower", "difference_upper"]].astype(float) / 0.8
    assert stats.beta.cdf(lowest / 100, yes, answers - yes + 1) == pytest.approx(0.0025, rel=0.01)
    assert stats.beta.sf(highest / 100, yes + 1, answers - yes) == pytest.approx(0.0025, rel=0.01)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(1e-6, 0.9), min_size=1, max_size=7), st.booleans())
def test_limits_and_verdict_are_one(p_values, below):
    """A sure gap has limits on one side of nought, an unsure one on both."""
    found = group_gaps(gaps_of(p_values, difference=-10.0 if below else 10.0), WORDS)
    crosses = (found["difference_lower"] <= 0) & (found["difference_upper"] >= 0)
    assert (crosses == (found["verdict"] == "no clear difference")).all()


def test_a_small_group_is_ordered_by_its_own_gap():
    """Forty answers with a gap of 30 points stand before four hundred with a gap of 20."""
    rows = gaps_of([1e-6, 1e-6, 1e-6], difference=[20.0, 30.0, 5.0])
    rows["respondents"] = [400, 40, 41]
    found = group_gaps(rows, WORDS)
    assert found["category"].tolist() == ["male", "female", "bisexual"]
    assert found["group_size"].tolist() == ["small", "larger", "larger"]
    assert severest_small_group(found)["category"].tolist() == ["male"]


@pytest.mark.parametrize(
    "changed",
    [{"respondents": 400}, {"difference": -10.0}, {"effective_respondents": 30.0}, {"category": "male × muslim"}],
)
def test_no_severe_small_group_where_none_is_surely_worse(changed):
    """Not small, better off, not sure, or two characteristics at once."""
    rows = gaps_of([1e-6, 0.5], difference=[10.0, 1.0])
    rows["respondents"] = [40, 400]
    assert len(severest_small_group(group_gaps(rows, WORDS))) == 1
    for name, value in changed.items():
        rows.loc[0, name] = value
    assert severest_small_group(group_gaps(rows, WORDS)).empty


def test_no_survey_no_gaps():
    """A table without rows keeps its columns."""
    found = group_gaps(gaps_of([0.5]).iloc[:0], WORDS)
    assert found.empty
    assert (group_names(found, WORDS)["category_name"] + ": ").empty
    assert severest_small_group(found).empty


def test_groups_have_the_names_that_readers_see():
    """Both parts of a pair are named; everyone is everyone."""
    rows = pd.DataFrame(
        [("sex", "female"), ("sex × disability", "female × disabled_a_lot"), ("all", "all")],
        columns=["characteristic", "category"],
    )
    found = group_names(rows, WORDS)
    assert found["category_name"].tolist()[1:] == ["Female, Disabled, limited a lot", "Everyone"]
    assert found["characteristic_name"].tolist() == ["Sex", "Sex and Disability", "Everyone"]


def test_ages_are_allowed_for_by_the_same_exact_limits():
    """Not drawn in by nine tenths, and times the 20% expected, either limit has p = 0.0025 in an exact test."""
    found = group_gaps(gaps_of([0.3] * 5, rest_share=0.81), WORDS).iloc[0]
    answers = found["effective_respondents"]
    yes = answers * found["value"] / 100
    lowest, highest = (0.4 + (0.2 / 0.9) * (-2 + found[["times_own_age_lower", "times_own_age_upper"]])).astype(float)
    assert found["times_own_age"] == pytest.approx(40 / 20)
    assert stats.beta.cdf(lowest, yes, answers - yes + 1) == pytest.approx(0.0025, rel=0.01)
    assert stats.beta.sf(highest, yes + 1, answers - yes) == pytest.approx(0.0025, rel=0.01)


def test_ages_are_not_set_against_themselves():
    """A group that is an age has no ratio to people of that age; a group of two characteristics has."""
    rows = gaps_of([0.5, 0.5]).assign(characteristic=["age_band", "sex × age_band"])
    found = group_gaps(rows, WORDS).set_index("characteristic")
    assert found.loc["age_band", ["times_own_age", "times_own_age_lower", "times_own_age_upper"]].isna().all()
    assert found.loc["sex × age_band", "times_own_age"] == pytest.approx(2)


@pytest.mark.parametrize(("share", "times"), [(0.05, 2.0), (0.5, 1.3), (0.5, 0.8)])
def test_limits_beside_people_of_the_same_ages_hold_the_truth(share, times):
    """An older group has so many times the need of its ages: 97.5% limits (half of one in twenty) hold that."""
    draw, of_age = np.random.default_rng(3), np.array([0.1, 0.2, 0.3])
    in_group = share * np.array([0.5, 1.0, 1.5])
    others = of_age * (1 - in_group * times) / (1 - in_group)  # so that everyone of an age has the need of the age
    age = draw.integers(0, 3, 600)
    member = draw.random(600) < in_group[age]
    needs = draw.random((300, 600)) < np.where(member, times * of_age[age], others[age])
    groups = pd.DataFrame({"age_band": age.astype(str), "carer": np.where(member, "carer_20_plus", "not_carer")})
    found = gaps(Design(np.ones(600)), pd.DataFrame(needs.T.astype(float)), groups)
    one = found[found["category"] == "carer_20_plus"].assign(times_own_age=found["value"] / found["expected"])
    limits = equality._limits(one.assign(comparisons=1))  # each survey by itself, not all as one family
    held = limits["times_own_age_lower"].le(times) & limits["times_own_age_upper"].ge(times)
    assert held.mean() >= 0.975 - 2 * np.sqrt(0.975 * 0.025 / 300)
