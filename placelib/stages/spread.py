"""What can be published of differences within the place: the social gradient, the funnel, and who answers otherwise."""

import pandas as pd

from placelib import gate
from placelib.assessment import needs as need_rules
from placelib.assessment import spread as rules
from placelib.assessment.equality import associated
from placelib.measures import answers
from placelib.measures.shared import Measures
from placelib.sources.readers import Inputs
from placelib.stages.shared import coarsened, files_of, release

GRADIENT = "Method: slope and relative index of inequality; 95% limits together, for chance in the counts alone."
FUNNEL = "Method: funnel limits with overdispersion, 998 of 1,000 wards; 'perhaps': outside 95 of 100."
ASSOCIATIONS = "Method: second-order Rao–Scott tests of groups of 30 answers or more; Holm over all of them at 95%."
NAMES = ["indicator_id", "indicator", "short_name", "unit"]


def gradient(inputs: Inputs, exact: Measures) -> gate.Protected:
    """How far each agency's rate rises from the least to the most deprived wards."""
    rows, words = coarsened(inputs, exact), inputs.vocabulary
    weights = need_rules.domain_weights(words, inputs.settings.weights)
    table = words.named(rules.social_gradient(rows, need_rules.standing(rows, words), weights))
    made_of = files_of(inputs, rows[rows["indicator_id"].isin(table["indicator_id"]) & (rows["area_type"] == "ward")])
    title = "From the most to the least deprived wards" + ", by ".join(["", *table["ordered_by"].unique()])
    decimals = {name: 1 if name.startswith("slope") else 2 for name in rules.INDICES}
    table = table[[*NAMES, "wards", *decimals]].sort_values("relative", ascending=False, ignore_index=True)
    return release(table, title, made_of, decimals=decimals, notes=[GRADIENT])


def funnel(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Which wards have more or fewer events than wards of this place usually do."""
    rows, wards = coarsened(inputs, exact), inputs.geography.wards[["ward_code", "ward_name"]]
    table = inputs.vocabulary.named(rules.funnel(rows)).merge(wards, on="ward_code", validate="m:1")
    made_of = files_of(inputs, rows[rows["indicator_id"].isin(table["indicator_id"]) & (rows["area_type"] == "ward")])
    decimals = dict.fromkeys(["value", "average", "lower", "upper"], 1)
    table = table[[*NAMES, "ward_code", "ward_name", *decimals, "verdict"]]
    return release(table, "Beyond what wards usually differ", made_of, decimals=decimals, notes=[FUNNEL])


def associations(inputs: Inputs, exact: Measures) -> gate.Protected:
    """For each question, the characteristics by which answers differ at all."""
    surveys = inputs.of_kind("survey")
    found = [answers.associations(inputs, each, exact.geography) for each in surveys] or [answers.NO_TESTS]
    table = inputs.vocabulary.named(associated(pd.concat(found), inputs.vocabulary))
    table = table[["indicator_id", "indicator", "differs_by", "tested"]]
    return release(table, "Questions that groups answer differently", surveys, notes=[ASSOCIATIONS])
