"""How much the method matters: ranks by other choices, what one indicator decides, which weight counts, overlap."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placelib.assessment.needs import Standing, coefficients
from placelib.assessment.weighing import (
    effective_number,
    exponential_score,
    indices_score,
    leave_one_out,
    redundancy,
    under_each_choice,
    weight_sensitivity,
)
from placelib.errors import PlacelibError

EVEN = pd.Series({"safety": 0.25, "work": 0.25, "homes": 0.25})
DOMAIN = {"burglary": "safety", "violence": "safety", "claimants": "work", "damp_home": "homes"}


def at(**columns):
    """Make the standing of wards A, B, C … from logarithms of ratios by indicator."""
    ratio = pd.DataFrame(columns, index=list("ABCDEFGHIJKLMNOPQRST")[: len(next(iter(columns.values())))], dtype=float)
    domain = pd.Series({name: DOMAIN.get(name, name) for name in columns})
    return Standing(ratio, np.exp(ratio), 0 * ratio, domain, "England")


def random_standing(seed=5, wards=12, names=tuple(DOMAIN)):
    """Wards drawn at random."""
    draws = np.random.default_rng(seed).normal(size=(len(names), wards))
    return at(**dict(zip(names, draws, strict=True)))


def test_each_partner_has_its_own_ranks_beside_the_partnership_s():
    """A is first for safety, B for work: police and the job centre differ, and evenly weighed they tie."""
    wards = at(burglary=[2, 0, 1], claimants=[0, 2, 0.5])
    partners = {"police": pd.Series({"safety": 1.0, "work": 0.0}), "job_centre": pd.Series({"safety": 0, "work": 1})}
    found = under_each_choice(wards, EVEN, partners)
    assert found["rank"].tolist() == [1, 1, 3]
    assert found["police_rank"].tolist() == [1, 3, 2]
    assert found["job_centre_rank"].tolist() == [3, 1, 2]


def test_other_transforms_are_worked_out_by_hand():
    """The Indices' transform sees ranks alone; z-scores see each indicator by its own spread."""
    wards = at(burglary=[9, 0, 0.1, 0.2], claimants=[0, 0.3, 0.2, 0.1])
    found = under_each_choice(wards, EVEN, {})
    ranks = pd.DataFrame({"safety": [1, 4, 3, 2], "work": [4, 1, 2, 3]}, wards.ratio.index)
    by_hand = exponential_score(ranks["safety"], 4) + exponential_score(ranks["work"], 4)
    assert found["indices_rank"].tolist() == pd.Series(by_hand).round(9).rank(ascending=False, method="min").tolist()
    z = (wards.ratio - wards.ratio.mean()) / wards.ratio.std()
    assert found["z_score_rank"].tolist() == z.sum(axis=1).rank(ascending=False).tolist()
    assert found["rank"].tolist() == [1, 2, 2, 2]


def test_the_indices_average_ties_and_leave_the_weights_as_they_stand():
    """Two tied first have rank 1.5 each; a weight of half gives half the score."""
    ranks = pd.DataFrame({"safety": [1, 1, 3, 4]})
    found = indices_score(ranks, pd.Series({"safety": 0.5}))
    assert found.tolist() == pytest.approx((0.5 * exponential_score([1.5, 1.5, 3, 4], 4)).tolist())


def test_what_one_indicator_decides_is_named():
    """B is first for violence alone: without it, last. A domain may go too, when its two indicators agree."""
    wards = at(burglary=[1, 0, 0.5], violence=[0, 9, 0], claimants=[1, 0, 0.5], damp_home=[1, 0, 0.5])
    found = leave_one_out(wards, EVEN)
    assert found["rank"].tolist() == [2, 1, 3]
    assert found.loc["B", ["left_out", "rank_without"]].tolist() == ["violence", 3]
    both = leave_one_out(at(burglary=[0, 4, 1], violence=[0, 4, 1], claimants=[1, 0, 0], damp_home=[1, 0, 1]), EVEN)
    assert both.loc["B", ["rank", "left_out", "rank_without"]].tolist() == [1, "safety", 3]


def test_a_place_with_one_indicator_has_nothing_to_leave_out():
    """Nor has one whose other domains weigh nothing."""
    for wards in (at(burglary=[1, 3, 2]), at(burglary=[1, 3, 2], unweighed=[9, 0, 0])):
        found = leave_one_out(wards, pd.concat([EVEN, pd.Series({"unweighed": 0.0})]))
        assert found["rank"].tolist() == found["rank_without"].tolist() == [3, 1, 2]
        assert found["left_out"].eq("").all()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=4, max_size=8))
