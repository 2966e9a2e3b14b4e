"""Shared money: who pays an overspend, what could be moved for more outcome and how surely, what others bring."""

from functools import partial

import numpy as np
import pandas as pd
from scipy import sparse, stats
from scipy.optimize import OptimizeResult, linprog

from placelib.commissioning.options import EFFECTS, adjusted, discount_factor
from placelib.errors import PlacelibError

MONTH, YEAR, YEARS = 30.4375, 12, 3  # days, months, years that are planned
MOVES = ["move_first_gbp", "move_second_gbp", "move_third_gbp"]
DRAWS, SEED, SURE = 400, 20_262, stats.norm.isf(0.025)
GIVEN = ["year", "sector", "kind", "status", "conditional"]
TIED, LAW, MOST, UNDONE = "notice or contract", "the least it may have", "most it can spend well", "needed again later"


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


def placed(services: pd.DataFrame, lines: pd.DataFrame, need: pd.DataFrame) -> pd.DataFrame:
    """Split services into the wards where their money is known to be; what is not known by ward stays whole.

    A service is taken to have in each ward the same floor and ceiling for what it spends there as in all, and a pound
    to do more where its need is higher, in proportion: as much again where the need is twice as high. Over the wards
    as its money lies now, its effect is as measured.

    Parameters
    ----------
    services : DataFrame
        The book.
    lines : DataFrame
        From `spend.ledger`: the latest year of it tells where money is.
    need : DataFrame, wards by indicators
        Logarithm of each ward's ratio to a reference, higher being worse (as `needs.standing` gives it). A need that
        it does not hold counts the same everywhere.

    Returns
    -------
    DataFrame
        The services with ward_code ("" for the whole place), and the costs and effects of that part.
    """
    latest = lines[lines["year"] == lines["year"].max()].fillna({"ward_code": ""})
    money = latest.groupby(["service_id", "ward_code"])["spent_gbp_m"].sum()
    share = (money / money.groupby("service_id").transform("sum")).rename("share")
    level = np.exp(need).rename_axis(index="ward_code", columns="need_indicator").stack().rename("need")
    cells = services.merge(share.reset_index(), how="left").fillna({"ward_code": "", "share": 1.0})
    cells = cells.merge(level.reset_index(), how="left")
    part, by = cells["share"].where(cells["need"].notna()), cells["service_id"]
    mean = (part * cells["need"]).groupby(by).transform("sum") / part.groupby(by).transform("sum")
    costs = cells[["annual_cost", "minimum_cost", "maximum_cost"]].mul(cells["share"], axis=0)
    return cells.assign(**costs, **cells[EFFECTS].mul((cells["need"] / mean).fillna(1.0), axis=0))


def prepared(
    services: pd.DataFrame, contracts: pd.DataFrame, outcomes: pd.DataFrame, *, first: int, rate: float
) -> pd.DataFrame:
    """Say for three years how little and how much could be spent on each service, and what money is worth there.

    Parameters
    ----------
    services : DataFrame
        From `placed`.
    contracts, outcomes : DataFrame
        The books.
    first : int
        Year in which the first financial year that is planned begins, on 1 April; notice is given on that day.
    rate : float
        Discount rate a year, as a share: a later gain counts for less.

    Returns
    -------
    DataFrame
        A row a service (and ward) and `year`, such as 2027-28 (`ahead` is 0 for the first): the services, `now_gbp` for
        their annual cost, with `committed_gbp` (annual cost × the part of the year until it can be ended: after its
        notice, or at its contract's end where that is sooner), `floor_gbp` (the higher of that and the minimum cost),
        `ceiling_gbp` (the maximum cost, or the floor), `worth_pct` and, from the 95% interval of the effect,
        `worth_error`.

        worth = effect, adjusted for case mix (see `options.adjusted`) × the weight of its outcome (a performance
        outcome has its parent's weight) × the discount factor, as a percentage of what all services would gain in the
        three years if nothing moved, for each £1 million.
    """
    rows = adjusted(services).merge(pd.Series(range(YEARS), name="ahead"), how="cross")
    end = contracts.set_index("contract_id")["end"].reindex(rows["contract_id"]).set_axis(rows.index)
    left = (end - pd.Timestamp(first, 4, 1)).dt.days / MONTH
    months = np.fmin(rows["notice_months"], left) - YEAR * rows["ahead"]
    rows["now_gbp"], rows["committed_gbp"] = rows["annual_cost"], rows["annual_cost"] * months.clip(0, YEAR) / YEAR
    rows["floor_gbp"] = rows[["minimum_cost", "committed_gbp"]].max(axis=1)
    rows["ceiling_gbp"] = rows[["maximum_cost", "floor_gbp"]].max(axis=1)
    parents = outcomes.dropna(subset="parent").set_index("outcome_id")["parent"].to_dict()
    weight = rows["outcome_id"].replace(parents).map(outcomes.set_index("outcome_id")["weight"]).astype(float)
    weight = weight * discount_factor(rows["ahead"], rate)
    weight = 100e6 * weight / (weight * rows["effect"] * rows["now_gbp"]).sum()
    error = weight * (rows["effect_upper"] - rows["effect_lower"]) / (2 * SURE)
    year = [f"{first + ahead}-{(first + ahead + 1) % 100:02d}" for ahead in rows["ahead"]]
    return rows.assign(year=year, worth_pct=weight * rows["effect"], worth_error=error)


