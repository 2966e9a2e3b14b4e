"""All measures of one place together: the shared indicator table, its joint error, and who lives here."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from placelib.errors import InputFaults, PlacelibError, some
from placelib.measures import answers, aspirations, groups, indicators, population
from placelib.measures.modelled import modelled_wards
from placelib.sources import checks
from placelib.sources.geography import Geography
from placelib.sources.readers import Inputs

NORMAL_95 = stats.norm.ppf(0.975)
UNLIKE = 30  # times England's figure: 1 for 1%, or a rate per 100,000 for one per 1,000, is 100 times off
NUMBERS = ["value", "standard_error", "lower", "upper", "numerator", "denominator", "respondents", "previous"]
NUMBERS += ["effective_respondents", "coverage", "years", "per", "threshold", "design_effect", "place_p_value"]


@dataclass(frozen=True, eq=False)
class Measures(answers.SurveyMeasures):
    """Every number of a place, exact: what its survey says, and the rest. Nothing here may be published as it is.

    Parameters
    ----------
    table : DataFrame
        The shared indicator table, of all sources, with the names that readers see.
    covariance, response, gaps, together, wanted : DataFrame
        See `answers.SurveyMeasures`.
    modelled, residents, headline, ledger : DataFrame
        See `modelled.modelled_wards`, `population.residents`, `population.headline` and
        `indicators.administrative_table`.
    geography : Geography
        With postcodes weighted by residents.
    """

    modelled: pd.DataFrame
    residents: pd.DataFrame
    headline: pd.DataFrame
    ledger: pd.DataFrame
    geography: Geography

    @property
    def comparable(self) -> pd.DataFrame:
        """Rows that may be compared: made-up figures stand aside as soon as the place has any real ones."""
        ours = self.table[self.table["area_type"].isin(["place", "ward"])]
        return self.table if ours["illustrative"].all() else self.table[~self.table["illustrative"]]


GROUP = ["indicator_id", "characteristic", "category", "value", "respondents", "effective_respondents", "illustrative"]
GAPS = list(dict.fromkeys([*GROUP, *groups.NUMBERS]))
TOGETHER = [*GROUP[1:], "needs", "lower", "upper", "expected"]
RESPONSE = ["category", "before_raking_pct", "weighted_pct", "respondents", "population_pct", "characteristic"]
RESPONSE += ["sample_pct", "design_effect", "everyone", "illustrative"]
NO_SURVEY = answers.SurveyMeasures(
    pd.DataFrame(),
    pd.DataFrame(index=pd.MultiIndex.from_arrays([[], []], names=["ward_code", "indicator_id"])),
    *(pd.DataFrame(columns=names) for names in (RESPONSE, GAPS, TOGETHER, aspirations.COLUMNS)),
)
"""What a place without a survey knows of it: nothing, in the usual columns."""


def measure(inputs: Inputs) -> Measures:
    """Compute every measure of a place.

    Parameters
    ----------
    inputs : Inputs
        Everything in its folder, each file checked.

    Raises
    ------
    InputFaults
        No file feeds an indicator of the need index, or one counts for a rate of people whom no file counts.
    """
    faults = checks.joined({name: source.contract for name, source in inputs.sources.items()}, inputs.vocabulary)
    if faults:
        raise InputFaults(faults)
    geography = population.weighted(inputs)
    denominators = population.ward_denominators(inputs, geography)
    rows, ledger = indicators.administrative_table(inputs, geography, denominators)
    survey = _survey(inputs, geography)
    table = named(indicators.stacked([rows, survey.table, comparators(inputs)]), inputs)
    refuse_other_units(table)
    residents = population.residents(inputs, geography)
    questions = inputs.vocabulary.indicators.query("denominator == 'adults'")["indicator_id"]
    adults = denominators.get("adults", pd.Series(dtype=float))
    said = vars(survey) | {"table": with_population(table, inputs, denominators), "residents": residents}
    said["modelled"] = modelled_wards(table, residents, adults, questions=questions)
    return Measures(**said, headline=population.headline(inputs), ledger=ledger, geography=geography)


def _survey(inputs: Inputs, geography: Geography) -> answers.SurveyMeasures:
    """What the place's survey says."""
    sources = inputs.of_kind("survey")
    return answers.survey_measures(inputs, sources[0], geography) if sources else NO_SURVEY


