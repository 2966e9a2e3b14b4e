"""What is published of choices: the planted truth of both illustrative places is found, and no card is half empty."""

import dataclasses
import re
from types import SimpleNamespace

import pandas as pd
import pytest

from placelib.commissioning.decommission import knock_on
from placelib.commissioning.options import EFFECTS, compare_providers
from placelib.commissioning.procurement import supplier_ids
from placelib.measures.shared import measure
from placelib.place import Place
from placelib.sources.books import TYPES
from placelib.stages import commissioning as stages
from placelib.stages.money import reprofile
from placelib.stages.shared import edition


@pytest.fixture(scope="module")
def place(planted):
    """One place read and checked, and the truth planted in its books."""
    return planted


@pytest.fixture(scope="module")
def chosen(place):
    """What might end in a place: candidates, decision records, and who is touched."""
    inputs, exact = place[0], measure(place[0])
    return [stage(inputs, exact) for stage in (stages.candidates, stages.decision_records, stages.equality_impact)]


def test_the_cost_of_the_first_step_is_the_planted_one(place):
    """For every service with links, whether law asks for it or not."""
    inputs, truth = place
    moved = knock_on(inputs.book("services"), inputs.book("service_links")).query("step == 1")
    found = moved.groupby("ending")["cost_gbp"].sum()
    assert found.to_dict() == pytest.approx(truth["shunted_first_round"], rel=1e-6)


def test_the_service_to_end_is_put_forward_and_the_one_that_shunts_is_seen_to(place, chosen):
    """Ending the one that keeps people out of hospital costs the place more than it saves, and the table says so."""
    truth, table = place[1]["found"], chosen[0].frame.set_index("service_id")
    assert table.loc[truth["decommission"], "put_forward"] == "yes"
    assert table.loc[truth["decommission"], "net_gbp"] > 0
    assert table.loc[truth["shunt"], "net_gbp_upper"] < 0
    assert table.loc[truth["duplicates"].keys(), "reasons"].str.contains("much the same").all()
    assert (table["put_forward"] == "yes").sum() <= 4


def test_a_card_says_where_the_evidence_is_divided(place, chosen):
    """Against: it costs all more than it saves. Divided: the plan for most outcome would give it more money."""
    inputs, cards = place[0], chosen[1].frame.merge(chosen[0].frame, on="service")
    moved = reprofile(inputs, measure(inputs)).only(breakdown="service").frame.set_index("service")["move_third_gbp"]
    for card in cards.to_dict("records"):
        against = card["net_gbp_upper"] < 0
        assert ("speak against ending it" in card["proposal"]) == against
        assert ("Evidence divided" in card["proposal"]) == (moved.get(card["service"], 0) > 0 and not against)
    assert cards["proposal"].str.contains("Evidence divided").any()


def test_money_leaves_in_thousands_and_limits_hold_the_figure(chosen):
    """Pounds end in 000; what is left if people stop at their first stop is no less than if they go on."""
    frame = chosen[0].frame
    assert (frame[["annual_cost_gbp", "net_gbp", "first_year_gbp"]] % 1000 == 0).all(axis=None)
    assert (frame["net_gbp_upper"] >= frame["net_gbp"]).all()
    assert (frame["annual_cost_gbp"] - frame["shunted_gbp"] - frame["net_gbp"]).abs().max() <= 2000


def test_a_record_of_a_choice_says_what_the_tables_beside_it_say(place):
    """First, what is left over, what would turn it, and a box for every option; nothing to say where there are none."""
    inputs = place[0]
    rows, turns = stages.options(inputs).frame, stages.switching(inputs).frame
    for card in stages.choice_records(inputs).frame.to_dict("records"):
        mine = rows[rows["decision"] == card["decision"]].sort_values("rank")
        assert card["comes_first"].startswith(f"{mine['option'].iloc[0]}: {mine['score'].iloc[0]:.1f} (")
        assert f"{mine['net_gbp'].iloc[0]:+,.0f}" in card["left_over"]
        assert all(f"{option} ☐" in card["chosen"] for option in mine["option"])
        assert f"“{turns[turns['decision'] == card['decision']]['option_other'].iloc[0]}”" in card["what_would_turn_it"]
    assert stages.choice_records(changed(inputs, without=["options"])).frame.empty


