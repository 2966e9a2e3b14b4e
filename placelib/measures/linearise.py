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


class Block(NamedTuple):
    """Some domains: rows by domain, then cluster; values are rows x questions, nought if not answered."""

    person: np.ndarray  # of each row
    edges: np.ndarray  # where each domain's rows start, and where the last one's end
    top: np.ndarray
    bottom: np.ndarray  # what each adds to the sum that divides
    answered: np.ndarray
    whole: float  # what that sum is before anybody adds to it: 1 for a total, whose bottom is nought


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
    design: Design, domains: Domains, top: np.ndarray, bottom: np.ndarray | float, person: np.ndarray | None = None
) -> Estimates:
    """Estimate in blocks of domains.

    Parameters
    ----------
    design : Design
        Raked or not.
    domains : Domains
        Of the rows.
    top, bottom : arrays, shape (rows, questions)
        What is divided by what, NaN where missing; bottom 1 for a mean, 0 for a total.
    person : array of int, shape (rows,), optional
        Whose each row is: a person taken twice counts twice, in the same cluster. Omitted: one row a person.
    """
    person = np.arange(len(top)) if person is None else person
    size = BLOCK // max(top.shape[1], 1)
    blocks = [_estimates(design, block) for block in _blocks(design, domains, (top, bottom), person, size)]
    found = Estimates(*map(np.vstack, zip(*blocks, strict=True)))
    return found if np.array_equal(bottom, 1) else found._replace(simple=found.simple * np.nan)


def _blocks(design: Design, domains: Domains, values: tuple, person: np.ndarray, size: float) -> Iterator[Block]:
    """Deal the domains into blocks of about `size` rows; `values` are top and bottom."""
    top, bottom = values
    missing = np.isnan(top) | np.isnan(bottom)
    filled = [np.ascontiguousarray(np.where(missing, 0, part)) for part in (top, bottom, 1.0)]
    whole = float(np.array_equal(bottom, 0))
    order = np.argsort(design.clusters.of_person[person], kind="stable")
    members = domains.members[order].tocsc()
    edges, start = members.indptr, 0
    while start < max(len(domains.names), 1):
        stop = max(np.searchsorted(edges, edges[start] + size, side="right") - 1, start + 1)
        some, start = edges[start : stop + 1], stop
        row = order[members.indices[some[0] : some[-1]]]
        yield Block(person[row], some - some[0], *(part[row] for part in filled), whole)


def linearise(design: Design, block: Block) -> Linearised:
    """Sum the influences w (y - R x) of the rows of each meeting."""
    cluster = design.clusters.of_person[block.person]
    first = _changes(cluster, _numbered(block.edges))
    edges = np.searchsorted(first, block.edges)
    adder, together = _adder(first, design.weight[block.person]), _adder(edges)
    sums, bottoms, is_met = adder @ block.top, adder @ block.bottom, (adder @ block.answered > 0).astype(float)
    base = together @ bottoms + block.whole
    with np.errstate(invalid="ignore", divide="ignore"):
        estimate = together @ sums / base
    sums -= bottoms * estimate[_numbered(edges)]
    coefficients = _regression(design, block, estimate) if design.calibration else None
    return Linearised(estimate, base, sums, is_met, cluster[first[:-1]], edges, coefficients)


def _regression(design: Design, block: Block, estimate: np.ndarray) -> np.ndarray:
    """Regress the influences of each domain on the categories of the margins: d x k x q."""
    raked, domain = design.calibration, _numbered(block.edges)
    influence = block.top - block.bottom * estimate[domain]
    count, margins = len(raked.inverse), len(raked.targets)
    category = raked.indicators[block.person].indices.reshape(-1, margins) + count * domain[:, None]
    weight = np.repeat(raked.base_weight[block.person], margins)
    starts = np.arange(0, len(weight) + 1, step=margins)
    scatter = sparse.csc_array((weight, category.ravel(), starts), shape=(count * len(estimate), len(domain)))
    return raked.inverse @ (scatter @ influence).reshape(len(estimate), count, influence.shape[1])


