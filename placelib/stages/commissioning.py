"""What can be published of choices: options, providers, services that might end and whom it touches, joint buying."""

import numpy as np
import pandas as pd

from placelib import gate, suppression
from placelib.commissioning import decommission, procurement
from placelib.commissioning import options as appraisal
from placelib.errors import some
from placelib.measures.shared import Measures
from placelib.sources.readers import Inputs
from placelib.stages.money import reprofile
from placelib.stages.shared import book, edition, release, served, standing

APPRAISED = ("options", "option_scores", "option_weights")
WARDS_TOLD = 3


def options(inputs: Inputs) -> gate.Protected:
    """Options of each decision: weighted score with limits, each partner's view, and what each is worth in all."""
    worth = _worth(inputs)
    net = worth.groupby("option_id")[["cost_gbp", "benefit_gbp", "net_gbp"]].sum()
    some_of_each = (net["cost_gbp"] > 0) & (net["benefit_gbp"] > 0)
    net["needed_pct"] = (100 * net["cost_gbp"] / net["benefit_gbp"]).where(some_of_each)
    own = worth.groupby(["option_id", "partner"])["net_gbp"].sum().reset_index("partner")
    lost = own["partner"] + (-own["net_gbp"] / 1e6).map(" by £{:,.1f} million".format)
    net["worse_off"] = (
        lost[own["net_gbp"].round(-5) < 0].groupby("option_id").agg("; ".join).reindex(net.index).fillna("nobody")
    )
    table = appraisal.appraise(*map(inputs.book, APPRAISED)).join(net).assign(chosen="☐")
    said = {"partners": inputs.book("option_weights")["partner"].nunique()}
    return release("options", table.drop(columns=["counterfactual", "outcome_id"]), inputs, said=said)


def switching(inputs: Inputs) -> gate.Protected:
    """How far one weight or one score must move before another option draws level with the first."""
    return release("switching", appraisal.switching_values(*map(inputs.book, APPRAISED)), inputs)


def option_money(inputs: Inputs) -> gate.Protected:
    """Who invests and who gains by each option: partner, kind of value, whether it could be banked."""
    return release("option_money", _worth(inputs), inputs)


def providers(inputs: Inputs) -> gate.Protected:
    """Outcome per pound of services for the same outcome, blind to who provides them."""
    return release("providers", appraisal.compare_providers(book(inputs, "services")), inputs)


def provider_kinds(inputs: Inputs) -> gate.Protected:
    """The verdicts of `providers`, with who provides joined last."""
    kinds = inputs.book("services")[["service_id", "provider", "provider_kind"]]
    table = appraisal.compare_providers(book(inputs, "services")).merge(kinds, on="service_id", validate="1:1")
    return release("provider_kinds", table, inputs)


