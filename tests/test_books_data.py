"""The illustrative books: they read without fault, their money adds up, and what is planted can be found in them."""

from graphlib import TopologicalSorter

import numpy as np
import pandas as pd
import pytest

from illustrative.books import PLAN
from illustrative.people import DATA

PLACE_STANDARD = 14  # themes
PEOPLE = {"brighton-and-hove": 277_103, "tower-hamlets": 310_306}  # published, as margins.csv has them


@pytest.fixture
def place(planted):
    """One place, and the truth planted in its books."""
    return planted


@pytest.fixture
def book(place):
    """Rows of one kind of book."""
    return place[0].book


@pytest.fixture
def truth(place):
    """What is planted."""
    return place[1]


def test_every_kind_of_book_is_there(place):
    """All kinds of the dictionary have rows in both places, all marked illustrative; ledgers are in several files."""
    inputs, _ = place
    assert all(len(inputs.book(kind)) for kind in inputs.vocabulary.books)
    files = inputs.of_kind(*inputs.vocabulary.books)
    assert all(each.contract.illustrative for each in files)
    assert len(inputs.of_kind("spend")) > 1
    assert any(each.contract.file.endswith(".xlsx") for each in files)


def test_release_classes(place):
    """What holds unit prices or people by ward is not open; what public bodies publish is."""
    classes = {each.contract.kind: each.contract.release for each in place[0].of_kind(*place[0].vocabulary.books)}
    closed = {kind: release for kind, release in classes.items() if release != "open"}
    assert closed == {"contracts": "commercial", "service_wards": "administrative"}


def test_the_ledger_adds_up_to_its_truth(book, truth):
    """Gross and transfers out, by agency and year, summed line by line."""
    gross, moved = {}, {}
    for line in book("spend").itertuples():
        key = (line.year, line.agency)
        gross[key] = gross.get(key, 0) + line.amount
        if isinstance(line.counterparty, str):
            moved[key] = moved.get(key, 0) + line.amount
    told = {(year, agency): sum_ for year, part in truth["gross"].items() for agency, sum_ in part.items()}
    assert gross == pytest.approx(told)
    told = {(year, agency): sum_ for year, part in truth["transfers_out"].items() for agency, sum_ in part.items()}
    assert moved == pytest.approx(told)
    total = {year: sum(gross[key] - moved.get(key, 0) for key in gross if key[0] == year) for year, _ in gross}
    assert total == pytest.approx(truth["total_place"])


def test_money_is_of_the_right_order(place, book):
    """£2.5 to 3.7 billion a year, nine to twelve thousand pounds a resident, and every partner has a ledger."""
    lines = book("spend")
    own = lines[lines["counterparty"].isna()]
    year = own.groupby("year")["amount"].sum()
    assert year.between(2.5e9, 3.7e9).all()
    assert 9_000 < year["2025-26"] / PEOPLE[place[0].slug] < 12_000
    assert set(lines["agency"]) == {agency.id for agency in place[0].settings.agencies}
    assert (lines.groupby(["agency", "year"]).size() <= 55).all()


def test_the_ledger_is_as_awkward_as_life(book):
    """Refunds, transfers, net lines, money truly by ward, outturn and budget, prices of an earlier year."""
    lines = book("spend")
    assert (lines["amount"] < 0).any()
    assert lines["transfer_id"].nunique() == lines["counterparty"].notna().sum() > 30
    assert set(lines["basis"]) == {"gross", "net"}
    assert set(lines["status"]) == {"outturn", "budget"}
    assert set(lines["economic_type"]) == {"staff", "revenue", "capital", "benefits"}
    assert (lines["price_year"] != lines["year"]).any()
    assert 0 < lines["ward_code"].notna().mean() < 0.8
    received = lines[lines["counterparty"].notna()]
    assert (received["agency"] != received["counterparty"]).all()


def test_services_cost_what_the_ledger_says(book):
    """The budget of the year that is planned holds each service's yearly cost, to the pound; people add up by ward."""
    services, lines = book("services").set_index("service_id"), book("spend")
    planned = lines[lines["year"] == PLAN["ledger"]["planned"]].groupby("service_id")["amount"].sum()
    assert planned.to_dict() == services["annual_cost"].to_dict()
    people = book("service_wards").groupby("service_id")["people_served"].sum()
    assert people.to_dict() == services["people_served"].to_dict()
    assert (services["minimum_cost"] <= services["annual_cost"]).all()
    assert (services["annual_cost"] <= services["maximum_cost"]).all()
    contract = book("contracts").set_index("contract_id")["annual_value"]
    bought = services.dropna(subset="contract_id")
    assert (contract[bought["contract_id"]].to_numpy() / bought["annual_cost"] - 1).abs().max() < 0.02


