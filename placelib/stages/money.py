"""What can be published of money: where it is, whether it follows need, who shares it, and what could be moved."""

import numpy as np
import pandas as pd

from placelib import gate
from placelib.commissioning import pool, spend
from placelib.measures.shared import Measures
from placelib.sources.readers import Inputs
from placelib.stages import needs
from placelib.stages.shared import ledger_lines, release, served

LEDGER, PLANNED, PAID = ("spend", "deflators"), ("services", "contracts", "outcomes"), ("payments", "contracts")
CUTS = ((), ("agency",), ("cofog",), ("agency", "cofog"), ("outcome_id",), ("economic_type",))
CASES = {"as forecast": np.nan, "5% over": 0.05, "10% over": 0.1, "5% under": -0.05}
SHARES = np.array([0.9, 0.95, 1.0, 1.05, 1.1])  # of this year's budgets
POTS = {"in one budget": "all", "within each partner": "commissioner", "within each outcome": "outcome_id"}
PLAN = ["service_id", "service", "commissioner", "cofog", "outcome_id", "now_gbp", "floor_gbp", "ceiling_gbp"]
PLAN += ["proposed_gbp", "move_gbp", "held", "loosened_pct", "same_way_pct"]
PLACES = {"_gbp_m": 1, "_share": 2, "loosened_pct": 1, "_pounds": 1} | dict.fromkeys(PLAN[5:10], -3)


def total_spend(inputs: Inputs) -> gate.Protected:
    """All agencies' money by agency, theme, outcome and economic type, year by year, transfers netted once."""
    parts = [spend.totals(ledger_lines(inputs), *cut).assign(breakdown=" and ".join(cut)) for cut in CUTS]
    table = pd.concat(parts).sort_values(["net_or_gross", "year", "spent_gbp_m"], ascending=[True, False, False])
    table["latest"] = table[["status", "net_or_gross"]].eq(["outturn", "gross"]).all(axis=1) & table["year"].eq(
        table["prices"]
    )
    return _released(table, "All the money spent here, £ million", inputs, LEDGER, "netted")


def spend_by_ward(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Money by ward in the latest year spent: what is known by ward apart from what is shared out."""
    return _released(_by_ward(inputs, exact)[0], "Money by ward, £m", inputs, (*LEDGER, "service_wards"), "netted")


def spend_and_need(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Money a head beside rank of need, with the range of the rank carried through."""
    money, residents = _by_ward(inputs, exact)
    traced = money.loc[money["method"] != spend.BY_RESIDENTS, "spent_gbp_m"].sum()
    said = inputs.vocabulary.wording["money"]["traced"].format(traced, money["spent_gbp_m"].sum())
    table = spend.against_need(money, residents, needs.needs(inputs, exact).frame)
    return _released(table, "Money a head beside rank of need", inputs, (*LEDGER, "service_wards"), said)


def funds(inputs: Inputs) -> gate.Protected:
    """Pooled and aligned budgets: each partner's part, and the terms."""
    return _released(inputs.book("funds"), "Pooled and aligned budgets", inputs, ("funds",))


def overspend(inputs: Inputs) -> gate.Protected:
    """Who pays what if each fund is overspent or underspent."""
    book, of = inputs.book("funds"), inputs.book("funds").groupby("fund_id")
    paid, over = of["contribution"].sum(), of["forecast_spend"].first() - of["contribution"].sum()
    cases = [pool.settled(book, (share * paid).fillna(over)).assign(scenario=case) for case, share in CASES.items()]
    table = book[["fund_id", "fund", "kind"]].drop_duplicates().merge(pd.concat(cases), on="fund_id")
    return _released(table, "Who pays if a fund is overspent", inputs, ("funds",))


def reprofile(inputs: Inputs) -> gate.Protected:
    """What could be moved between services for most weighted outcome, what holds it, and how sure each move is."""
    plan, prices = pool.reprofiled(_services(inputs).assign(pot="all"))
    gains = inputs.vocabulary.wording["money"]["gains"].format(*pool.gain(plan), prices.sum())
    table = plan.assign(same_way_pct=pool.certainty(plan))[PLAN].sort_values("move_gbp", ascending=False)
    return _released(table, "Money that could be moved", inputs, PLANNED, "linear", gains)


def frontier(inputs: Inputs) -> gate.Protected:
    """The most weighted outcome for less and for more money, which moves freely, within a partner or an outcome."""
    services = _services(inputs).assign(all="all")
    parts = [pool.frontier(services.assign(pot=services[of]), SHARES).assign(moves=how) for how, of in POTS.items()]
    return _released(pd.concat(parts), "What less and more money could do", inputs, PLANNED, "linear")


def leverage(inputs: Inputs) -> gate.Protected:
    """What business, funders and the third sector bring, beside public money for the same outcomes."""
    book, lines = inputs.book("leverage"), ledger_lines(inputs)
    lines = lines[lines["outcome_id"].isin(book["outcome_id"]) & lines["net_or_gross"].eq("gross")]
    public = 1e6 * spend.totals(lines).drop_duplicates("year", keep="last").set_index("year")["spent_gbp_m"]
    return _released(pool.leverage(book, public), "What others bring", inputs, ("leverage", "spend"), "beside")


def payments(inputs: Inputs) -> gate.Protected:
    """Payments to suppliers as published, told apart and counted: together they are the file."""
    return _released(spend.reconciled(*map(inputs.book, PAID)), "Payments as published", inputs, PAID)


def _by_ward(inputs: Inputs, exact: Measures) -> tuple[pd.DataFrame, pd.Series]:
    """The latest year spent, before income, by ward; and residents by ward."""
    lines = ledger_lines(inputs).query("status == 'outturn' and net_or_gross == 'gross' and year == prices")
    residents = exact.residents.groupby(["characteristic", "ward_code"])["residents"].sum().groupby("ward_code").first()
    return spend.by_ward(lines, residents, served(inputs)), residents


def _services(inputs: Inputs) -> pd.DataFrame:
    """Services ready for moving money in the year that their costs are of."""
    starts = max((str(each.contract.period_start) for each in inputs.of_kind("services")), default="")
    return pool.prepared(*map(inputs.book, PLANNED), starts=starts)


def _released(table: pd.DataFrame, title: str, inputs: Inputs, kinds: tuple[str, ...], *notes: str) -> gate.Protected:
    """Release money with readers' words beside ids, at the precision that each column's name asks for."""
    agencies = {each.id: each.name for each in inputs.settings.agencies}
    outcomes = inputs.book("outcomes").set_index("outcome_id")["outcome"].to_dict() | {"": "not tied to one outcome"}
    themes = inputs.vocabulary.books["spend"].columns["cofog"].called
    wards = inputs.geography.wards.set_index("ward_code")["ward_name"].to_dict()
    words = {"outcome": ("outcome_id", outcomes), "theme": ("cofog", themes), "ward_name": ("ward_code", wards)}
    words |= {name: (name, agencies) for name in ("agency", "partner", "host", "commissioner")}
    named = {name: table[of].map(called) for name, (of, called) in words.items() if of in table}
    places = {name: places for name in table for ending, places in PLACES.items() if name.endswith(ending)}
    said = [inputs.vocabulary.wording["money"].get(note, note) for note in notes]
    return release(table.assign(**named), title, inputs.of_kind(*kinds), decimals=places, notes=said)
