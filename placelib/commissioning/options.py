"""Options appraisal: what each partner would choose, how easily that turns, who invests, who gains, who does most."""

import numpy as np
import pandas as pd
from scipy import stats

from placelib.errors import PlacelibError

SCORES = ["score", "score_lower", "score_upper"]
EFFECTS = ["effect", "effect_lower", "effect_upper"]
SWITCH = "decision option option_other criterion weight_pct switch_pct score score_switch likely".split()
GAINS = ["decision", "option_id", "option", "partner", "value_kind", "cashable"]
CONFIDENCE, BELOW = 0.95, "clearly below the highest"
LONG_TERM_YEARS, LONG_TERM_FALL = 30, 0.005  # HM Treasury, Green Book (2026): from year 31 the rate is 0.5 points lower


def appraise(options: pd.DataFrame, scores: pd.DataFrame, weights: pd.DataFrame) -> pd.DataFrame:
    """Weigh each option's scores as each partner would, and as all do together.

    Parameters
    ----------
    options, scores, weights : DataFrame
        The books options, option_scores and option_weights.

    Returns
    -------
    DataFrame
        By option_id: the columns of `options`, then score (mean of the partners' totals, so that each partner has an
        equal say), score_lower and score_upper (all scores at their least, all at their most), rank within the
        decision (1 first), first_for (how many partners put it first), and `<partner>_view`, each partner's own
        total, 0 to 10. An option without a score on a weighted criterion has no total.
    """
    rows = options[["option_id"]].merge(weights, how="cross").merge(scores, how="left", on=["option_id", "criterion"])
    rows[SCORES] = rows[SCORES].astype(float).mul(rows["weight"], axis=0)
    views = rows.groupby(["option_id", "partner"])[SCORES].sum(skipna=False)
    own = views["score"].unstack("partner").reindex(options["option_id"])
    table = options.set_index("option_id").join(views.groupby("option_id").mean())
    table["rank"] = table.groupby("decision")["score"].rank(ascending=False, method="min")
    table["first_for"] = own.groupby(table["decision"]).rank(ascending=False, method="min").eq(1).sum(axis=1)
    return table.join(own.add_suffix("_view")).sort_values(["decision", "rank"])


def switching_values(options: pd.DataFrame, scores: pd.DataFrame, weights: pd.DataFrame) -> pd.DataFrame:
    """Find how far one weight, or one score of the first option, must move before another option draws level.

    As one weight moves, the others keep their proportions and all still sum to 1. Where the first option leads by D
    in all, by d on a criterion of weight w, and so by r = (D − w·d) / (1 − w) on the others, the lead is gone at the
    weight r / (r − d) and at a score lower by D / w.

    Returns
    -------
    DataFrame
        A row a decision, criterion and other option, those first whose weight need move least: option (the first),
        option_other, weight_pct and score as they are, switch_pct (missing where no weight from 0 to 1 would do),
        score_switch (missing where no score from 0 up would do), likely ("yes" where that is in the score's range).
    """
    table = appraise(options, scores, weights)[["decision", "option", "score"]].dropna()
    table = table.rename(columns={"score": "total"})
    shared = weights.groupby("criterion")["weight"].sum() / max(weights["partner"].nunique(), 1)
    rows = scores.join(shared, on="criterion", how="inner").join(table, on="option_id", how="inner")
    leads = rows["option_id"].isin(table.index[~table["decision"].duplicated()])
    pair = rows[leads].merge(rows[~leads], on=["decision", "criterion", "weight"], suffixes=("", "_other"))
    weight, ahead, lead = pair["weight"], pair["score"] - pair["score_other"], pair["total"] - pair["total_other"]
    rest = (lead - weight * ahead) / (1 - weight).where(weight < 1)
    switch = (rest / (rest - ahead).where(rest != ahead)).where(lambda each: each.between(0, 1))
    pair["weight_pct"], pair["switch_pct"] = 100 * weight, 100 * switch
    pair["score_switch"] = (pair["score"] - lead / weight.where(weight > 0)).round(9).where(lambda each: each >= 0)
    pair["likely"] = np.where(pair["score_switch"] >= pair["score_lower"], "yes", "no")
    order = (switch - weight).abs().sort_values(kind="stable").index
    return pair.loc[order, SWITCH].reset_index(drop=True)


