"""The residents' survey as rows of the shared indicator table: place, wards and groups, with joint error."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from placelib.errors import PlacelibError
from placelib.measures import groups as group_measures
from placelib.measures import population, survey
from placelib.measures.indicators import particulars
from placelib.sources.geography import Geography
from placelib.sources.readers import Inputs, Source

PERCENT = 100


@dataclass(frozen=True, eq=False)
class SurveyMeasures:
    """What a survey says.

    Parameters
    ----------
    table : DataFrame
        Rows of the shared indicator table: for the place, each ward and each category of each characteristic.
    covariance : DataFrame
        Sampling covariance of the ward estimates, in squared percentage points; index and columns are
        (ward_code, indicator_id).
    response : DataFrame
        Who answered: respondents and weighted share by category, and Kish's design effect of the whole.
    gaps, together : DataFrame
        See `groups.gaps` and `groups.needs_together`.
    """

    table: pd.DataFrame
    covariance: pd.DataFrame
    response: pd.DataFrame
    gaps: pd.DataFrame
    together: pd.DataFrame


def survey_measures(inputs: Inputs, source: Source, geography: Geography) -> SurveyMeasures:
    """Estimate every question that feeds an indicator, for the place, its wards and its groups.

    Parameters
    ----------
    inputs : Inputs
        The place, for its vocabulary and population margins.
    source : Source
        A survey.
    geography : Geography
        Its wards.
    """
    ward = geography.locate(source.frame, source.contract.geography).set_index("row")["ward_code"]
    ward = ward.reindex(source.frame.index)
    design = weighted_design(inputs, source, geography, ward)
    groups = analysis_columns(source)
    answers = yes_or_no(source)
    tables = [_estimates(design, answers, groups[[name]].rename(columns={name: "category"}), name) for name in groups]
    everyone = pd.DataFrame({"category": "all"}, index=answers.index)
    wards = ward.to_frame("category")
    tables.append(_estimates(design, answers, everyone, "all").assign(area_type="place"))
    by_ward = _estimates(design, answers, wards, "all")
    tables.append(by_ward.assign(area_type="ward", area_code=by_ward["category"], category="all"))
    table = pd.concat(tables, ignore_index=True)
    table = table.fillna({"area_type": "place", "area_code": "place"})
    covariance = survey.covariance(design, answers, survey.Domains.of(wards)) * PERCENT**2
    illustrative = source.contract.illustrative
    return SurveyMeasures(
        _described(table, inputs, source),
        covariance,
        _response(inputs, source, design, groups.assign(ward=ward)),
        group_measures.gaps(design, answers, groups).assign(illustrative=illustrative),
        group_measures.needs_together(design, answers, groups).assign(illustrative=illustrative),
    )


def yes_or_no(source: Source) -> pd.DataFrame:
    """Answers to each indicator's question: 1 yes, 0 no, NaN not asked or not answered.

    Returns
    -------
    DataFrame
        A row a respondent, a column an indicator.
    """
    columns = {}
    for feed in source.contract.indicators:
        given = population.as_codes(source.frame[feed.column])
        columns[feed.id] = given.isin(feed.yes).astype(float).where(given.notna())
    return pd.DataFrame(columns, index=source.frame.index)


def analysis_columns(source: Source) -> pd.DataFrame:
    """The column that holds each characteristic; one made for weighting only where there is no other."""
    raked = {name for margin in source.contract.survey.rake for name in margin}
    chosen: dict[str, str] = {}
    for name, column in source.contract.columns.items():
        if column.characteristic and (column.characteristic not in chosen or name not in raked):
            chosen[column.characteristic] = name
    return pd.DataFrame({characteristic: source.frame[name] for characteristic, name in chosen.items()})


def weighted_design(inputs: Inputs, source: Source, geography: Geography, ward: pd.Series) -> survey.Design:
    """Design of a survey, raked to the population margins that its contract names, if it names any."""
    rules, frame = source.contract.survey, source.frame
    design = survey.Design(
        frame[rules.weight].to_numpy(),
        stratum=frame[rules.stratum].to_numpy() if rules.stratum else None,
        cluster=frame[rules.cluster].to_numpy() if rules.cluster else None,
        probability=rules.design == "probability",
    )
    ward_column = source.contract.geography.columns[0]
    margins, targets = {}, {}
    if rules.rake and ward.isna().any():
        rows = [row + 2 for row in ward.index[ward.isna()][:5]]
        rule = f"cannot be raked by ward: rows {rows} name no ward of {inputs.settings.name}"
        raise PlacelibError(f"{source.contract.file} {rule}. Correct the ward codes, or take those rows out.")
    for names in rules.rake:
        known = ["ward" if name == ward_column else source.contract.columns[name].characteristic for name in names]
        label = " × ".join(known)
        keys = [ward if name == "ward" else frame[column] for name, column in zip(known, names, strict=True)]
        margins[label] = population.crossed(keys)
        targets[label] = population.adult_margin(inputs, geography, known)
        if targets[label].empty:
            raise PlacelibError(
                f"{source.name}: the survey is to be raked to {label}, but no population source counts {label} by age: "
                "add one, or take the margin out of [survey] rake."
            )
    limits = {"trim": rules.trim} if rules.trim else {}
    return survey.rake(design, pd.DataFrame(margins), targets, **limits).design if margins else design


def kish_design_effect(weight: np.ndarray) -> float:
    """How many times larger than a plain random sample the survey has to be for unequal weights alone (Kish 1965)."""
    return len(weight) * float((weight**2).sum() / weight.sum() ** 2)


def _estimates(
    design: survey.Design, answers: pd.DataFrame, categories: pd.DataFrame, characteristic: str
) -> pd.DataFrame:
    found = survey.proportions(design, answers, survey.Domains.of(categories))
    found = found.rename(columns={"question": "indicator_id", "estimate": "value", "domain": "category"})
    percents = ["value", "standard_error", "lower", "upper"]
    found[percents] *= PERCENT
    return found.assign(characteristic=characteristic)


def _described(table: pd.DataFrame, inputs: Inputs, source: Source) -> pd.DataFrame:
    contract = source.contract
    rows = inputs.vocabulary.indicators.set_index("indicator_id")
    said = pd.DataFrame({feed.id: particulars(contract, feed, rows.loc[feed.id]) for feed in contract.indicators}).T
    named = table.merge(said, left_on="indicator_id", right_index=True, validate="m:1")
    chosen = contract.survey.design == "probability"
    limits = "Korn–Graubard 95% interval" if chosen else "no interval"
    design = "probability sample" if chosen else "self-selected"
    weights = "raked to population" if contract.survey.rake else "weights as supplied"
    method = f"survey estimate ({design}, {weights}), {limits}"
    nothing = {name: np.nan for name in ("numerator", "denominator", "coverage", "previous")}
    status = np.where(named["value"].isna(), "no data", "published")
    kept = named.drop(columns=["design_effect", "degrees_of_freedom", "lone_strata"])
    return kept.assign(basis="direct", method=method, status=status, source_id=source.name, years=1.0, **nothing)


def _response(inputs: Inputs, source: Source, design: survey.Design, groups: pd.DataFrame) -> pd.DataFrame:
    """Shares of the sample, before and after raking, beside the adult population where a source counts it."""
    weights = pd.DataFrame({"base": source.frame[source.contract.survey.weight], "raked": design.weight})
    weights.index = groups.index
    parts = []
    for name in groups:
        sums = weights.groupby(groups[name]).sum() / weights.sum() * PERCENT
        sums["respondents"] = groups[name].value_counts()
        adults = population.adult_margin(inputs, inputs.geography, [name])
        sums["population_pct"] = adults / adults.sum() * PERCENT
        parts.append(sums.rename_axis("category").reset_index().assign(characteristic=name))
    response = pd.concat(parts, ignore_index=True).rename(
        columns={"base": "before_raking_pct", "raked": "weighted_pct"}
    )
    response["sample_pct"] = response["respondents"] / len(groups) * PERCENT
    return response.assign(
        design_effect=kish_design_effect(design.weight), everyone=len(groups), illustrative=source.contract.illustrative
    )
