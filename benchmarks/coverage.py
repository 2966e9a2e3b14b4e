"""Do published intervals and rank sets hold the truth as often as they say? Writes COVERAGE.md beside this file.

    python benchmarks/coverage.py --replicates 1000 --seed 2026          (about 20 minutes on two idle cores)

Each replicate is a new stratified, clustered sample of the same people with uneven response, raked, estimated, and
sent through the gate: what is looked at is what readers would see (rounded, hidden, marked). Agencies' counts are
drawn anew about their true rates for the need index.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from replicates import KEYS, NOT_SAID, Study, as_table, counts_drawn, estimates, over, surveyed, write

from placelib import gate, suppression
from placelib.assessment import needs
from placelib.measures.modelled import modelled_wards
from placelib.stages import needs as stages

BANDS = {9: "1 to 9", 29: "10 to 29", 59: "30 to 59", 119: "60 to 119", np.inf: "120 or more"}
RARE = {5: "under 5%", 15: "5% to 15%", 85: "15% to 85%", 100: "over 85%"}
FEWEST = 100  # published figures of one cell, below which its own coverage says nothing
NOMINAL = 0.95


def replicate(place: Study, seed: int, number: int, unseen: bool) -> dict[str, pd.DataFrame]:
    """Survey the place once: what is published, what was modelled, and the rank sets, each beside its truth."""
    found = estimates(place, surveyed(place, [seed, number, unseen], unseen=unseen))
    truth = place.truth.set_index(KEYS)["value"].rename("truth")
    shown = gate.release_indicators(found.rows, "", policy=place.inputs.settings.disclosure).frame
    columns = ["area_type", "respondents", "value", "lower", "upper"]
    cells = found.rows[[*KEYS, *columns]].join(shown[["mark", *columns[2:]]], rsuffix="_shown").join(truth, on=KEYS)
    cells = cells[(cells["category"] != NOT_SAID) & cells["truth"].notna()]
    cells = cells.assign(replicate=number, held=_held(cells, "_shown"), held_exactly=_held(cells, ""))
    questions = place.inputs.vocabulary.indicators.query("denominator == 'adults'")["indicator_id"]
    modelled = modelled_wards(found.rows, place.exact.residents, place.adults, questions=questions)
    wards = stages.modelled(place.inputs, replace(place.exact, modelled=modelled)).frame
    keyed = pd.MultiIndex.from_frame(wards[["indicator_id", "ward_code"]].assign(characteristic="all", category="all"))
    wards["truth"] = truth.reindex(keyed).to_numpy()
    return {
        "cells": cells.drop(columns=["value", "lower", "upper"]),
        "wards": wards[["indicator_id", "ward_code", "mark", "direct", "value", "lower", "upper", "truth"]].assign(
            replicate=number
        ),
        "ranks": ranks(place, found.rows, found.covariance, np.random.default_rng([seed, number, 7])),
    }


def _held(cells: pd.DataFrame, suffix: str) -> pd.Series:
    """Whether the interval holds the truth; missing where there is none."""
    lower, upper = cells[f"lower{suffix}"], cells[f"upper{suffix}"]
    return cells["truth"].between(lower, upper).astype(float).where(lower.notna() & upper.notna())


def ranks(place: Study, rows: pd.DataFrame, covariance: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """Rank sets of the need index from this survey and from counts drawn anew, beside the true ranks."""
    table = place.exact.table
    england = table[table["area_type"] == "england"]
    wards = table[(table["area_type"] == "ward") & (table["release_class"] != "survey")]
    known = place.truth.query("characteristic == 'all'").set_index(["indicator_id", "area_code"])
    at = pd.MultiIndex.from_frame(wards[["indicator_id", "area_code"]])
    rate, people = (pd.Series(known[name].reindex(at).to_numpy(float), wards.index) for name in ("value", "people"))
    drawn = counts_drawn(wards, rate, people, random)
    asked = rows[(rows["area_type"] == "ward")]
    words, weights = place.inputs.vocabulary, place.inputs.settings.weights
    made_of = suppression.coarsened(
        pd.concat([drawn, asked, england], ignore_index=True), place.inputs.settings.disclosure
    )
    found = needs.need_index(made_of, covariance, words, weights=weights)
    at = pd.MultiIndex.from_frame(asked[["indicator_id", "area_code"]])
    asked = asked.assign(value=known["value"].reindex(at).to_numpy())
    whole = pd.concat([wards.assign(value=rate, status="published"), asked, england]).assign(threshold=0.0)
    truly = needs.need_index(whole, covariance, words, weights=weights).set_index("ward_code")["rank"]
    found = found[["ward_code", "rank", "rank_lower", "rank_upper", "sure"]]
    return found.assign(true_rank=found["ward_code"].map(truly))


def share(held: pd.Series, replicate: pd.Series) -> str:
    """Coverage in per cent with its simulation error: figures of one replicate are not independent of each other."""
    known = held.notna()
    sums = pd.DataFrame({"held": held[known], "all": 1.0}).groupby(replicate[known]).sum()
    if sums.empty:
        return "none"
    ratio = sums["held"].sum() / sums["all"].sum()
    off = sums["held"] - ratio * sums["all"]
    error = np.sqrt((off**2).sum() * len(sums) / max(len(sums) - 1, 1)) / sums["all"].sum()
    return f"{100 * ratio:.1f} ± {100 * error:.1f}"


def by_size(cells: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Coverage of the published intervals by what they are of and how many answered."""
    rows = []
    for key, part in cells.groupby(by, observed=True):
        plain = part[part["mark"] == ""]
        rows.append(
            dict(zip(by, key, strict=True))
            | {
                "figures a survey": f"{len(part) / cells['replicate'].nunique():,.0f}",
                "hidden %": f"{100 * (part['mark'] == gate.SUPPRESSED).mean():.0f}",
                "marked uncertain %": f"{100 * (part['mark'] == gate.UNRELIABLE).mean():.0f}",
                "published %": share(part["held"], part["replicate"]),
                "of them without a mark %": share(plain["held"], plain["replicate"]),
                "before rounding %": share(part["held_exactly"], part["replicate"]),
                "width (points)": f"{(part['upper_shown'] - part['lower_shown']).mean():.1f}".replace("nan", "none"),
            }
        )
    return pd.DataFrame(rows)


