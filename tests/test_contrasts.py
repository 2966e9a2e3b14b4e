"""Differences and the Rao-Scott test: answers known by construction, limits, and refusals in words."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, stats

from placelib.errors import PlacelibError
from placelib.measures.contrasts import apart_from_place, differences, exact_differences, rao_scott
from placelib.measures.survey import Design, Domains, means

PEOPLE = pd.DataFrame({"ward": ["W1"] * 6 + ["W2"] * 4})
ANSWERS = pd.DataFrame({"hours": [1.0, 4, 2, 8, 5, 7, 3, 3, 9, 1]})


def with_everyone(people):
    """The wards, and the place that they are part of."""
    wards = Domains.of(people[["ward"]])
    members = sparse.hstack([wards.members, np.ones((len(people), 1))], format="csr")
    return Domains(members, wards.names.append(pd.Index(["place"])))


def test_two_groups_by_hand():
    """Strata of their own have no covariance: the variances s²/n add up."""
    strata = Design(np.ones(10), PEOPLE["ward"])
    found = differences(strata, ANSWERS, Domains.of(PEOPLE), [("W1", "W2")]).iloc[0]
    ward = ANSWERS["hours"].groupby(PEOPLE["ward"])
    assert found["difference"] == pytest.approx(4.5 - 4)
    assert found["standard_error"] == pytest.approx((ward.var() / ward.size()).sum() ** 0.5)
    assert found["degrees_of_freedom"] == 3
    reach = stats.t.ppf(0.975, 3) * found["standard_error"]
    assert found[["lower", "upper"]].tolist() == pytest.approx([0.5 - reach, 0.5 + reach])
    assert found["p_value"] == pytest.approx(2 * stats.t.sf(0.5 / found["standard_error"], 3))


def test_pairs_and_questions_keep_their_order_and_their_own_errors():
    """Two pairs of two questions at once are each as if asked alone, pair by pair."""
    design, both = Design(np.ones(10), PEOPLE["ward"]), ANSWERS.assign(sleep=ANSWERS["hours"].mask(ANSWERS.index == 2))
    pairs = [("place", "W2"), ("W1", "place")]
    at_once = differences(design, both, with_everyone(PEOPLE), pairs)
    alone = [
        differences(design, both[[name]], with_everyone(PEOPLE), [pair])
        for pair in pairs
        for name in ("hours", "sleep")
    ]
    pd.testing.assert_frame_equal(at_once, pd.concat(alone, ignore_index=True))


def test_a_part_is_compared_with_its_whole_by_their_covariance():
    """With equal strata weights, W1 less the place is 0.4 (W1 - W2), error and all."""
    strata = Design(np.ones(10), PEOPLE["ward"])
    found = differences(strata, ANSWERS, with_everyone(PEOPLE), [("W1", "W2"), ("W1", "place")])
    whole, part = found.loc[0], found.loc[1]
    ends = means(Design(np.ones(10), PEOPLE["ward"]), ANSWERS, with_everyone(PEOPLE))["estimate"]
    assert part["difference"] == pytest.approx(ends[0] - ends[2]) == pytest.approx(0.4 * whole["difference"])
    assert part["standard_error"] == pytest.approx(0.4 * whole["standard_error"])


def test_nothing_differs_from_itself():
    """The difference of a domain from itself is nought, without error and without a probability."""
    found = differences(Design(np.ones(10)), ANSWERS, Domains.of(PEOPLE), [("W1", "W1")]).iloc[0]
    assert (found["difference"], found["standard_error"]) == (0, 0)
    assert np.isnan(found["p_value"])


def test_a_domain_that_is_not_there_is_refused_by_name():
    """A misspelt ward is named."""
    with pytest.raises(PlacelibError, match="There is no domain 'W9'"):
        differences(Design(np.ones(10)), ANSWERS, Domains.of(PEOPLE), [("W1", "W9")])


def counted(yes, base):
    """One group's answers."""
    return pd.DataFrame({"yes": [float(yes)], "base": [float(base)]})


