"""Shared money: who pays an overspend, what could be moved for more outcome and how surely, what others bring."""

import numpy as np
import pandas as pd
from scipy import sparse, stats
from scipy.optimize import OptimizeResult, linprog

from placelib.errors import PlacelibError

MONTH, YEAR = 30.4375, 12  # days, months
DRAWS, SEED, SURE = 400, 20_262, stats.norm.isf(0.025)
TIED, LAW, MOST = "notice or contract", "law or viability", "most it can spend well"


def settled(funds: pd.DataFrame, variance: pd.Series) -> pd.DataFrame:
    """Split an over- or underspend of any size between the partners of a fund, to the penny.

    Each partner owes its share; of an overspend no more than its cap, and what is above the caps falls on the host,
    whatever the host's own cap. Caps bind only where there is a host to take the rest: in an aligned budget each
    partner keeps its own money, so it bears its own share. Pennies are shared by running totals, so that none is lost.

    Parameters
    ----------
    funds : DataFrame
        The book of funds: a line a fund and partner.
    variance : Series
        Pounds by fund_id: above nought an overspend, below it an underspend (then what partners get back is negative).

    Returns
    -------
    DataFrame
        fund_id, partner (a host that pays in nothing included), by_share_gbp, above_caps_gbp and their sum, pays_gbp,
        which over the partners of a fund adds up to its variance.

    Examples
    --------
    >>> fund = {"fund_id": "F", "partner": ["council", "nhs"], "host": "council", "overspend_share": [0.4, 0.6]}
    >>> fund |= {"underspend_share": [0.5, 0.5], "overspend_cap": [None, 50.0]}
    >>> settled(pd.DataFrame(fund), pd.Series({"F": 100.0}))["pays_gbp"].tolist()
    [50.0, 50.0]
    """
    pence = (100 * funds["fund_id"].map(variance)).astype(float).round()
    fund, over = funds["fund_id"], pence > 0
    share = funds["overspend_share"].where(over, funds["underspend_share"])
    upto = (pence * (share.groupby(fund).cumsum() / share.groupby(fund).transform("sum"))).round()
    owed = upto - upto.groupby(fund).shift(fill_value=0)
    cap = (100 * funds["overspend_cap"].astype(float)).round().where(over & funds["host"].notna()).fillna(np.inf)
    paid = np.minimum(owed, cap)
    own = pd.DataFrame({"fund_id": fund, "partner": funds["partner"], "by_share_gbp": paid, "above_caps_gbp": 0.0})
    rest = own.assign(partner=funds["host"], by_share_gbp=0.0, above_caps_gbp=owed - paid).query("above_caps_gbp > 0")
    table = pd.concat([own, rest]).groupby(["fund_id", "partner"])[["by_share_gbp", "above_caps_gbp"]].sum() / 100
    return table.assign(pays_gbp=table.sum(axis=1).round(2)).reset_index()


def prepared(services: pd.DataFrame, contracts: pd.DataFrame, outcomes: pd.DataFrame, *, starts: str) -> pd.DataFrame:
    """Say of each service how little and how much could be spent on it in a year, and what money is worth there.

    Parameters
    ----------
    services, contracts, outcomes : DataFrame
        The books.
    starts : str
        First day of the year that is planned, such as "2026-04-01".

    Returns
    -------
    DataFrame
        The services, `now_gbp` for their annual cost, with `committed_gbp` (annual cost × the months until it can be
        ended, of twelve: its notice, or what is left of its contract where that is sooner), `floor_gbp` (the higher of
        that and the minimum cost), `ceiling_gbp` (the maximum cost, or the floor), `worth_pct` and, from the 95%
        interval of the effect, `worth_error`.

        worth = effect × the weight of its outcome (a performance outcome has its parent's weight), as a percentage of
        what all services gain now, for each £1 million.
    """
    end = contracts.set_index("contract_id")["end"].reindex(services["contract_id"]).set_axis(services.index)
    months = np.fmin(services["notice_months"], (end - pd.Timestamp(starts)).dt.days / MONTH).clip(0, YEAR)
    cost, committed = services["annual_cost"], services["annual_cost"] * months / YEAR
    floor = np.maximum(services["minimum_cost"], committed)
    ceiling = np.maximum(services["maximum_cost"], floor)
    limits = {"committed_gbp": committed, "floor_gbp": floor, "ceiling_gbp": ceiling}
    parents = outcomes.dropna(subset="parent").set_index("outcome_id")["parent"].to_dict()
    weight = services["outcome_id"].replace(parents).map(outcomes.set_index("outcome_id")["weight"]).astype(float)
    weight = 100e6 * weight / (weight * services["effect"] * cost).sum()
    error = weight * (services["effect_upper"] - services["effect_lower"]) / (2 * SURE)
    return services.assign(now_gbp=cost, **limits, worth_pct=weight * services["effect"], worth_error=error)