def sorted_cells(cells: pd.DataFrame) -> pd.DataFrame:
    """Add what each figure is of, and the bands of its respondents and of its truth."""
    kind = np.where(cells["area_type"] == "ward", "ward", np.where(cells["characteristic"] == "all", "place", "group"))
    size = pd.cut(cells["respondents"], [0, *BANDS], labels=list(BANDS.values()))
    rare = pd.cut(cells["truth"], [-1, *RARE], labels=list(RARE.values()))
    return cells.assign(of=kind, respondents=size, true_share=rare)


def one_by_one(cells: pd.DataFrame) -> pd.DataFrame:
    """Spread of the coverage of single figures, by what they are of."""
    each = cells.groupby(["of", *KEYS], observed=True)["held"].agg(["mean", "count"])
    each = each[each["count"] >= FEWEST].reset_index()
    rows = []
    for kind, part in each.groupby("of"):
        worst = part.nsmallest(1, "mean").iloc[0]
        rows.append(
            {
                "of": kind,
                "figures": len(part),
                "lowest %": f"{100 * part['mean'].min():.1f}",
                "which": " ".join(worst[name] for name in KEYS if worst[name] != "all"),
                "lowest twentieth %": f"{100 * part['mean'].quantile(0.05):.1f}",
                "median %": f"{100 * part['mean'].median():.1f}",
                "under 93%": int((part["mean"] < NOMINAL - 0.02).sum()),
                "under 90%": int((part["mean"] < NOMINAL - 0.05).sum()),
            }
        )
    return pd.DataFrame(rows)


def rank_lines(ranks: pd.DataFrame) -> list[str]:
    """Joint coverage of the rank sets, their width, and how often 'among the five' is wrong."""
    inside = ranks["true_rank"].between(ranks["rank_lower"], ranks["rank_upper"])
    together = inside.groupby(ranks["replicate"]).all()
    error = 100 * np.sqrt(together.mean() * (1 - together.mean()) / len(together))
    greatest = ranks["sure"].str.contains("greatest")
    least = ranks["sure"].str.contains("least")
    wrong = (greatest & (ranks["true_rank"] > needs.WORST)) | (
        least & (ranks["true_rank"] <= ranks["true_rank"].max() - needs.WORST)
    )
    replicates = len(together)
    return [
        f"All true ranks in their sets at once: {100 * together.mean():.1f} ± {error:.1f}% of replicates (stated: "
        f"{100 * needs.RANK_CONFIDENCE:.0f}%). One ward's: {share(inside.astype(float), ranks['replicate'])}%.",
        f"A set holds {(ranks['rank_upper'] - ranks['rank_lower'] + 1).mean():.1f} of "
        f"{ranks['ward_code'].nunique()} ranks on average.",
        f"'Among the five' is said of {(ranks['sure'] != '').sum() / replicates:.1f} wards a replicate; it is wrong of "
        f"any ward in {100 * wrong.groupby(ranks['replicate']).any().mean():.1f}% of replicates.",
    ]


