"""What can be published of differences within the place: the social gradient, the funnel, and who answers otherwise."""

import pandas as pd

from placelib import gate
from placelib.assessment import needs as need_rules
from placelib.assessment import spread as rules
from placelib.assessment.equality import associated
from placelib.measures import answers
from placelib.measures.shared import Measures
from placelib.sources.readers import Inputs, Source
from placelib.stages.shared import coarsened, files_of, release, with_wards


def gradient(inputs: Inputs, exact: Measures) -> gate.Protected:
    """How far each agency's rate rises from the least to the most deprived wards."""
    rows, words = coarsened(inputs, exact), inputs.vocabulary
    weights = need_rules.domain_weights(words, inputs.settings.weights)
    table = words.named(rules.social_gradient(rows, need_rules.standing(rows, words), weights))
    table = table.sort_values("relative", ascending=False, ignore_index=True)
    by = ", by ".join(["", *table["ordered_by"].unique()])
    return release("gradient", table, inputs, files=_files(inputs, rows, table), said={"by": by})


def funnel(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Which wards have more or fewer events than wards of this place usually do."""
    rows = coarsened(inputs, exact)
    table = with_wards(inputs.vocabulary.named(rules.funnel(rows)), inputs)
    return release("funnel", table, inputs, files=_files(inputs, rows, table))


def associations(inputs: Inputs, exact: Measures) -> gate.Protected:
    """For each question, the characteristics by which answers differ at all."""
    surveys = inputs.of_kind("survey")
    found = [answers.associations(inputs, each, exact.geography) for each in surveys] or [answers.NO_TESTS]
    table = inputs.vocabulary.named(associated(pd.concat(found), inputs.vocabulary))
    return release("associations", table, inputs)


def _files(inputs: Inputs, rows: pd.DataFrame, table: pd.DataFrame) -> list[Source]:
    """Files that the wards' figures in a table are made from."""
    return files_of(inputs, rows[rows["indicator_id"].isin(table["indicator_id"]) & (rows["area_type"] == "ward")])