def reprofiled(services: pd.DataFrame) -> pd.DataFrame:
    """Spread what services cost now over them, year by year, for the most weighted outcome, by linear programming.

    Modelled: each year has today's money, which may be kept for a later year and never drawn forward; each further
    pound on a service is taken to do as much as the last between its floor and its ceiling.

    Parameters
    ----------
    services : DataFrame
        From `prepared`, with `pot`: the budget that pays for it, one for all or one a partner. Money stays in its pot.

    Returns
    -------
    DataFrame
        The services with proposed_gbp, move_gbp, `held` (what stops it from going further, in words) and two shadow
        prices, the weighted outcome gained in per cent of what is gained if nothing moves: `loosened_pct` if that limit
        gave way by £1 million, `money_pct` if the pot had £1 million more in that year.

    Raises
    ------
    PlacelibError
        A pot that is less than what cannot be stopped.
    """
    result = _optimum(services)
    if not result.success:
        raise PlacelibError("Floors and notice ask for more than a budget has: lower minimum_cost or notice_months.")
    proposed, loosened = 1e6 * result.x, result.lower.marginals - result.upper.marginals
    move = (proposed - services["now_gbp"]).round() + 0.0  # whole pounds: less is the solver's rounding
    tied, above = services["committed_gbp"] > services["minimum_cost"], proposed > services["floor_gbp"] + 1
    tests = [loosened <= 0, above & (proposed < services["ceiling_gbp"] - 1), above, tied]
    prices = {"loosened_pct": loosened, "held": np.select(tests, ["", UNDONE, MOST, TIED], LAW)}
    upto = -result.ineqlin.marginals.reshape(-1, YEARS)[:, ::-1].cumsum(axis=1)  # a pound more is there in later years
    prices["money_pct"] = upto[pd.factorize(services["pot"], sort=True)[0], YEARS - 1 - services["ahead"]]
    return services.assign(proposed_gbp=proposed, move_gbp=move, **prices)


def gain(plan: pd.DataFrame) -> tuple[float, float, float]:
    """Weighted outcome that a plan gains, in per cent of what is gained if nothing moves, with 95% limits.

    Σ worth × move; a service's effect errs alike in all its wards and years, effects of different services err apart. A
    plan leans to effects that may have been measured too high: the limits do not allow for that.
    """
    moved = plan[["worth_pct", "worth_error"]].mul(plan["move_gbp"] / 1e6, axis=0)
    best = moved["worth_pct"].sum()
    margin = SURE * np.sqrt((moved["worth_error"].groupby(plan["service_id"]).sum() ** 2).sum())
    return best, best - margin, best + margin


def redrawn(plan: pd.DataFrame) -> pd.DataFrame:
    """The moves that would be best in each of 400 redraws of all effects from their intervals.

    Returns
    -------
    DataFrame
        A row a redraw; columns as the rows of the plan. An effect is drawn once for all wards and years of a service.
    """
    service = pd.factorize(plan["service_id"])[0]
    draws = np.random.default_rng(SEED).standard_normal((DRAWS, plan["service_id"].nunique()))[:, service]
    worth = plan["worth_pct"].to_numpy() + draws * plan["worth_error"].to_numpy()
    moved = 1e6 * _optimum(plan, draws=worth).x.reshape(draws.shape) - plan["now_gbp"].to_numpy()
    return pd.DataFrame(moved.round() + 0.0, columns=plan.index)