def test_a_record_of_a_choice_without_scores_or_money_says_so(place):
    """Scores and money may come later than the options."""
    inputs = changed(place[0], without=["option_scores", "option_flows"])
    for card in stages.choice_records(inputs).frame.to_dict("records"):
        assert card["comes_first"] == "None has a score on all that counts"
        assert card["what_would_turn_it"] == "No change of one weight alone would put another first"
        assert "nan" not in " ".join(card.values())


def test_every_card_names_the_bodies_that_must_agree_or_says_that_no_file_does(place, chosen):
    """A part of the council is decided for by the council's bodies; without the file of bodies the card says so."""
    assert chosen[1].frame["who_must_agree"].str.contains(r"\(decides: ", regex=True).all()
    inputs = place[0]
    others = {name: each for name, each in inputs.sources.items() if each.contract.kind != "governance"}
    cards = stages.decision_records(dataclasses.replace(inputs, sources=others), measure(inputs)).frame
    assert cards["who_must_agree"].str.endswith("; no file says which of its bodies decides").all()


def changed(inputs, *, without=(), **columns):
    """Inputs without files of some kinds, and with the same cell in all rows of columns of `services`."""
    kept = {name: each for name, each in inputs.sources.items() if each.contract.kind not in without}
    for name, each in kept.items():
        if each.contract.kind == "services":
            kept[name] = dataclasses.replace(each, frame=each.frame.assign(**columns))
    return dataclasses.replace(inputs, sources=kept)


def test_a_card_leaves_out_the_wards_where_no_file_tells_them(place):
    """Nobody lives in "nan"."""
    inputs = changed(place[0], without=["service_wards"])
    said = stages.decision_records(inputs, measure(inputs)).frame["who_is_affected"]
    assert len(said)
    assert not said.str.contains("most in|nan", regex=True).any()


def test_where_nothing_is_put_forward_there_is_no_card(place):
    """Law asks for every service: no candidate; and without links nobody's move is known, which the table says."""
    inputs = changed(place[0], without=["service_links"], statutory="yes")
    exact = measure(inputs)
    assert stages.decision_records(inputs, exact).frame.empty
    assert stages.candidates(inputs, exact).frame.empty
    assert any("service_links" in note for note in stages.knock_on(inputs, exact).notes)


def test_every_cell_that_may_be_blank_may_be_blank_in_every_row(place):
    """All such columns of all books at once: each table is made all the same."""
    inputs, books = place[0], place[0].vocabulary.books
    sources = dict(inputs.sources)
    for name, each in inputs.sources.items():
        columns = books[each.contract.kind].columns if each.contract.kind in books else {}
        bare = {column: None for column, rule in columns.items() if "" in rule.not_applicable}
        types = {column: TYPES.get(columns[column].type, object) for column in bare}
        sources[name] = dataclasses.replace(each, frame=each.frame.assign(**bare).astype(types))
    bare = dataclasses.replace(inputs, sources=sources)
    opened = SimpleNamespace(inputs=bare, _exact=measure(bare))
    tables = {name: vars(Place)[name].make(opened) for name in Place.stage_names()}
    assert not tables["providers"].frame.empty


def test_every_card_is_whole_and_leaves_blanks_for_people(chosen):
    """A card a service put forward; no cell without words (but of a choice, if any) or number, and somebody to sign."""
    cards = chosen[1].frame
    assert cards["service"].tolist() == chosen[0].only(put_forward="yes").frame["service"].tolist()
    words = cards.astype(str).stack()
    assert not words.str.contains(r"\bnan\b|\bNone\b|\{", regex=True).any()
    assert words.drop("together", level=1).ne("").all()
    assert cards["signed"].str.contains("…").all()