def test_who_pays_an_overspend(book, truth):
    """Shares of what is beyond the fund, held at the cap, the rest on the host: all of it is paid by someone."""
    capped = 0
    for fund, rows in book("funds").groupby("fund_id"):
        rows = rows.set_index("partner")
        over = rows["forecast_spend"].iloc[0] - rows["contribution"].sum()
        assert sum(truth["overspend"][fund].values()) == pytest.approx(over, abs=0.05)
        share = rows["overspend_share"] if over > 0 else rows["underspend_share"]
        for partner, cap in rows["overspend_cap"].items():
            pays = truth["overspend"][fund][partner]
            capped += bool(over * share[partner] > cap)
            if partner != rows["host"].iloc[0]:
                assert pays == pytest.approx(min(over * share[partner], np.inf if pd.isna(cap) else cap), abs=0.01)
    assert capped


def test_links_go_nowhere_round(book):
    """Demand moves from service to service and never comes back; it has an order."""
    links = book("service_links")
    order = list(TopologicalSorter(links.groupby("affects")["service_id"].agg(set).to_dict()).static_order())
    assert all(order.index(row.service_id) < order.index(row.affects) for row in links.itertuples())


def test_ending_the_planted_service_costs_more_than_it_saves(book, truth):
    """Home from hospital: the first round of demand alone costs the NHS over half as much again as is saved."""
    services = book("services").set_index("service_id")
    ends = truth["found"]["shunt"]
    link = book("service_links").query("service_id == @ends")
    cost = link["knock_on_share"] * services["people_served"][ends] * link["unit_cost"]
    assert cost.sum() == pytest.approx(truth["shunted_first_round"][ends])
    to_nhs = link["affects"].map(services["commissioner"]) == "nhs"
    assert cost[to_nhs].sum() > 1.5 * services["annual_cost"][ends]
    assert services["statutory"][ends] == "no"


def test_the_candidate_to_end_is_plain(book, truth):
    """Low effect, high cost for what it brings, nobody leans on it, and it goes where need is least."""
    services = book("services").set_index("service_id")
    candidate = services.loc[truth["found"]["decommission"]]
    free = services[services["statutory"] == "no"]
    assert candidate["effect_upper"] < free["effect_lower"].drop(candidate.name).min()
    assert candidate.name not in set(book("service_links")[["service_id", "affects"]].stack())


def test_who_is_served_where_need_is_least(place, book, truth):
    """Most services go where need is; the two that are planted go to wards with less of it than the average ward."""
    path = DATA.parent / f"tests/truth/{place[0].slug}.csv.gz"
    rates = pd.read_csv(path).query("characteristic == 'all'").set_index(["indicator_id", "area_code"])["value"]
    served = book("service_wards").merge(book("services")[["service_id", "need_indicator"]], on="service_id")
    served["need"] = rates.reindex(list(zip(served["need_indicator"], served["ward_code"], strict=True))).to_numpy()
    served["need"] /= served.groupby("service_id")["need"].transform("mean")
    served["people"] = served["people_served"] * served["need"]
    sums = served.groupby("service_id")[["people", "people_served"]].sum()
    level = sums["people"] / sums["people_served"]
    least = [truth["found"]["decommission"], truth["found"]["shunt"]]
    assert set(level.nsmallest(2).index) == set(least)
    assert (level[least] < 0.96).all()
    assert (level > 1).mean() > 0.7


def test_raw_outcome_for_each_pound_misleads(book, truth):
    """The private provider comes first raw; after case mix the voluntary one does, as the true effects have it."""
    services = book("services").query(f"outcome_id == '{truth['found']['misleading_outcome']}'")
    services = services.set_index("service_id")
    adjusted = services["effect"] * services["case_mix"]
    assert services["effect"].idxmax() == "hotspot_outreach"
    assert adjusted.idxmax() == pd.Series(truth["effects"])[services.index].idxmax() == "street_outreach"
    assert set(services["provider_kind"]) == {"public", "private", "voluntary", "social enterprise"}


def test_intervals_hold_most_true_effects(book, truth):
    """An effect is measured with error and without regard to whom a service takes."""
    services = book("services").set_index("service_id")
    true = pd.Series(truth["effects"])[services.index] / services["case_mix"]
    held = true.between(services["effect_lower"], services["effect_upper"])
    assert held.mean() > 0.9
    assert not np.allclose(true, services["effect"])


def test_outcomes_and_the_gaps_left_in_them(book, truth):
    """Weights of population outcomes sum to one; one outcome answers no theme, one theme has no outcome."""
    outcomes, themes = book("outcomes"), book("themes")
    assert outcomes.query("kind == 'population'")["weight"].sum() == pytest.approx(1)
    assert len(themes) == PLACE_STANDARD
    assert list(outcomes.loc[outcomes["theme"].isna(), "outcome_id"]) == [truth["found"]["nobody_wants"]]
    assert set(themes["theme"]) - set(outcomes["theme"]) == {truth["found"]["theme_without_outcome"]}


