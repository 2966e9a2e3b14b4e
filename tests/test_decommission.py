"""Decommissioning by hand: a graph of four services whose knock-on cost is known, and who is touched by ending one."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_options import EMPTY, table

from placelib.commissioning.decommission import (
    arrivals,
    balance,
    candidates,
    equality_impact,
    knock_on,
    reaches_less_need,
)

REASONS = ["low need", "low effect", "duplicate", "dear"]
BASE = {
    "outcome_id": "o",
    "provider": "P",
    "contract_id": "c",
    "duplicates": None,
    "case_mix": 1.0,
    "effect": 1.0,
    "effect_lower": 0.9,
    "effect_upper": 1.1,
    "statutory": "no",
    "notice_months": 3,
    "need_indicator": "lonely",
    "women_share": 0.5,
    "disabled_share": 0.2,
    "minority_ethnic_share": 0.1,
    "older_share": 0.0,
}
# The club sends 40% to the clinic, of whom a quarter go on to the ward; 10% go straight to the ward.
SERVICES = table(
    "service_id service commissioner annual_cost people_served",
    ("club", "Club", "council", 100_000.0, 200),
    ("clinic", "Clinic", "nhs", 300_000.0, 400),
    ("ward", "Ward", "nhs", 900_000.0, 500),
    ("hall", "Hall", "council", 50_000.0, 100),
).assign(**BASE)
LINKS = table(
    "service_id affects knock_on_share unit_cost lag_months evidence",
    ("club", "clinic", 0.4, 500.0, 2, "measured"),
    ("club", "ward", 0.1, 1000.0, 6, "judgement"),
    ("clinic", "ward", 0.25, 1000.0, 1, "judgement"),
)


def ending(*ids, **columns):
    """Services that would end, as `candidates` gives them."""
    rows = SERVICES[SERVICES["service_id"].isin(ids)].assign(reasons="", put_forward="yes", **columns)
    return rows.reset_index(drop=True)


def test_knock_on_is_followed_through_several_steps():
    """Of 200, 80 go to the clinic (£40,000) and 20 to the ward (£20,000); then 20 of the 80 to the ward (£20,000).

    They reach the clinic after 2 months, the ward after 6, and by way of the clinic after 2 + 1.
    """
    moved = knock_on(ending("club"), LINKS)
    assert moved[["service_id", "affects", "step", "people", "cost_gbp", "after_months"]].to_numpy().tolist() == [
        ["club", "clinic", 1, 80.0, 40_000.0, 2],
        ["club", "ward", 1, 20.0, 20_000.0, 6],
        ["clinic", "ward", 2, 20.0, 20_000.0, 3],
    ]
    assert moved["evidence"].tolist() == ["measured", "judgement", "judgement"]


def test_two_ways_to_the_same_service_go_on_together():
    """The ward's 40 (20 at once, 20 by way of the clinic) both lean on the hall; the sooner tells when they come."""
    links = pd.concat([LINKS, LINKS.iloc[:1].assign(service_id="ward", affects="hall", knock_on_share=0.5)])
    hall = knock_on(ending("club"), links).query("affects == 'hall'")
    assert hall[["step", "people", "after_months"]].to_numpy().tolist() == [[2, 10.0, 8], [3, 10.0, 5]]


def test_arrivals_add_up_by_any_way_and_rest_on_the_weakest_evidence():
    """The ward gets 20 at once and 20 by way of the clinic, the first of them after 3 months; law asks for it."""
    services = SERVICES.assign(statutory=["no", "no", "yes", "no"])
    links = LINKS.assign(evidence=["measured", "published study", "measured"])
    found = arrivals(knock_on(ending("club"), links), services).set_index("turn_to").drop(columns="affects")
    assert found.loc["Ward"].tolist() == ["club", "Club", 1, 40.0, 40_000.0, 3, "published study", "nhs", "yes"]
    assert found.loc["Clinic"].tolist() == ["club", "Club", 1, 80.0, 40_000.0, 2, "measured", "nhs", "no"]