def reprofiled(services: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Spread what services cost now over them for the most weighted outcome, by linear programming.

    Modelled: each further pound on a service is taken to do as much as the last between its floor and its ceiling.

    Parameters
    ----------
    services : DataFrame
        From `prepared`, with `pot`: the budget that pays for it, one for all or one a partner. Money stays in its pot.

    Returns
    -------
    plan : DataFrame
        The services with proposed_gbp, move_gbp, `held` (what stops it from going further, in words) and
        `loosened_pct`: weighted outcome gained if that limit gave way by £1 million (its shadow price).
    prices : Series
        Weighted outcome gained for £1 million more, by pot, in per cent of today's.

    Raises
    ------
    PlacelibError
        A pot that is less than what cannot be stopped.
    """
    result = _optimum(services)
    if not result.success:
        raise PlacelibError("Floors and notice ask for more than a budget has: lower minimum_cost or notice_months.")
    proposed, low, high = 1e6 * result.x, result.lower.marginals, result.upper.marginals
    move = (proposed - services["now_gbp"]).round() + 0.0  # whole pounds: less is the solver's rounding
    tied = services["committed_gbp"] > services["minimum_cost"]
    held = np.select([(low > 0) & tied, low > 0, high < 0], [TIED, LAW, MOST], "")
    plan = services.assign(proposed_gbp=proposed, move_gbp=move, held=held, loosened_pct=low - high)
    return plan, pd.Series(-result.ineqlin.marginals, sorted(services["pot"].unique()))


def gain(plan: pd.DataFrame) -> tuple[float, float, float]:
    """Weighted outcome that a plan gains, in per cent of today's, with 95% limits from the intervals of the effects.

    Σ worth × move; effects of different services are taken to err apart. A plan leans to effects that may have been
    measured too high: the limits do not allow for that.
    """
    best = (plan["worth_pct"] * plan["move_gbp"]).sum() / 1e6
    margin = SURE * np.sqrt(((plan["worth_error"] * plan["move_gbp"] / 1e6) ** 2).sum())
    return best, best - margin, best + margin


def certainty(plan: pd.DataFrame) -> pd.Series:
    """In how many of 100 redraws of all effects from their intervals each service's money moves the same way."""
    draws = np.random.default_rng(SEED).normal(plan["worth_pct"], plan["worth_error"], (DRAWS, len(plan)))
    moved = 1e6 * _optimum(plan, draws=draws).x.reshape(draws.shape) - plan["now_gbp"].to_numpy()
    same = np.sign(moved.round()) == np.sign(plan["move_gbp"].to_numpy())
    return pd.Series(100 * same.mean(axis=0), plan.index)


def frontier(services: pd.DataFrame, shares: np.ndarray) -> pd.DataFrame:
    """The most weighted outcome that each share of today's budgets could buy.

    Returns
    -------
    DataFrame
        budget_pct and outcome_pct (of today's) and budget_gbp_m; an outcome is missing where the share is less than
        what cannot be stopped.
    """
    outcome = [-each.fun if each.success else np.nan for each in (_optimum(services, share) for share in shares)]
    budget = shares * services["now_gbp"].sum() / 1e6
    return pd.DataFrame({"budget_pct": 100 * shares, "budget_gbp_m": budget, "outcome_pct": outcome})[budget > 0]


def _optimum(services: pd.DataFrame, share: float = 1.0, draws: np.ndarray | None = None) -> OptimizeResult:
    """Solve in millions of pounds; for many draws of worth at once, which is much faster than one by one."""
    if services.empty:
        none = OptimizeResult(marginals=np.zeros(0))
        return OptimizeResult(success=True, x=np.zeros(0), fun=0.0, lower=none, upper=none, ineqlin=none)
    worth = services[["worth_pct"]].to_numpy().T if draws is None else draws
    budgets = share * services.groupby("pot")["now_gbp"].sum() / 1e6
    pots = (services["pot"].to_numpy() == budgets.index.to_numpy()[:, None]).astype(float)
    bounds = np.tile(services[["floor_gbp", "ceiling_gbp"]].to_numpy() / 1e6, (len(worth), 1))
    each = sparse.kron(sparse.eye_array(len(worth)), pots, format="csr")
    return linprog(-worth.ravel(), A_ub=each, b_ub=np.tile(budgets, len(worth)), bounds=bounds)


def leverage(lines: pd.DataFrame, public: pd.Series) -> pd.DataFrame:
    """Add up what business, funders and the third sector bring, beside public money for the same year.

    Parameters
    ----------
    lines : DataFrame
        The book of leverage.
    public : Series
        Pounds of public money by year.

    Returns
    -------
    DataFrame
        year, sector, kind, status, conditional, value_gbp (quantity × unit value), for_each_1000_public_pounds,
        assumptions (each once). Promised, agreed and received are never added together.
    """
    value = lines.assign(value=lines["quantity"] * lines["unit_value"])
    groups = value.groupby(["year", "sector", "kind", "status", "conditional"], as_index=False)
    said = ("assumption", lambda words: "; ".join(sorted(set(words))))
    table = groups.agg(value_gbp=("value", "sum"), assumptions=said)
    ratio = 1000 * table["value_gbp"] / table["year"].map(public).astype(float)
    return table.assign(for_each_1000_public_pounds=ratio).sort_values("value_gbp", ascending=False)
