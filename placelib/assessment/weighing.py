"""How much the method matters to the ranks: weights, transform, indicators. Never mixed into how sure a rank is."""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from placelib.assessment.needs import SEED, Standing, coefficients

STRETCH = 23
DESIGN = 2**11  # points of the Saltelli design; the model is run (domains + 2) times as often
SAYS_THE_SAME = 0.9


def exponential_score(rank: ArrayLike, number: float) -> np.ndarray:
    """Turn a rank (1 is the most deprived) into the exponential score of the English Indices of Deprivation.

    With R = (number - rank + 1) / number, the score is ``-23 ln(1 - R (1 - exp(-100 / 23)))``: 100 for the first,
    and only the most deprived tenth score above 50, so that a good rank in one domain hides little of a bad one.

    Parameters
    ----------
    rank : array-like of float
        1 is the most deprived; tied areas have the mean of their ranks.
    number : float
        How many are ranked.

    References
    ----------
    McLennan and others (2019), The English Indices of Deprivation 2019: technical report, Ministry of Housing,
    Communities and Local Government.

    Examples
    --------
    >>> exponential_score([1, 6], 10).round(4).tolist()  # R is 1 and 0.5
    [100.0, 15.6468]
    """
    share = (number - np.asarray(rank, dtype=float) + 1) / number
    return -STRETCH * np.log1p(-share * -np.expm1(-100 / STRETCH))


def indices_score(ranks: pd.DataFrame, weights: pd.Series) -> pd.Series:
    """Combine domain ranks as the English Indices of Deprivation do: exponential scores, weighted as they stand.

    Parameters
    ----------
    ranks : DataFrame, areas by domains
        1 is the most deprived; ties are averaged here, however they were broken.
    weights : Series
        By domain: not made to sum to 1, as the published ones are not.

    Returns
    -------
    Series
        Higher is more deprived.
    """
    return ranks.rank().apply(exponential_score, number=len(ranks)) @ weights[ranks.columns]