def test_what_ending_saves_and_what_undoes_it():
    """£100,000 saved, £80,000 shunted, all of it to the NHS: £20,000 is left, or £40,000 if nobody goes on.

    Notice is 3 months: 9/12 of £100,000 is saved in the first year; against it the clinic has them for 12 − 3 − 2 = 7
    months (£23,333), the ward for 3 (£5,000) and 6 (£10,000). Half the people turn elsewhere; the saving is gone at
    50% × 100 / 80 = 62.5%. 1.0 × 100 = 100 outcomes are lost: at £200 each the £20,000 are gone. The provider runs all
    four services, for £1,350,000.
    """
    row = balance(ending("club"), knock_on(ending("club"), LINKS), SERVICES).iloc[0]
    expected = {
        "shunted_gbp": 80_000, "to_others_gbp": 80_000, "net_gbp": 20_000, "net_gbp_upper": 40_000,
        "first_year_gbp": 75_000 - 40_000 * 7 / 12 - 20_000 * 3 / 12 - 20_000 * 6 / 12,
        "moving_pct": 50, "even_pct": 62.5, "even_price_gbp": 200,
        "income_lost_pct": 100 / 13.5, "forward_lost_pct": 100 / 13.5,
    }  # fmt: skip
    assert row[list(expected)].astype(float).to_dict() == pytest.approx(expected)


def test_at_the_share_that_is_said_nothing_is_saved():
    """With every direct share 62.5 / 50 times as high, the saving is nought."""
    links = LINKS.assign(
        knock_on_share=LINKS["knock_on_share"].where(LINKS["service_id"] != "club", lambda each: each * 1.25)
    )
    assert balance(ending("club"), knock_on(ending("club"), links), SERVICES)["net_gbp"].iloc[0] == pytest.approx(0)


def test_a_share_above_all_of_them_is_no_share():
    """At a quarter of the cost, 250% of the members would have to turn elsewhere before ending saves nothing."""
    links = LINKS.assign(unit_cost=LINKS["unit_cost"] / 4)
    assert np.isnan(balance(ending("club"), knock_on(ending("club"), links), SERVICES)["even_pct"].iloc[0])


def test_cost_that_stays_at_home_is_not_shunted_to_others():
    """Were the clinic the council's own, only the ward's £40,000 would fall on another."""
    services = SERVICES.assign(commissioner=["council", "council", "nhs", "council"])
    assert balance(ending("club"), knock_on(ending("club"), LINKS), services)["to_others_gbp"].iloc[0] == 40_000


def test_no_link_no_shunt():
    """Nobody leans on the hall: all is saved, no share of moving people undoes it, only notice cuts the first year."""
    row = balance(ending("hall"), knock_on(ending("hall"), LINKS), SERVICES).iloc[0]
    assert row[["shunted_gbp", "net_gbp", "first_year_gbp"]].astype(float).tolist() == [0, 50_000, 37_500]
    assert np.isnan(row["even_pct"])


def test_a_providers_market_counts_all_that_is_put_forward_and_not_what_is_in_house():
    """Club and hall together take 150 of the 1,350 that these partners pay; in-house work has no market."""
    both = ending("club", "hall", contract_id=["c", None])
    row = balance(both, knock_on(both, LINKS), SERVICES)
    assert row["forward_lost_pct"].round(6).tolist() == pytest.approx([150 / 13.5, np.nan], nan_ok=True)
    kept = both.assign(put_forward=["yes", "no"])
    assert balance(kept, knock_on(kept, LINKS), SERVICES)["forward_lost_pct"].iloc[0] == pytest.approx(100 / 13.5)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=6, max_size=6), st.integers(0, 5000))
def test_demand_never_exceeds_people_served_by_shares(shares, people):
    """Each arrival is the sender's people × the share of its link; a link of nought moves nobody."""
    pairs = [("a", "b"), ("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d")]
    columns = "service_id affects knock_on_share unit_cost lag_months evidence"
    links = table(columns, *((*pair, share, 1.0, 1, "judgement") for pair, share in zip(pairs, shares, strict=True)))
    moved = knock_on(pd.DataFrame({"service_id": ["a"], "people_served": [people]}), links)
    sent = moved.groupby(["step", "affects"])["people"].sum()
    senders = [
        people if step == 1 else sent[step - 1, sender] for step, sender in moved[["step", "service_id"]].to_numpy()
    ]
    assert np.allclose(moved["people"], np.array(senders, float) * moved["knock_on_share"])
    assert (moved.loc[moved["knock_on_share"] == 0, "people"] == 0).all()
    assert moved["step"].max() <= 3


