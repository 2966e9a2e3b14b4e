"""Who pays, by hand and to the penny; moves of money whose best is known; what others bring, kept apart by status."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_spend import BOOKS, book

from placelib.commissioning.pool import certainty, frontier, gain, leverage, prepared, reprofiled, settled
from placelib.errors import PlacelibError

SPRING = "2026-04-01"


def fund(partners, host="council", fund_id="F"):
    """A fund: for each partner its shares of an over- and an underspend, and its cap."""
    names = ["partner", "overspend_share", "underspend_share", "overspend_cap"]
    rows = [dict(zip(names, (partner, *three), strict=True)) for partner, three in partners.items()]
    return book("funds", rows, fund_id=fund_id, host=host)


THREE = {"council": (0.5, 0.2, None), "nhs": (0.3, 0.3, 100_000.0), "police": (0.2, 0.5, 50_000.0)}


def pays(funds, variance, fund_id="F"):
    """What each partner pays at a variance of one fund."""
    return settled(funds, pd.Series({fund_id: variance})).set_index("partner")["pays_gbp"].to_dict()


def test_an_overspend_by_hand():
    """Of £500,000 the shares are 250, 150 and 100 thousand; caps stop 100 and 50, and the host bears 250 + 50 + 50."""
    assert pays(fund(THREE), 500_000.0) == {"council": 350_000.0, "nhs": 100_000.0, "police": 50_000.0}
    table = settled(fund(THREE), pd.Series({"F": 500_000.0})).set_index("partner")
    assert table.loc["council", ["by_share_gbp", "above_caps_gbp"]].tolist() == [250_000.0, 100_000.0]


def test_below_the_caps_only_the_shares_count():
    """Of £200,000: 100, 60 and 40 thousand."""
    assert pays(fund(THREE), 200_000.0) == {"council": 100_000.0, "nhs": 60_000.0, "police": 40_000.0}


def test_an_underspend_has_shares_of_its_own_and_no_cap():
    """Of £1 million left, 0.2, 0.3 and 0.5 go back."""
    assert pays(fund(THREE), -1_000_000.0) == {"council": -200_000.0, "nhs": -300_000.0, "police": -500_000.0}


def test_a_host_that_pays_nothing_in_still_bears_what_is_above_the_caps():
    """It has no line in the fund, and yet the agreement names it."""
    funds = fund({"nhs": (1.0, 1.0, 10.0)}, host="council")
    assert pays(funds, 25.0) == {"nhs": 10.0, "council": 15.0}


def test_an_aligned_budget_has_no_host_to_fall_back_on():
    """Each partner keeps its own money and bears its own share, whatever cap is written."""
    assert pays(fund({"nhs": (0.6, 0.6, 1.0), "police": (0.4, 0.4, None)}, host=None), 100.0) == {
        "nhs": 60.0,
        "police": 40.0,
    }


def test_the_odd_penny_goes_to_one_partner():
    """A penny among three is one penny, not three thirds rounded to nought."""
    third = (1 / 3, 1 / 3, None)
    assert sorted(pays(fund({"a": third, "b": third, "c": third}), 0.01).values()) == [0.0, 0.0, 0.01]


SHARES = st.lists(st.integers(1, 1000), min_size=1, max_size=6)
PENCE = st.integers(-(10**11), 10**11)
CAPS = st.lists(st.one_of(st.none(), st.integers(0, 10**9)), min_size=6, max_size=6)


@settings(max_examples=25, deadline=None)
@given(SHARES, SHARES, CAPS, st.tuples(PENCE, PENCE), st.sampled_from(["p0", "elsewhere", None]))
def test_what_is_paid_adds_up_to_the_penny(one, other, caps, pence, host):
    """Whatever shares, caps and host, each fund's payments are its variance, and only the host passes its cap."""
    parts = []
    for name, weights in {"F": one, "G": other}.items():
        share = np.array(weights) / sum(weights)
        rows = {f"p{at}": (each, each, caps[at]) for at, each in enumerate(share)}
        parts.append(fund(rows, host=host, fund_id=name))
    table = settled(pd.concat(parts, ignore_index=True), pd.Series({"F": pence[0] / 100, "G": pence[1] / 100}))
    whole = (100 * table["pays_gbp"]).round().astype(int).groupby(table["fund_id"]).sum()
    assert whole.to_dict() == {"F": pence[0], "G": pence[1]}
    if host:
        cap = table["partner"].map({f"p{at}": each for at, each in enumerate(caps)}).astype(float).fillna(np.inf)
        assert (table["by_share_gbp"] <= cap + 1e-9).all()


