"""One illustrative place made once, and surveyed again and again: what the simulations beside this file share.

The people and what each would answer stay as they are (a finite population). A replicate draws areas and adults anew
by the survey's own design (strata, clusters, unequal chances), lets them respond unevenly and skip questions, and puts
the file through the library's own steps: raking, estimates, the gate.
"""

import sys
import tomllib
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from placelib.measures import answers as survey_answers
from placelib.measures import contrasts, population, shared, survey
from placelib.measures.groups import cautious_proportions
from placelib.sources.readers import SHIPPED, Inputs, Source, read_place

sys.path.insert(
    0, str(Path(__file__).parents[1] / "data")
)  # what writes the illustrative places is no part of placelib

from illustrative import survey as made  # noqa: E402
from illustrative.people import HERE, World, build_world  # noqa: E402

SLUG = "tower-hamlets"
PERCENT = 100
PROCESSES = 2
NOT_SAID = "prefer_not_to_say"
KEYS = ["indicator_id", "area_code", "characteristic", "category"]
# Who responds, by what the weights can see (age, sex, disability, ward) and, besides, by what they cannot.
SEEN = {"18_24": -0.9, "25_34": -0.4, "65_74": 0.5, "75_84": 0.4, "85_plus": -0.3, "male": -0.2, "disabled_a_lot": -0.2}


@dataclass(eq=False)
class Study:
    """A place that can be surveyed again.

    Parameters
    ----------
    world : World
        Its people.
    answers : DataFrame
        What each adult would answer.
    inputs : Inputs
        Its folder, read and checked; the committed survey is what a replicate stands in for.
    exact : Measures
        Its measures, for all that does not come from the survey.
    truth : DataFrame
        True percentage or rate by `KEYS`, with the people behind it.
    adults : Series
        By ward.
    """

    world: World
    answers: pd.DataFrame
    inputs: Inputs
    exact: shared.Measures
    truth: pd.DataFrame
    adults: pd.Series


def study() -> Study:
    """Make the place: the same people and answers as those behind the committed files."""
    world = build_world(SLUG, tomllib.loads((HERE / f"{SLUG}.toml").read_text(encoding="utf8")))
    answers = made.everyone_answers(world)
    inputs = read_place(SLUG, SHIPPED)
    exact = shared.measure(inputs)
    truth = pd.read_csv(SHIPPED.parent / f"tests/truth/{SLUG}.csv.gz")
    adults = population.ward_denominators(inputs, exact.geography)["adults"]
    return Study(world, answers, inputs, exact, truth.drop_duplicates(KEYS), adults)


def surveyed(place: Study, seed: Iterable[int], *, unseen: bool) -> Source:
    """Survey the place again.

    Parameters
    ----------
    place : Study
        The place.
    seed : iterable of int
        Of the sample, the response and the skipped questions.
    unseen : bool
        Whether response depends also on what the weights cannot see (tenure, estate, frailty, ethnic group), as it
        does in the committed file.
    """
    world, source = place.world, place.inputs.of_kind("survey")[0]
    own = tomllib.loads((HERE / f"{SLUG}.toml").read_text(encoding="utf8"))
    world.random = np.random.default_rng(list(seed))
    world.plan = world.plan | {"response": own["response"] if unseen else SEEN}
    rows = made.survey_rows(world, place.answers)
    columns = {name: column["from"] for name, column in own["sources"]["survey"]["columns"].items()}
    columns |= {question[SLUG]["column"]: name for name, question in made.questions().items()}
    frame = pd.DataFrame({name: rows[columns[name]] for name in source.frame if columns.get(name) in rows})
    asked = [question[SLUG]["column"] for question in made.questions().values()]
    frame[asked] = frame[asked].mask(frame[asked].isin(["refused", "skipped"]))
    return replace(source, frame=frame.mask(frame == "skipped"))


@dataclass(frozen=True, eq=False)
class Estimates:
    """What one replicate says: rows of the shared indicator table, the joint error of its wards, and its parts."""

    rows: pd.DataFrame
    covariance: pd.DataFrame
    design: survey.Design
    yes: pd.DataFrame
    groups: pd.DataFrame