def _estimates(design: Design, block: Block) -> Estimates:
    """Estimate some questions in some domains."""
    linear, weight = linearise(design, block), design.weight[block.person]
    respondents, weighted, squared = (_adder(block.edges, weight**power) @ block.answered for power in range(3))
    squares = _adder(block.edges, weight) @ block.top**2
    variance, clusters, strata, lone = _variance(design, linear)
    with np.errstate(invalid="ignore", divide="ignore"):
        simple = (squares / weighted - linear.estimate**2) / (respondents - 1)
        kish = weighted**2 / squared
        variance /= linear.base**2
        rounding = NIL * squares * weighted / linear.base**2 / (respondents - 1)
    variance[variance < rounding] = 0
    variance[(clusters < 2) | (not design.probability)] = np.nan
    degrees = np.where(design.probability, clusters - strata, np.nan)
    estimate = np.where(respondents > 0, linear.estimate, np.nan)
    return Estimates(estimate, variance, simple, respondents, kish, degrees, lone)


def _variance(design: Design, linear: Linearised) -> tuple[np.ndarray, ...]:
    """Variance of the sums of influences, and the clusters, strata and lone strata with an answer behind it."""
    clusters, cluster = design.clusters, linear.cluster
    stratum = clusters.stratum[cluster]
    first = _changes(stratum, _numbered(linear.edges))
    edges, stratum = np.searchsorted(first, linear.edges), stratum[first[:-1]]
    together = _adder(first)
    recentred, strata = together @ linear.sums, (together @ linear.is_met > 0).astype(float)
    variance = _adder(linear.edges, clusters.scale[cluster]) @ linear.sums**2
    variance -= _adder(edges, clusters.recentre[stratum]) @ recentred**2
    if linear.coefficients is not None:
        loads, moved = design.loadings
        cross = [moved[cluster[a:b]].T @ linear.sums[a:b] for a, b in pairwise(linear.edges)]
        cross = np.reshape(cross, linear.coefficients.shape)
        variance += (linear.coefficients * (loads.T @ moved @ linear.coefficients - 2 * cross)).sum(axis=1)
    lone = _adder(edges, clusters.is_lone[stratum].astype(float)) @ strata
    return np.maximum(variance, 0), _adder(linear.edges) @ linear.is_met, _adder(edges) @ strata, lone


def covariances(design: Design, domains: Domains, values: np.ndarray) -> np.ndarray:
    """Covariance of all means, (domains x questions) squared: by domain, then question; NaN without an error."""
    clusters = design.clusters
    (block,) = _blocks(design, domains, (values, 1.0), np.arange(len(values)), np.inf)
    linear = linearise(design, block)
    influence = np.zeros((len(clusters.stratum), *linear.estimate.shape))
    influence[linear.cluster, _numbered(linear.edges)] = linear.sums
    if linear.coefficients is not None:
        influence -= np.tensordot(design.loadings[0], linear.coefficients, axes=(1, 1))
    unknown = (_adder(linear.edges) @ linear.is_met < 2) | (not design.probability)
    influence = (influence / np.where(unknown, np.nan, linear.base)).reshape(len(influence), -1)
    strata = _adder(_changes(clusters.stratum)) @ influence
    return (influence.T * clusters.scale) @ influence - (strata.T * clusters.recentre) @ strata


def _numbered(edges: np.ndarray) -> np.ndarray:
    """Number of the run that each row is in."""
    return np.repeat(np.arange(len(edges) - 1), np.diff(edges))


def _changes(*keys: np.ndarray) -> np.ndarray:
    """Where runs of rows with equal keys start, and where the last one ends."""
    differ = [key[1:] != key[:-1] for key in keys]
    starts = np.flatnonzero(np.logical_or.reduce(differ)) + 1
    return np.concatenate([[0], starts, [len(keys[0])]]) if len(keys[0]) else np.zeros(1, int)


def _adder(edges: np.ndarray, weight: np.ndarray | None = None) -> sparse.csr_array:
    """Make the matrix that adds up rows, weighted or not, over runs."""
    weight = np.ones(edges[-1]) if weight is None else weight
    return sparse.csr_array((weight, np.arange(edges[-1]), edges), shape=(len(edges) - 1, edges[-1]))
