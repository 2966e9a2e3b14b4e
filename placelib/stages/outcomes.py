"""What can be published of aspirations and outcomes: what people want, the framework, its months, one evaluation."""

import numpy as np
import pandas as pd

from placelib import gate
from placelib.assessment import aspirations as wishes
from placelib.assessment import outcomes as rules
from placelib.assessment.equality import group_names
from placelib.measures.months import monthly_counts
from placelib.measures.panel import synthetic_control
from placelib.measures.shared import NORMAL_95, Measures
from placelib.sources.readers import Inputs
from placelib.stages import needs
from placelib.stages.shared import release, titles

VALUES = ["value", "lower", "upper"]
SCORES = [f"{who}{end}" for who in ("score", "business", "community") for end in ("", "_lower", "_upper")]
FIRST = ["named_first", "named_first_lower", "named_first_upper"]
BASES = ["respondents", "effective_respondents", "illustrative"]
WANTED = ["aspiration_id", "aspiration", "short_name", "kind", "theme", "unit", "area_type", "area_code", "area_name"]
WANTED += ["characteristic", "characteristic_name", "category", "category_name", *BASES, *VALUES, "width_points"]
FRAMEWORK = ["outcome_id", "outcome", "kind", "serves", "domain", "indicator", "unit", "direction", "owner", "theme"]
FRAMEWORK += ["weight", "baseline", "baseline_date", "target", "target_date", *VALUES, "mark"]
FRAMEWORK += ["period", "standing", *rules.OUTLOOK, "inspected_by"]
POINTS = ["indicator_id", "indicator", "short_name", "domain", "source", "illustrative", "release_class", "threshold"]
POINTS += ["each", "period", "latest", "events", "stands_out", *rules.LIMITS, *rules.WORDS]
COMPARED = ["area_name", "role", "year", "last", "value", "synthetic", "difference", "fit", "times_as_far", "finding"]
NAMED = (
    "Wanted and scored low: surely more than an equal share name it first, and its average score is surely below 4. "
    "Low hopes are looked for in the wards surely among the five that need most, all tested together."
)
FORECAST = (
    "Forecasts: two models of the monthly counts, one with a lasting trend and one without, counted alike; "
    "they know nothing of changes that have not yet shown."
)


def standard(inputs: Inputs, exact: Measures) -> gate.Protected:
    """The place standard: residents' score of each of 14 themes, who names it first, and what others score."""
    table = wishes.standard(exact.wanted, inputs.book("themes"), inputs.vocabulary)
    for who, number in {"business": "businesses", "community": "community_groups"}.items():
        enough = table[number] >= inputs.settings.disclosure.survey_minimum
        table[who], half = table[f"{who}_score"].where(enough), NORMAL_95 * table[f"{who}_error"]
        table[f"{who}_lower"], table[f"{who}_upper"] = table[who] - half, table[who] + half
    decimals = dict.fromkeys(SCORES, 1) | dict.fromkeys(FIRST, 0)
    return _survey(inputs, table[["theme", "reading", *BASES, *decimals]], "The place, theme by theme", decimals)


def aspirations(inputs: Inputs, exact: Measures) -> gate.Protected:
    """What residents want, hold important and are satisfied with, in the place, its wards and its groups."""
    rows = _wanted(inputs, exact)
    return _survey(inputs, rows[rows["kind"] != "theme score"], "What residents want", dict.fromkeys(VALUES, 0))


def scores(inputs: Inputs, exact: Measures) -> gate.Protected:
    """How residents score each theme of the place standard, in the place, its wards and its groups."""
    rows = _wanted(inputs, exact)
    rows = rows[rows["kind"] == "theme score"].assign(width_points=rows["width_points"] * 100 / 6)  # from 1 to 7
    return _survey(inputs, rows, "How residents score the place", dict.fromkeys(VALUES, 1))