def test_who_is_touched_leaves_as_counts_of_people_do(chosen):
    """Multiples of five, none from 1 to 7, and a verdict for the whole place alone."""
    frame = chosen[2].frame
    assert (frame[["affected", "served"]].stack() % 5 == 0).all()
    assert not frame["affected"].between(1, 7).any()
    assert frame.loc[frame["area_type"] == "ward", "verdict"].eq("").all()
    assert frame["category_name"].notna().all()


def test_the_providers_kind_is_joined_last(place):
    """The comparison neither holds nor hangs on who provides."""
    inputs, services = place[0], place[0].book("services")
    turned = services.assign(provider_kind=services["provider_kind"].to_numpy()[::-1], provider="P")
    pd.testing.assert_frame_equal(compare_providers(services), compare_providers(turned))
    shown, kinds = stages.providers(inputs).frame, stages.provider_kinds(inputs).frame
    assert not [name for name in shown if name.startswith("provider")]
    assert kinds["verdict"].tolist() == shown["verdict"].tolist()
    assert set(EFFECTS) < set(shown)


def test_no_two_suppliers_are_joined_and_most_spellings_are(place):
    """All that is joined is one supplier in truth; of spellings of one supplier at least two in three are joined."""
    book, truth = place[0].book("contracts"), place[1]["suppliers"]
    ids, true = supplier_ids(book["supplier"], book["company_number"]), book["supplier"].map(truth)
    assert true.groupby(ids).nunique().max() == 1
    spread = ids.groupby(true).agg(["size", "nunique"]).query("size > 1")
    assert (spread["size"] - spread["nunique"]).sum() >= 2 / 3 * (spread["size"] - 1).sum()


def test_prices_leave_only_where_three_suppliers_or_more_share_the_money(place):
    """Hidden categories are added up in one line, which is larger than any shown."""
    frame = stages.prices_apart(place[0]).frame.set_index("category")
    assert frame.loc[frame["suppliers_like"] <= 2, "over_mean_gbp"].isna().all()
    assert not {"total", "largest", "second"} & {*frame}
    assert frame["over_lowest_gbp"].idxmax() == "All that is marked [c], together"
    assert (frame["over_lowest_gbp"].dropna() >= frame["over_mean_gbp"].dropna()).all()


def test_options_are_worth_what_their_flows_are(place):
    """Over partners the flows of each option add up to its worth, and the one that goes on as now has none."""
    inputs, _ = place
    table, money = stages.options(inputs).frame, stages.option_money(inputs).frame
    now = inputs.book("options").query("counterfactual == 'yes'")["option"]
    found = table.set_index("option")["net_gbp"]
    assert found[now].isna().all()
    sums = money.groupby("option")["net_gbp"].sum()
    assert (found.dropna() - sums).abs().max() <= 500 * (len(money) + 1)
    assert table.groupby("decision")["rank"].min().eq(1).all()


def test_who_is_worse_off_by_an_option_is_whose_own_part_is_a_loss(place):
    """Partners whose lines of an option add up to less than nought, to a tenth of a million; as now, nobody is."""
    inputs, _ = place
    money = stages.option_money(inputs).frame.groupby(["option", "partner"])["net_gbp"].sum() / 1e6
    for row in stages.options(inputs).frame.to_dict("records"):
        if pd.isna(row["net_gbp"]):
            assert pd.isna(row["worse_off"])
            continue
        said = dict(re.findall(r"(?:^|; )(.+?) by £([\d,.]+) million", row["worse_off"]))
        losers = money[row["option"]].loc[lambda each: each < 0].round(1)
        assert {name: float(sum_) for name, sum_ in said.items()} == pytest.approx(
            {name: -loss for name, loss in losers.items() if loss}, abs=0.11
        )
        assert said or row["worse_off"] == "nobody"


def test_a_month_to_act_by_that_has_gone_says_so(place):
    """Against the date of the newest book."""
    inputs, _ = place
    frame, at = stages.contract_ends(inputs).frame, edition(inputs).to_period("M")
    months = pd.to_datetime(frame["act_by"], format="%B %Y").dt.to_period("M")
    assert frame.loc[months < at, "passed"].eq("has passed").all()
    assert frame.loc[months > at, "passed"].eq("is to come").all()
