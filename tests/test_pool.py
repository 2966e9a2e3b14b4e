"""Who pays, by hand and to the penny; moves of money whose best is known; what others bring, kept apart by status."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_spend import BOOKS, book

from placelib.commissioning.pool import frontier, gain, leverage, moves, placed, prepared, redrawn, reprofiled, settled
from placelib.errors import PlacelibError


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
    usual |= {"effect_lower": effect - 0.1, "effect_upper": effect + 0.1, "commissioner": "council", "case_mix": 1.0}
    return usual | {"service_id": service_id, "annual_cost": cost, "effect": effect} | more


OUTCOMES = book("outcomes", [{"outcome_id": "O1", "weight": 0.5}, {"outcome_id": "P1", "parent": "O1", "weight": 0.0}])
NO_CONTRACTS = BOOKS["contracts"].empty()


def ready(*services, contracts=NO_CONTRACTS, pot="all", rate=1e-5):
    """Services made ready for moving money in three years from April 2026; a later gain counts a hair less."""
    rows = prepared(book("services", services), contracts, OUTCOMES, first=2026, rate=rate)
    return rows.assign(pot=rows["commissioner"] if pot == "commissioner" else pot)


def by_year(plan, column="move_gbp"):
    """A column of a plan: a list of the three years by service."""
    return plan.groupby("service_id")[column].agg(list).to_dict()


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
    assert by_year(rows.assign(floor_gbp=rows["floor_gbp"].round(-2)), "floor_gbp") == {
        "notice": [60_000, 0, 0], "ends": [29_900, 0, 0], "runs": [60_000, 0, 0], "law": [90_000, 90_000, 90_000],
        "years": [120_000, 60_000, 0],
    }  # fmt: skip
    # what cannot be stopped is spent, however little would do
    assert by_year(rows, "ceiling_gbp")["years"] == [120_000.0, 60_000.0, 50_000.0]
    assert by_year(rows, "year")["law"] == ["2026-27", "2027-28", "2028-29"]


def test_a_performance_outcome_counts_as_the_one_it_serves():
    """Of two alike each gains half of all for its £3 million, by either road; limits are 1.96 errors either side."""
    rows = ready(service("A", 1e6, 4.0), service("B", 1e6, 4.0, outcome_id="P1", effect_lower=2.04, effect_upper=5.96))
    assert rows["worth_pct"].tolist() == pytest.approx([50.0 / 3] * 6, rel=1e-4)
    assert rows["worth_error"].iloc[5] == pytest.approx(50 / 3 / 4, abs=1e-3)


def test_money_follows_people_in_more_complex_lives_as_providers_are_compared():
    """Half the effect among people twice as complex is worth as much."""
    rows = ready(service("easy", 1e6, 4.0, case_mix=1.0), service("hard", 1e6, 2.0, case_mix=2.0))
    assert rows["worth_pct"].tolist() == pytest.approx([50.0 / 3] * 6, rel=1e-4)


def test_a_later_gain_counts_for_less():
    """At a quarter a year: 1, 0.8 and 0.64 parts of 2.44."""
    worth = ready(service("A", 1e6, 4.0), rate=0.25)["worth_pct"]
    assert (worth / worth.iloc[0]).tolist() == pytest.approx([1.0, 0.8, 0.64])
    assert worth.sum() == pytest.approx(100.0)


def lines(**wards):
    """A ledger's lines of one service in its latest year: pounds by ward, "whole" for what is not by ward."""
    rows = [{"ward_code": None if ward == "whole" else ward, "spent_gbp_m": pounds} for ward, pounds in wards.items()]
    return pd.DataFrame(rows).assign(service_id="S", year="2025-26")


NEED = np.log(pd.DataFrame({"claimants": {"A": 1.0, "B": 3.0}}))


def split(service_lines, **more):
    """One service, that serves people out of work, put where its money is."""
    one = book("services", [service("S", 1e6, 6.0, need_indicator="claimants", **more)])
    return placed(one, service_lines, NEED).set_index("ward_code")