def unmet(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Wards where hope is low although need is high, and what is wanted and scored low in each ward."""
    need = needs.needs(inputs, exact).frame
    sure = set(need.loc[need["sure"].str.endswith("greatest need"), "ward_code"])
    table = need[["ward_code", "ward_name"]].merge(wishes.by_ward(exact.wanted, sure, inputs.vocabulary))
    return release(table, "Where hopes and needs part", inputs.of_kind("survey"), notes=[NAMED])


def unlinked(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Themes that no outcome answers, and outcomes that nobody is known to want."""
    table = wishes.standard(exact.wanted, inputs.book("themes"), inputs.vocabulary)
    table = wishes.unlinked(table, inputs.book("outcomes"))
    return release(table, "What is left without a partner", inputs.of_kind("survey", "outcomes"))


def outcomes(inputs: Inputs, exact: Measures) -> gate.Protected:
    """The joint framework: each outcome's owner, target, where it stands, its outlook and who inspects it."""
    published = needs.indicators(inputs, exact).frame
    table = rules.standing(inputs.book("outcomes"), published, inputs.vocabulary)
    table = table.join(rules.outlook(table, *_months(inputs, exact)))
    table["owner"] = table["owner"].map(inputs.settings.agency_name)
    table["serves"] = table["parent"].map(dict(zip(table["outcome_id"], table["outcome"], strict=True))).fillna("")
    table["inspected_by"] = table["indicator_id"].map(rules.inspected_by(inputs.book("regimes"))).fillna("")
    dates = ["baseline_date", "target_date"]
    table[dates] = table[dates].apply(lambda days: days.dt.strftime("%B %Y"))
    decimals = dict.fromkeys(["baseline", "target", *VALUES, *rules.OUTLOOK[1:4]], 1) | {"weight": 2}
    files = inputs.of_kind("outcomes", "regimes")
    return release(table[FRAMEWORK], "The joint outcome framework", files, decimals=decimals, notes=[FORECAST])


def variation(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Months of each indicator against control limits, with what they tell in words."""
    monthly, exposure = _months(inputs, exact)
    wanted = inputs.book("outcomes").drop_duplicates("indicator_id").set_index("indicator_id")["target"]
    table = rules.variation(monthly, wanted * exposure.reindex(wanted.index) / 12, inputs.vocabulary)[POINTS]
    table[["events", *rules.LIMITS]] = table[["events", *rules.LIMITS]].astype(float)
    table[rules.LIMITS] = table[rules.LIMITS].round(0)
    policy, made_up = inputs.settings.disclosure, bool(table["illustrative"].any())
    title, counts = "Month by month", ["events"]
    return gate.release_counts(table, title, counts=counts, shares=[], policy=policy, illustrative=made_up)


def evaluation(inputs: Inputs) -> gate.Protected:
    """One intervention: the place beside its synthetic twin, and every other area beside its own."""
    book = inputs.vocabulary.named(inputs.book("panel"))
    table = synthetic_control(book)
    table = table.assign(finding=rules.evaluated(table, book)).sort_values(["role", "area_name", "year"])
    decimals = dict.fromkeys(["value", "synthetic", "difference", "fit", "times_as_far"], 1)
    return release(table[COMPARED], "An intervention evaluated", inputs.of_kind("panel"), decimals=decimals)


def _months(inputs: Inputs, exact: Measures) -> tuple[pd.DataFrame, pd.Series]:
    """Events by month, and for each indicator what turns a year's rate into a year's events."""
    rows = exact.comparable.query("area_type == 'place' and characteristic == 'all'").drop_duplicates("indicator_id")
    exposure = (rows["denominator"] / rows["per"]).set_axis(rows["indicator_id"])
    return monthly_counts(inputs, exact.geography), exposure


def _wanted(inputs: Inputs, exact: Measures) -> pd.DataFrame:
    """Estimates of aspirations, with the names of their areas and groups."""
    rows = inputs.vocabulary.aspirations.merge(exact.wanted, on="aspiration_id", validate="1:m")
    is_ward, names = rows["characteristic"] == "ward", inputs.geography.wards.set_index("ward_code")["ward_name"]
    rows["area_type"] = np.where(is_ward, "ward", "place")
    rows["area_code"] = rows["category"].where(is_ward, inputs.settings.area_code)
    rows["area_name"] = rows["area_code"].map(names).fillna(inputs.settings.name)
    rows.loc[is_ward, ["characteristic", "category"]] = "all"
    rows["width_points"] = rows["upper"] - rows["lower"]
    return group_names(rows, inputs.vocabulary)[WANTED]


def _survey(inputs: Inputs, table: pd.DataFrame, title: str, decimals: dict[str, int]) -> gate.Protected:
    table = table.assign(source=titles(inputs.of_kind("survey", *(["themes"] * ("business" in table)))))
    return gate.release_survey(table, title, decimals=decimals, policy=inputs.settings.disclosure)
