"""What can be published of money: where it is, whether it follows need, who shares it, and what could be moved."""

import numpy as np
import pandas as pd

from placelib import gate
from placelib.assessment.needs import score_covariance
from placelib.commissioning import pool, spend
from placelib.errors import some
from placelib.measures.shared import Measures
from placelib.sources.readers import Inputs
from placelib.stages.shared import book, covariance, ledger_lines, release, served, standing, with_wards

THEME, OUTCOME = ["cofog", "theme"], ["outcome_id", "outcome"]
CUTS = {"": [], "agency": ["agency"], "cofog": THEME, "agency and cofog": ["agency", *THEME]}
CUTS |= {"outcome_id": OUTCOME, "economic_type": ["economic_type"]}
TERMS = ["fund_id", "host", "legal_power", "decision_rule", "agreement_end"]
CASES = {"as forecast": np.nan, "5% over": 0.05, "10% over": 0.1, "5% under": -0.05}
SHARES = np.array([0.9, 0.95, 1.0, 1.05, 1.1])  # of this year's budgets
MOVED = {"theme": THEME, "service": ["service_id", "service", "outcome", "commissioner"], "ward": ["ward_code"]}
POTS = {"in one budget": "all", "within each partner": "commissioner", "within each outcome": "outcome_id"}


def total_spend(inputs: Inputs) -> gate.Protected:
    """All agencies' money by agency, theme, outcome and economic type, year by year, transfers netted once."""
    lines = ledger_lines(inputs)
    parts = [spend.totals(lines, *cut).assign(breakdown=breakdown) for breakdown, cut in CUTS.items()]
    table = pd.concat(parts).sort_values(["net_or_gross", "year", "spent_gbp_m"], ascending=[True, False, False])
    table["latest"] = table.eval("status == 'outturn' and net_or_gross == 'gross' and year == prices").astype(bool)
    said = {"total": table.loc[table["latest"] & table["breakdown"].eq(""), "spent_gbp_m"].sum()}
    return release("total_spend", table, inputs, said=said)


def spend_by_ward(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Money by ward in the latest year spent: what is known by ward apart from what is shared out."""
    table = spend.by_ward(_spent(inputs), _residents(exact), served(inputs))
    return release("spend_by_ward", with_wards(table, inputs), inputs)


def spend_and_need(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Money that truly is by ward beside the need that it is for, domain by domain: benefits, a right, left out."""
    spent, at, joint = _spent(inputs), standing(inputs, exact), covariance(inputs, exact)
    asked = spent["outcome_id"].map(inputs.book("outcomes").set_index("outcome_id")["domain_id"])
    money = spent[spent["economic_type"] != "benefits"].groupby(["ward_code", asked])["spent_gbp_m"].sum().unstack()
    weights = pd.get_dummies(at.domain).pipe(lambda each: each / each.sum())
    error = weights.apply(lambda of: np.sqrt(np.diag(score_covariance(at, joint, of))))
    table = spend.against_need(1e6 * money, _residents(exact), at.domains, error.set_axis(at.value.index))
    table = table.merge(inputs.vocabulary.domains)
    said = {"spent": spent["spent_gbp_m"].sum(), "traced": table["gbp"].sum() / 1e6}
    return release("spend_and_need", with_wards(table, inputs), inputs, said=said)


def funds(inputs: Inputs) -> gate.Protected:
    """Pooled and aligned budgets: each partner's part, and the terms."""
    lines = book(inputs, "funds")
    return release("funds", lines.assign(new_terms=~lines.duplicated(TERMS)), inputs)


def overspend(inputs: Inputs) -> gate.Protected:
    """Who pays what if each fund is overspent or underspent."""
    lines = book(inputs, "funds")
    of = lines.groupby("fund_id")
    paid, over = of["contribution"].sum(), of["forecast_spend"].first() - of["contribution"].sum()
    cases = [pool.settled(lines, (share * paid).fillna(over)).assign(scenario=case) for case, share in CASES.items()]
    table = lines[["fund_id", "fund", "kind"]].drop_duplicates().merge(pd.concat(cases), on="fund_id")
    return release("overspend", table, inputs)


def reprofile(inputs: Inputs, exact: Measures) -> gate.Protected:
    """What could be moved between themes, services, wards and years for most weighted outcome, and what stops more."""
    plan = pool.reprofiled(_services(inputs, exact).assign(pot="all"))
    again, gain = pool.redrawn(plan), dict(zip(["gain", "lower", "upper"], pool.gain(plan), strict=True))
    money = plan.assign(held="the year's money", service="", ward_code="", loosened_pct=plan["money_pct"])
    held = pd.concat([money.drop_duplicates("year"), plan[plan["held"] != ""]]).assign(breakdown="limit")
    parts = [pool.moves(plan, again, by).assign(breakdown=breakdown) for breakdown, by in MOVED.items()]
    held = held.sort_values("loosened_pct", ascending=False).drop_duplicates(["year", "held", "service"])
    table = with_wards(pd.concat([*parts, held]), inputs).query("breakdown != 'ward' or ward_code != ''")
    return release("reprofile", table, inputs, said=gain | {"years": some(plan["year"].unique())})


def frontier(inputs: Inputs, exact: Measures) -> gate.Protected:
    """The most weighted outcome for less and for more money, which moves freely, within a partner or an outcome."""
    services = _services(inputs, exact).assign(all="all")
    parts = [pool.frontier(services.assign(pot=services[of]), SHARES).assign(moves=how) for how, of in POTS.items()]
    return release("frontier", pd.concat(parts), inputs)


def leverage(inputs: Inputs) -> gate.Protected:
    """What business, funders and the third sector bring, beside public money for the same outcomes."""
    lines = ledger_lines(inputs).query("net_or_gross == 'gross'")
    spent = spend.totals(lines, "outcome_id").drop_duplicates(["year", "outcome_id"], keep="last")
    level = inputs.book("deflators").set_index("year")["index"]
    then = (spent["year"].map(level) / spent["prices"].map(level)).mask(spent["year"] == spent["prices"], 1.0)
    public = (1e6 * spent["spent_gbp_m"] * then).set_axis(pd.MultiIndex.from_frame(spent[["year", "outcome_id"]]))
    return release("leverage", pool.leverage(inputs.book("leverage"), public), inputs)


def payments(inputs: Inputs) -> gate.Protected:
    """Payments to suppliers as published, told apart and counted: together they are the file."""
    return release("payments", spend.reconciled(inputs.book("payments"), inputs.book("contracts")), inputs)


def _spent(inputs: Inputs) -> pd.DataFrame:
    """Lines of the latest year spent, before income."""
    return ledger_lines(inputs).query("status == 'outturn' and net_or_gross == 'gross' and year == prices")


def _residents(exact: Measures) -> pd.Series:
    """Residents by ward."""
    return exact.residents.groupby(["characteristic", "ward_code"])["residents"].sum().groupby("ward_code").first()


def _services(inputs: Inputs, exact: Measures) -> pd.DataFrame:
    """Services, and wards of those whose money is by ward, ready for moving money in the years after what they cost."""
    first = max((each.contract.period_end.year for each in inputs.of_kind("services")), default=2000)
    services = book(inputs, "services").assign(need_indicator=inputs.book("services")["need_indicator"])  # its id
    cells = pool.placed(services, ledger_lines(inputs), standing(inputs, exact).ratio)
    more = {"first": first, "rate": inputs.settings.discount_rate}
    return pool.prepared(cells, inputs.book("contracts"), inputs.book("outcomes"), **more)