def test_a_pound_does_more_where_need_is_higher_and_as_measured_in_all():
    """Of £1 million half lies in each ward; need is 1 and 3, on average 2: effects of 3 and 9, as measured 6."""
    cells = split(lines(A=2.0, B=2.0))
    assert cells["annual_cost"].to_dict() == {"A": 500_000.0, "B": 500_000.0}
    assert cells["effect"].to_dict() == pytest.approx({"A": 3.0, "B": 9.0})
    assert cells["maximum_cost"].sum() == pytest.approx(2e6)


def test_money_that_is_not_by_ward_stays_whole():
    """Where half of it is not, that half does what was measured; a need that is not known is the same everywhere."""
    cells = split(lines(A=1.0, B=1.0, whole=2.0))
    assert cells.loc["", ["annual_cost", "effect"]].tolist() == [500_000.0, 6.0]
    assert (cells["annual_cost"] * cells["effect"]).sum() == pytest.approx(6e6)
    assert split(lines(whole=2.0)).loc["", "effect"] == 6.0
    one = book("services", [service("S", 1e6, 6.0, need_indicator="noise")])
    assert placed(one, lines(A=2.0, B=2.0), NEED)["effect"].tolist() == [6.0, 6.0]


def test_money_goes_from_the_ward_of_less_need_to_that_of_more():
    """Each may lose half or gain half: all that A can lose goes to B, and one is held by its floor, one by nothing."""
    one = book("services", [service("S", 1e6, 6.0, need_indicator="claimants", minimum_cost=5e5, maximum_cost=1.5e6)])
    cells = placed(one, lines(A=2.0, B=2.0), NEED)
    plan = reprofiled(prepared(cells, NO_CONTRACTS, OUTCOMES, first=2026, rate=1e-5).assign(pot="all"))
    assert plan.groupby("ward_code")["move_gbp"].agg(list).to_dict() == {"A": [-25e4] * 3, "B": [25e4] * 3}
    assert gain(plan)[0] == pytest.approx(25.0)  # £250,000 at 9 less at 3, of £1 million at 6
    table = moves(plan, redrawn(plan), ["ward_code"]).set_index("ward_code")
    assert table["same_way_pct"].tolist() == [100.0, 100.0]  # one effect, however wrong, for both wards


THREE_SERVICES = [
    service("best", 1e6, 6.0),  # may double; half of all that is gained now
    service("middle", 1e6, 4.0),  # pays for it, down to nothing; a third
    service("least", 1e6, 2.0, minimum_cost=800_000.0),  # pays with what law leaves; a sixth
]


def test_the_best_plan_is_that_by_hand():
    """Of £3 million 2 go to the best, law keeps 0.8 in the least, 0.2 are left for the middle; prices are in sixths."""
    plan = reprofiled(ready(*THREE_SERVICES))
    of = plan[plan["ahead"] == 1].set_index("service_id")
    assert of["proposed_gbp"].to_dict() == pytest.approx({"best": 2e6, "middle": 200_000.0, "least": 800_000.0})
    assert by_year(plan) == {"best": [1e6] * 3, "middle": [-800_000.0] * 3, "least": [-200_000.0] * 3}
    year = 100 / 3  # what one year gains if nothing moves
    assert of["money_pct"].tolist() == pytest.approx([year * 2 / 6] * 3, rel=1e-4)  # £1 million more goes to the middle
    loosened = {"best": year / 6, "middle": 0.0, "least": year / 6}  # 3 − 2 sixths; 2 − 1
    assert of["loosened_pct"].to_dict() == pytest.approx(loosened, rel=1e-4)
    words = {"best": "most it can spend well", "middle": "", "least": "the least it may have"}
    assert of["held"].to_dict() == words
    assert gain(plan)[0] == pytest.approx((6 * 1 - 4 * 0.8 - 2 * 0.2) / 12 * 100)