def test_rights_and_the_gaps_left_in_them(book, truth):
    """Outcomes that nobody decides on or answers for, and those on which two do."""
    count = pd.crosstab(book("rights")["outcome_id"], book("rights")["right"])
    found = truth["found"]
    assert sorted(count.index[count["decides"] == 0]) == found["nobody_decides"]
    assert sorted(count.index[count["answers"] == 0]) == found["nobody_answers"]
    assert sorted(count.index[count["decides"] > 1]) == found["two_decide"]
    assert sorted(count.index[count["answers"] > 1]) == found["two_answer"]


def test_powers_and_the_gaps_left_in_them(book, truth):
    """Matters and sums on which nobody decides, one on which two do, one that is heard too late."""
    powers, found = book("governance"), truth["found"]
    decides = powers[powers["role"] == "decides"].groupby("decides")
    open_ended = decides["threshold_upper"].agg(lambda upper: upper.isna().any())
    nobody = set(powers["decides"]) - set(open_ended.index[open_ended])
    assert sorted(nobody) == found["nobody_may_decide"]
    small = decides["threshold_lower"].agg(lambda lower: (lower == 0).sum())
    assert list(small.index[small > 1]) == [found["two_may_decide"]]
    late = powers.query("decides == @found['heard_too_late']").set_index("role")["next_meeting"]
    assert late["is consulted"] > late["decides"]


def test_suppliers_are_spelt_in_several_ways(book, truth):
    """One supplier under several names, at several prices, in contracts that end within half a year."""
    contracts = book("contracts")
    contracts["true"] = contracts["supplier"].map(truth["suppliers"])
    shared = contracts.groupby("true")[["supplier", "agency", "unit_price"]].nunique()
    assert (shared["supplier"] > 2).sum() >= 4
    staff = contracts.query("true == 'Ondalee Staffing'")
    assert (staff["end"].max() - staff["end"].min()).days < 184
    assert (contracts["bids"] == 1).any()
    assert (contracts["bids"].isna() == (contracts["procedure"] == "direct award")).all()
    assert (contracts["annual_value"] - contracts["unit_price"] * contracts["units"]).abs().max() < 1


def test_payments_paid_twice_and_paid_back(book, truth):
    """Each planted duplicate and refund is among the payments, and has its counterpart."""
    paid = book("payments").set_index("reference")
    for reference in truth["payments"]["duplicate"]:
        row = paid.loc[reference]
        twin = paid[["payee", "amount", "paid_on"]].eq(row[["payee", "amount", "paid_on"]]).all(axis=1)
        assert twin.sum() == 2
    back = paid.loc[truth["payments"]["refund"]]
    assert set(paid.index[paid["amount"] < 0]) == set(back.index)
    assert all(((paid["payee"] == row.payee) & (paid["amount"] == -row.amount)).any() for row in back.itertuples())


def test_partners_disagree_and_one_pays_for_what_another_gains(book):
    """In each decision one option goes on as now; weights sum to one and differ; some flows go from one to another."""
    options = book("options")
    assert (options.groupby("decision")["counterfactual"].agg(lambda said: (said == "yes").sum()) == 1).all()
    weights = book("option_weights").pivot(index="criterion", columns="partner", values="weight")
    assert np.allclose(weights.sum(), 1)
    assert weights.idxmax().nunique() > 2
    flows = book("option_flows").query("option_id == 'hospital_grow'").groupby(["partner", "kind"])["amount"].sum()
    assert flows["adult_social_care", "cost"] > flows["adult_social_care", "benefit"]
    assert flows["nhs", "benefit"] > flows["nhs", "cost"]


def test_regimes_are_dated_and_share_indicators(book):
    """Some have ended; several ask for the same indicator in other words; each names a document."""
    regimes = book("regimes")
    ended = regimes.groupby("regime_id")["in_force_to"].first().dropna()
    assert {"oflog", "caa", "nis"} == set(ended.index)
    asked = regimes[regimes["in_force_to"].isna()].groupby("indicator_id")[["regime_id", "regime_words"]].nunique()
    assert (asked.min(axis=1) >= 3).any()
    assert regimes["document"].str.len().gt(10).all()


def test_the_planted_effect_is_in_the_panel(book, truth):
    """Before the intervention a mix of four donors follows the place; after it the place falls below, as planted."""
    wide = np.log(book("panel").pivot(index="year", columns="area_name", values="value"))
    own = book("panel").query("role == 'place'")
    assert set(own["intervention_year"]) == {truth["panel"]["year"]}
    place, donors = wide.pop(own["area_name"].iloc[0]), wide
    assert donors.shape == (16, 20)
    before = donors.index < truth["panel"]["year"]
    like = [f"Other place {number}" for number in (1, 2, 3, 4)]
    mix = np.linalg.lstsq(donors[like][before], place[before], rcond=None)[0]
    gap = (place - donors[like] @ mix)[~before]
    assert gap.mean() == pytest.approx(np.log1p(pd.Series(truth["panel"]["effect"])).mean(), abs=0.025)