def candidates(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Every service that no law asks for: reasons to put it forward, saving, and cost that falls elsewhere."""
    table = _ending(inputs, exact)[0]
    left = table["net_gbp"] / 1e6
    drawn = {"unit": "£ million a year", "left": left, "left_lower": left, "left_upper": table["net_gbp_upper"] / 1e6}
    return release("candidates", table.assign(**drawn), inputs)


def knock_on(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Where the people of each service that might end would turn: whose cost, how many, how soon, how sure."""
    return release("knock_on", _ending(inputs, exact)[1], inputs)


def equality_impact(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Uses of services lost by characteristic and ward, if all that is put forward ended."""
    ending, base = _ending(inputs, exact)[0].query("put_forward == 'yes'"), inputs.settings.disclosure.rounding_base
    table = _with_names(decommission.equality_impact(ending, inputs.book("services"), served(inputs)), inputs)
    affected, everyone = (suppression.nearest(table[name], base) for name in ("affected", "served"))
    table["affected_pct"] = 100 * affected / everyone.where(everyone > 0)
    files = inputs.of_kind("services", "service_wards")
    table["threshold"] = max((each.contract.threshold for each in files), default=0)
    return release("equality_impact", table, inputs)


def decision_records(inputs: Inputs, exact: Measures) -> gate.Protected:
    """A card for each service put forward: six questions answered from what is published, blanks for who decides."""
    words, moved = inputs.vocabulary.wording, knock_on(inputs, exact).frame.query("people > 0").set_index("service_id")
    rows = candidates(inputs, exact).only(put_forward="yes").frame.set_index("service_id")
    moves = [words["move"]["text"].format_map(each) for each in moved.to_dict("records")]
    choices = inputs.book("options").groupby("outcome_id")["decision"].first()
    known = {"moves": pd.Series(moves, moved.index, dtype=object).groupby(level=0).agg("; ".join)}
    known["weakest"] = moved["evidence"].groupby(level=0).agg(lambda each: max(each, key=decommission.STRENGTH.index))
    known["decision"] = inputs.book("services").set_index("service_id")["outcome_id"].map(choices)
    known |= {"bodies": _bodies(inputs), "wards": _wards(inputs)}
    rows = rows.join(pd.DataFrame(known))
    given = reprofile(inputs, exact).only(breakdown="service").frame.set_index("service_id")["move_third_gbp"]
    stances = [rows["net_gbp_upper"] < 0, given.reindex(rows.index) > 0]
    stance = pd.Series(np.select(stances, ["against", "divided"], "consider"), rows.index).map(words["stance"])
    rows["stance"] = [text.format_map(row) for text, row in zip(stance, rows.to_dict("records"), strict=True)]
    cells = {name: [_line(line, row) for row in rows.to_dict("records")] for name, line in words["record"].items()}
    return release("decision_records", rows[["service"]].assign(**cells), inputs)


def shared_suppliers(inputs: Inputs) -> gate.Protected:
    """Suppliers that several partners buy from, however spelt."""
    return release("shared_suppliers", procurement.shared_suppliers(book(inputs, "contracts")), inputs)


def prices_apart(inputs: Inputs) -> gate.Protected:
    """What several partners buy apart: bids, concentration, spread of prices and what one price would save."""
    rows = procurement.bought_apart(book(inputs, "contracts"))
    table, together = procurement.by_category(rows), inputs.vocabulary.wording["bought_apart"]["together"]
    hidden = rows["category"].isin(table.loc[suppression.is_dominated(table), "category"])
    rest = procurement.by_category(rows[hidden].assign(category=together))
    return release("prices_apart", pd.concat([table, rest], ignore_index=True), inputs)


def contract_ends(inputs: Inputs) -> gate.Protected:
    """Contracts of several partners for the same thing whose ends can be made to meet."""
    table = procurement.ends_that_meet(book(inputs, "contracts"))
    dates = {name: table[name].dt.strftime("%B %Y") for name in ("meets_from", "act_by")}  # a day is one supplier's
    passed = np.where(table["act_by"] < edition(inputs), "has passed", "is to come")
    return release("contract_ends", table.assign(**dates, passed=passed), inputs)


def _worth(inputs: Inputs) -> pd.DataFrame:
    names = inputs.settings.agency_names | {"society": "Society at large"}
    flows = inputs.book("option_flows").replace({"partner": names})
    return appraisal.who_gains(inputs.book("options"), flows, inputs.settings.discount_rate)


def _ending(inputs: Inputs, exact: Measures) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every service that might end, with what it saves; and where its people would turn."""
    services, reasons = book(inputs, "services"), list(inputs.vocabulary.wording["reasons"].values())
    low = decommission.reaches_less_need(inputs.book("services"), served(inputs), standing(inputs, exact).ratio)
    below = appraisal.compare_providers(services).query("verdict == @appraisal.BELOW")["service_id"]
    table = decommission.candidates(services, low, list(below), reasons=reasons)
    moved = decommission.knock_on(table, inputs.book("service_links"))
    return decommission.balance(table, moved, services), decommission.arrivals(moved, services)


def _line(line: dict[str, str], row: dict[str, object]) -> str:
    """Fill in a line of a record, or say what its wording says where what it needs is missing."""
    return line["text" if pd.notna(row[line.get("needs", "service")]) else "otherwise"].format_map(row)


def _bodies(inputs: Inputs) -> pd.Series:
    """Bodies of whoever pays for a service, or of whom it is part of, that have a say on such a sum, by service_id."""
    whose = {agency.id: agency.part_of or agency.id for agency in inputs.settings.agencies}
    services = inputs.book("services").assign(agency=lambda each: each["commissioner"].map(whose))
    pair = services.merge(inputs.book("governance"), on="agency")
    pair = pair[pair["annual_cost"].between(pair["threshold_lower"], pair["threshold_upper"].fillna(np.inf))]
    who = ["service_id", "next_meeting", "body", "role"]
    said = pair.groupby(who)["decides"].agg("; ".join).reset_index()
    said["words"] = said["body"] + said["role"].map(inputs.vocabulary.wording["roles"]) + said["decides"]
    said["words"] += ", " + said["next_meeting"].dt.strftime("%-d %B %Y") + ")"
    return said.groupby("service_id")["words"].agg(lambda each: some([*each]))


def _wards(inputs: Inputs) -> pd.Series:
    """The wards where the most of a service's people live, by service_id."""
    rows = served(inputs).sort_values("people_served", ascending=False, kind="stable")
    names = rows["ward_code"].map(inputs.geography.ward_names)
    return names.groupby(rows["service_id"]).agg(lambda each: some([*each[:WARDS_TOLD]]))


def _with_names(table: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """Put words to areas and groups; what falls on whom is judged for the whole place alone."""
    names, whole = inputs.geography.ward_names | {"": inputs.settings.name}, table["ward_code"] == ""
    groups, kind = table["group"].map(inputs.vocabulary.wording["groups"]), whole.map({True: "place", False: "ward"})
    named = {"area_name": table["ward_code"].map(names), "area_type": kind}
    return table.assign(**named, category_name=groups, verdict=table["verdict"].where(whole, ""))