def test_leaving_one_out_of_equal_indicators_changes_nothing(values):
    """Where all indicators say the same, none is missed, and no choice of weights or spread moves a ward."""
    wards = at(**dict.fromkeys(DOMAIN, values))
    found = leave_one_out(wards, EVEN)
    assert found["left_out"].eq("").all()
    assert found["rank_without"].equals(found["rank"].rename("rank_without"))
    ranks = under_each_choice(wards, EVEN, {"police": pd.Series({"safety": 0.9, "work": 0.1, "homes": 0.3})})
    assert ranks["police_rank"].tolist() == ranks["rank"].tolist()


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(12)))
def test_permuting_the_wards_permutes_every_answer(order):
    """Answers go with the ward and not with the row; nothing about the place as a whole changes."""
    one = random_standing()
    other = Standing(one.ratio.iloc[order], one.value, one.error, one.domain, one.reference)
    for rule in (lambda wards: under_each_choice(wards, EVEN, {}), lambda wards: leave_one_out(wards, EVEN)):
        pd.testing.assert_frame_equal(rule(other).loc[one.ratio.index], rule(one))
    assert effective_number(other) == pytest.approx(effective_number(one))


def test_flipping_every_direction_turns_every_rank_round():
    """First is last, by all weights and both transforms that look at sizes."""
    one = random_standing()
    other = Standing(-one.ratio, one.value, one.error, one.domain, one.reference)
    as_is, flipped = (under_each_choice(wards, EVEN, {}) for wards in (one, other))
    for name in ("rank", "z_score_rank"):
        assert (as_is[name] + flipped[name]).eq(13).all()


def test_a_domain_in_which_all_wards_are_alike_cannot_move_a_rank():
    """All of the order goes with the weights of the other two."""
    wards = at(burglary=[3, 0, 1, 2.0, 0.1], claimants=[0, 3, 2.5, 1, 0.2], damp_home=[1, 1, 1, 1, 1])
    found = weight_sensitivity(wards, EVEN)
    assert found.loc["homes", ["alone_pct", "with_others_pct"]].tolist() == pytest.approx([0, 0], abs=0.1)
    assert found.loc[["safety", "work"], "with_others_pct"].min() > 30
    assert found["with_others_pct"].ge(found["alone_pct"] - 5).all()


def test_sensitivity_agrees_with_the_answer_worked_out_by_quadrature():
    """Two wards change places where one weight is under half of the other, of which the variances are integrals."""
    found = weight_sensitivity(at(burglary=[2, 0], claimants=[0, 1]), EVEN)
    points = (np.arange(1000) + 0.5) / 1000
    moved = points[:, None] < points / 2
    first = [100 * moved.mean(axis=1).var() / moved.var(), 100 * moved.mean(axis=0).var() / moved.var()]
    assert found["alone_pct"].tolist() == pytest.approx(first, abs=3)
    assert found["with_others_pct"].tolist() == pytest.approx([100 - first[1], 100 - first[0]], abs=3)


def test_where_no_weight_moves_a_ward_nothing_depends_on_any():
    """One domain is alike everywhere: the order is the other's alone."""
    found = weight_sensitivity(at(burglary=[1, -1, 1, -1], claimants=[0, 0, 0, 0]), EVEN)
    assert found[["alone_pct", "with_others_pct"]].to_numpy().tolist() == [[0, 0], [0, 0]]


def test_indicators_that_say_the_same_are_named():
    """Violence is burglary in other units: each names the other; opposite orders are no overlap."""
    burglary, claimants = np.arange(10.0), np.array([3, 9, 1, 7, 5, 0, 8, 2, 6, 4.0])
    found = redundancy(at(burglary=burglary, violence=burglary**2, claimants=claimants, damp_home=-burglary))
    assert found.loc[["burglary", "violence"], "closest"].tolist() == ["violence", "burglary"]
    assert found["says_the_same"].tolist() == [True, True, False, False]
    assert found["rank_correlation"].iloc[:2].tolist() == pytest.approx([1, 1])


def test_the_effective_number_counts_what_is_said_once():
    """Ten alike count as one; ten unrelated, drawn 50 times for 20 wards, as nearly ten: chance is taken out."""
    names = [f"i{number}" for number in range(10)]
    assert effective_number(at(**dict.fromkeys(names, np.arange(20.0)))) == pytest.approx(1)
    found = [effective_number(random_standing(seed, 20, names)) for seed in range(50)]
    assert 9 < np.mean(found) <= 10


def test_weights_that_leave_nothing_are_refused():
    """A partner that weighs only what has no indicator here gets a message and not a table of nothing."""
    with pytest.raises(PlacelibError, match="index weights"):
        coefficients(pd.Series({"burglary": "safety"}), pd.Series({"safety": 0.0, "work": 1.0}))


def test_a_place_whose_files_reach_too_few_wards_is_told_so():
    """Not a fault of the sum: no measure is known in enough wards to be in the score."""
    with pytest.raises(PlacelibError, match="known in three wards of four"):
        coefficients(pd.Series({}, dtype="str"), pd.Series({"safety": 1.0}))
