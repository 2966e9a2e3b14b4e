"""What can be published of money: where it is, whether it follows need, who shares it, and what could be moved."""

import numpy as np
import pandas as pd

from placelib import gate
from placelib.commissioning import pool, spend
from placelib.measures.shared import Measures
from placelib.sources.readers import Inputs
from placelib.stages import needs
from placelib.stages.shared import release

LEDGER, PLANNED = ("spend", "deflators"), ("services", "contracts", "outcomes")
CUTS = ((), ("agency",), ("cofog",), ("agency", "cofog"), ("outcome_id",), ("economic_type",))
CASES = {"as forecast": np.nan, "5% over": 0.05, "10% over": 0.1, "5% under": -0.05}
SHARES = np.array([0.9, 0.95, 1.0, 1.05, 1.1])  # of this year's budgets
JOINT, ALONE = "one budget for all", "each partner keeps its own"
PLAN = ["service_id", "service", "commissioner", "cofog", "outcome_id", "now_gbp", "floor_gbp", "ceiling_gbp"]
PLAN += ["proposed_gbp", "move_gbp", "held", "loosened_pct", "same_way_pct"]
PLACES = {"_gbp_m": 1, "_share": 2, "loosened_pct": 1, "_pound": 3} | dict.fromkeys(PLAN[5:10], -3)
NETTED = "What one partner hands to another is counted once, where it is spent."
TRACED = "Money shared out by residents is left out, being the same a head everywhere. This is not value for money."
LINEAR = "Modelled: each further pound is taken to do as much as the last, and one outcome gained counts as its weight."
GAINS = "The plan gains {:.0f}% of today's weighted outcome ({:.0f}% to {:.0f}%); £1 million more would add {:.1f}%."
LEANS = "It leans to effects that may have been measured too high, which limits and shares do not allow for."
BESIDE = "Public money: what is spent or planned in the same year on the same outcomes, before income."


def total_spend(inputs: Inputs) -> gate.Protected:
    """All agencies' money by agency, theme, outcome and economic type, year by year, transfers netted once."""
    parts = [spend.totals(_lines(inputs), *cut).assign(breakdown=" and ".join(cut)) for cut in CUTS]
    return _released(pd.concat(parts), "All the money spent here", inputs, LEDGER, NETTED)


def spend_by_ward(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Money by ward in the latest year spent: what is known by ward apart from what is shared out."""
    return _released(_by_ward(inputs, exact)[0], "Money by ward", inputs, (*LEDGER, "service_wards"), NETTED)


def spend_and_need(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Money a head beside rank of need, with the range of the rank carried through."""
    table = spend.against_need(*_by_ward(inputs, exact), needs.needs(inputs, exact).frame)
    return _released(table, "Money a head beside rank of need", inputs, (*LEDGER, "service_wards"), TRACED)


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
    plan, prices = pool.reprofiled(_services(inputs).assign(pot=JOINT))
    said = [LINEAR, GAINS.format(*pool.gain(plan), prices.sum()), LEANS]
    table = plan.assign(same_way_pct=pool.certainty(plan))[PLAN].sort_values("move_gbp", ascending=False)
    return _released(table, "Money that could be moved", inputs, PLANNED, *said)


def frontier(inputs: Inputs) -> gate.Protected:
    """The most weighted outcome for less and for more money, in one budget and with each partner keeping its own."""
    services = _services(inputs)
    pots = {JOINT: services.assign(pot=JOINT), ALONE: services.assign(pot=services["commissioner"])}
    table = pd.concat([pool.frontier(each, SHARES).assign(rule=rule) for rule, each in pots.items()])
    return _released(table, "What less and more money could do", inputs, PLANNED, LINEAR)


def leverage(inputs: Inputs) -> gate.Protected:
    """What business, funders and the third sector bring, beside public money for the same outcomes."""
    book, lines = inputs.book("leverage"), _lines(inputs)
    lines = lines[lines["outcome_id"].isin(book["outcome_id"]) & lines["net_or_gross"].eq("gross")]
    public = 1e6 * spend.totals(lines).drop_duplicates("year", keep="last").set_index("year")["spent_gbp_m"]
    return _released(pool.leverage(book, public), "What others bring", inputs, ("leverage", "spend"), BESIDE)


def payments(inputs: Inputs) -> gate.Protected:
    """Payments to suppliers as published, told apart and counted: together they are the file."""
    return _released(spend.reconciled(inputs.book("payments")), "Payments as published", inputs, ("payments",))


def _lines(inputs: Inputs) -> pd.DataFrame:
    book = inputs.book("spend")
    return spend.ledger(book, inputs.book("deflators"), book.loc[book["status"] == "outturn", "year"].max())


def _by_ward(inputs: Inputs, exact: Measures) -> tuple[pd.DataFrame, pd.Series]:
    """The latest year spent, before income, by ward; and residents by ward."""
    lines = _lines(inputs).query("status == 'outturn' and net_or_gross == 'gross' and year == prices")
    residents = exact.residents.groupby(["characteristic", "ward_code"])["residents"].sum().groupby("ward_code").first()
    return spend.by_ward(lines, residents, inputs.book("service_wards")), residents


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
    return release(table.assign(**named), title, inputs.of_kind(*kinds), decimals=places, notes=notes)
