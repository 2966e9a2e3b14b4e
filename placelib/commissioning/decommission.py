"""Decommissioning: which services to put before a board, and what must be known of each before anyone decides."""

from collections.abc import Container, Sequence

import numpy as np
import pandas as pd

from placelib.commissioning.options import adjusted

LESS_EFFECT, DEAR, REASONS_NEEDED, MORE_THAN_ITS_SHARE = 0.5, 1.5, 2, 1.1
STRENGTH = ["measured", "published study", "judgement"]  # of evidence, the strongest first
SHARES = ["women_share", "disabled_share", "minority_ethnic_share", "older_share"]
MOVED = ["ending", "service_id", "affects", "step", "knock_on_share", "people", "cost_gbp", "after_months", "evidence"]


def reaches_less_need(services: pd.DataFrame, wards: pd.DataFrame, standing: pd.DataFrame) -> list[str]:
    """Find the services whose people live where the need that they are for is no higher than in the average ward.

    Parameters
    ----------
    services, wards : DataFrame
        The books services and service_wards.
    standing : DataFrame, wards by indicators
        Logarithm of each ward's ratio to a reference, higher being worse (as `needs.standing` gives it).

    Returns
    -------
    list of str
        Ids: those whose need_indicator's mean, weighted by people served, is not above the plain mean of wards.
        It is about areas, not about who the people are. A need that is not in the index tells nothing.
    """
    apart = (standing - standing.mean()).rename_axis(index="ward_code", columns="need_indicator").stack().rename("need")
    rows = wards.merge(services[["service_id", "need_indicator"]]).merge(apart.reset_index())
    people = rows["people_served"].astype(float)
    sums = rows.assign(need=rows["need"] * people).groupby("service_id")[["need"]].sum()
    return sums.index[sums["need"] <= 0].tolist()


def candidates(
    services: pd.DataFrame, low_need: Container[str], low_effect: Container[str], *, reasons: Sequence[str]
) -> pd.DataFrame:
    """Say of every service that no law asks for which reasons there are to put it forward: two of four are enough.

    Parameters
    ----------
    services : DataFrame
        The book services.
    low_need, low_effect : containers of str
        Services whose people live where the need is lower, and those clearly below another for the same outcome. One
        that even at the upper limit of its effect, case mix allowed for, gains under half of what the middle service
        of all does is of the latter too.
    reasons : sequence of str
        Words for these two, for doing much the same as another service, and for costing over half as much again a
        person as the middle service for the same outcome, case mix allowed for.

    Returns
    -------
    DataFrame
        The rows that are not statutory, with reasons (in words, "" for none) and put_forward ("yes" or "no").
    """
    head = services["annual_cost"].astype(float) / services["people_served"] / services["case_mix"]
    alike = adjusted(services)
    does_less = alike["service_id"].isin(low_effect) | (alike["effect_upper"] < LESS_EFFECT * alike["effect"].median())
    dear = head > DEAR * head.groupby(services["outcome_id"]).transform("median")
    tests = [services["service_id"].isin(low_need), does_less, services["duplicates"].notna(), dear]
    holds = pd.concat(tests, axis=1, keys=reasons).astype(bool)
    words = ["; ".join(holds.columns[row]) for row in holds.to_numpy()]
    table = services.assign(reasons=words, put_forward=np.where(holds.sum(axis=1) >= REASONS_NEEDED, "yes", "no"))
    return table[services["statutory"] == "no"].reset_index(drop=True)


def knock_on(ending: pd.DataFrame, links: pd.DataFrame) -> pd.DataFrame:
    """Follow the people who lose a service to the services that lean on it, and on from there, step by step.

    Those who arrive are taken to move on as that service's own people would if it ended: the first step alone is the
    least that may come, and all steps the most. Each costs people × unit cost a year.

    Parameters
    ----------
    ending : DataFrame
        The book services, some rows of it; each is followed as if it ended alone.
    links : DataFrame
        The book service_links, in which there is no circle.

    Returns
    -------
    DataFrame
        ending, service_id (from which they come), affects, step, knock_on_share, people, cost_gbp (a year),
        after_months (the soonest that they arrive, from the day the service ends), evidence.
    """
    people = ending["people_served"].astype(float)
    wave, steps = ending[["service_id"]].assign(ending=ending["service_id"], people=people, after_months=0), []
    for step in range(1, links["service_id"].nunique() + 2):  # without a circle no path is longer
        wave = wave.merge(links, on="service_id").assign(step=step)
        wave["people"] *= wave["knock_on_share"].astype(float)
        wave["after_months"] += wave["lag_months"]
        steps.append(wave.assign(cost_gbp=wave["people"] * wave["unit_cost"]))
        arrived = wave.groupby(["ending", "affects"], as_index=False).agg({"people": "sum", "after_months": "min"})
        wave = arrived.rename(columns={"affects": "service_id"})
    return pd.concat(steps, ignore_index=True)[MOVED]