def service(service_id, cost, effect, **more):
    """A service, its effect known to a tenth, free to go from nothing to twice its cost."""
    usual = {"minimum_cost": 0.0, "maximum_cost": 2.0 * cost, "notice_months": 0, "outcome_id": "O1"}
    usual |= {"effect_lower": effect - 0.1, "effect_upper": effect + 0.1, "commissioner": "council"}
    return usual | {"service_id": service_id, "annual_cost": cost, "effect": effect} | more


OUTCOMES = book("outcomes", [{"outcome_id": "O1", "weight": 0.5}, {"outcome_id": "P1", "parent": "O1", "weight": 0.0}])
NO_CONTRACTS = BOOKS["contracts"].empty()


def ready(*services, contracts=NO_CONTRACTS, pot="all"):
    """Services made ready for moving money."""
    rows = prepared(book("services", services), contracts, OUTCOMES, starts=SPRING)
    return rows.assign(pot=rows["commissioner"] if pot == "commissioner" else pot)


def test_a_notice_a_contract_and_a_law_hold_money_back():
    """Six months' notice on £120,000 ties £60,000; where the contract has but three months left, £30,000."""
    contracts = pd.DataFrame({"contract_id": ["C1", "C2"], "end": pd.to_datetime(["2026-07-01", "2029-01-01"])})
    rows = ready(
        service("notice", 120_000.0, 1.0, notice_months=6),
        service("ends", 120_000.0, 1.0, notice_months=6, contract_id="C1"),
        service("runs", 120_000.0, 1.0, notice_months=6, contract_id="C2"),
        service("law", 120_000.0, 1.0, notice_months=6, minimum_cost=90_000.0),
        service("years", 120_000.0, 1.0, notice_months=18, maximum_cost=50_000.0),
        contracts=contracts,
    )
    floors = rows.set_index("service_id")["floor_gbp"]
    assert floors.round(-2).to_dict() == {
        "notice": 60_000, "ends": 29_900, "runs": 60_000, "law": 90_000, "years": 120_000,
    }  # fmt: skip
    assert rows["ceiling_gbp"].iloc[-1] == 120_000.0  # what cannot be stopped is spent, however little would do


def test_a_performance_outcome_counts_as_the_one_it_serves():
    """Of two alike each gains half of all for its £1 million, by either road; limits are 1.96 errors either side."""
    rows = ready(service("A", 1e6, 4.0), service("B", 1e6, 4.0, outcome_id="P1", effect_lower=2.04, effect_upper=5.96))
    assert rows["worth_pct"].tolist() == pytest.approx([50.0, 50.0])
    assert rows["worth_error"].iloc[1] == pytest.approx(50 / 4, abs=1e-3)


THREE_SERVICES = [
    service("best", 1e6, 6.0),  # may double; half of all that is gained now
    service("middle", 1e6, 4.0),  # pays for it, down to nothing; a third
    service("least", 1e6, 2.0, minimum_cost=800_000.0),  # pays with what law leaves; a sixth
]