def test_two_reasons_put_a_service_forward_and_law_keeps_it_back():
    """Club: low need and duplicate. Hall: one reason. Clinic: two, but by law. Ward: dear (1,800) and low effect."""
    rows = SERVICES.assign(
        duplicates=["hall", None, None, None], statutory=["no", "yes", "no", "no"],
        annual_cost=[100_000.0, 200_000.0, 900_000.0, 50_000.0], effect_upper=[1.1, 1.1, 0.49, 1.1],
    )  # fmt: skip
    found = candidates(rows, ["club", "clinic"], ["clinic", "hall"], reasons=REASONS).set_index("service_id")
    assert found["reasons"].to_dict() == {
        "club": "low need; duplicate",
        "ward": "low effect; dear",
        "hall": "low effect",
    }
    assert found["put_forward"].to_dict() == {"club": "yes", "ward": "yes", "hall": "no"}


@pytest.mark.parametrize(("case_mix", "reasons"), [(1.0, "dear"), (2.0, "")])
def test_cost_a_person_allows_for_case_mix(case_mix, reasons):
    """Twice the middle cost a head is dear, unless people are twice as complex."""
    rows = SERVICES.assign(annual_cost=[200.0, 400.0, 500.0, 200.0], case_mix=[1.0, 1.0, 1.0, case_mix])
    assert candidates(rows, [], [], reasons=REASONS).set_index("service_id").loc["hall", "reasons"] == reasons


@pytest.mark.parametrize(("people", "found"), [((60, 40), []), ((40, 60), ["club"]), ((50, 50), ["club"])])
def test_a_service_that_reaches_less_need_is_found(people, found):
    """Two wards as far above the average as below: half and half reaches no more need than the average ward has."""
    wards = pd.DataFrame({"service_id": "club", "ward_code": ["A", "B"], "people_served": people})
    standing = pd.DataFrame({"lonely": [0.6, 0.4], "burglary": [0.0, 9.0]}, index=["A", "B"])
    assert reaches_less_need(SERVICES, wards, standing) == found


def test_who_is_touched_by_group_and_ward():
    """The club's 60 and 40 people in A and B; the hall's 100 all in A. Half are women in both, a fifth disabled.

    With 40% of the club's people disabled and none of the hall's, 100% of disabled users lose a service, where 50% of
    all do: more than their share.
    """
    services = SERVICES.assign(disabled_share=[0.4, 0.0, 0.0, 0.0], older_share=[0.1, 0.0, 0.0, 0.9])
    wards = table(
        "service_id ward_code people_served", ("club", "A", 60), ("club", "B", 40), ("hall", "A", 100)
    )  # fmt: skip
    found = equality_impact(ending("club"), services, wards).set_index(["ward_code", "group"])
    assert found.loc[("", "everyone"), ["affected", "served", "affected_pct", "verdict"]].tolist() == [100, 200, 50, ""]
    assert found.loc[("", "women_share"), ["affected", "served", "verdict"]].tolist() == [50, 100, "about their share"]
    assert found.loc[("", "disabled_share"), ["affected", "verdict"]].tolist() == [40, "more than their share"]
    assert found.loc[("", "older_share"), ["affected", "served", "verdict"]].tolist() == [
        10,
        100,
        "less than their share",
    ]
    assert found.loc[("A", "everyone"), ["affected", "served"]].tolist() == [60, 160]
    assert found.loc[("B", "disabled_share"), "affected"] == 16
    for group, rows in found.reset_index().groupby("group"):
        assert rows["affected"].iloc[0] == pytest.approx(rows["affected"].iloc[1:].sum()), group


def test_a_place_without_files_has_nothing_to_end():
    """Empty books give empty tables in the same columns."""
    services, links, wards = (EMPTY[name] for name in ("services", "service_links", "service_wards"))
    none = candidates(services, [], [], reasons=REASONS)
    moved = knock_on(none, links)
    standing = pd.DataFrame({"lonely": [0.6, 0.4]}, index=["A", "B"])
    assert none.empty
    assert moved.empty
    assert arrivals(moved, services).empty
    assert balance(none, moved, services).empty
    assert equality_impact(none, services, wards).empty
    assert reaches_less_need(services, wards, standing) == []