def with_population(table: pd.DataFrame, inputs: Inputs, denominators: pd.DataFrame) -> pd.DataFrame:
    """Give the survey's figures for the whole place the number of people that they speak for, where it is known."""
    whole = table["release_class"].eq("survey") & table["area_type"].eq("place") & table["characteristic"].eq("all")
    speaks_for = table["indicator_id"].map(inputs.vocabulary.indicators.set_index("indicator_id")["denominator"])
    return table.assign(denominator=table["denominator"].mask(whole, speaks_for.map(denominators.sum().to_dict())))


def comparators(inputs: Inputs) -> pd.DataFrame:
    """Published figures of England, the region and named neighbours, as rows of the shared table.

    Returns
    -------
    DataFrame
        As published. A standard error is worked back from a 95% interval; without one the figure counts as exact.
    """
    columns = ["indicator_id", "area_name", "area_type", "value", "lower", "upper"]
    frames = [
        source.frame.reindex(columns=columns).assign(**indicators.provenance(source.contract), source_id=source.name)
        for source in inputs.of_kind("comparators")
    ]
    if not frames:
        return pd.DataFrame()
    meaning = inputs.vocabulary.indicators[["indicator_id", "unit", "per", "measure"]]
    rows = pd.concat(frames).astype({"lower": float, "upper": float}).merge(meaning, on="indicator_id", validate="m:1")
    error = ((rows["upper"] - rows["lower"]) / (2 * NORMAL_95)).fillna(0.0)
    unsaid = indicators.WHOLE | {"basis": "direct", "method": "as published", "years": 1.0, "status": "published"}
    unsaid |= {"release_class": "open", "agency_term": ""}
    return rows.assign(**unsaid, area_code=rows["area_name"], standard_error=error)


def refuse_other_units(table: pd.DataFrame) -> None:
    """Refuse figures so far from England's that one of the two must be in another unit.

    Parameters
    ----------
    table : DataFrame
        The shared indicator table. The place's figure is compared, or the middle one of its wards where it has none;
        nought, what is missing and a count below 30, which may be chance, are not.

    Raises
    ------
    PlacelibError
        Naming the indicators that are 30 times England's figure or more, or as much below it.
    """
    rows = table[(table["characteristic"] == "all") & (table["value"] > 0) & ~(table["numerator"] < UNLIKE)]
    mid = rows.pivot_table("value", "indicator_id", "area_type", "median").reindex(["place", "ward", "england"], axis=1)
    times = mid["place"].fillna(mid["ward"]) / mid["england"]
    if len(strange := times.index[np.abs(np.log(times)) >= np.log(UNLIKE)]):
        slip = f"{UNLIKE} times off England's, so in another unit (a share for a per cent, per 100,000 for per 1,000)"
        raise PlacelibError(f"{some(strange)}: {slip}. Correct the comparators, or the feed's scale.")


def named(table: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """Add the names that readers see: of the indicator, domain, area, category, agency, source and period."""
    table = table.assign(**table.reindex(columns=NUMBERS).astype(float))
    table = inputs.vocabulary.categories(inputs.vocabulary.named(table))
    is_place, ward_name = table["area_type"] == "place", table["area_code"].map(inputs.geography.ward_names)
    published_name = table["area_name"] if "area_name" in table else np.nan
    first, last = (pd.to_datetime(table[f"period_{end}"]).dt.strftime("%b %Y") for end in ("start", "end"))
    return table.assign(
        ward_name=ward_name,
        area_name=ward_name.fillna(published_name).mask(is_place, inputs.settings.name),
        area_code=table["area_code"].mask(is_place, inputs.settings.area_code),
        category_name=table["category_name"].fillna("Everyone"),
        characteristic_name=table["characteristic_name"].fillna("Everyone"),
        category_order=table["category_order"].fillna(0).astype(int),
        agency_name=table["agency"].map(inputs.settings.agency_names),
        source=table["source_id"].map({name: each.contract.title for name, each in inputs.sources.items()}),
        period=last.where(first == last, first + " to " + last),
        threshold=table["threshold"].clip(lower=inputs.settings.disclosure.administrative_threshold),
        illustrative=table["illustrative"].astype(bool),
    )