def test_the_best_plan_is_that_by_hand():
    """Of £3 million 2 go to the best, law keeps 0.8 in the least, 0.2 are left for the middle; prices are in sixths."""
    plan, prices = reprofiled(ready(*THREE_SERVICES))
    plan = plan.set_index("service_id")
    assert plan["proposed_gbp"].to_dict() == pytest.approx({"best": 2e6, "middle": 200_000.0, "least": 800_000.0})
    assert plan["move_gbp"].to_dict() == {"best": 1e6, "middle": -800_000.0, "least": -200_000.0}
    assert prices["all"] == pytest.approx(100 * 2 / 6)  # £1 million more goes to the middle
    loosened = {"best": 100 / 6, "middle": 0.0, "least": 100 / 6}  # 3 − 2 sixths; 2 − 1
    assert plan["loosened_pct"].to_dict() == pytest.approx(loosened)
    words = {"best": "most it can spend well", "middle": "", "least": "law or viability"}
    assert plan["held"].to_dict() == words
    assert gain(plan)[0] == pytest.approx((6 * 1 - 4 * 0.8 - 2 * 0.2) / 12 * 100)


def test_notice_and_not_law_is_named_where_it_holds_the_money():
    """Six months' notice keeps half of the poorer service's money; law would have let all go."""
    plan, _ = reprofiled(ready(service("A", 1e6, 6.0), service("B", 1e6, 2.0, notice_months=6)))
    assert plan["held"].tolist() == ["", "notice or contract"]
    assert plan["move_gbp"].tolist() == [500_000.0, -500_000.0]


def test_partners_who_keep_their_own_money_gain_less():
    """Of two partners with one service each nothing can move; in one pot the better takes all that it can."""
    rows = [service("A", 100_000.0, 6.0), service("B", 100_000.0, 2.0, commissioner="nhs")]
    apart, prices = reprofiled(ready(*rows, pot="commissioner"))
    joint, _ = reprofiled(ready(*rows))
    assert apart["move_gbp"].tolist() == [0.0, 0.0]
    assert prices.to_dict() == pytest.approx({"council": 750.0, "nhs": 250.0})  # per cent for £1 million, of 6 and 2
    assert joint["move_gbp"].tolist() == [100_000.0, -100_000.0]
    assert gain(joint)[0] == pytest.approx(100 * (6 - 2) / (6 + 2))


def test_a_budget_below_what_cannot_be_stopped_is_refused():
    """The message says what to change."""
    with pytest.raises(PlacelibError, match="lower minimum_cost or notice_months"):
        reprofiled(ready(service("A", 100.0, 1.0, minimum_cost=200.0)))


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 900), st.integers(-3, 9), st.integers(0, 14)), min_size=1, max_size=7),
    st.sampled_from(["all", "commissioner"]),
)
def test_a_plan_keeps_to_its_money_and_never_does_worse(rows, pot):
    """No pot is overspent, no limit passed, no money made; and what is spent now is one of the plans to choose from."""
    services = [
        service(f"S{at}", 1000.0 * cost, float(effect), notice_months=notice, commissioner=f"p{at % 2}")
        for at, (cost, effect, notice) in enumerate(rows)
    ]
    table = ready(*services, service("S", 1e6, 9.0, commissioner="p0"), pot=pot)  # something is gained now
    plan, prices = reprofiled(table)
    groups = plan.groupby("pot")
    assert (groups["proposed_gbp"].sum() <= groups["now_gbp"].sum() + 0.01).all()
    assert plan["proposed_gbp"].between(plan["floor_gbp"] - 0.01, plan["ceiling_gbp"] + 0.01).all()
    assert gain(plan)[0] >= -1e-3
    assert (prices >= 0).all()
    edge = plan["ceiling_gbp"].where(plan["held"].eq("most it can spend well"), -plan["floor_gbp"])
    dual = (prices * groups["now_gbp"].sum()).sum() + (plan["loosened_pct"] * edge).sum()
    whole = (plan["worth_pct"] * plan["proposed_gbp"]).sum()
    assert dual == pytest.approx(whole, abs=1.0)  # shadow prices pay for the whole, which is some 100 million