def test_a_notice_that_binds_in_the_first_year_lets_go_in_the_second():
    """Twelve months' notice keeps all of the poorer service's money for a year; then all goes."""
    plan = reprofiled(ready(service("A", 1e6, 6.0, maximum_cost=3e6), service("B", 1e6, 2.0, notice_months=12)))
    assert by_year(plan) == {"A": [0.0, 1e6, 1e6], "B": [0.0, -1e6, -1e6]}
    assert by_year(plan, "held")["B"] == ["notice or contract", *["the least it may have"] * 2]


def test_notice_and_not_law_is_named_where_it_holds_the_money():
    """Six months' notice keeps half of the poorer service's money; law would have let all go."""
    plan = reprofiled(ready(service("A", 1e6, 6.0, maximum_cost=3e6), service("B", 1e6, 2.0, notice_months=6)))
    assert by_year(plan, "held") == {"A": [""] * 3, "B": ["notice or contract", *["the least it may have"] * 2]}
    assert by_year(plan)["A"] == [500_000.0, 1e6, 1e6]


def test_nothing_goes_that_comes_back():
    """In the first year the middle could pay for the best, and would be asked back as soon as the least is free."""
    rows = [service("best", 1e6, 6.0), service("middle", 1e6, 4.0, maximum_cost=1.5e6)]
    plan = reprofiled(ready(*rows, service("least", 2e6, 2.0, notice_months=12)))
    assert by_year(plan)["middle"] == [0.0, 500_000.0, 500_000.0]
    assert by_year(plan, "held")["middle"][0] == "needed again later"


def test_money_is_kept_for_a_later_year_where_it_does_more_there_and_is_never_drawn_forward():
    """The better service's one good year is the last, or the first: £1 million each is kept for it, or is not there."""
    rows = ready(service("A", 1e6, 6.0, maximum_cost=5e6), service("B", 1e6, 2.0))
    last = reprofiled(rows.assign(ceiling_gbp=rows["ceiling_gbp"].where(rows["ahead"] == 2, rows["now_gbp"])))
    assert by_year(last)["A"] == [0.0, 0.0, 3e6]
    assert by_year(last)["B"] == [-1e6] * 3
    first = reprofiled(rows.assign(ceiling_gbp=rows["ceiling_gbp"].where(rows["ahead"] == 0, rows["now_gbp"])))
    assert first[first["ahead"] == 0]["proposed_gbp"].sum() == pytest.approx(2e6)


def test_partners_who_keep_their_own_money_gain_less():
    """Of two partners with one service each nothing can move; in one pot the better takes all that it can."""
    rows = [service("A", 100_000.0, 6.0), service("B", 100_000.0, 2.0, commissioner="nhs")]
    apart = reprofiled(ready(*rows, pot="commissioner"))
    joint = reprofiled(ready(*rows))
    assert by_year(apart) == {"A": [0.0] * 3, "B": [0.0] * 3}
    prices = apart[apart["ahead"] == 0].set_index("service_id")["money_pct"]
    assert prices.to_dict() == pytest.approx(
        {"A": 250.0, "B": 250.0 / 3}, rel=1e-4
    )  # per cent for £1 million, of 6 and 2
    assert by_year(joint)["A"] == [100_000.0] * 3
    assert gain(joint)[0] == pytest.approx(100 * (6 - 2) / (6 + 2))


