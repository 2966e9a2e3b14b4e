"""Do the rank sets hold every true rank as often as they say? Two simulations, printed as in RESULTS-ranks.md.

    python benchmarks/rank_sets.py                 (about ten minutes)

1. Scores drawn about a known truth with a known joint error: our sets, the same without the stepwise improvement,
   and the usual redrawing of estimates around themselves.
2. The whole index: every count of the illustrative places drawn again as a Poisson or binomial number and every
   survey estimate from the survey's joint error, through `need_index` with its named rules and the draw's own errors.
"""

import numpy as np
import pandas as pd

from placelib.assessment.needs import WORST, need_index, rank_sets
from placelib.measures.shared import Measures, measure
from placelib.sources.readers import SHIPPED, read_place
from placelib.sources.terms import Vocabulary

DRAWS = 400
LEVEL = 0.90
WARDS = 23


def known_errors(shared: float, gap: float, random: np.random.Generator) -> pd.DataFrame:
    """Joint coverage and width of three kinds of set, for wards `gap` standard errors apart on average."""
    truth = np.sort(random.normal(0, gap, WARDS))
    spread = random.uniform(0.5, 1.5, WARDS)
    covariance = np.outer(spread, spread) * (shared + (1 - shared) * np.eye(WARDS))
    critical = largest_difference(covariance)
    rows = []
    for draw in random.multivariate_normal(truth, covariance, DRAWS):
        score = pd.Series(draw)
        kinds = {"ours": rank_sets(score, covariance), "one step": one_step(score, covariance, critical)}
        kinds["redrawing"] = redrawn(score, covariance, random)
        rows += [held(sets, truth) | {"sets": name} for name, sets in kinds.items()]
    found = pd.DataFrame(rows).groupby("sets", sort=False).mean()
    return found.reset_index().assign(correlation=shared, gap=gap)


def held(sets: pd.DataFrame, truth: np.ndarray) -> dict[str, float]:
    """Whether every true rank is in its set, how wide they are, and whether a false 'worst five' is said."""
    lowest = 1 + (truth[:, None] > truth).sum(axis=0)
    highest = len(truth) - (truth[:, None] < truth).sum(axis=0)
    lower, upper = sets["rank_lower"].to_numpy(), sets["rank_upper"].to_numpy()
    return {
        "all_ranks_held": float(((lower <= lowest) & (upper >= highest)).all()),
        "mean_ranks_in_a_set": float((upper - lower + 1).mean()),
        "surely_worst_five": float((upper <= WORST).sum()),
        "false_worst_five": float(((upper <= WORST) & (lowest > WORST)).any()),
    }


def largest_difference(covariance: np.ndarray) -> float:
    """Level's quantile of the largest studentised difference between any two wards."""
    root = np.linalg.cholesky(covariance)
    spread = np.linalg.norm(root[:, None] - root, axis=2) + np.eye(len(root))
    noise = np.random.default_rng(1).standard_normal((4_000, len(root))) @ root.T
    return float(np.quantile((np.abs(noise[:, :, None] - noise[:, None, :]) / spread).max(axis=(1, 2)), LEVEL))


def one_step(score: pd.Series, covariance: np.ndarray, critical: float) -> pd.DataFrame:
    """Sets from the largest studentised difference of all pairs, taken once."""
    variance = np.diag(covariance)
    spread = np.sqrt(variance[:, None] + variance - 2 * covariance)
    above = (score.to_numpy()[:, None] - score.to_numpy()) > critical * spread
    return pd.DataFrame({"rank_lower": 1 + above.sum(axis=0), "rank_upper": len(score) - above.sum(axis=1)})


def redrawn(score: pd.Series, covariance: np.ndarray, random: np.random.Generator) -> pd.DataFrame:
    """Percentiles of the ranks of draws around the estimates: what is often published."""
    draws = random.multivariate_normal(score.to_numpy(), covariance, 500)
    ranks = len(score) - draws.argsort(axis=1).argsort(axis=1)
    lower, upper = np.quantile(ranks, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return pd.DataFrame({"rank_lower": lower, "rank_upper": upper})


def whole_index(slug: str, draws: int, random: np.random.Generator) -> dict[str, object]:
    """Joint coverage of the published index when every input is drawn again around the place's own figures."""
    inputs = read_place(slug, SHIPPED)
    exact = measure(inputs)
    truth = truth_of(exact, inputs.vocabulary)
    drawn = (redraw(exact, random) for _ in range(draws))
    found = [need_index(rows, exact.covariance, inputs.vocabulary).set_index("ward_code") for rows in drawn]
    table = pd.DataFrame([held(each.loc[truth.index], truth.to_numpy()) for each in found])
    return {"place": inputs.settings.name, "wards": len(truth), **table.mean().to_dict()}


def truth_of(exact: Measures, vocabulary: Vocabulary) -> pd.Series:
    """Score of each ward if its figures were exactly true and nothing were hidden."""
    rows = exact.table.assign(threshold=0.0)
    return need_index(rows, exact.covariance, vocabulary).set_index("ward_code")["score"]


def redraw(exact: Measures, random: np.random.Generator) -> pd.DataFrame:
    """Draw the ward rows again: Poisson (binomial for a share) for counts, jointly normal for the survey."""
    rows = exact.table.copy()
    wards = rows["area_type"].eq("ward") & rows["characteristic"].eq("all")
    counted = wards & rows["numerator"].gt(0) & rows["value"].notna() & rows["release_class"].ne("survey")
    before = rows.loc[counted, "numerator"]
    base = (rows["denominator"] * rows["years"])[counted]
    share = rows.loc[counted, "measure"].eq("proportion")
    binomial = random.binomial(base.round().astype(int), (before / base).clip(0, 1))
    after = pd.Series(random.poisson(before), before.index).mask(share, pd.Series(binomial, before.index))
    rate = rows.loc[counted, "per"] / base
    error = np.sqrt(after.clip(lower=1) * (1 - after / base).clip(lower=0).where(share, 1.0))
    rows.loc[counted, "numerator"] = after.astype(float)
    rows.loc[counted, "value"] = rate * after
    rows.loc[counted, "standard_error"] = rate * error
    joint = exact.covariance.fillna(0.0)
    noise = pd.Series(random.multivariate_normal(np.zeros(len(joint)), joint, method="eigh"), joint.index)
    keys = pd.MultiIndex.from_frame(rows.loc[wards, ["area_code", "indicator_id"]])
    rows.loc[wards, "value"] = (rows.loc[wards, "value"] + noise.reindex(keys).fillna(0).to_numpy()).clip(lower=0.5)
    return rows


if __name__ == "__main__":
    random = np.random.default_rng(20_261)
    parts = [known_errors(shared, gap, random) for shared in (0.0, 0.3, 0.9) for gap in (0.01, 2.0, 8.0)]
    print(pd.concat(parts).round(3).to_string(index=False))
    places = [whole_index(slug, DRAWS, random) for slug in ("brighton-and-hove", "tower-hamlets")]
    print(pd.DataFrame(places).round(3).to_string(index=False))