def test_the_interval_of_a_gain_by_hand():
    """Two moves of £100,000 whose worth errs by 3 a million: 0.3 × √2 × 1.96 either side."""
    rows = ready(service("A", 100_000.0, 6.0), service("B", 100_000.0, 2.0)).assign(worth_error=3.0)
    best, low, high = gain(reprofiled(rows)[0])
    assert (best - low, high - best) == (pytest.approx(0.83156, abs=1e-4), pytest.approx(0.83156, abs=1e-4))


def test_moves_between_services_that_are_far_apart_are_sure_and_between_like_ones_are_not():
    """Where effects are many errors apart every redraw agrees; where they are the same, about half do."""
    apart = reprofiled(ready(service("A", 1e5, 6.0), service("B", 1e5, 2.0)))[0]
    assert certainty(apart).tolist() == [100.0, 100.0]
    alike = reprofiled(ready(service("A", 1e5, 6.001), service("B", 1e5, 6.0)))[0]
    assert certainty(alike).between(40, 60).all()


def test_certainty_is_the_chance_worked_out_by_hand():
    """A difference of one standard error of itself keeps its sign in 84 of 100 draws, give or take the draws' error."""
    rows = ready(service("A", 1e5, 6.0), service("B", 1e5, 5.0))
    error = (rows["worth_pct"].iloc[0] - rows["worth_pct"].iloc[1]) / np.sqrt(2)
    plan = reprofiled(rows.assign(worth_error=error))[0]
    assert certainty(plan).tolist() == pytest.approx([84.1, 84.1], abs=4 * 100 * np.sqrt(0.84 * 0.16 / 400))


def test_the_frontier_by_hand():
    """At 95% the middle has 0.05 and at 110% 0.5; at 20% the law cannot be kept. Of 12: 13.8, 14.4 and 15.6."""
    table = frontier(ready(*THREE_SERVICES), np.array([0.2, 0.95, 1.0, 1.1]))
    assert np.isnan(table["outcome_pct"].iloc[0])
    assert table["outcome_pct"].iloc[1:].tolist() == pytest.approx([115.0, 120.0, 130.0])
    assert table["budget_gbp_m"].tolist() == pytest.approx([0.6, 2.85, 3.0, 3.3])


def test_what_others_bring_by_hand():
    """200 hours at £15 are £3,000, £300 for each thousand of £10,000; what is promised stands apart."""
    usual = {"sector": "voluntary", "kind": "volunteer hours", "conditional": "no", "year": "2025-26"}
    usual |= {"unit_value": 15.0, "assumption": "median wage"}
    lines = book(
        "leverage",
        [{"quantity": 120.0, "status": "received"}, {"quantity": 80.0, "status": "received"}]
        + [{"quantity": 1.0, "status": "promised", "assumption": "told by the giver"}],
        **usual,
    )
    table = leverage(lines, pd.Series({"2025-26": 10_000.0})).set_index("status")
    assert table.loc["received", ["value_gbp", "for_each_1000_public_pounds"]].tolist() == [3000.0, 300.0]
    assert table["assumptions"].to_dict() == {"received": "median wage", "promised": "told by the giver"}


def test_a_year_without_public_money_has_no_ratio():
    """It is not known, which is not nought."""
    lines = book(
        "leverage",
        [{"quantity": 1.0, "unit_value": 1.0, "sector": "business", "kind": "cash"}],
        status="agreed",
        conditional="no",
        year="2030-31",
        assumption="cash",
    )
    assert leverage(lines, pd.Series({"2025-26": 10.0}))["for_each_1000_public_pounds"].isna().all()


def test_a_place_without_these_files_has_empty_tables():
    """Empty books go through."""
    assert settled(BOOKS["funds"].empty(), pd.Series(dtype=float)).empty
    assert leverage(BOOKS["leverage"].empty(), pd.Series(dtype=float)).empty
    services = prepared(BOOKS["services"].empty(), NO_CONTRACTS, BOOKS["outcomes"].empty(), starts="").assign(pot="all")
    plan, prices = reprofiled(services)
    assert plan.empty
    assert prices.empty
    assert certainty(plan).empty
    assert frontier(services, np.array([0.9, 1.0])).empty