def test_a_budget_below_what_cannot_be_stopped_is_refused():
    """The message says what to change."""
    with pytest.raises(PlacelibError, match="lower minimum_cost or notice_months"):
        reprofiled(ready(service("A", 100.0, 1.0, minimum_cost=200.0)))


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 900), st.integers(-3, 9), st.integers(0, 30)), min_size=1, max_size=7),
    st.sampled_from(["all", "commissioner"]),
)
def test_a_plan_keeps_to_its_money_and_never_does_worse(rows, pot):
    """In each year spending is at most that year's money and what was kept; no limit is passed; as now is a plan."""
    services = [
        service(f"S{at}", 1000.0 * cost, float(effect), notice_months=notice, commissioner=f"p{at % 2}")
        for at, (cost, effect, notice) in enumerate(rows)
    ]
    table = ready(*services, service("S", 1e6, 9.0, commissioner="p0"), pot=pot)  # something is gained now
    plan = reprofiled(table)
    spent = plan.groupby(["pot", "ahead"])[["proposed_gbp", "now_gbp"]].sum().groupby("pot").cumsum()
    assert (spent["proposed_gbp"] <= spent["now_gbp"] + 0.01).all()
    assert plan["proposed_gbp"].between(plan["floor_gbp"] - 0.01, plan["ceiling_gbp"] + 0.01).all()
    assert gain(plan)[0] >= -1e-3
    assert (plan["money_pct"] >= 0).all()
    ways = plan.groupby("service_id")["move_gbp"].agg(["min", "max"])
    assert ((ways["min"] > -1) | (ways["max"] < 1)).all()  # nothing both loses and gains
    rises = plan.groupby("service_id")["move_gbp"].transform("last") > 0
    lowest = plan["held"].isin(["notice or contract", "the least it may have"])
    lowest |= plan["held"].eq("needed again later") & rises
    paid = (plan["money_pct"] * plan["now_gbp"]).sum()
    paid += (plan["loosened_pct"] * plan["proposed_gbp"].where(~lowest, -plan["proposed_gbp"])).sum()
    whole = (plan["worth_pct"] * plan["proposed_gbp"]).sum()
    assert paid == pytest.approx(whole, abs=1.0)  # shadow prices pay for the whole, which is some 100 million


def test_the_interval_of_a_gain_by_hand():
    """Two moves of £100,000 in three years whose worth errs by 1 a million: 0.3 × √2 × 1.96 either side."""
    rows = ready(service("A", 100_000.0, 6.0), service("B", 100_000.0, 2.0)).assign(worth_error=1.0)
    best, low, high = gain(reprofiled(rows))
    assert (best - low, high - best) == (pytest.approx(0.83156, abs=1e-4), pytest.approx(0.83156, abs=1e-4))


def certainty(plan):
    """In how many of 100 redraws each service's money moves the same way."""
    return moves(plan, redrawn(plan), ["service_id"])["same_way_pct"].tolist()


def test_moves_between_services_that_are_far_apart_are_sure_and_between_like_ones_are_not():
    """Where effects are many errors apart every redraw agrees; where they are the same, about half do."""
    apart = reprofiled(ready(service("A", 1e5, 6.0), service("B", 1e5, 2.0)))
    assert certainty(apart) == [100.0, 100.0]
    alike = reprofiled(ready(service("A", 1e5, 6.001), service("B", 1e5, 6.0)))
    assert all(40 < each < 60 for each in certainty(alike))


def test_certainty_is_the_chance_worked_out_by_hand():
    """A difference of one standard error of itself keeps its sign in 84 of 100 draws, give or take the draws' error."""
    rows = ready(service("A", 1e5, 6.0), service("B", 1e5, 5.0))
    error = (rows["worth_pct"].iloc[0] - rows["worth_pct"].iloc[3]) / np.sqrt(2)
    plan = reprofiled(rows.assign(worth_error=error))
    assert certainty(plan) == pytest.approx([84.1, 84.1], abs=4 * 100 * np.sqrt(0.84 * 0.16 / 400))


def test_moves_are_added_up_by_hand():
    """Of a theme, what one service gains another loses in the second year; the first in order gains most."""
    plan = reprofiled(ready(service("A", 1e6, 6.0), service("B", 1e6, 2.0, notice_months=12)))
    table = moves(plan, redrawn(plan), ["service_id"])
    assert table["service_id"].tolist() == ["A", "B"]
    assert table[["now_gbp", "move_first_gbp", "move_second_gbp", "move_third_gbp"]].to_numpy().tolist() == [
        [1e6, 0.0, 1e6, 1e6], [1e6, 0.0, -1e6, -1e6],
    ]  # fmt: skip
    assert moves(plan, redrawn(plan), ["outcome_id"])["move_second_gbp"].tolist() == [0.0]


