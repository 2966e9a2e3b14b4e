"""Taylor linearisation: the sampling variance of means, ratios and totals in many domains, in one pass.

Every estimate is a ratio R of two weighted sums, of y over x (a mean: x is 1; a total: nothing divides). The
influence of a person is ``w (y - R x) / sum(w x)``, nil outside the domain, and the variance is that of the
totals of these influences between the clusters of each stratum (ultimate clusters). For a raked design the
influence is first replaced by the residual of its regression on the margins, as Deville and Särndal (1992)
show. Nobody is ever dropped from the design: outside a domain a person's influence is nought.

In the code d counts domains, q questions, k margin categories, and a "meeting" is a cluster (or stratum) and
a domain with a person in both: sums are kept by meeting, as clusters by domains would not fit in memory.
People are ordered by domain, then cluster, so that whatever is added up lies side by side.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy import sparse

from placelib.measures.design import Design, Domains

NIL = 1e-12  # a variance below this share of the mean square's over the respondents is rounding error
BLOCK = 2**20  # numbers in each array of a pass, so that memory is bounded


class Rows(NamedTuple):
    """What a variance needs of each person: taken twice, a person is counted twice, in the same cluster."""

    weight: np.ndarray
    cluster: np.ndarray
    base_weight: np.ndarray  # before raking, if raked
    categories: np.ndarray  # rows x margins: category, counted through all margins, if raked

    @classmethod
    def of(cls, design: Design) -> "Rows":
        """Take the people of a design."""
        raked, weight = design.calibration, design.weight
        categories = raked.indicators.indices.reshape(len(weight), -1) if raked else weight
        return cls(weight, design.clusters.of_person, raked.base_weight if raked else weight, categories)


class Values(NamedTuple):
    """Arrays of rows x questions, nought where not answered."""

    top: np.ndarray
    bottom: np.ndarray | None  # what each adds to the sum that divides; None: nothing divides
    answered: np.ndarray
    square: np.ndarray  # of top

    @classmethod
    def of(cls, top: np.ndarray, bottom: np.ndarray | float) -> "Values":
        """Take a mean's values (bottom 1), a ratio's two (arrays) or a total's (bottom 0), NaN where missing."""
        missing = np.isnan(top) | np.isnan(bottom)
        answered = np.ascontiguousarray(~missing, dtype=float)
        filled = np.ascontiguousarray(np.where(missing, 0, top))
        if np.ndim(bottom):
            return cls(filled, np.ascontiguousarray(np.where(missing, 0, bottom)), answered, filled**2)
        return cls(filled, answered if bottom else None, answered, filled**2)


class Block(NamedTuple):
    """Some domains: their rows by domain, then cluster."""

    row: np.ndarray
    edges: np.ndarray  # where each domain's rows start, and where the last one's end


class Linearised(NamedTuple):
    """The influences on some estimates before they are divided by base, by meeting of cluster and domain."""

    estimate: np.ndarray  # d x q
    base: np.ndarray  # d x q
    sums: np.ndarray  # meetings x q
    is_met: np.ndarray  # meetings x q: 1 where somebody answered
    cluster: np.ndarray  # of each meeting
    edges: np.ndarray  # where each domain's meetings start, and where the last one's end
    coefficients: np.ndarray | None  # d x k x q: regression on the margins


class Estimates(NamedTuple):
    """Arrays of domains x questions."""

    estimate: np.ndarray
    variance: np.ndarray
    simple: np.ndarray  # the variance of a mean under simple random sampling with replacement
    respondents: np.ndarray
    kish: np.ndarray
    degrees: np.ndarray
    lone: np.ndarray


