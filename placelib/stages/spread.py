"""What can be published of differences within the place: the social gradient, the funnel, and who answers otherwise."""

import pandas as pd

from placelib import gate, suppression
from placelib.assessment import equality as equality_rules
from placelib.assessment import needs as need_rules
from placelib.assessment import spread as rules
from placelib.measures.answers import associations as tested_associations
from placelib.measures.shared import Measures
from placelib.sources.readers import Inputs
from placelib.stages.shared import release

GRADIENT = (
    "Method: slope and relative index of inequality, a line through all wards by their rank of deprivation, weighted "
    "by people; limits hold for all measures together at 95% and allow for chance in the counts alone."
)
FUNNEL = (
    "Method: funnel limits (Spiegelhalter) about the rate of all wards together, widened by what its wards usually "
    "differ; from and to hold 998 of 1,000 wards, and 'perhaps' is said outside where 95 of 100 would lie."
)
ASSOCIATIONS = (
    "Method: second-order Rao–Scott tests, groups of fewer than 30 answers left out; all questions and characteristics "
    "are one testing family at 95% (Holm). These say that groups differ, not which: the gaps say that."
)


def gradient(inputs: Inputs, exact: Measures) -> gate.Protected:
    """How far each agency's rate rises from the least to the most deprived wards."""
    rows = suppression.coarsened(exact.comparable, inputs.settings.disclosure)
    at = need_rules.standing(rows, inputs.vocabulary)
    weights = need_rules.domain_weights(inputs.vocabulary, inputs.settings.weights)
    deprivation, by = rules.deprivation_of(rows, at, weights)
    table = inputs.vocabulary.named(rules.social_gradient(rows, deprivation))
    kinds = {"slope": 1, "relative": 2}
    decimals = {f"{kind}{end}": places for kind, places in kinds.items() for end in ("", "_lower", "_upper")}
    table = table[["indicator_id", "indicator", "short_name", "unit", "wards", *decimals]]
    table = table.sort_values("relative", ascending=False, ignore_index=True)
    notes = [f"Wards are ordered by {by}.", GRADIENT]
    files = _files(inputs, rows, table)
    return release(table, f"From the most to the least deprived wards, by {by}", files, decimals=decimals, notes=notes)


def funnel(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Which wards have more or fewer events than wards of this place usually do."""
    rows = suppression.coarsened(exact.comparable, inputs.settings.disclosure)
    table = inputs.vocabulary.named(rules.funnel(rows))
    table = table.merge(inputs.geography.wards[["ward_code", "ward_name"]], on="ward_code", validate="m:1")
    decimals = dict.fromkeys(["value", "average", "lower", "upper"], 1)
    names = ["indicator_id", "indicator", "short_name", "unit", "ward_code", "ward_name"]
    table = table[[*names, *decimals, "verdict"]].sort_values(["indicator_id", "value"], ascending=[True, False])
    files = _files(inputs, rows, table)
    return release(table, "Beyond what wards usually differ", files, decimals=decimals, notes=[FUNNEL])


def associations(inputs: Inputs, exact: Measures) -> gate.Protected:
    """For each question, the characteristics by which answers differ at all."""
    files = inputs.of_kind("survey")
    found = [tested_associations(inputs, each, exact.geography) for each in files]
    nothing = pd.DataFrame(columns=["indicator_id", "characteristic", "p_value"])
    table = equality_rules.associated(pd.concat(found or [nothing]), inputs.vocabulary)
    table = inputs.vocabulary.named(table)[["indicator_id", "indicator", "differs_by", "tested"]]
    return release(table, "Questions that groups answer differently", files, notes=[ASSOCIATIONS])


def _files(inputs: Inputs, rows: pd.DataFrame, table: pd.DataFrame) -> list:
    """Files that a table of indicators is made from."""
    used = rows.loc[rows["indicator_id"].isin(table["indicator_id"]) & (rows["area_type"] == "ward"), "source_id"]
    return [inputs.sources[name] for name in used.unique()]
