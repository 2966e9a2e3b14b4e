"""Shared money: who pays an overspend, what could be moved for more outcome and how surely, what others bring."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse, stats
from scipy.optimize import OptimizeResult, linprog

from placelib.errors import PlacelibError

MONTH, YEAR = 30.4375, 12  # days, months
LEAST_MOVE = 1.0  # pounds: what is less is the solver's rounding
DRAWS, SEED = 400, 20_262
SURE = stats.norm.isf(0.025)
TIED, LAW, MOST = "notice or contract", "law or viability", "most that could be spent well"


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
        fund_id, partner (a host that pays in nothing included), by_share, above_caps, pays: pays is their sum, and
        the pays of a fund add up to its variance.

    Examples
    --------
    >>> fund = {"fund_id": "F", "partner": ["council", "nhs"], "host": "council", "overspend_share": [0.4, 0.6]}
    >>> fund |= {"underspend_share": [0.5, 0.5], "overspend_cap": [None, 50.0]}
    >>> settled(pd.DataFrame(fund), pd.Series({"F": 100.0}))["pays"].tolist()
    [50.0, 50.0]
    """
    pence = (100 * funds["fund_id"].map(variance)).astype(float).round()
    fund, over = funds["fund_id"], pence > 0
    share = funds["overspend_share"].where(over, funds["underspend_share"])
    upto = (pence * (share.groupby(fund).cumsum() / share.groupby(fund).transform("sum"))).round()
    owed = upto - upto.groupby(fund).shift(fill_value=0)
    cap = (100 * funds["overspend_cap"].astype(float)).round().where(over & funds["host"].notna()).fillna(np.inf)
    paid = np.minimum(owed, cap)
    own = pd.DataFrame({"fund_id": fund, "partner": funds["partner"], "by_share": paid, "above_caps": 0.0})
    rest = pd.DataFrame({"fund_id": fund, "partner": funds["host"], "by_share": 0.0, "above_caps": owed - paid})
    both = pd.concat([own, rest[rest["above_caps"] > 0]]).groupby(["fund_id", "partner"], as_index=False).sum()
    table = both.assign(pays=both["by_share"] + both["above_caps"])
    return table.assign(**table[["by_share", "above_caps", "pays"]].astype(float) / 100)


def prepared(
    services: pd.DataFrame, contracts: pd.DataFrame, outcomes: pd.DataFrame, *, starts: pd.Timestamp
) -> pd.DataFrame:
    """Say of each service how little and how much could be spent on it in a year, and what £1,000 is worth there.

    Parameters
    ----------
    services, contracts, outcomes : DataFrame
        The books.
    starts : Timestamp
        First day of the year that is planned.

    Returns
    -------
    DataFrame
        The services with `committed` (annual cost × the months until it can be ended, of twelve: its notice, or what
        is left of its contract where that is sooner), `floor` (the higher of that and the minimum cost), `ceiling`
        (the maximum cost, or the floor), `worth` (effect × the weight of its outcome, for each £1,000; a performance
        outcome has the weight of its parent) and `worth_error`, from the 95% interval of the effect.
    """
    end = contracts.set_index("contract_id")["end"].reindex(services["contract_id"]).set_axis(services.index)
    left = (end - starts).dt.days / MONTH
    months = np.fmin(services["notice_months"], left).clip(0, YEAR)
    committed = services["annual_cost"] * months / YEAR
    floor = np.maximum(services["minimum_cost"], committed)
    weights = outcomes.set_index("outcome_id")["weight"]
    parents = outcomes.dropna(subset="parent").set_index("outcome_id")["parent"]
    weight = services["outcome_id"].replace(parents.to_dict()).map(weights).astype(float)
    error = weight * (services["effect_upper"] - services["effect_lower"]) / (2 * SURE)
    ceiling = np.maximum(services["maximum_cost"], floor)
    limits = {"committed": committed, "floor": floor, "ceiling": ceiling}
    return services.assign(**limits, worth=weight * services["effect"], worth_error=error)


