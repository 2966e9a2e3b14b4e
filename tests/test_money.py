"""The stages of money on the little place, every published figure worked out by hand; and a place without the files."""

import numpy as np
import pandas as pd
import pytest
from little import MAKERS, SLUG, A, B, C, D, write_little
from test_books import CONTRACT, OUTCOME, SERVICE, book, changed

from illustrative.people import DATA
from placelib.commissioning import pool, spend
from placelib.measures.shared import measure
from placelib.sources.readers import read_place
from placelib.stages import money
from placelib.stages.shared import standing

PRICES = book("deflators", ["2024-25", 80], ["2025-26", 100])
WARDS = book("service_wards", ["S1", A, 10])
YEARS = ["outturn", "2025-26", "2025-26"]
LINES = [
    ["L1", "council", "S1", "Advice", "10", "O1", "", "revenue", 4_000_000, "gross", *YEARS, "", ""],
    ["L2", "council", "", "Grant to police", "03", "", "", "revenue", 1_000_000, "gross", *YEARS, "police", "T1"],
    ["L3", "police", "", "Patrols", "03", "", A, "staff", 6_000_000, "gross", *YEARS, "", ""],
    ["L4", "police", "", "Courses, after fees", "09", "", "", "staff", 500_000, "net", *YEARS, "", ""],
    ["L5", "council", "", "Debt", "01", "", "", "revenue", 800_000, "gross", "outturn", "2024-25", "2024-25", "", ""],
    ["L6", "council", "", "Debt", "01", "", "", "revenue", 2_000_000, "gross", *YEARS, "", ""],
]
SPENT = [(A, 6_000_000), (B, 2_000_000), (C, 2_000_000), (D, 2_000_000)]
FUND = ["F1", "Safer streets", "pooled", "council", 6_000_000, 0.6, "2025-26", "council", "A law", "recovered"]
FUND += ["unanimous", 0.5, 0.5, "", 10_400_000, "O1", "2027-03-31", 6]
OTHER = changed(FUND, c3="police", c4=4_000_000, c5=0.4, c9="irrecoverable", c13=100_000)
SERVICES = [
    changed(SERVICE, c10=1_000_000, c17=0, c18=2_000_000, c21=0),
    changed(SERVICE, c0="S2", c2="police", c10=1_000_000, c13=1, c14=0.9, c15=1.1, c17=500_000, c18=2_000_000, c21=0),
]
GIFT = [
    "G1",
    "A trust",
    "voluntary",
    "volunteer hours",
    4000,
    10,
    "at the living wage",
    "received",
    "no",
    "O1",
    "2025-26",
]
PAYMENT = ["Provider A", "2026-01-05", 900, "Care", "1"]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """The little place with books of money."""
    makers = [book("spend", *LINES), PRICES, WARDS, book("funds", FUND, OTHER), book("services", *SERVICES)]
    makers += [book("outcomes", OUTCOME), book("leverage", GIFT), book("payments", PAYMENT, changed(PAYMENT, c2=-100))]
    makers += [book("contracts", changed(CONTRACT, c1="PROVIDER A."))]
    return read_place(SLUG, write_little(tmp_path_factory.mktemp("money") / "data", *MAKERS, *makers))


def test_total_place_is_published_by_every_cut(inputs):
    """£12 million spent before income, one passed on besides; half a million net stands apart; 0.8 then is 1 now."""
    frame = money.total_spend(inputs).frame
    whole = frame[frame["breakdown"] == ""].set_index(["year", "net_or_gross"])
    assert whole["spent_gbp_m"].to_dict() == {
        ("2025-26", "gross"): 12.0,
        ("2025-26", "net"): 0.5,
        ("2024-25", "gross"): 1.0,
    }
    assert whole.loc[("2025-26", "gross"), "passed_on_gbp_m"] == 1.0
    themes = frame.query("breakdown == 'agency and cofog' and year == '2025-26' and net_or_gross == 'gross'")
    assert themes.set_index(["agency", "theme"])["spent_gbp_m"].to_dict() == {
        ("Council", "Social protection"): 4.0,
        ("Council", "Public order and safety"): 0.0,
        ("Council", "General public services"): 2.0,
        ("Police", "Public order and safety"): 6.0,
    }


def test_money_by_ward_says_how_it_came_there(inputs, exact):
    """All that Ashby is known to have or serves is its own; the 2 million of debt are shared by residents, 1 in 4."""
    frame = money.spend_by_ward(inputs, exact).frame.set_index(["ward_name", "method"])
    assert frame.loc["Ashby", "spent_gbp_m"].to_dict() == {
        "by people served": 4.0, "by residents": 0.5, "known by ward": 6.0,
    }  # fmt: skip
    assert frame.loc[("Denham", "by residents"), ["basis", "spent_gbp_m"]].tolist() == ["apportioned", 0.5]


def test_money_beside_need_has_a_row_a_ward(inputs, exact):
    """£6 million are known to be in Ashby, with 1,000 residents, and are for no outcome; so none is compared."""
    assert money.spend_and_need(inputs, exact).frame.empty


