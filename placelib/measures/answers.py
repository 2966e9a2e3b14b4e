"""The residents' survey as rows of the shared indicator table: place, wards and groups, with joint error."""

from dataclasses import dataclass
from itertools import product
from statistics import NormalDist

import numpy as np
import pandas as pd

from placelib.errors import PlacelibError
from placelib.measures import contrasts, population, survey
from placelib.measures import groups as group_measures
from placelib.measures.aspirations import aspirations
from placelib.measures.indicators import particulars
from placelib.sources.geography import Geography
from placelib.sources.readers import Inputs, Source

PERCENT = 100
FEWEST, NOT_SAID = 30, "prefer_not_to_say"
NO_TESTS = pd.DataFrame(columns=["indicator_id", "characteristic", "p_value"])
WIDTH = 2 * NormalDist().inv_cdf(0.975)  # of a 95% interval, in standard errors


@dataclass(frozen=True, eq=False)
class SurveyMeasures:
    """What a survey says.

    Parameters
    ----------
    table : DataFrame
        Rows of the shared indicator table: for the place, each ward and each category of each characteristic. Besides,
        left of the gate: design_effect, and place_p_value of each ward (Student's t test of its difference from the
        place, with the covariance of part and whole; missing where all its answers agree).
    covariance : DataFrame
        Sampling covariance of the ward estimates, in squared percentage points; index and columns are
        (ward_code, indicator_id).
    response : DataFrame
        Who answered: respondents and weighted share by category, and Kish's design effect of the whole.
    gaps, together : DataFrame
        See `groups.gaps` and `groups.needs_together`.
    wanted : DataFrame
        See `aspirations.aspirations`.
    """

    table: pd.DataFrame
    covariance: pd.DataFrame
    response: pd.DataFrame
    gaps: pd.DataFrame
    together: pd.DataFrame
    wanted: pd.DataFrame


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
    ward = _ward_of_home(source, geography)
    design = weighted_design(inputs, source, geography, ward)
    groups, answers = analysis_columns(source), yes_or_no(source)
    domains = survey.Domains.each(groups.assign(all="all", ward=ward))
    found = group_measures.cautious_proportions(design, answers, domains)
    covariance = survey.covariance(design, answers, survey.Domains.of(ward.to_frame())) * PERCENT**2
    areas = survey.Domains.each(pd.DataFrame({"all": "all", "ward": ward}))
    pairs = [(area, group_measures.EVERYONE) for area in areas.names.drop(group_measures.EVERYONE)]
    apart = contrasts.differences(design, answers, areas, pairs)["p_value"]
    found.loc[found["characteristic"] == "ward", "place_p_value"] = apart.to_numpy()
    # where all answers agree the sample shows no error, and the limits are what is known of it
    agree = found["standard_error"] == 0
    found["standard_error"] = found["standard_error"].mask(agree, (found["upper"] - found["lower"]) / WIDTH)
    found["place_p_value"] = found["place_p_value"].mask(agree)
    illustrative, known = source.contract.illustrative, inputs.vocabulary.indicators
    good = answers.columns.intersection(known.loc[known["direction"] == "higher is better", "indicator_id"])
    needs = answers.assign(**(1 - answers[good]))  # where a yes is good, the no is the need
    return SurveyMeasures(
        _described(found, inputs, source),
        covariance.mask(np.diag(np.diag(covariance) == 0)),
        _response(inputs, source, design, groups.assign(ward=ward)),
        group_measures.gaps(design, answers, groups).assign(illustrative=illustrative),
        group_measures.needs_together(design, needs, groups).assign(illustrative=illustrative),
        aspirations(design, source, groups, ward),
    )


