"""What can be published of money: where it is, whether it follows need, who shares it, and what could be moved."""

import numpy as np
import pandas as pd

from placelib import gate
from placelib.commissioning import pool, spend
from placelib.measures.shared import Measures
from placelib.sources.readers import Inputs
from placelib.stages import needs
from placelib.stages.shared import book, ledger_lines, release, served

THEME, OUTCOME = ["cofog", "theme"], ["outcome_id", "outcome"]
CUTS = {"": [], "agency": ["agency"], "cofog": THEME, "agency and cofog": ["agency", *THEME]}
CUTS |= {"outcome_id": OUTCOME, "economic_type": ["economic_type"]}
CASES = {"as forecast": np.nan, "5% over": 0.05, "10% over": 0.1, "5% under": -0.05}
SHARES = np.array([0.9, 0.95, 1.0, 1.05, 1.1])  # of this year's budgets
POTS = {"in one budget": "all", "within each partner": "commissioner", "within each outcome": "outcome_id"}


def total_spend(inputs: Inputs) -> gate.Protected:
    """All agencies' money by agency, theme, outcome and economic type, year by year, transfers netted once."""
    lines = ledger_lines(inputs)
    parts = [spend.totals(lines, *cut).assign(breakdown=breakdown) for breakdown, cut in CUTS.items()]
    table = pd.concat(parts).sort_values(["net_or_gross", "year", "spent_gbp_m"], ascending=[True, False, False])
    table["latest"] = (table["status"] == "outturn") & (table["net_or_gross"] == "gross")
    table["latest"] &= table["year"] == table["prices"]
    return release("total_spend", table, inputs)


def spend_by_ward(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Money by ward in the latest year spent: what is known by ward apart from what is shared out."""
    table = _by_ward(inputs, exact)[0]
    return release("spend_by_ward", table.assign(ward_name=table["ward_code"].map(inputs.geography.ward_names)), inputs)


def spend_and_need(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Money a head beside rank of need, with the range of the rank carried through."""
    money, residents = _by_ward(inputs, exact)
    traced = money.loc[money["method"] != spend.BY_RESIDENTS, "spent_gbp_m"].sum()
    said = {"traced": traced, "spent": money["spent_gbp_m"].sum()}
    ranks = needs.needs(inputs, exact).frame
    table = ranks[["ward_code", "ward_name"]].merge(spend.against_need(money, residents, ranks), how="right")
    return release("spend_and_need", table, inputs, said=said)


def funds(inputs: Inputs) -> gate.Protected:
    """Pooled and aligned budgets: each partner's part, and the terms."""
    return release("funds", book(inputs, "funds"), inputs)


def overspend(inputs: Inputs) -> gate.Protected:
    """Who pays what if each fund is overspent or underspent."""
    lines = book(inputs, "funds")
    of = lines.groupby("fund_id")
    paid, over = of["contribution"].sum(), of["forecast_spend"].first() - of["contribution"].sum()
    cases = [pool.settled(lines, (share * paid).fillna(over)).assign(scenario=case) for case, share in CASES.items()]
    table = lines[["fund_id", "fund", "kind"]].drop_duplicates().merge(pd.concat(cases), on="fund_id")
    return release("overspend", table, inputs)


def reprofile(inputs: Inputs) -> gate.Protected:
    """What could be moved between services for most weighted outcome, what holds it, and how sure each move is."""
    plan, prices = pool.reprofiled(_services(inputs).assign(pot="all"))
    said = dict(zip(["gain", "lower", "upper", "more"], [*pool.gain(plan), prices.sum()], strict=True))
    table = plan.assign(same_way_pct=pool.certainty(plan)).sort_values("move_gbp", ascending=False)
    return release("reprofile", table, inputs, said=said)


def frontier(inputs: Inputs) -> gate.Protected:
    """The most weighted outcome for less and for more money, which moves freely, within a partner or an outcome."""
    services = _services(inputs).assign(all="all")
    parts = [pool.frontier(services.assign(pot=services[of]), SHARES).assign(moves=how) for how, of in POTS.items()]
    return release("frontier", pd.concat(parts), inputs)


def leverage(inputs: Inputs) -> gate.Protected:
    """What business, funders and the third sector bring, beside public money for the same outcomes."""
    brought, lines = inputs.book("leverage"), ledger_lines(inputs)
    lines = lines[lines["outcome_id"].isin(brought["outcome_id"]) & lines["net_or_gross"].eq("gross")]
    public = 1e6 * spend.totals(lines).drop_duplicates("year", keep="last").set_index("year")["spent_gbp_m"]
    return release("leverage", pool.leverage(brought, public), inputs)


def payments(inputs: Inputs) -> gate.Protected:
    """Payments to suppliers as published, told apart and counted: together they are the file."""
    return release("payments", spend.reconciled(inputs.book("payments"), inputs.book("contracts")), inputs)


def _by_ward(inputs: Inputs, exact: Measures) -> tuple[pd.DataFrame, pd.Series]:
    """The latest year spent, before income, by ward; and residents by ward."""
    lines = ledger_lines(inputs).query("status == 'outturn' and net_or_gross == 'gross' and year == prices")
    residents = exact.residents.groupby(["characteristic", "ward_code"])["residents"].sum().groupby("ward_code").first()
    return spend.by_ward(lines, residents, served(inputs)), residents


def _services(inputs: Inputs) -> pd.DataFrame:
    """Services ready for moving money in the year that their costs are of."""
    starts = max((str(each.contract.period_start) for each in inputs.of_kind("services")), default="")
    return pool.prepared(book(inputs, "services"), inputs.book("contracts"), inputs.book("outcomes"), starts=starts)
