"""Differences and the Rao-Scott test: answers known by construction, limits, and refusals in words."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, stats

from placelib.errors import PlacelibError
from placelib.measures.contrasts import against_place, differences, exact_differences, rao_scott
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


TAIL = pd.Series([0.025])


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400), st.integers(1, 400), st.floats(0, 1), st.floats(0, 1))
def test_the_exact_test_is_fishers(base, other, share, others_share):
    """Twice scipy's smaller tail, whatever the sizes; the group that says nothing and the one that agrees included."""
    yes, theirs = round(base * share), round(other * others_share)
    table = [[yes, base - yes], [theirs, other - theirs]]
    tails = [stats.fisher_exact(table, alternative=side).pvalue for side in ("less", "greater")]
    found = exact_differences(counted(yes, base), counted(theirs, other), tail=TAIL).iloc[0]
    assert found["p_value"] == pytest.approx(min(2 * min(tails), 1), rel=1e-3, abs=1e-9)
    assert found["lower"] - 1e-4 <= yes / base - theirs / other <= found["upper"] + 1e-4
    if abs(min(tails) - 0.025) > 1e-4:
        assert (min(tails) < 0.025) == (found["lower"] > 0 or found["upper"] < 0)


def test_the_limits_are_those_of_the_melded_confidence_distributions():
    """Seven of eight against one: 200,000 draws of Beta(7, 2) less Beta(2, 7), and of Beta(8, 1) less Beta(1, 8)."""
    draw = np.random.default_rng(4)
    below = draw.beta(7, 2, 200_000) - draw.beta(2, 7, 200_000)
    above = draw.beta(8, 1, 200_000) - draw.beta(1, 8, 200_000)
    found = exact_differences(counted(7, 8), counted(1, 8), tail=TAIL).iloc[0]
    assert found["lower"] == pytest.approx(np.quantile(below, 0.025), abs=0.003)
    assert found["upper"] == pytest.approx(np.quantile(above, 0.975), abs=0.003)


def test_exchanged_groups_have_the_same_test_and_turned_limits():
    """First and second change places; nobody to compare with gives nothing."""
    once = exact_differences(counted(30.5, 60.2), counted(200, 900), tail=TAIL).iloc[0]
    turned = exact_differences(counted(200, 900), counted(30.5, 60.2), tail=TAIL).iloc[0]
    assert turned["p_value"] == pytest.approx(once["p_value"])
    assert [-turned["upper"], -turned["lower"]] == pytest.approx([once["lower"], once["upper"]], abs=1e-4)
    assert exact_differences(counted(5, 10), counted(0, 0), tail=TAIL).isna().all(axis=None)


def place_of(wards, measure, release="open"):
    """The whole of the wards."""
    sums = wards[["numerator", "denominator"]].sum().to_dict()
    return pd.Series(sums | {"measure": measure, "release_class": release})


WARDS = pd.DataFrame({"numerator": [40.0, 30, 22, 0], "denominator": 400.0, "standard_error": 1.0})


def test_a_wards_events_are_binomial_in_the_places():
    """A quarter of 92 events is 23: 40 are too many, by the exact binomial test of a quarter."""
    found = against_place(WARDS, place_of(WARDS, "flow"))
    tails = [(stats.binom.sf(n - 1, 92, 0.25), stats.binom.cdf(n, 92, 0.25)) for n in (40, 30, 22, 0)]
    assert found.tolist() == pytest.approx([min(2 * min(pair), 1) for pair in tails], rel=0.01)


def test_a_wards_people_are_compared_with_the_rest_of_the_place():
    """40 of 400 against the 52 of 1,200 elsewhere: Fisher's exact test."""
    found = against_place(WARDS, place_of(WARDS, "proportion"))
    fisher = stats.hypergeom(1600, 92, 400)
    assert found.iloc[0] == pytest.approx(2 * fisher.sf(39), rel=1e-3)


def test_a_full_count_has_no_chance_in_it_and_a_survey_its_own_test():
    """Standard error nought: p is nought. A survey's p-values are those of its rows."""
    assert against_place(WARDS.assign(standard_error=0.0), place_of(WARDS, "proportion")).tolist() == [0] * 4
    asked = WARDS.assign(place_p_value=[0.01, 0.2, 0.3, np.nan])
    assert against_place(asked, place_of(WARDS, "proportion", "survey")).tolist()[:3] == [0.01, 0.2, 0.3]


def test_wards_alike_are_seldom_told_apart():
    """Twenty wards of one rate, 400 editions: in at most 5% is any found worse, at a twentieth of 5% each."""
    draw = np.random.default_rng(8)
    said = []
    for _ in range(400):
        wards = pd.DataFrame(
            {"numerator": draw.poisson(20.0, 20).astype(float), "denominator": 400.0, "standard_error": 1.0}
        )
        chance = against_place(wards, place_of(wards, "flow"))
        said.append(((chance / 2 <= 0.05 / 20) & (wards["numerator"] > wards["numerator"].mean())).any())
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