def associations(inputs: Inputs, source: Source, geography: Geography) -> pd.DataFrame:
    """Test whether answers to each question go with each characteristic (`contrasts.rao_scott`, second order).

    Groups of fewer than 30 answers are left out, as are those who would not say; so is what leaves fewer than two
    groups, and a self-selected sample.

    Returns
    -------
    DataFrame
        indicator_id, characteristic, p_value.
    """
    design = weighted_design(inputs, source, geography, _ward_of_home(source, geography))
    groups, answers, rows = analysis_columns(source), yes_or_no(source), []
    for characteristic, question in product(groups, answers):
        group = groups[characteristic].where(answers[question].notna() & (groups[characteristic] != NOT_SAID))
        group = group.where(group.map(group.value_counts()) >= FEWEST)
        if design.probability and min(group.nunique(), answers.loc[group.notna(), question].nunique()) > 1:
            rows.append((question, characteristic, contrasts.rao_scott(design, group, answers[question]).p_value))
    return pd.DataFrame(rows, columns=list(NO_TESTS))


def _ward_of_home(source: Source, geography: Geography) -> pd.Series:
    """Ward of each respondent, missing where it cannot be told."""
    located = geography.locate(source.frame, source.contract.geography).set_index("row")["ward_code"]
    return located.reindex(source.frame.index)


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
    columns = {characteristic: source.frame[name] for characteristic, name in chosen.items()}
    return pd.DataFrame(columns, index=source.frame.index)


def weighted_design(inputs: Inputs, source: Source, geography: Geography, ward: pd.Series) -> survey.Design:
    """Design of a survey, raked to the population margins that its contract names, if it names any."""
    rules, frame = source.contract.survey, source.frame
    codes = (frame.get(name) for name in (rules.stratum, rules.cluster))
    design = survey.Design(frame[rules.weight], *codes, probability=rules.design == "probability")
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
    return survey.rake(design, pd.DataFrame(margins), targets, **limits) if margins else design


def _described(found: pd.DataFrame, inputs: Inputs, source: Source) -> pd.DataFrame:
    """Estimates as rows of the shared table; wards are areas, and not a characteristic."""
    contract = source.contract
    table = found.drop(columns=["degrees_of_freedom", "lone_strata"])
    table = table.rename(columns={"question": "indicator_id", "estimate": "value"})
    table[["value", "standard_error", "lower", "upper"]] *= PERCENT
    is_ward = table["characteristic"] == "ward"
    table["area_type"] = np.where(is_ward, "ward", "place")
    table["area_code"] = table["category"].where(is_ward)
    table.loc[is_ward, ["characteristic", "category"]] = "all"
    rows = inputs.vocabulary.indicators.set_index("indicator_id")
    said = pd.DataFrame({feed.id: particulars(contract, feed, rows.loc[feed.id]) for feed in contract.indicators}).T
    chosen = contract.survey.design == "probability"
    design, limits = ("probability sample", "Korn–Graubard 95%") if chosen else ("self-selected", "no")
    weights = "raked to population" if contract.survey.rake else "weights as supplied"
    return table.join(said, on="indicator_id").assign(
        basis="direct",
        method=f"survey estimate ({design}, {weights}), {limits} interval",
        status=np.where(table["value"].isna(), "no data", "published"),
        source_id=source.name,
        years=1.0,
    )


def _response(inputs: Inputs, source: Source, design: survey.Design, groups: pd.DataFrame) -> pd.DataFrame:
    """Shares of the sample, before and after raking, beside the adult population where a source counts it."""
    weights = {"before_raking_pct": source.frame[source.contract.survey.weight], "weighted_pct": design.weight}
    people = pd.DataFrame(weights, index=groups.index).assign(sample_pct=1.0)
    domains = survey.Domains.each(groups)
    shares = domains.members.T @ (people / people.sum() * PERCENT).to_numpy()
    table = pd.DataFrame(shares, domains.names, people.columns)
    adults = {name: population.adult_margin(inputs, inputs.geography, [name]) for name in groups}
    table["population_pct"] = pd.concat({name: each / each.sum() * PERCENT for name, each in adults.items()})
    return table.reset_index().assign(
        respondents=domains.members.sum(axis=0).astype(int),
        design_effect=design.weighting_effect,
        everyone=len(groups),
        illustrative=source.contract.illustrative,
    )
