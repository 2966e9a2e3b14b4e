"""Verdicts on groups: Holm's by a table worked by hand, small groups not drowned, names in readers' words."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from test_needs import WORDS

from placelib.assessment.equality import group_gaps, group_names, severest_small_group

GROUPS = ["female", "male", "bisexual", "muslim", "sikh", "veteran", "widowed"]


def gaps_of(p_values, difference=10.0, **columns):
    """Gaps to everyone's 30%, one group each, on so many answers that an exact test gives the wanted p-values."""
    number = len(p_values)
    rows = pd.DataFrame({"category": GROUPS[:number], "difference": np.broadcast_to(difference, number).astype(float)})
    rows["everyone"] = 30.0
    rows["value"] = rows["everyone"] + rows["difference"]
    rows["effective_respondents"] = list(map(answers_for, p_values, rows["value"]))
    rows["difference_error"] = np.sqrt(rows["value"] * (100 - rows["value"]) / rows["effective_respondents"])
    rows["ratio"] = rows["value"] / rows["everyone"]
    rows["ratio_error"] = rows["difference_error"] / rows["value"]
    usual = {"characteristic": "sex", "indicator_id": "lonely", "respondents": 400, "degrees_of_freedom": 1e9}
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
    rows = gaps_of([0.5], effective_respondents=float(answers), degrees_of_freedom=50.0)
    rows = rows.assign(value=value, everyone=5.0, difference=value - 5.0, difference_error=0.1)
    assert list(verdicts(rows).values()) == [verdict]


def verdicts(rows):
    """Verdict by group."""
    return group_gaps(rows, WORDS).set_index("category")["verdict"].to_dict()


@pytest.mark.parametrize(
    ("p_values", "sure"),
    [
        ((0.010, 0.020, 0.040), (True, True, True)),  # against 0.05/3, 0.05/2, 0.05: Bonferroni holds the first alone
        ((0.040, 0.010, 0.020), (True, True, True)),  # whatever their order
        ((0.010, 0.030, 0.040), (True, False, False)),  # 0.030 fails 0.025, and stops what comes after it
        ((0.020, 0.021, 0.022), (False, False, False)),  # the first fails 0.0167
        ((0.049,), (True,)),
        ((0.051,), (False,)),
    ],
)
def test_holms_verdicts_are_those_of_the_table_by_hand(p_values, sure):
    """Smallest first against a third, a half and all of one in twenty, until one fails."""
    found = verdicts(gaps_of(p_values))
    expected = ["worse" if each else "no clear difference" for each in sure]
    assert [found[name] for name in GROUPS[: len(sure)]] == expected


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(1e-6, 0.9), min_size=1, max_size=7))
def test_holm_claims_no_less_than_bonferroni_and_no_more_than_single_tests(p_values):
    """Every gap under 0.05 / m is sure; none above 0.05 is; a larger p-value is never sure where a smaller is not."""
    found = verdicts(gaps_of(p_values))
    sure = np.array([found[name] == "worse" for name in GROUPS[: len(p_values)]])
    p = np.array(p_values)
    assert sure[p < 0.05 / len(p) * (1 - 1e-9)].all()
    assert not sure[p > 0.05 * (1 + 1e-9)].any()
    assert not sure.any() or not (~sure & (p < p[sure].max() * (1 - 1e-9))).any()


def test_single_and_crossed_characteristics_are_families_of_their_own():
    """Three of one kind, one of the other: 0.04 is sure alone in its family and would not be among four."""
    rows = gaps_of([0.3, 0.4, 0.5, 0.04])
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
    """29 answers, or nobody's error known: said to be too few. Those who would not say are no group at all."""
    rows = gaps_of([1e-9, 1e-9, 0.02, 0.02])
    rows.loc[0, "respondents"] = 29
    rows.loc[1, "difference_error"] = np.nan
    rows.loc[3, "category"] = "prefer_not_to_say"
    found = group_gaps(rows, WORDS)
    by_group = found.set_index("category")
    assert by_group["verdict"].to_dict() == {
        "female": "too few answers",
        "male": "too few answers",
        "bisexual": "worse",
    }
    assert by_group["comparisons"].eq(1).all()
    assert found["category"].iloc[0] == "bisexual"  # those tested come first


def test_limits_are_bonferronis_and_stay_between_none_and_all():
    """Five comparisons: 99% limits for each; nobody is under 0% or over 100%."""
    rows = gaps_of([0.3] * 5)
    found = group_gaps(rows, WORDS).set_index("category")
    margin = stats.norm.ppf(0.995) * rows["difference_error"].iloc[0]
    assert found.loc["female", ["difference_lower", "difference_upper"]].tolist() == pytest.approx(
        [max(10 - margin, -30), min(10 + margin, 70)]
    )
    relative = np.exp(stats.norm.ppf(0.995) * rows["ratio_error"].iloc[0])
    assert found.loc["female", ["ratio_lower", "ratio_upper"]].tolist() == pytest.approx(
        [4 / 3 / relative, 4 / 3 * relative]
    )
    wide = group_gaps(rows.assign(difference_error=90.0), WORDS)
    assert wide["difference_lower"].tolist() == pytest.approx([-30] * 5)
    assert wide["difference_upper"].tolist() == pytest.approx([70] * 5)


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
