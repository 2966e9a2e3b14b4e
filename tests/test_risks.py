"""Risks: means by hand, a bad year by hand, risks that come together, and an order of rows that changes nothing."""

import numpy as np
import pandas as pd
import pytest

from placelib.commissioning.risks import CHANCE, IMPACT, exposure, pert, register, simulated


def book(*rows):
    """A register from (id, cause, three chances, three impacts)."""
    columns = ["risk_id", "cause", *CHANCE, *IMPACT]
    return pd.DataFrame([(name, cause, *chance, *impact) for name, cause, chance, impact in rows], columns=columns)


def fixed(name, cause, chance, impact):
    """A risk without doubt about its chance and impact."""
    return name, cause, (chance,) * 3, (impact,) * 3


def losses(risks):
    """Pounds by measure: expected, bad year, bad year if all came apart."""
    return (exposure(risks)["value"] * 1e6).tolist()


REGISTER = book(
    ("A", "winter", (0.1, 0.2, 0.5), (1e4, 5e4, 2e5)),
    ("B", "winter", (0.05, 0.1, 0.2), (0, 1e5, 1e6)),
    ("C", None, (0.0, 0.01, 0.1), (1e6, 2e6, 5e6)),
    ("D", None, (0.3, 0.3, 0.9), (1e3, 2e3, 9e3)),
)


def test_pert_has_the_mean_and_the_ends_that_its_formula_says():
    """(0 + 4 × 2 + 10) / 6 = 3; nothing lies outside 0 to 10; the median of a lopsided one lies below its mean."""
    at = pert(pd.DataFrame([[0, 2, 10]]), (np.arange(20_000) + 0.5) / 20_000).ravel()
    assert at.mean() == pytest.approx(3, abs=1e-4)
    assert (at.min() >= 0, at.max() <= 10, np.median(at) < 3) == (True, True, True)
    # 1 + 4 × 0.2 = 1.8 and 1 + 4 × 0.8 = 4.2: a beta's variance, on a range of 10
    assert at.var() == pytest.approx(100 * 1.8 * 4.2 / (36 * 7), rel=1e-3)


def test_the_expected_loss_is_the_sum_of_chance_times_impact():
    """By hand: 0.2333 × 68,333 + 0.1083 × 233,333 + 0.0233 × 2,333,333 + 0.4 × 3,000; simulation comes to the same."""
    by_hand = (1.4 / 6) * (4.1e5 / 6) + (0.65 / 6) * (1.4e6 / 6) + (0.14 / 6) * (1.4e7 / 6) + (2.4 / 6) * (1.8e4 / 6)
    table = register(REGISTER)
    assert table["value"].sum() == pytest.approx(by_hand / 1e6)
    assert losses(REGISTER)[0] == pytest.approx(by_hand)
    lost = simulated(REGISTER).sum(axis=1)
    assert abs(lost.mean() - by_hand) < 4 * lost.std() / np.sqrt(len(lost))
    assert table["risk_id"].tolist() == ["C", "B", "A", "D"]  # 54,444; 25,278; 15,944; 1,200


def test_a_certain_risk_costs_its_impact_in_every_year():
    """Chance 1, £7 million: expected, bad year and both limits are £7 million, and all of the bad year is its own."""
    risks = book(fixed("A", None, 1.0, 7e6))
    assert exposure(risks)[["value", "lower", "upper"]].to_numpy().tolist() == [[7.0] * 3] * 3
    assert register(risks)[["chance_pct", "impact_gbp_m", "bad_year_pct"]].to_numpy().tolist() == [[100.0, 7.0, 100.0]]


def test_risks_of_one_cause_come_together_and_others_by_themselves():
    """Three risks of one in ten, £100 each: together £300 in a 1-in-20 year; apart £100 (two meet in 2.8%)."""
    risks = book(*(fixed(name, "flood", 0.1, 100.0) for name in "ABC"))
    assert losses(risks) == pytest.approx([30, 300, 100])
    assert losses(risks.assign(cause=None)) == pytest.approx([30, 100, 100])
    assert register(risks)["bad_year_pct"].tolist() == pytest.approx([100 / 3] * 3)


def test_the_less_likely_risk_of_a_cause_never_comes_without_the_likelier():
    """£10 at one in five, £1,000 at one in twenty-five of the same cause: in the worst 5% the £10 is always there."""
    lost = simulated(book(fixed("A", "heat", 0.2, 10.0), fixed("B", "heat", 0.04, 1000.0)))
    assert (lost[lost[:, 1] > 0, 0] == 10).all()
    shares = register(book(fixed("A", "heat", 0.2, 10.0), fixed("B", "heat", 0.04, 1000.0)))
    # the 1-in-20 loss is £10, so all years with a loss count: £10 × 0.2 against £1,000 × 0.04
    assert shares.set_index("risk_id")["bad_year_pct"].to_dict() == pytest.approx({"B": 95.24, "A": 4.76}, abs=0.2)


def test_impacts_of_one_cause_hit_hard_together():
    """Two certain risks alike in all: every year the second costs what the first does."""
    risks = book(("A", "heat", (1, 1, 1), (0, 5, 20)), ("B", "heat", (1, 1, 1), (0, 5, 20)))
    lost = simulated(risks)
    assert (lost[:, 0] == lost[:, 1]).all()
    apart = simulated(risks.assign(cause=None))
    assert abs(np.corrcoef(apart.T)[0, 1]) < 0.02


@pytest.mark.parametrize("order", [(3, 2, 1, 0), (1, 3, 0, 2), (2, 0, 3, 1)])
def test_the_order_of_rows_changes_nothing(order):
    """A register in any order gives the same table, to the last digit."""
    turned = REGISTER.iloc[list(order)]
    pd.testing.assert_frame_equal(register(turned), register(REGISTER))
    pd.testing.assert_frame_equal(exposure(turned), exposure(REGISTER))


def test_shares_of_a_bad_year_add_up_and_doubt_widens_the_range():
    """100 in all, whoever causes what; the range of the expected loss holds it, and is a point without doubt."""
    table = register(REGISTER)
    assert table["bad_year_pct"].sum() == pytest.approx(100)
    assert table["value"].between(table["lower"], table["upper"]).all()
    sure = register(book(fixed("A", None, 0.25, 80e6))).iloc[0]
    assert sure[["lower", "value", "upper"]].tolist() == pytest.approx([20.0] * 3)


def test_the_error_of_simulating_is_small_and_covers_the_known_answer():
    """An impact even in its middle: a certain PERT of 0, 50, 100 has a 95% point that a beta(3, 3) gives exactly."""
    row = exposure(book(("A", None, (1, 1, 1), (0, 50e6, 100e6)))).iloc[1]
    exact = 81.0745  # 100 × the 95% point of beta(3, 3): 6x⁵ - 15x⁴ + 10x³ = 0.95
    assert 6 * 0.810745**5 - 15 * 0.810745**4 + 10 * 0.810745**3 == pytest.approx(0.95, abs=1e-5)
    assert row["lower"] <= exact <= row["upper"]
    assert row["upper"] - row["lower"] < 0.01 * exact


def test_no_risks_are_no_rows(little):
    """A place without a register has the columns and nothing in them; rare risks alone make no bad year."""
    assert register(little.book("risks")).empty
    assert exposure(little.book("risks")).empty
    assert losses(book(fixed("A", None, 0.01, 500.0)))[1:] == [0.0, 0.0]
