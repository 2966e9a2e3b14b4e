"""Who answers, who asks, who may decide, who is able, and what became of earlier decisions."""

import numpy as np
import pandas as pd

RIGHTS = ["decides", "pays", "delivers", "answers", "is consulted"]
FIRST, LIMITS = ["recommends", "is consulted"], ["threshold_lower", "threshold_upper"]
FIGURE = ["indicator_id", "value", "lower", "upper", "unit", "period", "indicator", "period_start", "period_end"]
NUMBERS = ["change", "change_lower", "change_upper", "indicator_then", "expected_change", "level", "importance", "gap"]
VERDICTS = ["the other way", "less than expected", "as expected", "more than expected"]
UNTOLD = "cannot tell: no published figure with a range"
BOTH = "cannot tell: the range holds both no change and what was expected"


def accountability(rights: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Lay out who holds which right over each outcome, with the gaps and overlaps in words.

    Parameters
    ----------
    rights : DataFrame
        outcome_id, agency, right. Without any row nothing is known, and no gap is claimed.
    outcomes : DataFrame
        outcome_id, outcome.

    Returns
    -------
    DataFrame
        A row an outcome, in the order of the framework: a column a right with the agencies that hold it, joined by
        "; ", empty where nobody does; and `found`: which rights nobody holds (consulting nobody is no gap), and where
        more than one decides or answers. An outcome without any right has every gap.

    Examples
    --------
    >>> rights = pd.DataFrame([("O1", "NHS", right) for right in RIGHTS], columns=["outcome_id", "agency", "right"])
    >>> outcomes = pd.DataFrame({"outcome_id": ["O1", "O2"], "outcome": ["A", "B"]})
    >>> accountability(rights, outcomes)["found"].tolist()
    ['', 'nobody decides; nobody pays; nobody delivers; nobody answers']
    """
    table = (outcomes if len(rights) else outcomes[:0])[["outcome_id", "outcome"]]
    held = rights.groupby(["outcome_id", "right"])["agency"].agg("; ".join).unstack().reindex(columns=RIGHTS)
    table = table.merge(held.reset_index(), on="outcome_id", how="left", validate="1:1").astype(object).fillna("")
    found = {f"nobody {right}": table[right].eq("") for right in RIGHTS[:4]}
    found |= {f"more than one {right}": table[right].str.contains("; ") for right in ("decides", "answers")}
    return table.assign(found=["; ".join(np.array(list(found))[row]) for row in pd.DataFrame(found).to_numpy(bool)])


def in_force(regimes: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
    """Say of each regime whether it is in force on a date: `status` is "in force", "ended" or "not yet in force".

    A regime is in force on its first day and on its last.
    """
    came, went = regimes["in_force_from"] <= at, regimes["in_force_to"] < at
    return regimes.assign(status=np.select([went, came], ["ended", "in force"], "not yet in force"))


def crosswalk(regimes: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
    """Set side by side, for each indicator, the regimes in force that ask for it, their words and their returns.

    Parameters
    ----------
    regimes : DataFrame
        A row each regime, indicator and agency that is inspected, with the name of the indicator.
    at : Timestamp
        The date.

    Returns
    -------
    DataFrame
        indicator_id, indicator; regimes (how many); asked (each regime, its words in quotation marks, how often),
        agencies (who is asked) and returns, joined by "; "; `reading`: whether one return serves them all, or could. A
        regime that names no return counts as asking for one of its own. Those that the most regimes ask for come first.
    """
    now = in_force(regimes, at).query("status == 'in force'")
    asked = now["regime"] + ": “" + now["regime_words"] + "”, " + now["frequency"].str.lower()
    returns = now["return_name"].fillna("no named return (" + now["regime"] + ")")
    by = now.assign(asked=asked, agencies=now["inspects"], returns=returns).groupby(["indicator_id", "indicator"])
    table = by[["asked", "agencies", "returns"]].agg(lambda words: "; ".join(words.unique()))
    number = by[["regime_id", "returns", "regime_words"]].nunique()
    kinds = [number["regime_id"] == 1, number["returns"] == 1]
    reading = np.select(kinds, ["one regime asks", "one return serves them all"], "could one return serve them all?")
    words = np.where(number["regime_words"] > 1, "in different words; ", "")
    table = table.assign(regimes=number["regime_id"], reading=words.astype(object) + reading).reset_index()
    return table.sort_values(["regimes", "indicator_id"], ascending=[False, True], ignore_index=True)


def skills(capability: pd.DataFrame) -> pd.DataFrame:
    """Sum up the partners' skills: middle values, ranges and counts, as steps of a scale have no average.

    Parameters
    ----------
    capability : DataFrame
        agency, skill, level and importance (1 to 5), assessor.

    Returns
    -------
    DataFrame
        By skill, apart for what partners say of themselves ("self") and what others say of them ("peer"), the skill
        first in which most partners are weak though it matters: partners, level and importance (medians), level_lower
        and level_upper (least and most), gap (median of the steps from each partner's level up to the importance),
        behind (partners with such steps to go), weak (partners at level 1 or 2 in a skill of importance 4 or 5) and
        weak_partners (who they are).
    """
    rows = capability.assign(partners=1, gap=capability["importance"] - capability["level"])
    rows["behind"], rows["weak"] = rows["gap"] > 0, (rows["level"] <= 2) & (rows["importance"] >= 4)
    by = rows.assign(weak_partners=rows["agency"].where(rows["weak"])).groupby(["skill", "assessor"])
    table = by[["level", "importance", "gap"]].median().join(by[["partners", "behind", "weak"]].sum())
    table["level_lower"], table["level_upper"] = by["level"].min(), by["level"].max()
    table["weak_partners"] = by["weak_partners"].agg(lambda names: "; ".join(names.dropna()))
    ascending = {"weak": False, "behind": False, "skill": True, "assessor": True}
    return table.reset_index().sort_values(list(ascending), ascending=list(ascending.values()), ignore_index=True)


def powers(governance: pd.DataFrame) -> pd.DataFrame:
    """Find where powers to decide leave a gap, overlap, or meet in the wrong order.

    Parameters
    ----------
    governance : DataFrame
        A row a body and matter: body, decides, role, threshold_lower, threshold_upper (£; blank: no limit) and
        next_meeting.

    Returns
    -------
    DataFrame
        decides (the matter), sums (in words) and found: sums that nobody may decide, sums that two bodies may, and a
        body that recommends or is consulted but next meets no sooner than the one that decides. A matter on which no
        body decides is a gap of any sum.
    """
    deciding = governance[governance["role"] == "decides"].fillna({"threshold_upper": np.inf})
    ends = governance[["decides"]].drop_duplicates().assign(**dict.fromkeys(LIMITS, np.inf))
    steps = pd.concat([deciding, ends])[["decides", *LIMITS]].sort_values(["decides", *LIMITS])
    reach = steps.groupby("decides")["threshold_upper"].transform(lambda upper: upper.cummax().shift(fill_value=0))
    gaps = steps.assign(lower=reach, upper=steps["threshold_lower"], found="nobody here may decide")
    pairs = governance.fillna({"threshold_upper": np.inf}).merge(deciding, on="decides", suffixes=("", "_by"))
    lower, upper = (pairs[[name, f"{name}_by"]] for name in LIMITS)
    pairs = pairs.assign(lower=lower.max(axis=1), upper=upper.min(axis=1))
    both = pairs[(pairs["role"] == "decides") & (pairs["body_id"] < pairs["body_id_by"])]
    both = both.assign(found="both may decide: " + both["body"] + "; " + both["body_by"])
    late = pairs[pairs["role"].isin(FIRST) & (pairs["next_meeting"] >= pairs["next_meeting_by"])]
    late = late.assign(found=late["body"] + " is to be heard first, but meets no sooner than " + late["body_by"])
    found = pd.concat([gaps, both, late])
    found = found[found["upper"] > found["lower"] + 1]  # "up to £99,999" and "from £100,000" leave no gap
    return found.assign(sums=_sums(found["lower"], found["upper"]))[["decides", "sums", "found"]].reset_index(drop=True)


def bodies(governance: pd.DataFrame) -> pd.DataFrame:
    """Put the bodies in the order of their next meetings, with the sums they decide and their quorum.

    Parameters
    ----------
    governance : DataFrame
        A row a body and matter.

    Returns
    -------
    DataFrame
        The same rows, the next to meet first, with sums (in words), quorum_pct (of members) and found: a quorum larger
        than the body, which can never be met.

    Examples
    --------
    >>> row = {"body": "Board", "next_meeting": "", "quorum": 5, "members": 4, "threshold_lower": 0}
    >>> bodies(pd.DataFrame([row | {"threshold_upper": None}]))[["sums", "quorum_pct", "found"]].to_numpy().tolist()
    [['any sum', 125.0, 'its quorum is more than its members: it can never decide']]
    """
    sums = _sums(governance["threshold_lower"], governance["threshold_upper"].astype(float).fillna(np.inf))
    share = 100 * governance["quorum"] / governance["members"]
    found = np.where(share > 100, "its quorum is more than its members: it can never decide", "")
    table = governance.assign(sums=sums, quorum_pct=share, found=found)
    return table.sort_values(["next_meeting", "body"], ignore_index=True)


def review(decisions: pd.DataFrame, outcomes: pd.DataFrame, figures: pd.DataFrame) -> pd.DataFrame:
    """Hold what was expected of earlier decisions against the figures published now.

    Parameters
    ----------
    decisions : DataFrame
        A row a decision.
    outcomes : DataFrame
        outcome_id, and the indicator_id by which it is judged.
    figures : DataFrame
        The place's published figures, none of them modelled, a row an indicator: indicator_id, indicator (its name),
        value, lower, upper, unit, period, period_start and period_end.

    Returns
    -------
    DataFrame
        The decisions, latest first, with the figure's columns; change (now less then) from change_lower to
        change_upper; and verdict. "Less than expected" or "more than expected": the interval leaves out what was
        expected; "the other way": it holds no step towards it; "as expected": it holds it, and leaves out
        no change; "cannot tell": it holds both, or there is none. "Too early to say" until a figure reaches the month
        of the expectation, and at least half of its period comes after the decision. What was dropped is not judged.

    Notes
    -----
    The register holds no interval of the earlier figure: it is taken to be as uncertain as the present one, so that the
    change's limits lie √2 times as far off as the figure's. A verdict says what happened, not that the decision did it.
    """
    judged = outcomes[["outcome_id", "indicator_id"]].merge(figures[FIGURE], how="left", validate="m:1")
    table = decisions.merge(judged, on="outcome_id", validate="m:1")
    table["change"] = table["value"] - table["indicator_then"]
    for end in ("lower", "upper"):
        table[f"change_{end}"] = table["change"] + np.sqrt(2) * (table[end] - table["value"])
    reach = table[["change_lower", "change_upper"]].mul(np.where(table["expected_change"] < 0, -1, 1), axis=0)
    least, most, wanted = reach.min(axis=1), reach.max(axis=1), table["expected_change"].abs()
    start, end = (pd.to_datetime(table[f"period_{name}"]) for name in ("start", "end"))
    early = (end.dt.to_period("M") < table["expected_by"].dt.to_period("M")) | (
        end - table["decided_on"] < (end - start) / 2
    )
    kinds = [table["status"] == "dropped", reach.isna().any(axis=1), early, most < 0, least > wanted]
    kinds += [(least <= 0) & (most >= wanted), most < wanted]
    words = ["not judged: dropped", UNTOLD, "too early to say", VERDICTS[0], VERDICTS[3], BOTH, VERDICTS[1]]
    table["verdict"] = np.select(kinds, words, VERDICTS[2])
    return table.sort_values(["decided_on", "decision_id"], ascending=[False, True], ignore_index=True)


def _sums(lower: pd.Series, upper: pd.Series) -> np.ndarray:
    """Put ranges of sums in words."""
    low, high = (end.map("£{:,.0f}".format).astype(object) for end in (lower, upper))
    kinds = [(lower == 0) & (upper == np.inf), upper == np.inf, lower == 0]
    return np.select(kinds, ["any sum", "above " + low, "up to " + high], low + " to " + high)