def test_money_that_is_for_a_need_is_compared_with_it(tmp_path_factory, exact):
    """Of the same £6 million, for fewer burglaries, and £2 million in each other ward: pounds a head of 1,000 each."""
    wards = [changed(LINES[2], c0=f"W{at}", c5="O1", c6=ward, c8=pounds) for at, (ward, pounds) in enumerate(SPENT)]
    makers = [book("spend", *wards, LINES[3]), PRICES, book("outcomes", OUTCOME)]
    table = money.spend_and_need(
        read_place(SLUG, write_little(tmp_path_factory.mktemp("n") / "data", *MAKERS, *makers)), exact
    )
    frame = table.frame.set_index("ward_name")
    assert any("£12 million of the £12 million" in note for note in table.notes)
    assert frame["spent_per_head_gbp"].to_dict() == {
        "Ashby": 6000.0,
        "Bourne": 2000.0,
        "Carlton": 2000.0,
        "Denham": 2000.0,
    }
    assert (frame["gap_gbp_lower"] <= frame["gap_gbp"]).all()
    assert (frame["gap_gbp"] <= frame["gap_gbp_upper"]).all()


def test_a_fund_says_who_pays_as_forecast_and_beyond(inputs):
    """£400,000 over: 200 each, but the police stop at 100; at a tenth over the council pays 900 of a million."""
    frame = money.overspend(inputs).frame.set_index(["scenario", "partner"])
    assert frame.loc["as forecast", "pays_gbp"].to_dict() == {"Council": 300_000.0, "Police": 100_000.0}
    assert frame.loc[("10% over", "Council"), "pays_gbp"] == 900_000.0
    assert frame.loc["5% under", "pays_gbp"].to_dict() == {"Council": -250_000.0, "Police": -250_000.0}
    assert money.funds(inputs).frame["host"].tolist() == ["Council"] * 2
    assert money.funds(inputs).frame["new_terms"].tolist() == [True, False]


def test_money_moves_to_where_it_does_more(inputs, exact):
    """The second does half as much for a pound: the law lets half of its million go, and that gains a sixth of 3."""
    table = money.reprofile(inputs, exact)
    frame = table.only(breakdown="service").frame.set_index("service_id")
    for move in ("move_first_gbp", "move_second_gbp", "move_third_gbp"):
        assert frame[move].to_dict() == {"S1": 500_000.0, "S2": -500_000.0}
    held = table.only(breakdown="limit", year="2027-28").frame
    assert set(held["held"]) == {"the year's money", "the least it may have"}
    assert "provider_kind" not in frame
    assert any("gains 17% on what" in note for note in table.notes)
    rows = money.frontier(inputs, exact).frame.query("budget_pct == 100").set_index("moves")["outcome_pct"]
    assert rows.to_dict() == {"in one budget": 117.0, "within each partner": 100.0, "within each outcome": 117.0}


def test_what_others_bring_stands_beside_public_money_for_the_same_outcome(inputs):
    """4,000 hours at £10 beside £4 million: £10 for each thousand."""
    frame = money.leverage(inputs).frame
    assert frame[["value_gbp", "for_each_1000_public_pounds"]].to_numpy().tolist() == [[40_000.0, 10.0]]


def test_what_others_bring_is_in_the_prices_of_its_own_year(tmp_path):
    """£4 million of 2024-25 are 5 in the prices of the year after: a gift of 2024-25 stands beside the 4."""
    rows = [changed(LINES[0], c11="2024-25", c12="2024-25"), changed(LINES[2], c6="")]
    makers = [book("spend", *rows), PRICES, book("services", *SERVICES), book("outcomes", OUTCOME), WARDS]
    makers += [book("leverage", changed(GIFT, c10="2024-25")), book("contracts", CONTRACT)]
    given = money.leverage(read_place(SLUG, write_little(tmp_path / "data", *MAKERS, *makers))).frame
    assert given["for_each_1000_public_pounds"].tolist() == [10.0]


def test_payments_are_published_as_counts_never_as_names(inputs):
    """One paid, one refunded, to a supplier whom the register writes otherwise."""
    frame = money.payments(inputs).frame
    assert set(frame["register"]) == {"in a register"}
    assert frame.set_index("standing")["amount_gbp"].to_dict() == {"paid": 900.0, "refund": -100.0}
    assert "payee" not in frame


def test_a_place_without_the_files_says_so(little, exact):
    """Every table is empty, and its foot says from which kinds of file it is made, and nothing more."""
    made = [stage(little) for stage in (money.total_spend, money.funds, money.overspend, money.leverage)]
    made += [stage(little, exact) for stage in (money.spend_and_need, money.reprofile, money.frontier)]
    for table in made:
        assert table.frame.empty
        assert [note.split("(")[0] for note in table.notes] == [
            "It is made from files of these kinds, of which this place has none "
        ]
    assert made[0].notes[-1].endswith(": spend, deflators.")


