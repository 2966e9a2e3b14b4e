"""What can be published of outcomes: the framework with its targets, what the months tell, and one evaluation."""

import pandas as pd

from placelib import gate
from placelib.assessment import outcomes as rules
from placelib.measures.months import monthly_counts
from placelib.measures.panel import synthetic_control
from placelib.measures.shared import Measures
from placelib.sources.readers import Inputs
from placelib.stages import needs
from placelib.stages.shared import release

FRAMEWORK = ["outcome_id", "outcome", "kind", "serves", "domain", "indicator", "unit", "direction", "owner", "theme"]
FRAMEWORK += ["weight", "baseline", "baseline_date", "target", "target_date", "value", "lower", "upper", "mark"]
FRAMEWORK += ["period", "standing", "footing", *rules.OUTLOOK, "inspected_by"]
ONE_DECIMAL = ["baseline", "target", "value", "lower", "upper", *rules.OUTLOOK[1:4]]
FORECAST = (
    "Method: two state-space models of the monthly counts, one with a lasting trend and one without, counted alike; "
    "they know nothing of changes that have not yet shown."
)
POINTS = ["indicator_id", "indicator", "short_name", "domain", "source", "illustrative", "release_class", "threshold"]
POINTS += ["each", "period", "latest", "events", "stands_out", *rules.LIMITS, *rules.WORDS]
COMPARED = ["area_name", "role", "year", "last", "value", "synthetic", "difference", "fit", "times_as_far", "finding"]


def outcomes(inputs: Inputs, exact: Measures) -> gate.Protected:
    """The joint framework: each outcome's owner, target, where it stands, its outlook and who inspects it."""
    published = needs.indicators(inputs, exact).frame
    table = rules.standing(inputs.book("outcomes"), published, inputs.vocabulary)
    table = table.join(rules.outlook(table, *_months(inputs, exact)))
    table["owner"] = table["owner"].map(inputs.settings.agency_name)
    table["serves"] = table["parent"].map(dict(zip(table["outcome_id"], table["outcome"], strict=True))).fillna("")
    table["inspected_by"] = table["indicator_id"].map(rules.inspected_by(inputs.book("regimes"))).fillna("")
    for name in ("baseline_date", "target_date"):
        table[name] = table[name].dt.strftime("%B %Y")
    decimals, files = dict.fromkeys(ONE_DECIMAL, 1) | {"weight": 2}, inputs.of_kind("outcomes", "regimes")
    return release(table[FRAMEWORK], "The joint outcome framework", files, decimals=decimals, notes=[FORECAST])


def variation(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Months of each indicator against control limits, with what they tell in words."""
    monthly, exposure = _months(inputs, exact)
    wanted = inputs.book("outcomes").drop_duplicates("indicator_id").set_index("indicator_id")["target"]
    table = rules.variation(monthly, wanted * exposure.reindex(wanted.index) / 12, inputs.vocabulary)[POINTS]
    table[["events", *rules.LIMITS]] = table[["events", *rules.LIMITS]].astype(float)
    table[rules.LIMITS] = table[rules.LIMITS].round(0)
    return gate.release_counts(
        table,
        "Month by month",
        counts=["events"],
        shares=[],
        policy=inputs.settings.disclosure,
        illustrative=bool(table["illustrative"].any()),
    )


def evaluation(inputs: Inputs, exact: Measures) -> gate.Protected:  # noqa: ARG001 - as every stage
    """One intervention: the place beside its synthetic twin, and every other area beside its own."""
    book = inputs.book("panel")
    table = synthetic_control(book)
    finding = rules.evaluated(table, next(iter(book["intervention"].dropna()), ""))
    table = table.assign(finding=finding).sort_values(["role", "area_name", "year"], ascending=[False, True, True])
    decimals = dict.fromkeys(["value", "synthetic", "difference", "fit", "times_as_far"], 1)
    return release(table[COMPARED], "An intervention evaluated", inputs.of_kind("panel"), decimals=decimals)


def _months(inputs: Inputs, exact: Measures) -> tuple[pd.DataFrame, pd.Series]:
    """Events by month, and for each indicator what turns a year's rate into a year's events."""
    rows = exact.comparable.query("area_type == 'place' and characteristic == 'all'").drop_duplicates("indicator_id")
    exposure = (rows["denominator"] / rows["per"]).set_axis(rows["indicator_id"])
    return monthly_counts(inputs, exact.geography), exposure