def arrivals(moved: pd.DataFrame, services: pd.DataFrame) -> pd.DataFrame:
    """Add up, for each service that ends, what arrives at each other by any way.

    Returns
    -------
    DataFrame
        service_id and service (that ends), turn_to (a service), payer (who pays for that), by_law ("yes" where law asks
        for it), step (the fewest to get there), people, cost_gbp, after_months (the soonest) and evidence (the weakest
        on the way in).
    """
    rows = moved.assign(service_id=moved["ending"], evidence=moved["evidence"].map(STRENGTH.index))
    how = {"step": "min", "people": "sum", "cost_gbp": "sum", "after_months": "min", "evidence": "max"}
    table = rows.groupby(["service_id", "affects"], as_index=False).agg(how)
    table["evidence"] = table["evidence"].map(dict(enumerate(STRENGTH)))
    about = services[["service_id", "service", "commissioner", "statutory"]]
    about = about.set_axis(["affects", "turn_to", "payer", "by_law"], axis=1)
    table = services[["service_id", "service"]].merge(table.merge(about, on="affects"), on="service_id")
    return table.sort_values("cost_gbp", ascending=False, ignore_index=True)


def balance(ending: pd.DataFrame, moved: pd.DataFrame, services: pd.DataFrame) -> pd.DataFrame:
    """Set what ending each service saves against what it costs elsewhere, and find what would undo the saving.

    Parameters
    ----------
    ending, moved : DataFrame
        From `candidates` and `knock_on`.
    services : DataFrame
        The book services.

    Returns
    -------
    DataFrame
        `ending` with, in pounds a year: annual_cost_gbp, shunted_gbp (cost that falls on all services), to_others_gbp
        (of which on other partners), net_gbp (annual cost − shunted), net_gbp_upper (counting the
        first step alone), first_year_gbp (net in the 12 months from a decision, notice and lags allowed for). Also
        moving_pct (of its people who turn elsewhere at once) and even_pct (the percentage at which net is 0: moving_pct
        × annual cost / shunted; missing above 100), even_price_gbp (net / (effect × annual cost / 1,000): ending does
        not pay if an outcome is worth more), and of what these partners pay its provider, income_lost_pct with this
        service, and forward_lost_pct with all put forward; followed ("no" where no link says where people turn).
        Missing where nothing moves, is saved or is gained, or there is no contract.
    """
    about, cost = services.set_index("service_id"), moved["cost_gbp"].astype(float)
    other = moved["affects"].map(about["commissioner"]) != moved["ending"].map(about["commissioner"])
    months = 12 - moved["ending"].map(about["notice_months"]).astype(float) - moved["after_months"]
    first = moved["step"] == 1
    parts = {"shunted_gbp": cost, "to_others_gbp": cost * other, "at_first": cost * first}
    parts |= {"in_year": cost * months.clip(lower=0) / 12, "moving_pct": 100.0 * moved["knock_on_share"] * first}
    sums = pd.DataFrame(parts).astype(float).groupby(moved["ending"]).sum()
    table = ending.join(sums.reindex(ending["service_id"], fill_value=0.0).reset_index(drop=True))
    saving = table["annual_cost_gbp"] = table["annual_cost"].astype(float)
    table["net_gbp"], table["net_gbp_upper"] = saving - table["shunted_gbp"], saving - table["at_first"]
    table["first_year_gbp"] = saving * (12 - table["notice_months"]).clip(lower=0) / 12 - table["in_year"]
    even = table["moving_pct"] * saving / table["shunted_gbp"].where(table["shunted_gbp"] > 0)
    table["even_pct"] = even.where(even <= 100)
    table["followed"] = np.where(table["moving_pct"] > 0, "yes", "no")
    lost, net = table["effect"] * saving / 1000, table["net_gbp"]
    table["even_price_gbp"] = net.where(net > 0) / lost.where(lost > 0)
    at_risk = table["contract_id"].notna()
    income = table["provider"].map(services.groupby("provider")["annual_cost"].sum()).where(at_risk).astype(float)
    forward = saving.where(table["put_forward"] == "yes", 0.0).groupby(table["provider"]).transform("sum")
    return table.assign(income_lost_pct=100 * saving / income, forward_lost_pct=100 * forward / income)


def equality_impact(ending: pd.DataFrame, services: pd.DataFrame, wards: pd.DataFrame) -> pd.DataFrame:
    """Count who is touched if all these services end, by characteristic and ward: uses of services, not persons.

    Within a service each ward's people are taken to have the make-up of the whole service.

    Parameters
    ----------
    ending : DataFrame
        Rows of services that would end.
    services, wards : DataFrame
        The books services and service_wards.

    Returns
    -------
    DataFrame
        ward_code ("" for the whole place), group, affected and served (by all listed services), affected_pct (of those
        served) and verdict: "more than their share" where that is at least a tenth above everyone's in the same area,
        "less than their share" where as far below, else "about their share"; "" for everyone.
    """
    made_of = services.assign(everyone=1.0).melt("service_id", ["everyone", *SHARES], "group", "part")
    rows = wards.merge(made_of, on="service_id")
    rows["served"] = rows["people_served"].astype(float) * rows["part"].astype(float)
    rows["affected"] = rows["served"].where(rows["service_id"].isin(ending["service_id"]), 0.0)
    every = pd.concat([rows.assign(ward_code=""), rows]).groupby(["ward_code", "group"], as_index=False)
    table = every[["affected", "served"]].sum()
    everyone = table.groupby("ward_code")[["affected", "served"]].transform("max")
    table["affected_pct"] = 100 * table["affected"] / table["served"].where(table["served"] > 0)
    ratio = table["affected_pct"] / (100 * everyone["affected"] / everyone["served"])
    tests = [table["group"] == "everyone", ratio >= MORE_THAN_ITS_SHARE, ratio <= 1 / MORE_THAN_ITS_SHARE]
    words = ["", "more than their share", "less than their share"]
    return table.assign(verdict=np.select(tests, words, "about their share"))