def discount_factor(years: pd.Series, rate: float) -> pd.Series:
    """Give the worth today of a pound in each year; year 0 is not discounted.

    Examples
    --------
    >>> discount_factor(pd.Series([0, 1, 31]), 0.035).round(4).tolist()
    [1.0, 0.9662, 0.3459]
    """
    soon = years.clip(upper=LONG_TERM_YEARS)
    return (1 + rate) ** -soon.astype(float) * (1 + rate - LONG_TERM_FALL) ** (soon - years).astype(float)


def who_gains(options: pd.DataFrame, flows: pd.DataFrame, discount_rate: float) -> pd.DataFrame:
    """Set what each option costs and brings to each partner against going on as now, in pounds of today.

    A cost counts as amount × (1 + optimism bias), a benefit as amount × (1 − optimism bias) × confidence, never below
    0; both × the discount factor of their year.

    Parameters
    ----------
    options, flows : DataFrame
        The books options and option_flows.
    discount_rate : float
        A year, as a share.

    Returns
    -------
    DataFrame
        decision, option_id, option, partner, value_kind, cashable, cost_gbp, benefit_gbp, net_gbp (benefit less cost),
        each less that of the counterfactual: a cost below 0 is spending that is saved. The counterfactual has no rows.

    Raises
    ------
    PlacelibError
        A decision does not have one counterfactual.
    """
    others, base = (options.loc[options["counterfactual"] == each, GAINS[:3]] for each in ("no", "yes"))
    twice = base.loc[base["decision"].duplicated(), "decision"]
    wrong = sorted({*twice, *set(others["decision"]).difference(base["decision"])})
    if wrong:
        raise PlacelibError(f"'{wrong[0]}' needs one option with 'counterfactual' = yes: correct the options file.")
    benefit = (1 - flows["optimism_bias"]).clip(lower=0) * flows["confidence"]
    worth = benefit.where(flows["kind"] == "benefit", 1 + flows["optimism_bias"])
    rows = flows.assign(gbp=flows["amount"] * worth * discount_factor(flows["year"], discount_rate))
    now = rows.merge(base, on="option_id").drop(columns=["option_id", "option"]).merge(others, on="decision")
    every = pd.concat([rows.merge(others, on="option_id"), now.assign(gbp=-now["gbp"])])
    net = every.pivot_table(index=GAINS, columns="kind", values="gbp", aggfunc="sum", fill_value=0.0)
    net = net.reindex(columns=["cost", "benefit"], fill_value=0.0).add_suffix("_gbp").rename_axis(columns=None)
    return net.assign(net_gbp=net["benefit_gbp"] - net["cost_gbp"]).reset_index()


def adjusted(services: pd.DataFrame) -> pd.DataFrame:
    """Multiply effects by the case mix, wherever one service is set beside another.

    Who serves people twice as complex is not expected to do as well for a pound. Left unadjusted, comparisons would
    send people and money to whoever picks the easiest cases, away from those whose lives are hardest.
    """
    return services.assign(**services[EFFECTS].astype(float).mul(services["case_mix"], axis=0))


def compare_providers(services: pd.DataFrame) -> pd.DataFrame:
    """Compare services for the same outcome on outcome per pound, adjusted for case mix, blind to who delivers.

    A service is clearly below the first where their difference is beyond chance, all differences from the first allowed
    for together (Bonferroni, at 95%; errors read from the intervals given).

    Returns
    -------
    DataFrame
        The book without provider and provider_kind: effect, effect_lower and effect_upper (outcomes a year for each
        £1,000, adjusted) and verdict; the highest of each outcome first. Outcomes with one service are left out.
    """
    table = adjusted(services[services["outcome_id"].duplicated(keep=False)])
    table = table.sort_values(["outcome_id", "effect"], ascending=[True, False], ignore_index=True)
    table["error"] = (table["effect_upper"] - table["effect_lower"]) / 2 / stats.norm.isf((1 - CONFIDENCE) / 2)
    within = table.groupby("outcome_id")
    best, error = within["effect"].transform("first"), within["error"].transform("first")
    critical = stats.norm.isf((1 - CONFIDENCE) / 2 / (within["effect"].transform("size") - 1))
    below = best - table["effect"] > critical * np.hypot(error, table["error"])
    tests = [within.cumcount() == 0, below]
    table["verdict"] = np.select(tests, ["highest", BELOW], "no clear difference from the highest")
    return table.drop(columns=["provider", "provider_kind"])
