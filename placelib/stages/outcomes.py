"""What can be published of aspirations and outcomes: what people want, the framework, its months, one evaluation."""

import numpy as np
import pandas as pd

from placelib import gate, suppression
from placelib.assessment import aspirations as wishes
from placelib.assessment import outcomes as rules
from placelib.assessment.equality import group_names
from placelib.measures.months import monthly_counts
from placelib.measures.panel import synthetic_control
from placelib.measures.shared import NORMAL_95, Measures
from placelib.sources.readers import Inputs
from placelib.stages import needs
from placelib.stages.shared import release


def standard(inputs: Inputs, exact: Measures) -> gate.Protected:
    """The place standard: residents' score of each of 14 themes, who names it first, and what others score."""
    table = wishes.standard(exact.wanted, inputs.book("themes"), inputs.vocabulary)
    for who, number in {"business": "businesses", "community": "community_groups"}.items():
        enough = table[number] >= inputs.settings.disclosure.survey_minimum
        table[who], half = table[f"{who}_score"].where(enough), NORMAL_95 * table[f"{who}_error"]
        table[f"{who}_lower"], table[f"{who}_upper"] = table[who] - half, table[who] + half
    return release("standard", table, inputs)


def aspirations(inputs: Inputs, exact: Measures) -> gate.Protected:
    """What residents want, hold important and are satisfied with, in the place, its wards and its groups."""
    return release("aspirations", _wanted(inputs, exact).query("kind != 'theme score'"), inputs)


def scores(inputs: Inputs, exact: Measures) -> gate.Protected:
    """How residents score each theme of the place standard, in the place, its wards and its groups."""
    rows = _wanted(inputs, exact).query("kind == 'theme score'")
    return release("scores", rows.assign(width_points=rows["width_points"] * 100 / 6), inputs)  # from 1 to 7


def unmet(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Hopes that are low where need is high, and themes that are wanted and scored low: in which wards."""
    need = needs.needs(inputs, exact).frame
    sure = set(need.loc[need["sure"].str.endswith("greatest need"), "ward_code"])
    rows = need.merge(wishes.by_ward(exact.wanted, sure, inputs.vocabulary))
    table = rows.groupby(["finding", "name"])["ward_name"].agg(wards="size", where="; ".join)
    return release("unmet", table.sort_values(["finding", "wards"], ascending=[True, False]).reset_index(), inputs)


def unlinked(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Themes that no outcome answers, and outcomes that nobody is known to want."""
    table = wishes.standard(exact.wanted, inputs.book("themes"), inputs.vocabulary)
    return release("unlinked", wishes.unlinked(table, inputs.book("outcomes")), inputs)


def outcomes(inputs: Inputs, exact: Measures) -> gate.Protected:
    """The joint framework: each outcome's owner, target, where it stands, its outlook and who inspects it."""
    published, dates = needs.indicators(inputs, exact).frame, ["baseline_date", "target_date"]
    table = rules.standing(inputs.book("outcomes"), published, inputs.vocabulary)
    table = table.join(rules.outlook(table, *_months(inputs, exact)))
    table["owner"] = table["owner"].map(inputs.settings.agency_names)
    table["serves"] = table["parent"].map(dict(zip(table["outcome_id"], table["outcome"], strict=True))).fillna("")
    table["inspected_by"] = table["indicator_id"].map(rules.inspected_by(inputs.book("regimes"))).fillna("")
    table[dates] = table[dates].apply(lambda days: days.dt.strftime("%B %Y"))
    return release("outcomes", table, inputs)


def variation(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Months of each indicator against control limits, with what they tell in words."""
    monthly, exposure = _months(inputs, exact)
    wanted = inputs.book("outcomes").drop_duplicates("indicator_id").set_index("indicator_id")["target"]
    table = rules.variation(monthly, wanted * exposure.reindex(wanted.index) / 12, inputs.vocabulary)
    table = table.astype(dict.fromkeys(["events", *rules.LIMITS], float)).round(dict.fromkeys(rules.LIMITS, 0))
    # the months of a year add up to a figure that is published: where one is small, none of its indicator's leaves; nor
    # a quarter's where one is nearly so, as it may be in the next edition, beside three that stand in this one
    least = table["threshold"].clip(lower=inputs.settings.disclosure.administrative_threshold)
    least *= table["each"].map({"month": 1, "quarter": 2})
    few = suppression.is_small(table["events"], least).groupby(table["indicator_id"]).transform("any")
    table["threshold"] = table["threshold"].astype(float).mask(few, np.inf)
    limits = ["centre", "lower", "upper"]  # below which one may be said to be
    table[limits], table["stands_out"] = table[limits].mask(few), table["stands_out"].mask(few, "")
    return release("variation", table, inputs)


def evaluation(inputs: Inputs) -> gate.Protected:
    """One intervention: the place beside its synthetic twin, and every other area beside its own."""
    book = inputs.vocabulary.named(inputs.book("panel"))
    table = synthetic_control(book)
    return release("evaluation", table.assign(finding=rules.evaluated(table, book)), inputs)


def _months(inputs: Inputs, exact: Measures) -> tuple[pd.DataFrame, pd.Series]:
    """Events by month in the file that each indicator's figure is from, and what turns a year's rate into events."""
    rows = exact.comparable.query("area_type == 'place' and characteristic == 'all'").drop_duplicates("indicator_id")
    exposure = (rows["denominator"] / rows["per"]).set_axis(rows["indicator_id"])
    return monthly_counts(inputs, exact.geography).merge(rows[["indicator_id", "source"]]), exposure


def _wanted(inputs: Inputs, exact: Measures) -> pd.DataFrame:
    """Estimates of aspirations, with the names of their areas and groups."""
    rows = inputs.vocabulary.aspirations.merge(exact.wanted, on="aspiration_id", validate="1:m")
    is_ward, names = rows["characteristic"] == "ward", inputs.geography.ward_names
    rows["area_type"] = np.where(is_ward, "ward", "place")
    rows["area_code"] = rows["category"].where(is_ward, inputs.settings.area_code)
    rows["area_name"] = rows["area_code"].map(names).fillna(inputs.settings.name)
    rows.loc[is_ward, ["characteristic", "category"]] = "all"
    return group_names(rows.assign(width_points=rows["upper"] - rows["lower"]), inputs.vocabulary)
