"""All measures of one place together: the shared indicator table, its joint error, and who lives here."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from placelib.measures import answers, indicators, population
from placelib.measures.modelled import modelled_wards
from placelib.sources.geography import Geography
from placelib.sources.readers import Inputs

NORMAL_95 = stats.norm.ppf(0.975)


@dataclass(frozen=True, eq=False)
class Measures:
    """Every number of a place, exact: nothing here may be published as it is.

    Parameters
    ----------
    table : DataFrame
        The shared indicator table with the names that readers see.
    covariance : DataFrame
        Joint sampling covariance of the survey's ward estimates, by (ward_code, indicator_id).
    gaps, together, modelled, response, residents, headline, ledger : DataFrame
        See `groups.gaps`, `groups.needs_together`, `modelled.modelled_wards`, `answers.survey_measures`,
        `population.residents`, `population.headline` and `indicators.administrative_table`.
    geography : Geography
        With postcodes weighted by residents.
    """

    table: pd.DataFrame
    covariance: pd.DataFrame
    gaps: pd.DataFrame
    together: pd.DataFrame
    modelled: pd.DataFrame
    response: pd.DataFrame
    residents: pd.DataFrame
    headline: pd.DataFrame
    ledger: pd.DataFrame
    geography: Geography

    @property
    def comparable(self) -> pd.DataFrame:
        """Rows that may be compared: made-up figures stand aside as soon as the place has any real ones."""
        ours = self.table[self.table["area_type"].isin(["place", "ward"])]
        return self.table if ours["illustrative"].all() else self.table[~self.table["illustrative"]]


def measure(inputs: Inputs) -> Measures:
    """Compute every measure of a place.

    Parameters
    ----------
    inputs : Inputs
        Everything in its folder, checked.
    """
    by_area = population.residents_by_output_area(inputs.of_kind("population"))
    geography = inputs.geography if by_area is None else inputs.geography.weighted(by_area)
    denominators = population.ward_denominators(inputs, geography)
    table, ledger = indicators.administrative_table(inputs, geography, denominators)
    surveys = [answers.survey_measures(inputs, source, geography) for source in inputs.of_kind("survey")]
    survey_rows = [with_population(survey.table, inputs, denominators) for survey in surveys]
    covariance = surveys[0].covariance if surveys else NO_COVARIANCE
    table = named(indicators.stacked([table, *survey_rows, comparators(inputs)]), inputs)
    residents = population.residents(inputs, geography)
    questions = inputs.vocabulary.indicators.query("denominator == 'adults'")["indicator_id"]
    gaps = surveys[0].gaps if surveys else pd.DataFrame(columns=GAPS)
    together = surveys[0].together if surveys else pd.DataFrame(columns=TOGETHER)
    response = pd.concat([survey.response for survey in surveys]) if surveys else pd.DataFrame(columns=RESPONSE)
    return Measures(
        table,
        covariance,
        gaps,
        together,
        modelled_wards(table, residents, denominators.get("adults", pd.Series(dtype=float)), questions=questions),
        response,
        residents,
        population.headline(inputs),
        ledger,
        geography,
    )


GROUP = ["indicator_id", "characteristic", "category", "value", "respondents", "effective_respondents", "illustrative"]
GAPS = [*GROUP, "degrees_of_freedom", "everyone", "difference", "difference_error", "ratio", "ratio_error"]
TOGETHER = [*GROUP[1:], "needs", "lower", "upper", "expected"]
RESPONSE = ["category", "before_raking_pct", "weighted_pct", "respondents", "population_pct", "characteristic"]
RESPONSE += ["sample_pct", "design_effect", "everyone", "illustrative"]
NO_COVARIANCE = pd.DataFrame(index=pd.MultiIndex.from_arrays([[], []], names=["ward_code", "indicator_id"]))


def with_population(table: pd.DataFrame, inputs: Inputs, denominators: pd.DataFrame) -> pd.DataFrame:
    """Give the survey's figures for the whole place the number of people that they speak for, where it is known."""
    whole = (table["area_type"] == "place") & (table["characteristic"] == "all")
    speaks_for = table["indicator_id"].map(inputs.vocabulary.indicators.set_index("indicator_id")["denominator"])
    return table.assign(denominator=speaks_for.map(denominators.sum()).where(whole))


def comparators(inputs: Inputs) -> pd.DataFrame:
    """Published figures of England, the region and named neighbours, as rows of the shared table.

    Returns
    -------
    DataFrame
        As published. A standard error is worked back from a 95% interval; without one the figure counts as exact.
    """
    rows = inputs.vocabulary.indicators.set_index("indicator_id")
    parts = []
    for source in inputs.of_kind("comparators"):
        known = source.frame[source.frame["indicator_id"].isin(rows.index)]
        limits = known.reindex(columns=["lower", "upper"]).astype(float)
        meaning = rows.loc[known["indicator_id"], ["unit", "per", "measure"]].reset_index(drop=True)
        parts.append(
            known[["indicator_id", "area_name", "area_type", "value"]]
            .assign(
                **limits,
                standard_error=((limits["upper"] - limits["lower"]) / (2 * NORMAL_95)).fillna(0.0),
                area_code=known["area_name"],
                illustrative=source.contract.illustrative,
                period_start=source.contract.period_start.isoformat(),
                period_end=source.contract.period_end.isoformat(),
                agency=source.contract.agency,
                source_id=source.name,
            )
            .reset_index(drop=True)
            .join(meaning)
        )
    if not parts:
        return pd.DataFrame()
    unsaid = {"characteristic": "all", "category": "all", "basis": "direct", "method": "as published", "years": 1.0}
    return pd.concat(parts, ignore_index=True).assign(
        **unsaid, status="published", release_class="open", agency_term=""
    )


def named(table: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """Add the names that readers see: of the indicator, domain, area, category, agency, source and period."""
    wards = inputs.geography.wards.set_index("ward_code")["ward_name"]
    table = inputs.vocabulary.categories(inputs.vocabulary.named(table))
    start, end = pd.to_datetime(table["period_start"]), pd.to_datetime(table["period_end"])
    table["ward_name"] = table["area_code"].map(wards)
    table["area_name"] = table["ward_name"].fillna(table.get("area_name", pd.Series(index=table.index, dtype=str)))
    is_place = table["area_type"] == "place"
    table["area_name"] = table["area_name"].mask(is_place, inputs.settings.name)
    table["area_code"] = table["area_code"].mask(is_place, inputs.settings.area_code)
    table["category_name"] = table["category_name"].fillna("Everyone")
    table["characteristic_name"] = table["characteristic_name"].fillna("Everyone")
    table["agency_name"] = table["agency"].map({agency.id: agency.name for agency in inputs.settings.agencies})
    table["source"] = table["source_id"].map({name: each.contract.title for name, each in inputs.sources.items()})
    first, last = start.dt.strftime("%b %Y"), end.dt.strftime("%b %Y")
    table["period"] = last.where(first == last, first + " to " + last)
    numbers = ["value", "standard_error", "lower", "upper", "numerator", "denominator", "respondents", "previous"]
    numbers += ["effective_respondents", "coverage", "years", "per", "threshold"]
    table[numbers] = table.reindex(columns=numbers).astype(float)
    table["threshold"] = table["threshold"].clip(lower=inputs.settings.disclosure.administrative_threshold)
    table["illustrative"] = table["illustrative"].astype(bool)
    table["category_order"] = table["category_order"].fillna(0).astype(int)
    return table.assign(status=table["status"].fillna("no data").replace({np.nan: "no data"}))