def limits(first, second, tail=0.025):
    """Lower and upper limit of a difference."""
    return exact_differences(counted(*first), counted(*second), tail=tail).iloc[0].tolist()


@pytest.mark.parametrize(("yes", "share"), [(0, 0.05), (7, 0.05), (40, 0.5), (60, 0.95)])
def test_against_an_endless_group_it_is_the_exact_binomial_test(yes, share):
    """Of sixty: the lower limit lies above nought just where scipy's exact test of the share has so small a tail."""
    tail = stats.binomtest(yes, 60, share, alternative="greater" if yes > 60 * share else "less").pvalue
    for allowed, sure in ((tail * 1.001, True), (tail * 0.999, False)):
        low, high = limits((yes, 60), (1e12 * share, 1e12), allowed)
        assert (low > 0 or high < 0) == sure


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.floats(0, 1), st.floats(0, 1))
def test_limits_hold_the_difference_and_turn_with_the_groups(base, other, share, others_share):
    """Within -1 and 1, around the difference, never both upon it; first and second exchanged, they change sign."""
    yes, theirs = round(base * share), round(other * others_share)
    low, high = limits((yes, base), (theirs, other))
    assert -1 <= low <= yes / base - theirs / other <= high <= 1
    assert low < high
    assert limits((theirs, other), (yes, base)) == pytest.approx([-high, -low])


@pytest.mark.parametrize(
    ("shares", "bases"), [((0.1, 0.1), (40, 200)), ((0.03, 0.1), (30, 60)), ((0.5, 0.8), (35, 35))]
)
def test_limits_hold_the_truth_as_often_as_they_say(shares, bases):
    """All samples there are, each with its chance: 95% limits hold the true difference in 95% or more."""
    (p, q), (n, m) = shares, bases
    yes, theirs = (each.ravel().astype(float) for each in np.mgrid[: n + 1, : m + 1])
    first, second = pd.DataFrame({"yes": yes, "base": n}), pd.DataFrame({"yes": theirs, "base": m})
    found = exact_differences(first, second, tail=0.025)
    chance = stats.binom.pmf(yes, n, p) * stats.binom.pmf(theirs, m, q)
    assert 0.95 <= chance[(found["lower"] <= p - q) & (p - q <= found["upper"])].sum() < 0.995


def test_nobody_to_compare_with_gives_no_limits():
    """An empty base, and a missing number."""
    assert np.isnan(limits((5, 10), (0, 0))).all()
    assert np.isnan(limits((np.nan, 10), (5, 10))).all()


WARDS = pd.DataFrame({"numerator": [42.0, 30, 20, 0], "value": [42.0, 30, 20, 0], "denominator": 400.0})
WARDS["standard_error"] = 1.0


def place_of(wards, measure, release="open"):
    """The whole of the wards."""
    sums = wards[["numerator", "denominator"]].sum().to_dict()
    return pd.Series(sums | {"measure": measure, "release_class": release, "value": wards["value"].mean()})


@pytest.mark.parametrize("measure", ["flow", "proportion"])
def test_a_ward_is_compared_with_the_rest_of_its_place(measure):
    """42 of 400 against 50 in the other 1,200 is sure, and none; 30 and 20 against 62 and 72 are not."""
    assert apart_from_place(WARDS, place_of(WARDS, measure), tail=0.0125).tolist() == [1, 0, 0, -1]


def test_events_may_befall_a_person_again_and_people_are_counted_once():
    """380 of 400 people is near all: surer than 380 events among them, for a ward whose place has 90 in a hundred."""
    wards = pd.DataFrame({"numerator": [380.0, 3220], "value": [95.0, 89.4], "denominator": [400.0, 3600]})
    wards["standard_error"] = 1.0
    assert apart_from_place(wards, place_of(wards, "proportion"), tail=0.0025).tolist() == [1, -1]
    assert apart_from_place(wards, place_of(wards, "flow"), tail=0.0025).tolist() == [0, 0]