def test_the_planted_total_place_is_found(planted):
    """With prices left as they are, what each agency pays and passes on and the total of each year are the truth's."""
    inputs, truth = planted
    lines = spend.ledger(inputs.book("spend"), inputs.book("deflators").assign(index=1.0), "2025-26")
    by_agency = 1e6 * lines.groupby(["year", "agency"])[["paid_gbp_m", "passed_on_gbp_m"]].sum()
    for year, agencies in truth["gross"].items():
        assert by_agency.loc[year, "paid_gbp_m"].to_dict() == pytest.approx(agencies)
        passed = by_agency.loc[year, "passed_on_gbp_m"]
        assert passed[passed != 0].to_dict() == pytest.approx(truth["transfers_out"][year])
    assert (1e6 * lines.groupby("year")["spent_gbp_m"].sum()).to_dict() == pytest.approx(truth["total_place"])


def test_the_planted_overspend_is_shared_out_to_the_penny(planted):
    """Every partner of every fund pays what the truth says at this year's forecast."""
    inputs, truth = planted
    frame = money.overspend(inputs).frame.query("scenario == 'as forecast'")
    names = {agency.name: agency.id for agency in inputs.settings.agencies}
    for fund, rows in frame.assign(partner=frame["partner"].map(names)).groupby("fund_id"):
        assert rows.set_index("partner")["pays_gbp"].to_dict() == pytest.approx(truth["overspend"][fund], abs=0.51)


def test_planted_repeats_and_refunds_are_found_and_no_others(planted):
    """Bills paid twice came with a number of their own: they are the question asked of the body."""
    inputs, truth = planted
    told = spend.told_apart(inputs.book("payments")).groupby("standing")["reference"].agg(sorted)
    assert told[spend.REPEATED] == sorted(truth["payments"]["duplicate"])
    assert told[spend.REFUND] == sorted(truth["payments"]["refund"])


@pytest.fixture(scope="module")
def measured(planted):
    """The place's measures beside its inputs and truth."""
    return planted[0], measure(planted[0]), planted[1]


def test_the_plan_does_nearly_as_well_as_one_that_knows_the_true_effects(measured):
    """Nine tenths of what true effects would allow are gained, and firm moves (90 of 100) are nearly always right."""
    inputs, exact, truth = measured
    services = money._services(inputs, exact).assign(pot="all")
    mix = services["effect"] / services["service_id"].map(inputs.book("services").set_index("service_id")["effect"])
    worth = (
        services["worth_pct"]
        / services["effect"]
        * services["service_id"].map(truth["effects"])
        * (mix / services["case_mix"])
    )
    plan, best = (pool.reprofiled(each) for each in (services, services.assign(worth_pct=worth)))
    assert (worth * plan["move_gbp"]).sum() > 0.9 * (worth * best["move_gbp"]).sum() > 0
    again = pool.redrawn(plan)
    table, right = (pool.moves(each, again, ["service_id"]).set_index("service_id") for each in (plan, best))
    firm = table["same_way_pct"] >= 90
    same = np.sign(table["move_third_gbp"]) == np.sign(right["move_third_gbp"].reindex(table.index))
    assert firm.sum() > len(firm) / 2
    assert same[firm].mean() > 0.9


def test_a_pound_is_taken_to_do_most_where_the_need_is_highest(measured):
    """Money for family hubs is by ward, and worth most where most children are in need; all of it is there."""
    inputs, exact, _ = measured
    cells = money._services(inputs, exact).query("service_id == 'family_hubs' and ahead == 0").set_index("ward_code")
    assert cells.index.tolist() == sorted(inputs.geography.ward_names)
    cost = inputs.book("services").set_index("service_id").loc["family_hubs", "annual_cost"]
    assert cells["now_gbp"].sum() == pytest.approx(cost)
    need = standing(inputs, exact).ratio["children_in_need"].reindex(cells.index)
    assert np.corrcoef(np.exp(need), cells["worth_pct"])[0, 1] == pytest.approx(1.0)


def test_wards_named_for_less_or_more_than_their_need_are_so_in_truth(measured):
    """Street cleaning, policing and libraries are planted to follow need too little; no verdict has the wrong sign."""
    inputs, exact, _ = measured
    frame = money.spend_and_need(inputs, exact).frame
    clear = frame[frame["verdict"] != spend.UNCLEAR].set_index(["domain", "ward_code"])
    assert {"Safety", "Streets and green space"} <= set(clear.index.get_level_values("domain"))
    truth = pd.read_csv(DATA.parent / f"tests/truth/{inputs.slug}.csv.gz").query("characteristic == 'all'")
    truth = truth.merge(inputs.vocabulary.named(truth[["indicator_id"]].drop_duplicates()).query("in_index == 'yes'"))
    truth = truth[truth["area_code"].isin(frame["ward_code"])].assign(need=np.log(truth["value"]))
    need = truth.pivot_table(index="area_code", columns="domain", values="need")
    people = money._residents(exact)
    spent = frame.pivot(index="ward_code", columns="domain", values="spent_per_head_gbp").mul(people, axis=0)
    known = spend.against_need(spent, people, need, need * 0.0).set_index(["domain_id", "ward_code"])
    assert (np.sign(known.loc[clear.index, "gap_gbp"]) == np.sign(clear["gap_gbp"])).mean() > 0.9