def model_table(wards: pd.DataFrame) -> pd.DataFrame:
    """Mean squared error of modelled and direct ward figures as published, and coverage of the modelled intervals."""
    wards = wards[wards["value"].notna()]
    rows = []
    for name, part in [*wards.groupby("indicator_id"), ("all questions", wards)]:
        direct, modelled = (
            ((part[kind] - part["truth"]) ** 2).groupby(part["replicate"]) for kind in ("direct", "value")
        )
        gain = modelled.sum() - direct.sum()
        error = gain.std() / np.sqrt(len(gain))
        held = part["truth"].between(part["lower"], part["upper"]).astype(float)
        own = held.groupby(part["ward_code"]).mean()
        rows.append(
            {
                "question": name,
                "direct": f"{(part['direct'] - part['truth']).pow(2).mean():.1f}",
                "modelled": f"{(part['value'] - part['truth']).pow(2).mean():.1f}",
                "modelled / direct": f"{modelled.sum().sum() / direct.sum().sum():.2f} "
                f"± {error * len(gain) / direct.sum().sum():.2f}",
                "interval holds %": share(held, part["replicate"]),
                "in its worst ward %": f"{100 * own.min():.0f}",
                "width (points)": f"{(part['upper'] - part['lower']).mean():.1f}",
            }
        )
    return pd.DataFrame(rows)


def page(found: list[dict[str, pd.DataFrame]], title: str) -> list[str]:
    """Write what the replicates of one kind of response show."""
    tables = {
        name: pd.concat([each[name].assign(replicate=at) for at, each in enumerate(found)], ignore_index=True)
        for name in found[0]
    }
    cells = sorted_cells(tables["cells"])
    groups = cells[cells["of"] == "group"]
    return [
        f"## {title}",
        f"{len(found):,} surveys; {len(tables['cells']) / len(found):,.0f} figures each.",
        "Nominal 95% intervals, by what they are of and by respondents:",
        as_table(by_size(cells, ["of", "respondents"])),
        "Groups, by respondents and by the true share:",
        as_table(by_size(groups, ["respondents", "true_share"])),
        f"One figure at a time, those published in {FEWEST} surveys or more:",
        as_table(one_by_one(cells)),
        "Rank sets of the need index:",
        *rank_lines(tables["ranks"]),
        "Ward figures, mean squared error in squared points, as published:",
        as_table(model_table(tables["wards"])),
    ]


OPENING = """# Coverage by simulation

Made by `python benchmarks/coverage.py --replicates {replicates} --seed {seed}`. One illustrative place (Tower Hamlets
as imagined; its truth follows no model that the library fits), surveyed again and again: 7 strata, about 370 of its
output areas, unequal chances, about 3,000 respondents, uneven response, skipped questions; raked to age by sex,
disability and ward. A figure counts as covered if the true percentage lies within the limits *as published*: whole
per cent, limits rounded outwards, none under ten respondents. After ± stands the simulation's own standard error.

Left out: the steps before the survey file (reading, contracts), and in the ranks the finding of places for agencies'
records; counts are drawn about each ward's true rate. Groups "prefer not to say" are left out: whoever refuses at
random has no true group."""


def main() -> None:
    """Simulate and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=2_026)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("COVERAGE.md"))
    chosen = parser.parse_args()
    fewer = max(chosen.replicates // 5, 2)
    tasks = [(chosen.seed, number, False) for number in range(chosen.replicates)]
    tasks += [(chosen.seed, number, True) for number in range(fewer)]
    found = over(replicate, tasks)
    parts = [OPENING.format(replicates=chosen.replicates, seed=chosen.seed)]
    parts += page(found[: chosen.replicates], "Response uneven by age, sex, disability and ward, which the weights see")
    parts += page(found[chosen.replicates :], "Response uneven also by what the weights cannot see")
    write(chosen.out, parts)


if __name__ == "__main__":
    main()
