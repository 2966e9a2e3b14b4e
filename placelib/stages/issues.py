"""What can be published of the key issues: each with its numbers, its money and what is asked of the meeting."""

import numpy as np
import pandas as pd

from placelib import gate
from placelib.assessment import issues as issue_rules
from placelib.assessment import needs as need_rules
from placelib.commissioning import spend
from placelib.measures.shared import Measures
from placelib.sources.readers import Inputs
from placelib.stages.needs import indicators
from placelib.stages.outcomes import standard
from placelib.stages.shared import coarsened, files_of, is_made_up, ledger_lines, release, tested_gaps

UNLED = "Not yet agreed."


def issues(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Key issues, each in the words that its own cells give it."""
    rows, words, group = coarsened(inputs, exact), inputs.vocabulary, ["characteristic", "category"]
    alike, told = rows["illustrative"].unique(), tested_gaps(inputs, exact).query("not few_answers")
    published, gaps = (each[each["illustrative"].isin(alike)] for each in (indicators(inputs, exact).frame, told))
    gaps = gaps.merge(exact.response.drop_duplicates(group)[[*group, "population_pct"]], how="left", on=group)
    compared = words.named(need_rules.comparisons(rows, words))
    table = issue_rules.key_issues(rows, published, comparisons=compared, gaps=gaps, vocabulary=words)
    table["owner"] = table["owner"].map(inputs.settings.agency_names).fillna(UNLED)
    table["residents_say"] = _said(inputs, exact, table, alike)
    table = table.join(_asked(inputs, table, made_up=bool(rows["illustrative"].any())))
    if table.empty:
        nothing = {"place": [1], "indicator": ["No clear issue"], "headline": [issue_rules.no_issue(rows)]}
        table = pd.DataFrame(nothing).reindex(columns=table.columns, fill_value="")
    said = issue_rules.signed_commentary(inputs.commentary, published).set_index("indicator_id")["said"]
    table["said"] = table["indicator_id"].map(said.to_dict()).astype(object).fillna("")
    more = {"not_shown": issue_rules.not_shown(compared)}
    return release("issues", table, inputs, files=files_of(inputs, rows), said=more)


def commentary(inputs: Inputs, exact: Measures) -> gate.Protected:
    """What the partnership's analysts say of the numbers, signed and dated."""
    table = issue_rules.signed_commentary(inputs.commentary, indicators(inputs, exact).frame)
    return release("commentary", inputs.vocabulary.named(table), inputs, files=[*inputs.sources.values()])


def unknowns(inputs: Inputs, exact: Measures) -> gate.Protected:
    """What we do not know: indicators without a source here, or without an English figure, by what is missing."""
    table = issue_rules.unknowns(exact.comparable, inputs.vocabulary)
    table = table.groupby("what", sort=False)["indicator"].agg("; ".join).reset_index()
    return release("unknowns", table, inputs, files=files_of(inputs, exact.comparable))


def _said(inputs: Inputs, exact: Measures, issues: pd.DataFrame, alike: np.ndarray) -> pd.Series:
    """What residents say of each issue: of the theme of its domain, where the survey has no such question."""
    themes = standard(inputs, exact).frame
    themes = themes[themes["illustrative"].isin(alike)].set_index("theme")["named_first"].dropna()
    about = inputs.vocabulary.indicators.merge(inputs.vocabulary.domains).set_index("indicator_id")["theme"]
    theme, text = issues["indicator_id"].map(about), inputs.vocabulary.wording["issue"]["theme"]
    named = [text.format(theme=each, named_first=themes.get(each, np.nan)) for each in theme]
    wanted = theme.isin(themes.index) & issues["residents_say"].eq(issue_rules.NOT_ASKED)
    return issues["residents_say"].mask(wanted, pd.Series(named, issues.index, dtype=object))


def _asked(inputs: Inputs, issues: pd.DataFrame, *, made_up: bool) -> pd.DataFrame:
    """Money that is planned for the outcome behind each issue, and what is to be decided; never real beside made up."""
    words, options, outcomes = inputs.vocabulary.wording["issue"], inputs.book("options"), inputs.book("outcomes")
    planned = spend.planned_for(ledger_lines(inputs), outcomes)
    alike = is_made_up(inputs.of_kind("spend", "outcomes")) == made_up
    # an issue whose outcome is measured by something else may have little to do with the choice
    measured = options["outcome_id"].map(outcomes.set_index("outcome_id")["indicator_id"])
    decisions = options.groupby(measured).agg(decision=("decision", "first"), number=("decision", "size"))
    rows = planned.join(decisions).reindex(issues["indicator_id"] if alike else [None] * len(issues))
    rows["owner"] = issues["owner"].to_numpy()
    known = np.select([rows["outcome"].isna(), rows["spent_gbp_m"] > 0], ["no_outcome", "money"], "no_money")
    tests = [rows["number"] > 1, rows["owner"] == UNLED, rows["outcome"].isna()]
    led = np.select(tests, ["choose", "no_lead", "no_target"], "lead")
    millions = rows["spent_gbp_m"].fillna(0.0)
    rows["sum"] = [f"{each:,.0f} million" if each >= 10 else f"{1e6 * each:,.0f}" for each in millions.round(3)]
    facts = rows.to_dict("records")
    money = [words[which].format(**row) for which, row in zip(known, facts, strict=True)]
    asked = [words[which].format(**row) for which, row in zip(led, facts, strict=True)]
    return pd.DataFrame({"money": money, "decision": asked}, issues.index)