def reprofiled(services: pd.DataFrame, budgets: pd.Series) -> tuple[pd.DataFrame, pd.Series]:
    """Spread budgets over services for the most weighted outcome, by linear programming.

    Modelled: each further £1,000 on a service is taken to do as much as the last between its floor and its ceiling.

    Parameters
    ----------
    services : DataFrame
        From `prepared`, with `pot`: which budget pays for it.
    budgets : Series
        Pounds a year, by pot: one for all, or one a partner.

    Returns
    -------
    plan : DataFrame
        The services with proposed, move (pounds), `held` (what stops it from going further, in words), and `loosened`:
        weighted outcome gained if that limit gave way by £1,000 (its shadow price).
    prices : Series
        Weighted outcome gained for £1,000 more in each pot.

    Raises
    ------
    PlacelibError
        A budget below what cannot be stopped.
    """
    result = _optimum(services, budgets)
    if not result.success:
        fixed = services.groupby("pot")["floor"].sum().reindex(budgets.index).fillna(0)
        short = [
            f"{pot}: £{least:,.0f} against £{budgets[pot]:,.0f}" for pot, least in fixed.items() if least > budgets[pot]
        ]
        raise PlacelibError(f"Law, viability and notice ask for more than the budget ({'; '.join(short)}): raise it.")
    proposed = 1000 * result.x
    move = (proposed - services["annual_cost"]).where(lambda pounds: pounds.abs() >= LEAST_MOVE, 0.0)
    low, high = result.lower.marginals, result.upper.marginals
    held = np.select(
        [(low > 0) & (services["committed"] > services["minimum_cost"]), low > 0, high < 0], [TIED, LAW, MOST], ""
    )
    plan = services.assign(proposed=proposed, move=move, held=held, loosened=low - high)
    return plan, pd.Series(-result.ineqlin.marginals, budgets.index)


def gain(plan: pd.DataFrame) -> tuple[float, float, float]:
    """Weighted outcome that a plan gains, with the 95% limits that the intervals of the effects give it.

    Σ worth × move ÷ 1000; effects of different services are taken to err apart. A plan leans to effects that may have
    been measured too high: the limits do not allow for that.
    """
    best = (plan["worth"] * plan["move"]).sum() / 1000
    margin = SURE * np.sqrt(((plan["worth_error"] * plan["move"] / 1000) ** 2).sum())
    return best, best - margin, best + margin


def certainty(plan: pd.DataFrame, budgets: pd.Series) -> pd.Series:
    """In how many of 100 redraws of all effects from their intervals each service's money moves the same way."""
    draws = np.random.default_rng(SEED).normal(plan["worth"], plan["worth_error"], (DRAWS, len(plan)))
    moved = 1000 * _optimum(plan, budgets, draws).x.reshape(draws.shape) - plan["annual_cost"].to_numpy()
    ways = np.sign(np.where(np.abs(moved) >= LEAST_MOVE, moved, 0.0))
    return pd.Series(100 * (ways == np.sign(plan["move"].to_numpy())).mean(axis=0), plan.index)


def frontier(services: pd.DataFrame, budgets: pd.Series, shares: Sequence[float]) -> pd.DataFrame:
    """The most weighted outcome that each share of the budgets could buy, and what the next £1,000 would add.

    Returns
    -------
    DataFrame
        share, budget, outcome, next_1000 (in the pot where it does most); outcome is missing where the share is
        less than what cannot be stopped.
    """
    found = [_optimum(services, budgets * share) for share in shares]
    outcome = [-each.fun if each.success else np.nan for each in found]
    further = [-each.ineqlin.marginals.min() if each.success else np.nan for each in found]
    budget = np.asarray(shares) * budgets.sum()
    return pd.DataFrame({"share": shares, "budget": budget, "outcome": outcome, "next_1000": further})


def _optimum(services: pd.DataFrame, budgets: pd.Series, draws: np.ndarray | None = None) -> OptimizeResult:
    """Solve for thousands of pounds a service, so that marginals are for each £1,000; many draws of worth at once."""
    worth = services[["worth"]].to_numpy().T if draws is None else draws
    pots = (services["pot"].to_numpy() == budgets.index.to_numpy()[:, None]).astype(float)
    bounds = np.tile(services[["floor", "ceiling"]].to_numpy() / 1000, (len(worth), 1))
    each = sparse.kron(sparse.eye_array(len(worth)), pots, format="csr")
    return linprog(-worth.ravel(), A_ub=each, b_ub=np.tile(budgets / 1000, len(worth)), bounds=bounds)


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
        year, sector, kind, status, conditional, value (quantity × unit value), for_each_public_pound, assumptions
        (each once). Promised, agreed and received are never added together.
    """
    keys = ["year", "sector", "kind", "status", "conditional"]
    value = lines.assign(value=lines["quantity"] * lines["unit_value"]).groupby(keys)
    said = value["assumption"].agg(lambda words: "; ".join(sorted(set(words))))
    table = pd.DataFrame({"value": value["value"].sum(), "assumptions": said}).reset_index()
    return table.assign(for_each_public_pound=table["value"] / table["year"].map(public).astype(float))
