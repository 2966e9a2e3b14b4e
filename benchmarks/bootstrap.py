"""Replicate weights: the bootstrap of a design, to check the linearised errors and to be timed beside them."""

import numpy as np

from placelib.measures.design import Design, Domains
from placelib.measures.raking import raked_weight


def replicate_weights(design: Design, *, replicates: int = 500, seed: int = 0) -> np.ndarray:
    """Draw bootstrap weights: clusters with replacement within strata, raked again if the design is raked.

    Each stratum of n clusters has n - 1 drawn, and the weights are rescaled to allow for that and for the finite
    population. A lone cluster keeps its weight, and so adds nothing to the variance.

    Parameters
    ----------
    design : Design
        Raked or not.
    replicates : int
        How many.
    seed : int
        Of the draws: the same seed gives the same weights.

    Returns
    -------
    array, shape (people, replicates)

    Raises
    ------
    PlacelibError
        When a replicate cannot be raked, as when it leaves a category of a margin empty.

    References
    ----------
    Rao, Wu and Yue (1992), "Some recent work on resampling methods for complex surveys", Survey Methodology 18.
    """
    random, clusters, raked = np.random.default_rng(seed), design.clusters, design.calibration
    multiplier = np.ones((len(clusters.stratum), replicates))
    for stratum in np.flatnonzero(~clusters.is_lone):
        inside = clusters.stratum == stratum
        size = inside.sum()
        times = random.multinomial(size - 1, np.full(size, 1 / size), size=replicates).T
        unsampled = clusters.recentre[stratum] * (size - 1)
        multiplier[inside] = 1 + np.sqrt(unsampled) * (times * size / (size - 1) - 1)
    weights = (raked.base_weight if raked else design.weight)[:, None] * multiplier[clusters.of_person]
    return weights if raked is None else np.column_stack([raked_weight(raked, column) for column in weights.T])


def replicate_means(weights: np.ndarray, values: np.ndarray, domains: Domains) -> np.ndarray:
    """Estimate means (or proportions) in each domain with each replicate's weights.

    Parameters
    ----------
    weights : array, shape (people, replicates)
        See `replicate_weights`.
    values : array, shape (people, questions)
        NaN for missing.
    domains : Domains
        Of the people.

    Returns
    -------
    array, shape (replicates, domains, questions)
        Its variance over the replicates is the bootstrap's of each mean. NaN in an empty domain.
    """
    both = np.hstack([np.nan_to_num(values), ~np.isnan(values)])
    members = domains.members.tocsc()
    people = np.split(members.indices, members.indptr[1:-1])
    sums = np.stack([weights[person].T @ both[person] for person in people], axis=1)
    top, bottom = np.split(sums, 2, axis=2)
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)
