"""Who was asked and for whom they speak: a survey's design, its domains, and raking to the population."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from placelib.errors import PlacelibError

TOLERANCE = 1e-8  # raking has converged when a whole sweep moves no margin by more than this share of it
SWEEPS = 1_000  # raking that needs more than this has targets that contradict each other


class Clusters(NamedTuple):
    """The clusters of a design, counted within strata, and how their totals t make a variance.

    It is the sum over clusters of scale t², less the sum over strata of recentre (sum of t)².
    """

    of_person: np.ndarray
    stratum: np.ndarray  # of each cluster
    scale: np.ndarray  # of each cluster
    recentre: np.ndarray  # of each stratum
    is_lone: np.ndarray  # of each stratum
    names: pd.Index  # of the strata


class Calibration(NamedTuple):
    """What raking leaves behind for the variance: the weights before it and the margins it met."""

    base_weight: np.ndarray
    indicators: sparse.csr_array  # people x categories of all margins
    categories: pd.MultiIndex  # margin, category
    inverse: np.ndarray  # of indicators' base-weighted cross-products


@dataclass(frozen=True, eq=False)
class Design:
    """How the people of a survey were chosen; one row a person, in the order of the survey's file.

    Parameters
    ----------
    weight : array of float, shape (people,)
        People of the population that each respondent stands for. Missing or nought is refused.
    stratum : array of codes, shape (people,), optional
        Omitted: one stratum.
    cluster : array of codes, shape (people,), optional
        Primary sampling unit, counted within strata. Omitted: each person is their own.
    stratum_population : mapping of stratum code to float, optional
        Primary sampling units in the population of each stratum, for the finite population correction.
        Omitted: none is made.
    probability : bool
        False for a self-selected sample: its estimates carry no sampling error and no interval, because no
        design stands behind them.

    Raises
    ------
    PlacelibError
        For weights that are missing or not above nought, missing strata or clusters, or a stratum whose
        population is missing or smaller than its sample.

    Notes
    -----
    A stratum with one cluster shows no variation of its own. Its cluster is compared with the grand mean of
    all clusters instead of its stratum's, which errs on the side of caution (R: survey.lonely.psu =
    "adjust"; like R, the grand mean is taken as nought, as it is for means and proportions). `lone_strata`
    names these strata, and each estimate counts those behind it.

    Examples
    --------
    >>> Design([10, 10, 20], stratum=["north", "north", "south"]).lone_strata
    ['south']
    """

    weight: np.ndarray
    stratum: np.ndarray | None = None
    cluster: np.ndarray | None = None
    stratum_population: Mapping[Hashable, float] | None = None
    probability: bool = True
    calibration: Calibration | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        weight = np.asarray(self.weight, dtype=float)
        _refuse(~(np.isfinite(weight) & (weight > 0)), "the weight must be a number above 0")
        defaults = {"stratum": np.zeros(len(weight), dtype=int), "cluster": np.arange(len(weight))}
        for name, default in defaults.items():
            codes = getattr(self, name)
            codes = default if codes is None else np.asarray(codes)
            same_length(len(codes), len(weight), name)
            _refuse(pd.isna(codes), f"the {name} must not be missing")
            object.__setattr__(self, name, codes)
        object.__setattr__(self, "weight", weight)
        _ = self.clusters  # a fault in the population of the strata is found now, not at the first estimate

    @property
    def lone_strata(self) -> list:
        """Strata with a single cluster, to which the rule in the class's notes applies."""
        return self.clusters.names[self.clusters.is_lone].tolist()

    @cached_property
    def clusters(self) -> Clusters:
        """The clusters of the design and their place in a variance."""
        stratum, names = pd.factorize(self.stratum, sort=True)
        within, found = pd.factorize(self.cluster)
        _, first, person = np.unique(stratum * len(found) + within, return_index=True, return_inverse=True)
        of_cluster = stratum[first]
        size = np.bincount(of_cluster)
        scale = self._share_unsampled(pd.Index(names), size) * size / np.maximum(size - 1, 1)
        recentre = np.where(size > 1, scale / size, 0)
        return Clusters(person, of_cluster, scale[of_cluster], recentre, size == 1, pd.Index(names))

    def _share_unsampled(self, names: pd.Index, size: np.ndarray) -> np.ndarray:
        """Share of each stratum's clusters that were not sampled: the finite population correction."""
        if self.stratum_population is None:
            return np.ones(len(size))
        population = pd.Series(dict(self.stratum_population), dtype=float).reindex(names).to_numpy()
        if len(bad := names[~(population >= size)]):
            raise PlacelibError(
                f"The population of strata {_listed(bad)} is missing or smaller than the sample: give for "
                "each stratum the number of clusters (of people, if there are none) in its population."
            )
        return 1 - size / population