def estimates(
    design: Design, domains: Domains, top: np.ndarray, bottom: np.ndarray | float, rows: Rows | None = None
) -> Estimates:
    """Estimate in blocks of domains and questions.

    Parameters
    ----------
    design : Design
        Raked or not.
    domains : Domains
        Of the rows.
    top, bottom : arrays, shape (rows, questions)
        What is divided by what, NaN where missing; bottom 1 for a mean, 0 for a total.
    rows : Rows, optional
        Omitted: the people of the design.
    """
    rows = rows or Rows.of(design)
    largest = domains.members.sum(axis=0).max(initial=1)
    width = int(np.clip(BLOCK // largest, 1, max(top.shape[1], 1)))
    found = []
    for start in range(0, top.shape[1], width):
        columns = slice(start, start + width)
        values = Values.of(top[:, columns], bottom[:, columns] if np.ndim(bottom) else bottom)
        found.append([_estimates(design, rows, block, values) for block in _blocks(rows, domains, BLOCK // width)])
    fields = ([[getattr(part, name) for part in parts] for parts in found] for name in Estimates._fields)
    return Estimates(*(np.hstack([np.vstack(parts) for parts in field]) for field in fields))


def _blocks(rows: Rows, domains: Domains, size: int) -> Iterator[Block]:
    """Deal the domains into blocks of about `size` rows."""
    order = np.argsort(rows.cluster, kind="stable")
    members = domains.members[order].tocsc()
    edges, start = members.indptr, 0
    while start < max(len(domains.names), 1):
        stop = max(np.searchsorted(edges, edges[start] + size, side="right") - 1, start + 1)
        some, start = edges[start : stop + 1], stop
        yield Block(order[members.indices[some[0] : some[-1]]], some - some[0])


def linearise(design: Design, rows: Rows, block: Block, values: Values) -> Linearised:
    """Sum the influences w (y - R x) of the rows of each meeting."""
    row, domain = block.row, _numbered(block.edges)
    first = _changes(rows.cluster[row], domain)
    adder = _adder(first, rows.weight[row], row, len(rows.weight))
    edges = np.searchsorted(first, block.edges)
    together = _adder(edges, np.ones(len(first) - 1))
    sums, is_met = adder @ values.top, (adder @ values.answered > 0).astype(float)
    estimate, base = together @ sums, np.ones((len(edges) - 1, sums.shape[1]))
    if values.bottom is not None:
        bottoms = adder @ values.bottom
        base = together @ bottoms
        with np.errstate(invalid="ignore", divide="ignore"):
            estimate = estimate / base
        sums -= bottoms * estimate[_numbered(edges)]
    coefficients = _regression(design, rows, block, values, estimate) if design.calibration else None
    return Linearised(estimate, base, sums, is_met, rows.cluster[row[first[:-1]]], edges, coefficients)


def _regression(design: Design, rows: Rows, block: Block, values: Values, estimate: np.ndarray) -> np.ndarray:
    """Regress the influences of each domain on the categories of the margins: d x k x q."""
    row, domain, raked = block.row, _numbered(block.edges), design.calibration
    influence = values.top[row]
    if values.bottom is not None:
        influence -= values.bottom[row] * estimate[domain]
    count, margins = len(raked.inverse), len(raked.targets)
    category = rows.categories[row] + count * domain[:, None]
    weight = np.repeat(rows.base_weight[row], margins)
    shape = (count * len(estimate), len(row))
    scatter = sparse.csc_array((weight, category.ravel(), np.arange(len(weight) + 1, step=margins)), shape=shape)
    return raked.inverse @ (scatter @ influence).reshape(len(estimate), count, influence.shape[1])


def _estimates(design: Design, rows: Rows, block: Block, values: Values) -> Estimates:
    """Estimate some questions in some domains."""
    linear = linearise(design, rows, block, values)
    weight = rows.weight[block.row]
    add = [_adder(block.edges, weight**power, block.row, len(rows.weight)) for power in range(3)]
    respondents, weighted, squares = add[0] @ values.answered, add[1] @ values.answered, add[1] @ values.square
    variance, clusters, strata, lone = _variance(design, linear)
    with np.errstate(invalid="ignore", divide="ignore"):
        simple = (squares / weighted - linear.estimate**2) / (respondents - 1)
        kish = weighted**2 / (add[2] @ values.answered)
        variance /= linear.base**2
        rounding = NIL * squares * weighted / linear.base**2 / (respondents - 1)
    is_mean = values.bottom is values.answered
    variance[variance < rounding] = 0
    variance[(clusters < 2) | (not design.probability)] = np.nan
    degrees = np.where(design.probability, clusters - strata, np.nan)
    estimate = np.where(respondents > 0, linear.estimate, np.nan)
    return Estimates(estimate, variance, simple if is_mean else simple * np.nan, respondents, kish, degrees, lone)


def _variance(design: Design, linear: Linearised) -> tuple[np.ndarray, ...]:
    """Variance of the sums of influences, and the clusters, strata and lone strata with an answer behind it."""
    clusters, cluster = design.clusters, linear.cluster
    stratum = clusters.stratum[cluster]
    first = _changes(stratum, _numbered(linear.edges))
    edges, stratum = np.searchsorted(first, linear.edges), stratum[first[:-1]]
    together = _adder(first, np.ones(len(cluster)))
    recentred, strata = together @ linear.sums, (together @ linear.is_met > 0).astype(float)
    variance = _adder(linear.edges, clusters.scale[cluster]) @ linear.sums**2
    variance -= _adder(edges, clusters.recentre[stratum]) @ recentred**2
    if linear.coefficients is not None:
        loadings = design.loadings
        cross = [loadings.moved[cluster[a:b]].T @ linear.sums[a:b] for a, b in pairwise(linear.edges)]
        cross = np.reshape(cross, linear.coefficients.shape)
        variance += (linear.coefficients * (loadings.inner @ linear.coefficients - 2 * cross)).sum(axis=1)
    counts = [(linear.edges, np.ones(len(cluster)), linear.is_met), (edges, np.ones(len(stratum)), strata)]
    counts.append((edges, clusters.is_lone[stratum].astype(float), strata))
    return np.maximum(variance, 0), *(_adder(*where) @ what for *where, what in counts)


def covariances(design: Design, domains: Domains, values: Values) -> np.ndarray:
    """Covariance of all estimates, (domains x questions) squared: by domain, then question."""
    rows = Rows.of(design)
    (block,) = _blocks(rows, domains, len(rows.weight) * len(domains.names))
    linear, clusters = linearise(design, rows, block, values), design.clusters
    influence = np.zeros((len(clusters.stratum), *linear.estimate.shape))
    influence[linear.cluster, _numbered(linear.edges)] = linear.sums
    if linear.coefficients is not None:
        influence -= np.tensordot(design.loadings.sums, linear.coefficients, axes=(1, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        influence = (influence / linear.base).reshape(len(influence), -1)
    strata = _adder(_changes(clusters.stratum), np.ones(len(clusters.stratum))) @ influence
    return (influence.T * clusters.scale) @ influence - (strata.T * clusters.recentre) @ strata


def _numbered(edges: np.ndarray) -> np.ndarray:
    """Number of the run that each row is in."""
    return np.repeat(np.arange(len(edges) - 1), np.diff(edges))


def _changes(*keys: np.ndarray) -> np.ndarray:
    """Where runs of rows with equal keys start, and where the last one ends."""
    differ = [key[1:] != key[:-1] for key in keys]
    starts = np.flatnonzero(np.logical_or.reduce(differ)) + 1
    return np.concatenate([[0], starts, [len(keys[0])]]) if len(keys[0]) else np.zeros(1, int)


def _adder(
    edges: np.ndarray, weight: np.ndarray, row: np.ndarray | None = None, rows: int | None = None
) -> sparse.csr_array:
    """Make the matrix that adds up weighted rows over runs; the rows in their order, or those named."""
    row = np.arange(len(weight)) if row is None else row
    return sparse.csr_array((weight, row, edges), shape=(len(edges) - 1, rows or len(weight)))