def estimates(place: Study, source: Source, yes: pd.DataFrame | None = None) -> Estimates:
    """Weight the survey and estimate every question for the place, its wards and its groups.

    As `measures.answers.survey_measures`, but in one pass over all domains and without what the simulations do not
    look at (who answered, needs that fall together).

    Parameters
    ----------
    place : Study
        The place.
    source : Source
        See `surveyed`.
    yes : DataFrame, optional
        Answers in place of those of the file.
    """
    ward = source.frame[source.contract.geography.columns[0]].rename("ward")
    design = survey_answers.weighted_design(place.inputs, source, place.exact.geography, ward)
    yes = survey_answers.yes_or_no(source) if yes is None else yes
    groups = survey_answers.analysis_columns(source)
    by = {name: survey.Domains.of(groups[[name]]) for name in groups}
    everyone = survey.Domains.of(pd.DataFrame({"all": "all"}, index=yes.index))
    by_ward = survey.Domains.of(ward.to_frame())
    parts = [everyone, by_ward, *by.values()]
    area = place.inputs.settings.area_code
    names = [("place", area, "all", "all"), *(("ward", code, "all", "all") for code in by_ward.names)]
    names += [("place", area, name, category) for name, each in by.items() for category in each.names]
    index = pd.MultiIndex.from_tuples(names, names=["area_type", *KEYS[1:]])
    stacked = survey.Domains(sparse.hstack([part.members for part in parts], format="csr"), index)
    found = cautious_proportions(design, yes, stacked)
    pairs = [(area, names[0]) for area in names[1 : 1 + len(by_ward.names)]]
    apart = contrasts.differences(design, yes, stacked, pairs)["p_value"]
    found.loc[found["area_type"] == "ward", "place_p_value"] = apart.to_numpy()
    found = found.rename(columns={"question": "indicator_id", "estimate": "value"})
    found[["value", "standard_error", "lower", "upper"]] *= PERCENT
    covariance = survey.covariance(design, yes, by_ward) * PERCENT**2
    return Estimates(_described(place, found), covariance, design, yes, groups)


def _described(place: Study, found: pd.DataFrame) -> pd.DataFrame:
    """Give the estimates the other columns of the shared indicator table."""
    table = place.exact.table
    known = table[table["release_class"] == "survey"].drop_duplicates("indicator_id")
    kept = [
        "basis",
        "method",
        "years",
        "unit",
        "per",
        "measure",
        "release_class",
        "illustrative",
        "agency",
        "source_id",
    ]
    kept += ["agency_term", "period_start", "period_end", "threshold"]
    rows = found.merge(known[["indicator_id", *kept]], on="indicator_id", validate="m:1")
    nothing = {name: np.nan for name in ("numerator", "denominator", "coverage", "previous")}
    rows = rows.assign(status=np.where(rows["value"].isna(), "no data", "published"), **nothing)
    everyone = (rows["area_type"] == "place") & (rows["characteristic"] == "all")
    rows["denominator"] = rows["denominator"].mask(everyone, place.adults.sum())
    return shared.named(rows, place.inputs)


def counts_drawn(rows: pd.DataFrame, rate: pd.Series, people: pd.Series, random: np.random.Generator) -> pd.DataFrame:
    """Draw agencies' counts anew: Poisson for events, binomial for shares, errors from the draw.

    Parameters
    ----------
    rows : DataFrame
        Ward rows of the shared indicator table that do not come from the survey.
    rate : Series
        True rate of each row, in the indicator's unit.
    people : Series
        At risk, where the row does not say.
    random : numpy.random.Generator
        The source of chance.
    """
    flow = rows["measure"] == "flow"
    base = (rows["denominator"].fillna(people) * rows["years"]).where(flow, rows["denominator"].fillna(people).round())
    expected = rate * base / rows["per"]
    share = (rate / rows["per"]).clip(0, 1).where(~flow, 0)
    count = np.where(flow, random.poisson(expected), random.binomial(base.round().astype(int), share))
    told, unit = rows["numerator"].notna() | (rows["status"] == "suppressed"), rows["per"] / base
    spread = np.maximum(count, 1) * np.where(flow, 1, 1 - count / base)
    return rows.assign(
        value=count * unit,
        numerator=pd.Series(count.astype(float), rows.index).where(told),
        standard_error=(np.sqrt(np.maximum(spread, 0)) * unit).where(told, 0.0),
        status="published",
    )


_PLACE: list[Study] = []


def _start() -> None:
    _PLACE.append(study())


def _run(task: tuple[Callable, tuple]) -> pd.DataFrame:
    function, arguments = task
    return function(_PLACE[0], *arguments)


def over(function: Callable[..., object], arguments: Iterable[tuple]) -> list:
    """Call the function with the place and each of the arguments, two processes sharing the work."""
    tasks = [(function, each) for each in arguments]
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn"), initializer=_start) as pool:
        return list(pool.map(_run, tasks, chunksize=4))


def as_table(frame: pd.DataFrame) -> str:
    """Write a frame of words as a Markdown table."""
    lines = [list(frame.columns), ["---"] * frame.shape[1], *frame.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write(path: Path, parts: Iterable[str]) -> None:
    """Write the parts of a page, a blank line between them, and print it."""
    text = "\n\n".join(parts) + "\n"
    path.write_text(text, encoding="utf8")
    print(text)