@dataclass(frozen=True, eq=False)
class Domains:
    """The groups of people that estimates are wanted for: which person is in which.

    Parameters
    ----------
    members : sparse array, shape (people, domains)
        Not nought where the person belongs. A person may be in any number of domains, or in none.
    names : pandas.Index, length domains
        What the tables call them; the levels of a MultiIndex become columns.
    """

    members: sparse.csr_array
    names: pd.Index

    def __post_init__(self) -> None:
        members = sparse.csr_array(self.members, dtype=bool).astype(float)
        if members.shape[1] != len(self.names):
            raise PlacelibError(f"{members.shape[1]} domains have {len(self.names)} names: give one each.")
        object.__setattr__(self, "members", members)

    @classmethod
    def of(cls, categories: pd.DataFrame) -> "Domains":
        """Make a domain of each combination of categories that occurs, for instance of ward and sex.

        Parameters
        ----------
        categories : DataFrame, shape (people, columns)
            One row a person. A person with a missing category is in no domain.

        Examples
        --------
        >>> people = pd.DataFrame({"ward": ["A", "B", "A"], "sex": ["F", "F", None]})
        >>> Domains.of(people).names.tolist()
        [('A', 'F'), ('B', 'F')]
        """
        groups = categories.groupby(list(categories.columns), observed=True)
        code = groups.ngroup().fillna(-1).to_numpy(dtype=int)
        person = np.flatnonzero(code >= 0)
        names = groups.size().index
        shape = (len(code), len(names))
        return cls(sparse.csr_array((np.ones(len(person)), (person, code[person])), shape=shape), names)


@dataclass(frozen=True, eq=False)
class Raked:
    """A design whose weights meet population margins, and what that did to the weights.

    Attributes
    ----------
    design : Design
        With the raked weights; its variances allow for the raking.
    margins : DataFrame
        margin, category, respondents, before, target, after: weighted people before raking (scaled to the
        population), as published, and after.
    sweeps : int
        Rounds over all margins until no margin moved by more than `TOLERANCE` of itself.
    effective_respondents : float
        Kish's (sum w)² / sum w²: the equal-weight sample with as much information.
    design_effect : float
        Kish's: respondents / effective respondents. 1 means equal weights.
    weight_ratio_lowest, weight_ratio_highest : float
        Extremes of weight after / before raking, 1 being the average change.
    """

    design: Design
    margins: pd.DataFrame
    sweeps: int
    effective_respondents: float
    design_effect: float
    weight_ratio_lowest: float
    weight_ratio_highest: float


def rake(design: Design, margins: pd.DataFrame, targets: Mapping[str, Mapping]) -> Raked:
    """Adjust the weights until the survey agrees with each published population margin.

    Parameters
    ----------
    design : Design
        Not raked before: rake once, to all margins together, so that the variance can allow for all.
    margins : DataFrame, shape (people, margins)
        Each person's category in each margin; a column may be a cross, such as age by sex.
    targets : mapping of margin to mapping of category to people
        The population of each category. All margins sum to the same population.

    Returns
    -------
    Raked

    Raises
    ------
    PlacelibError
        All at once: a margin without targets or the other way round, a missing category, a category of the
        sample without a target, a category without respondents, a target that is missing or not above
        nought, margins with different totals. Also when raking does not converge.

    References
    ----------
    Deming and Stephan (1940); Deville, Särndal and Sautory (1993), "Generalized raking procedures in survey
    sampling", JASA 88.

    Examples
    --------
    >>> people = pd.DataFrame({"sex": ["F", "F", "F", "M"]})
    >>> rake(Design([1, 1, 1, 1]), people, {"sex": {"F": 51, "M": 49}}).design.weight.tolist()
    [17.0, 17.0, 17.0, 49.0]
    """
    if design.calibration is not None:
        raise PlacelibError("This design is raked already: rake the unraked one to all margins together.")
    same_length(len(margins), len(design.weight), "margins")
    wanted = {name: pd.Series(dict(target), dtype=float) for name, target in targets.items()}
    if problems := [*_margin_problems(margins, wanted), *_total_problems(wanted)]:
        raise PlacelibError("The survey cannot be raked:\n" + "\n".join(f"  - {p}" for p in problems))
    groups = {name: Domains.of(margins[[name]]) for name in margins}
    steps = [(group.members.indices, wanted[name][group.names].to_numpy()) for name, group in groups.items()]
    weight, sweeps = _rake(design.weight, steps, list(groups))
    raked = replace(design, weight=weight, calibration=_calibration(design.weight, groups))
    return _diagnosed(raked, sweeps, pd.concat(wanted, names=["margin", "category"]))