def under_each_choice(at: Standing, weights: pd.Series, partners: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Rank the wards by the partnership's weights, by each partner's, and by two other transforms, side by side.

    Parameters
    ----------
    at : Standing
        See `needs.standing`.
    weights : Series
        The partnership's, by domain.
    partners : mapping of str to Series
        Each partner's, by domain, under the partner's id.

    Returns
    -------
    DataFrame
        By ward: rank, <partner>_rank…, indices_rank (the exponential transform of the Indices), z_score_rank (each
        indicator by its spread over the wards).
    """
    scores = {name: at.ratio @ coefficients(at.domain, each) for name, each in {"": weights, **partners}.items()}
    scores["indices"] = indices_score(at.domains.round(12).rank(ascending=False), weights)
    spread = at.ratio.std().replace(0, np.nan)
    scores["z_score"] = ((at.ratio - at.ratio.mean()) / spread).fillna(0) @ coefficients(at.domain, weights)
    return pd.DataFrame({f"{name}_rank".lstrip("_"): ranked(score) for name, score in scores.items()})


def leave_one_out(at: Standing, weights: pd.Series) -> pd.DataFrame:
    """Rank again without each indicator, and without each domain; keep what moves each ward furthest.

    Parameters
    ----------
    at, weights
        See `under_each_choice`.

    Returns
    -------
    DataFrame
        By ward: rank, left_out (the indicator or domain whose leaving moves the ward most; empty if none moves it),
        rank_without.
    """
    domain, rank = at.domain, ranked(at.ratio @ coefficients(at.domain, weights))
    kept = {name: domain.drop(name) for name in domain.index}
    kept |= {name: domain[domain != name] for name in domain.unique()}
    kept = {name: each for name, each in kept.items() if (each.map(weights) > 0).any()}  # something to rank by is left
    ranks = {name: ranked(at.ratio[each.index] @ coefficients(each, weights)) for name, each in kept.items()}
    without = pd.DataFrame({"": rank} | ranks)
    furthest = without.sub(rank, axis=0).abs().idxmax(axis=1)  # the first, "", where none moves the ward
    found = [without.at[ward, name] for ward, name in furthest.items()]
    return pd.DataFrame({"rank": rank, "left_out": furthest, "rank_without": found})


def weight_sensitivity(at: Standing, weights: pd.Series) -> pd.DataFrame:
    """Say which domain's weight the result depends on, if each may be anything from nought to double.

    Sobol' indices by Saltelli's design: the share of the variance of the mean number of places that a ward moves that
    goes with one weight alone (first order), and with it and all that it acts together with (total).

    Parameters
    ----------
    at, weights
        See `under_each_choice`.

    Returns
    -------
    DataFrame
        By domain: weight, alone_pct, with_others_pct. 0 where nothing varies.

    References
    ----------
    Saisana, Saltelli and Tarantola (2005), JRSS A 168; Saltelli and others (2010), Computer Physics Communications 181.
    """
    own = weights[at.domains.columns]
    free = own[own > 0]  # a weight of nought stays nought
    domains = at.domains[free.index].to_numpy()
    rank = ranked(at.domains[free.index] @ (free / free.sum())).to_numpy()
    uniform, random = [stats.uniform(0, 2 * weight) for weight in free], np.random.default_rng(SEED)
    shares = pd.DataFrame(0.0, own.index, ["alone_pct", "with_others_pct"])
    if len(free) > 1:  # one weight alone moves nothing
        with np.errstate(divide="ignore", invalid="ignore"):
            found = stats.sobol_indices(func=partial(_moved, domains, rank), n=DESIGN, dists=uniform, rng=random)
        shares.loc[free.index] = np.column_stack([found.first_order, found.total_order])
    return shares.fillna(0.0).clip(0, 1).mul(100).assign(weight=own)


def _moved(domains: np.ndarray, rank: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Mean number of places that a ward moves, for each column of domain weights."""
    scores = domains @ (shares / shares.sum(axis=0))
    moved = stats.rankdata(-scores.round(12), method="min", axis=0) - rank[:, None]
    return np.abs(moved).mean(axis=0)


def redundancy(at: Standing) -> pd.DataFrame:
    """Name for each indicator the one that ranks the wards most nearly as it does.

    Parameters
    ----------
    at : Standing
        See `needs.standing`.

    Returns
    -------
    DataFrame
        By indicator: closest, rank_correlation (Spearman's), says_the_same (above 0.9).
    """
    others = at.ratio.corr(method="spearman").fillna(0.0).mask(np.eye(at.ratio.shape[1], dtype=bool), -np.inf)
    found = pd.DataFrame({"closest": others.idxmax(axis=1), "rank_correlation": others.max(axis=1)})
    return found.assign(says_the_same=found["rank_correlation"] > SAYS_THE_SAME)


def effective_number(at: Standing) -> float:
    """Count how many unrelated indicators would say as much: m² / Σ r² over all pairs, chance taken out of each r².

    Parameters
    ----------
    at : Standing
        See `needs.standing`. With wards n, each r² is adjusted to ``1 - (1 - r²)(n - 1)/(n - 2)``, whose mean is 0
        between unrelated indicators.

    References
    ----------
    Bretherton and others (1999), Journal of Climate 12 (the participation ratio of the eigenvalues).
    """
    number, wards = at.ratio.shape[1], len(at.ratio)
    squared = at.ratio.corr(method="spearman").fillna(0.0).to_numpy() ** 2
    shared = (1 - (1 - squared[~np.eye(number, dtype=bool)]) * (wards - 1) / (wards - 2)).sum()
    return number**2 / (number + max(shared, 0.0))


def ranked(score: pd.Series) -> pd.Series:
    """Rank 1 for the highest; scores that differ by the computer's rounding alone are tied."""
    return score.round(12).rank(ascending=False, method="min").astype(int)
