"""The floors: as little plain numpy as gives the same numbers, without checks, names, intervals or diagnostics."""

from itertools import pairwise

import numpy as np
from survey_data import CATEGORIES, CHARACTERISTICS, STRATA, WARDS, Survey

TOLERANCE = 1e-8
DOMAINS = WARDS * CATEGORIES


def raked_weight(data: Survey) -> np.ndarray:
    """Rake by one bincount, one division and one product for each margin of each sweep."""
    weight, categories = data.weight.copy(), [np.ascontiguousarray(column) for column in data.margins.T]
    moved = 1.0
    while moved > TOLERANCE:
        moved = 0.0
        for category, target in zip(categories, data.targets, strict=True):
            factor = target / np.bincount(category, weights=weight)
            weight *= factor[category]
            moved = max(moved, np.abs(factor - 1).max())
    return weight


def proportions(data: Survey, weight: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Estimates and Taylor errors, characteristics x domains x questions; `weight` is the raked one, if raked."""
    base = data.weight if weight is None else weight
    answered, answers = ~np.isnan(data.answers.T), np.nan_to_num(data.answers.T)
    margins = None if weight is None else _margins(data, weight)
    size, _ = _strata(data)
    found, variance = np.empty((2, CHARACTERISTICS, DOMAINS, len(answers)))
    for c, category in enumerate(data.characteristics.T):
        domain = data.ward * CATEGORIES + category
        meeting, of_person = np.unique(domain * (data.cluster.max() + 1) + data.cluster, return_inverse=True)
        there, cluster = np.divmod(meeting, data.cluster.max() + 1)
        stratum = cluster * STRATA // (data.cluster.max() + 1)
        sums, residual = np.empty((len(answers), len(meeting))), np.empty(answers.shape)
        for q, (yes, asked) in enumerate(zip(answers, answered, strict=True)):
            counted = base * asked
            total = np.bincount(domain, weights=counted)
            found[c, :, q] = np.bincount(domain, weights=counted * yes) / total
            residual[q] = (yes - found[c, domain, q]) * asked
            sums[q] = np.bincount(of_person, weights=base * residual[q])
            strata = np.bincount(stratum * DOMAINS + there, weights=sums[q], minlength=STRATA * DOMAINS)
            within = np.bincount(there, weights=(size / (size - 1))[stratum] * sums[q] ** 2)
            variance[c, :, q] = (within - (1 / (size - 1)) @ strata.reshape(STRATA, DOMAINS) ** 2) / total**2
            if margins:
                residual[q] *= data.weight / total[domain]
                sums[q] /= total[there]
        if margins:
            variance[c] += _regressed(margins, domain, (there, cluster), residual, sums)
    return found, np.sqrt(variance)


def _strata(data: Survey) -> tuple[np.ndarray, np.ndarray]:
    stratum = np.arange(data.cluster.max() + 1) * STRATA // (data.cluster.max() + 1)
    return np.bincount(stratum), stratum


def _margins(data: Survey, weight: np.ndarray) -> tuple[np.ndarray, ...]:
    """Indicators, their inverse cross-products, and their part in the variance by cluster and by category."""
    ends = np.cumsum([0, *(len(target) for target in data.targets)])
    indicators = np.zeros((len(weight), ends[-1]))
    for start, category in zip(ends, data.margins.T, strict=False):
        indicators[np.arange(len(weight)), start + category] = 1
    inverse = np.linalg.pinv((indicators.T * data.weight) @ indicators, rcond=1e-10, hermitian=True)
    order = np.argsort(data.cluster, kind="stable")
    starts = np.searchsorted(data.cluster[order], np.arange(data.cluster.max() + 1))
    loadings = np.add.reduceat((indicators * weight[:, None])[order], starts)
    size, stratum = _strata(data)
    strata = np.add.reduceat(loadings, np.cumsum([0, *size[:-1]]))
    moved = (size / (size - 1))[stratum, None] * loadings - (strata / (size - 1)[:, None])[stratum]
    return indicators, inverse, moved, loadings.T @ moved


def _regressed(
    margins: tuple[np.ndarray, ...],
    domain: np.ndarray,
    meeting: tuple[np.ndarray, np.ndarray],
    residual: np.ndarray,
    sums: np.ndarray,
) -> np.ndarray:
    """What the regression on the margins adds to the variances: domains x questions."""
    (indicators, inverse, moved, inner), (there, cluster) = margins, meeting
    order, added = np.argsort(domain, kind="stable"), np.empty((DOMAINS, len(sums)))
    people = np.searchsorted(domain[order], np.arange(DOMAINS + 1))
    meetings = np.searchsorted(there, np.arange(DOMAINS + 1))
    for d, ((start, end), (first, last)) in enumerate(zip(pairwise(people), pairwise(meetings), strict=True)):
        coefficients = inverse @ (indicators[order[start:end]].T @ residual[:, order[start:end]].T)
        cross = moved[cluster[first:last]].T @ sums[:, first:last].T
        added[d] = (coefficients * (inner @ coefficients - 2 * cross)).sum(axis=0)
    return added


def replicates(data: Survey, *, is_raked: bool, count: int = 500) -> np.ndarray:
    """Draw clusters with replacement within strata, and estimate with each: one product a domain."""
    random, size = np.random.default_rng(0), _strata(data)[0]
    times = np.concatenate([random.multinomial(n - 1, np.full(n, 1 / n), size=count).T * n / (n - 1) for n in size])
    weights = data.weight[:, None] * times[data.cluster]
    if is_raked:
        weights = np.column_stack([raked_weight(data._replace(weight=column)) for column in weights.T])
    both = np.hstack([np.nan_to_num(data.answers), ~np.isnan(data.answers)])
    found = np.empty((count, CHARACTERISTICS, DOMAINS, data.answers.shape[1]))
    for c, category in enumerate(data.characteristics.T):
        domain = data.ward * CATEGORIES + category
        order = np.argsort(domain, kind="stable")
        for d, people in enumerate(np.split(order, np.searchsorted(domain[order], np.arange(1, DOMAINS)))):
            top, bottom = np.split(weights[people].T @ both[people], 2, axis=1)
            found[:, c, d] = top / bottom
    return found


def raking(data: Survey) -> tuple:
    """Prepare, and give the call to be timed and the numbers to be compared."""
    return lambda: raked_weight(data), lambda weight: weight


def taylor(data: Survey) -> tuple:
    """The same for proportions with Taylor errors."""
    return lambda: proportions(data), lambda found: found[1]


def raked_taylor(data: Survey) -> tuple:
    """The same for a raked design; the raking itself is not timed."""
    weight = raked_weight(data)
    return lambda: proportions(data, weight), lambda found: found[1]


def bootstrap(data: Survey) -> tuple:
    """The same for 500 bootstrap replicates."""
    return lambda: replicates(data, is_raked=False), lambda found: found.std(axis=0)


def raked_bootstrap(data: Survey) -> tuple:
    """The same, each replicate raked again."""
    return lambda: replicates(data, is_raked=True), lambda found: found.std(axis=0)