def _calibration(weight: np.ndarray, groups: Mapping[str, Domains]) -> Calibration:
    indicators = sparse.hstack([group.members for group in groups.values()], format="csr")
    categories = [(name, category) for name, group in groups.items() for category in group.names]
    products = (indicators.T @ sparse.diags_array(weight) @ indicators).toarray()
    inverse = np.linalg.pinv(products, rcond=1e-10, hermitian=True)  # margins share a constant: not full rank
    index = pd.MultiIndex.from_tuples(categories, names=["margin", "category"])
    return Calibration(weight, indicators, index, inverse)


def _rake(
    weight: np.ndarray, steps: Sequence[tuple[np.ndarray, np.ndarray]], names: Sequence[str]
) -> tuple[np.ndarray, int]:
    """Scale the weights to each margin in turn; steps hold each person's category and the targets."""
    weight = weight.copy()
    for sweep in range(1, SWEEPS + 1):
        moved = []
        for category, target in steps:
            factor = target / np.bincount(category, weights=weight, minlength=len(target))
            weight *= factor[category]
            moved.append(np.abs(factor - 1).max())
        if max(moved) <= TOLERANCE:
            return weight, sweep
    raise PlacelibError(
        f"Raking did not converge in {SWEEPS:,} rounds: margin {names[int(np.argmax(moved))]!r} still moves "
        f"by {max(moved):.2g} of itself a round, so the margins contradict each other for these respondents. "
        "Merge sparse categories or leave a margin out."
    )


def _margin_problems(margins: pd.DataFrame, wanted: Mapping[str, pd.Series]) -> Iterator[str]:
    for name in margins.columns.symmetric_difference(list(wanted), sort=False):
        lacks = "targets" if name in margins else "column of categories"
        yield f"margin {name!r} has no {lacks}: give it or leave the margin out"
    for name in margins.columns.intersection(list(wanted), sort=False):
        column, target = margins[name], wanted[name]
        if rows := row_positions(column.isna()):
            yield f"margin {name!r} is missing for the people in {rows}: fill it in, or code it as a category"
        found = pd.Index(column.dropna().unique())
        if len(extra := found.difference(target.index)):
            yield f"margin {name!r}: {_listed(extra)} in the sample, not in the targets: give the population"
        if len(absent := target.index.difference(found)):
            yield f"margin {name!r}: {_listed(absent)} has no respondent: merge it with a neighbour"


def _total_problems(wanted: Mapping[str, pd.Series]) -> Iterator[str]:
    for name, target in wanted.items():
        if len(bad := target.index[~(np.isfinite(target) & (target > 0))]) or target.empty:
            yield f"margin {name!r}: the target of {_listed(bad) or 'each category'} must be a number above 0"
    sums = {name: target.sum() for name, target in wanted.items()}
    if sums and not np.allclose(list(sums.values()), next(iter(sums.values())), rtol=1e-9, atol=0):
        told = ", ".join(f"{name!r} {total:,.15g}" for name, total in sums.items())
        yield f"the margins sum to different populations ({told}): scale them to one total first"


def _diagnosed(design: Design, sweeps: int, target: pd.Series) -> Raked:
    """Tell what raking did to the margins and to the weights."""
    calibration, weight = design.calibration, design.weight
    ratio = weight / calibration.base_weight
    average = weight.sum() / calibration.base_weight.sum()
    margins = pd.DataFrame(
        {
            "respondents": calibration.indicators.sum(axis=0).astype(int),
            "before": calibration.indicators.T @ calibration.base_weight * average,
            "after": calibration.indicators.T @ weight,
        },
        index=calibration.categories,
    )
    margins.insert(2, "target", target)
    effective = weight.sum() ** 2 / (weight**2).sum()
    return Raked(
        design=design,
        margins=margins.reset_index(),
        sweeps=sweeps,
        effective_respondents=effective,
        design_effect=len(weight) / effective,
        weight_ratio_lowest=ratio.min() / average,
        weight_ratio_highest=ratio.max() / average,
    )


def same_length(found: int, people: int, name: str) -> None:
    """Refuse a table that has not one row for each person of the survey."""
    if found != people:
        raise PlacelibError(f"The {name} has {found:,} rows and the weights {people:,}: give one row a person.")


def _refuse(bad: np.ndarray, rule: str) -> None:
    if rows := row_positions(bad):
        raise PlacelibError(f"In the survey design {rule}: look at {rows}.")


def row_positions(bad: np.ndarray | pd.Series) -> str:
    """Name the rows where `bad` is true, as positions from 0; empty if there are none."""
    rows = np.flatnonzero(bad)
    more = f" and {len(rows) - 5:,} more" if len(rows) > 5 else ""
    return f"row positions {', '.join(map(str, rows[:5]))}{more}" if len(rows) else ""


def _listed(items: Sequence) -> str:
    return ", ".join(repr(item) for item in items)
