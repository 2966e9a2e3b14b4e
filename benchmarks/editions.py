"""How often is something said where there is nothing, and a grave gap not said? Writes EDITIONS.md beside this file.

    python benchmarks/editions.py --editions 100 --seed 2026          (about 5 minutes on two cores)

In each edition every ward, every group and England have the same true rates; the survey's sample and answers, the
agencies' counts and the comparators' figures are drawn anew. Then one group of about two in a hundred is given a grave
need of its own. What is counted is what the published tables say.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from replicates import PERCENT, Estimates, Study, as_table, counts_drawn, estimates, over, surveyed, write

from placelib import suppression
from placelib.measures.answers import yes_or_no
from placelib.measures.contrasts import apart_from_place
from placelib.measures.groups import gaps
from placelib.measures.shared import Measures
from placelib.sources.readers import Source
from placelib.stages import issues as issue_stages
from placelib.stages import needs as stages

ALIKE = 0.02  # correlation between neighbours' answers
CHARACTERISTIC, GROUP, QUESTION = "care_experience", "care_experienced", "not_making_ends_meet"
PLANTED = (0.4, 0.5, 0.6, 0.7)  # share of the group, against England's 0.14
COMPARATOR_ERRORS = {"england": 0.004, "region": 0.01, "neighbour": 0.035}


def edition(place: Study, seed: int, number: int) -> dict[str, object]:
    """Draw one edition without differences, then the same with each planted gap; say what was claimed."""
    random = np.random.default_rng([seed, number, 11])
    table = place.exact.table
    rates = table[table["area_type"] == "england"].set_index("indicator_id")["value"].astype(float)
    source = surveyed(place, [seed, number, 12], unseen=True)
    yes = same_chance(source, rates / PERCENT, random)
    found = estimates(place, source, yes)
    others = comparators(table, rates, random)
    counted = agencies(place, rates, random)
    gap = gaps(found.design, yes, found.groups).assign(illustrative=True)
    exact = replace(place.exact, table=pd.concat([counted, found.rows, others], ignore_index=True), gaps=gap)
    exact = replace(exact, covariance=found.covariance)
    said = claims(place, exact) | {"respondents": int((found.groups[CHARACTERISTIC] == GROUP).sum())}
    member = (found.groups[CHARACTERISTIC] == GROUP).to_numpy()
    luck = random.random(len(yes))
    for share in PLANTED:
        planted = yes.assign(**{QUESTION: yes[QUESTION].mask(member & yes[QUESTION].notna(), luck < share)}).astype(
            float
        )
        said |= {f"planted {share:.0%}": appears(place, estimates(place, source, planted), exact)}
    return said


def same_chance(source: Source, chance: pd.Series, random: np.random.Generator) -> pd.DataFrame:
    """Answers that everybody gives with the same chance, neighbours a little alike; unasked and skipped ones stay."""
    given = yes_or_no(source)
    cluster, areas = pd.factorize(source.frame[source.contract.survey.cluster])
    size = 1 / ALIKE - 1
    columns = {}
    for question in given:
        area = random.beta(chance[question] * size, (1 - chance[question]) * size, len(areas))
        drawn = random.random(len(cluster)) < area[cluster]
        columns[question] = pd.Series(drawn.astype(float), given.index).where(given[question].notna())
    return pd.DataFrame(columns)


def comparators(table: pd.DataFrame, rates: pd.Series, random: np.random.Generator) -> pd.DataFrame:
    """England, the region and neighbours: the same true rate, each with its own error."""
    rows = table[table["area_type"].isin(COMPARATOR_ERRORS)]
    rate = rows["indicator_id"].map(rates)
    error = rate * rows["area_type"].map(COMPARATOR_ERRORS)
    return rows.assign(value=random.normal(rate, error), standard_error=error)


def agencies(place: Study, rates: pd.Series, random: np.random.Generator) -> pd.DataFrame:
    """Counts of the wards and of the place, which is their sum, at the common rate."""
    table = place.exact.table
    rows = table[table["area_type"].isin(["ward", "place"]) & (table["release_class"] != "survey")]
    known = place.truth.query("characteristic == 'all'").set_index(["indicator_id", "area_code"])["people"]
    at = pd.MultiIndex.from_frame(rows[["indicator_id", "area_code"]])
    rate, people = rows["indicator_id"].map(rates), pd.Series(known.reindex(at).to_numpy(float), rows.index)
    wards = rows["area_type"] == "ward"
    drawn = counts_drawn(rows[wards], rate[wards], people[wards], random)
    whole = rows[~wards & rows["value"].notna()].copy()
    count = whole["indicator_id"].map(drawn.groupby("indicator_id")["numerator"].sum())
    base = whole["denominator"] * whole["years"]
    spread = count * (1 - count / base).where(whole["measure"] == "proportion", 1.0)
    unit = whole["per"] / base
    return pd.concat([drawn, whole.assign(numerator=count, value=count * unit, standard_error=np.sqrt(spread) * unit)])


def claims(place: Study, exact: Measures) -> dict[str, object]:
    """What the published tables claim, where there is nothing to claim."""
    issues = issue_stages.issues(place.inputs, exact).frame
    equality = stages.equality(place.inputs, exact).frame
    beside = stages.comparisons(place.inputs, exact).frame["verdict"]
    sure = equality[equality["verdict"].isin(["worse", "better"])]
    groups = issues["headline"].str.startswith("A small group")
    wards = wards_apart(suppression.coarsened(exact.table, place.inputs.settings.disclosure))
    return {
        "a key issue": (issues["indicator_id"] != "").any(),
        "a key issue of the whole place": ((issues["indicator_id"] != "") & ~groups).any(),
        "a key issue of a small group": groups.any(),
        "worse or better than a comparator": beside.isin(["worse", "better"]).any(),
        "a group surely worse": (sure["verdict"] == "worse").any(),
        "a group surely better": (sure["verdict"] == "better").any(),
        "a gap, one characteristic": (sure["family"] == "one characteristic").any(),
        "a gap, two characteristics": (sure["family"] == "two characteristics").any(),
        "a gap of 60 answers or more": (sure["respondents"] >= 60).any(),
        "a ward worse than the place, of one survey question": wards[True].mean(),
        "a ward worse than the place, of one agency's measure": wards[False].mean(),
        "a ward among the five": (stages.needs(place.inputs, exact).frame["sure"] != "").any(),
        "gaps": sure[["indicator_id", "category", "respondents", "value", "everyone", "verdict"]].assign(one=1),
    }


def wards_apart(table: pd.DataFrame) -> dict[bool, np.ndarray]:
    """For each measure, of the survey (True) and of agencies, whether any ward is called worse, as `issues` does."""
    said: dict[bool, list[bool]] = {True: [], False: []}
    for _, rows in table[table["characteristic"] == "all"].groupby("indicator_id"):
        whole, wards = rows[rows["area_type"] == "place"], rows[(rows["area_type"] == "ward") & rows["value"].notna()]
        if len(whole) and whole["numerator"].notna().any() | (whole["release_class"].iloc[0] == "survey"):
            apart = apart_from_place(wards, whole.iloc[0], tail=0.05 / max(len(wards), 1))
            said[whole["release_class"].iloc[0] == "survey"].append((apart > 0).any())
    return {kind: np.array(each) for kind, each in said.items()}


def appears(place: Study, found: Estimates, exact: Measures) -> bool:
    """Whether the group's planted gap is the small group's key issue."""
    own = gaps(found.design, found.yes[[QUESTION]], found.groups).assign(illustrative=True)
    rest = exact.gaps[exact.gaps["indicator_id"] != QUESTION]
    rows = exact.table[exact.table["release_class"] != "survey"]
    exact = replace(exact, table=pd.concat([rows, found.rows], ignore_index=True), gaps=pd.concat([rest, own]))
    issues = issue_stages.issues(place.inputs, replace(exact, gaps=exact.gaps.reset_index(drop=True))).frame
    small = issues[issues["headline"].str.startswith("A small group")]
    return bool(
        (small["indicator_id"].eq(QUESTION) & small["headline"].str.contains(": Care experienced. ", regex=False)).any()
    )


def page(found: list[dict[str, object]], chosen: argparse.Namespace) -> list[str]:
    """Write how often each claim was made."""
    gaps_said = pd.concat([each.pop("gaps") for each in found], ignore_index=True)
    table = pd.DataFrame(found)
    people = table.pop("respondents")
    rows = [
        {"claim": name, "editions of 100": f"{PERCENT * column.mean():.1f} ± {_error(column):.1f}"}
        for name, column in table.astype(float).items()
    ]
    nothing = [row for row in rows if not row["claim"].startswith("planted")]
    planted = [row for row in rows if row["claim"].startswith("planted")]
    shape = gaps_said.groupby(["verdict", pd.cut(gaps_said["respondents"], [0, 59, 119, 299, 9_999])], observed=True)
    sizes = shape.agg(claims=("one", "sum"), value=("value", "mean"), everyone=("everyone", "mean")).round(1)
    return [
        OPENING.format(editions=chosen.editions, seed=chosen.seed),
        "## Without any difference",
        "Editions in which the published tables claim ...",
        as_table(pd.DataFrame(nothing)),
        "The false gaps, by verdict and respondents (claims in all editions, mean value and mean of everyone):",
        as_table(sizes.reset_index()),
        "## With one grave gap in a small group",
        f"'{GROUP}' ({people.mean():.0f} respondents on average, {people.min()} to {people.max()}) says "
        f"'{QUESTION}' as often as given; everybody else 14%. Editions in which it is the small group's key issue:",
        as_table(pd.DataFrame(planted)),
    ]


def _error(column: pd.Series) -> float:
    return PERCENT * float(np.sqrt(column.mean() * (1 - column.mean()) / len(column)))


OPENING = """# Editions without a difference, and with one

Made by `python benchmarks/editions.py --editions {editions} --seed {seed}`. The sample, response and skipped questions
of the illustrative Tower Hamlets, drawn anew in each edition; answers with the same chance for everyone (England's
figure; neighbours' answers correlate by 0.02), counts about the same rates, comparators with their own errors. After ±
stands the simulation's standard error."""


def main() -> None:
    """Simulate and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--editions", type=int, default=100)
    parser.add_argument("--seed", type=int, default=2_026)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("EDITIONS.md"))
    chosen = parser.parse_args()
    found = over(edition, [(chosen.seed, number) for number in range(chosen.editions)])
    write(chosen.out, page(found, chosen))


if __name__ == "__main__":
    main()