def moves(plan: pd.DataFrame, again: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Add up moves by service, theme or ward: how much in each year, and how surely.

    Parameters
    ----------
    plan, again : DataFrame
        From `reprofiled` and `redrawn`.
    by : list of str
        Columns of the plan.

    Returns
    -------
    DataFrame
        `by`, now_gbp (a year), move_first_gbp, move_second_gbp and move_third_gbp, and same_way_pct: of 100 redraws,
        in how many the move of the third year goes the same way. What gains most in that year comes first.
    """
    groups = plan.groupby([*by, "ahead"])
    table = groups["move_gbp"].sum().unstack("ahead").reindex(columns=range(YEARS)).set_axis(MOVES, axis=1)
    redrawn = again.T.groupby([plan[name] for name in by]).sum()
    same = np.sign(redrawn).eq(np.sign(table.sum(axis=1)), axis=0)
    table = table.assign(now_gbp=groups["now_gbp"].sum().groupby(by).first(), same_way_pct=100 * same.mean(axis=1))
    return table.sort_values(MOVES[::-1], ascending=False).reset_index()


def frontier(services: pd.DataFrame, shares: np.ndarray) -> pd.DataFrame:
    """The most weighted outcome that each share of today's budgets could buy, in three years of it.

    Returns
    -------
    DataFrame
        budget_pct and outcome_pct (of today's) and budget_gbp_m, a year; an outcome is missing where the share is less
        than what cannot be stopped.
    """
    outcome = [-each.fun if each.success else np.nan for each in (_optimum(services, share) for share in shares)]
    budget = shares * services["now_gbp"].sum() / YEARS / 1e6
    return pd.DataFrame({"budget_pct": 100 * shares, "budget_gbp_m": budget, "outcome_pct": outcome})[budget > 0]


def _optimum(services: pd.DataFrame, share: float = 1.0, draws: np.ndarray | None = None) -> OptimizeResult:
    """Solve in millions of pounds; for many draws of worth at once, which is much faster than one by one.

    A pot's spending up to the end of each year is at most its budgets up to then. Where the money allows, nothing goes
    that comes back: what has less in the last year has no more than now before, and all else no less.
    """
    if services.empty:
        none = OptimizeResult(marginals=np.zeros(0))
        return OptimizeResult(success=True, x=np.zeros(0), fun=0.0, lower=none, upper=none, ineqlin=none)
    worth = services[["worth_pct"]].to_numpy().T if draws is None else draws
    limits = services[["now_gbp", "floor_gbp", "ceiling_gbp"]].to_numpy(float) / 1e6
    now, low, high = np.tile(limits, (len(worth), 1)).T
    upto = np.kron(pd.get_dummies(services["pot"][::YEARS]).T, np.tri(YEARS))
    each = sparse.kron(sparse.eye_array(len(worth)), upto, format="csr")
    solve = partial(linprog, -worth.ravel(), A_ub=each, b_ub=share * each @ now)
    free = solve(bounds=np.c_[low, high])
    if not free.success:
        return free
    rises = np.repeat(free.x[YEARS - 1 :: YEARS] > now[::YEARS] - 1e-9, YEARS)
    low, high = np.where(rises, np.maximum(low, now), low), np.where(rises, high, np.clip(now, low, high))
    steady = solve(bounds=np.c_[low, high])
    return steady if steady.success else free


def leverage(lines: pd.DataFrame, public: pd.Series) -> pd.DataFrame:
    """Add up what business, funders and the third sector bring, beside public money for the same year and outcomes.

    Parameters
    ----------
    lines : DataFrame
        The book of leverage.
    public : Series
        Pounds of public money by year and outcome_id, in the prices of that year, as gifts are.

    Returns
    -------
    DataFrame
        year, sector, kind, status, conditional, value_gbp (quantity × unit value), for_each_1000_public_pounds (beside
        all the public money for the outcomes of the row's own lines), assumptions (each once). Promised, agreed and
        received are never added together.
    """
    value = lines.assign(value=lines["quantity"] * lines["unit_value"])
    said = ("assumption", lambda words: "; ".join(sorted(set(words))))
    table = value.groupby(GIVEN, as_index=False).agg(value_gbp=("value", "sum"), assumptions=said)
    own = lines[[*GIVEN, "outcome_id"]].drop_duplicates().join(public.rename("public"), on=["year", "outcome_id"])
    beside = own.groupby(GIVEN)["public"].sum().astype(float)
    ratio = 1000 * table["value_gbp"] / beside.where(beside > 0).to_numpy()
    return table.assign(for_each_1000_public_pounds=ratio).sort_values("value_gbp", ascending=False)