def test_the_frontier_by_hand():
    """At 95% the middle has 0.05 and at 110% 0.5; at 20% the law cannot be kept. Of 12: 13.8, 14.4 and 15.6."""
    table = frontier(ready(*THREE_SERVICES), np.array([0.2, 0.95, 1.0, 1.1]))
    assert np.isnan(table["outcome_pct"].iloc[0])
    assert table["outcome_pct"].iloc[1:].tolist() == pytest.approx([115.0, 120.0, 130.0])
    assert table["budget_gbp_m"].tolist() == pytest.approx([0.6, 2.85, 3.0, 3.3])


def public(**pounds):
    """Pounds of public money in 2025-26 by outcome."""
    at = pd.MultiIndex.from_tuples([("2025-26", outcome) for outcome in pounds], names=["year", "outcome_id"])
    return pd.Series([*pounds.values()], at, dtype=float)


def test_what_others_bring_by_hand():
    """200 hours at £15 are £3,000, £300 for each thousand of £10,000; what is promised stands apart."""
    usual = {"sector": "voluntary", "kind": "volunteer hours", "conditional": "no", "year": "2025-26"}
    usual |= {"outcome_id": "O1"}
    usual |= {"unit_value": 15.0, "assumption": "median wage"}
    lines = book(
        "leverage",
        [{"quantity": 120.0, "status": "received"}, {"quantity": 80.0, "status": "received"}]
        + [{"quantity": 1.0, "status": "promised", "assumption": "told by the giver"}],
        **usual,
    )
    table = leverage(lines, public(O1=10_000.0)).set_index("status")
    assert table.loc["received", ["value_gbp", "for_each_1000_public_pounds"]].tolist() == [3000.0, 300.0]
    assert table["assumptions"].to_dict() == {"received": "median wage", "promised": "told by the giver"}


def test_each_row_stands_beside_the_money_for_its_own_outcomes():
    """£10 of cash for O1 and O2 beside £1,000 and £4,000; £10 in kind for O2 alone; none beside O3, which has none."""
    usual = {"quantity": 5.0, "unit_value": 1.0, "sector": "business", "status": "agreed", "conditional": "no"}
    usual |= {"year": "2025-26", "assumption": "cash"}
    given = [("cash", "O1"), ("cash", "O2"), ("in kind", "O2"), ("in kind", "O2"), ("volunteer hours", "O3")]
    lines = book("leverage", [{"kind": kind, "outcome_id": outcome} for kind, outcome in given], **usual)
    table = leverage(lines, public(O1=1000.0, O2=4000.0, O4=5000.0)).set_index("kind")["for_each_1000_public_pounds"]
    assert table.to_dict() == pytest.approx({"cash": 2.0, "in kind": 2.5, "volunteer hours": np.nan}, nan_ok=True)


def test_a_year_without_public_money_has_no_ratio():
    """It is not known, which is not nought."""
    lines = book(
        "leverage",
        [{"quantity": 1.0, "unit_value": 1.0, "sector": "business", "kind": "cash", "outcome_id": "O1"}],
        status="agreed",
        conditional="no",
        year="2030-31",
        assumption="cash",
    )
    assert leverage(lines, public(O1=10.0))["for_each_1000_public_pounds"].isna().all()


def test_a_place_without_these_files_has_empty_tables():
    """Empty books go through."""
    assert settled(BOOKS["funds"].empty(), pd.Series(dtype=float)).empty
    assert leverage(BOOKS["leverage"].empty(), public()).empty
    cells = placed(BOOKS["services"].empty(), lines(A=1.0).iloc[:0], NEED)
    services = prepared(cells, NO_CONTRACTS, BOOKS["outcomes"].empty(), first=2026, rate=1e-5).assign(pot="all")
    plan = reprofiled(services)
    assert plan.empty
    assert moves(plan, redrawn(plan), ["service_id"]).empty
    assert frontier(services, np.array([0.9, 1.0])).empty