def test_a_full_count_has_no_chance_in_it_and_a_survey_its_own_test():
    """Standard error nought: whatever differs does. A survey's p-values are those of its rows; unknown is not sure."""
    full = WARDS.assign(standard_error=0.0)
    assert apart_from_place(full, place_of(full, "proportion"), tail=0.0125).tolist() == [1, 1, -1, -1]
    asked = WARDS.assign(place_p_value=[0.02, 0.03, np.nan, 0.001])
    assert apart_from_place(asked, place_of(asked, "proportion", "survey"), tail=0.0125).tolist() == [1, 0, 0, -1]


def test_wards_alike_are_seldom_told_apart():
    """Twenty wards of one rate, 400 editions: in at most 5% is any found worse, at a twentieth of 5% each."""
    draw, said = np.random.default_rng(8), []
    for _ in range(400):
        count = draw.poisson(20.0, 20).astype(float)
        wards = pd.DataFrame({"numerator": count, "value": count, "denominator": 400.0, "standard_error": 1.0})
        said.append((apart_from_place(wards, place_of(wards, "flow"), tail=0.05 / 20) > 0).any())
    assert 0 < np.mean(said) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_equal_weights_give_pearsons_test(seed):
    """One person a cluster, one stratum: the corrections are (n / (n - 1)), and vanish."""
    random = np.random.default_rng(seed)
    rows = pd.Series(random.permutation(np.arange(400) % 3))
    columns = pd.Series(random.permutation(np.arange(400) % 2))
    found = rao_scott(Design(np.full(400, 2.5)), rows, columns)
    pearson = stats.chi2_contingency(pd.crosstab(rows, columns), correction=False)
    assert found.pearson == pytest.approx(pearson.statistic)
    assert found.degrees_of_freedom == 2
    assert found.design_effect == pytest.approx(400 / 399, rel=0.05)


def test_copies_of_people_prove_no_more():
    """Each person four times, as a cluster: Pearson's chi-square is fourfold, the corrected tests are as before."""
    random = np.random.default_rng(5)
    people = pd.DataFrame({"row": random.integers(0, 3, 200), "column": random.integers(0, 2, 200)})
    once = rao_scott(Design(np.ones(200)), people["row"], people["column"])
    copied = people.loc[people.index.repeat(4)].reset_index()
    four = rao_scott(Design(np.ones(800), cluster=copied["index"]), copied["row"], copied["column"])
    assert four.pearson == pytest.approx(4 * once.pearson)
    assert four.design_effect == pytest.approx(4 * once.design_effect)
    assert (four.p_value, four.first_order_p_value) == pytest.approx((once.p_value, once.first_order_p_value))


def test_names_and_order_of_the_categories_do_not_matter():
    """Relabelled categories and reordered people give the same test; a missing answer is left out of the table."""
    random = np.random.default_rng(6)
    rows, columns = pd.Series(random.choice(list("abc"), 90)), pd.Series(random.choice(list("xy"), 90))
    rows[:5] = None
    order, weight = random.permutation(90), random.uniform(1, 3, 90)
    renamed = rows.map({"a": "z", "b": "y", "c": "w"})[order]
    once = rao_scott(Design(weight), rows, columns)
    assert rao_scott(Design(weight[order]), renamed, columns[order]) == pytest.approx(once)
    assert once.pearson > 0


@pytest.mark.parametrize(
    ("design", "rows", "words"),
    [
        (Design(np.ones(4)), ["a"] * 4, "table of 1 by 2 categories tests nothing"),
        (Design(np.ones(4), probability=False), list("abab"), "no sampling error to test with"),
    ],
)
def test_what_cannot_be_tested_is_refused_in_words(design, rows, words):
    """One category, and a self-selected sample."""
    with pytest.raises(PlacelibError, match=words):
        rao_scott(design, pd.Series(rows), pd.Series(list("xxyy")))
