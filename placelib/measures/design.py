"""Who was asked and for whom they speak: a survey's design, and the groups that estimates are wanted for."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from placelib.errors import PlacelibError, some


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


@dataclass(frozen=True, eq=False)
class Calibration:
    """What raking leaves behind for the variance: the weights before it and the margins it met."""

    base_weight: np.ndarray
    categories: tuple[np.ndarray, ...]  # for each margin, of each person
    targets: tuple[pd.Series, ...]  # for each margin, by category
    trim: tuple[float, float]  # limits of weight after / before, 1 being the average change

    @cached_property
    def indicators(self) -> sparse.csr_array:
        """1 where a person (row) is in a category (column, through all margins in their order)."""
        starts = np.cumsum([0, *map(len, self.targets)])
        columns = np.column_stack(self.categories) + starts[:-1]
        rows = np.arange(0, columns.size + 1, step=columns.shape[1])
        return sparse.csr_array((np.ones(columns.size), columns.ravel(), rows), shape=(len(columns), starts[-1]))

    @cached_property
    def inverse(self) -> np.ndarray:
        """Inverse of the base-weighted cross-products of the categories."""
        products = (self.indicators.T @ sparse.diags_array(self.base_weight) @ self.indicators).toarray()
        return np.linalg.pinv(products, rcond=1e-10, hermitian=True)  # margins share a constant: not full rank


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
        refuse_rows(~(np.isfinite(weight) & (weight > 0)), "In the survey design the weight must be a number above 0")
        for name, default in (("stratum", np.zeros(len(weight), dtype=int)), ("cluster", np.arange(len(weight)))):
            codes = getattr(self, name)
            codes = default if codes is None else np.asarray(codes)
            same_length(len(codes), len(weight), name)
            refuse_rows(pd.isna(codes), f"In the survey design the {name} must not be missing")
            object.__setattr__(self, name, codes)
        object.__setattr__(self, "weight", weight)
        if self.stratum_population is not None:
            _ = self.clusters  # a fault in the population of the strata is found now, not at the first estimate

    @property
    def lone_strata(self) -> list:
        """Strata with a single cluster, to which the rule in the class's notes applies."""
        return self.clusters.names[self.clusters.is_lone].tolist()

    @property
    def effective_respondents(self) -> float:
        """Kish's (sum w)² / sum w²: the equal-weight sample with as much information (Kish 1965)."""
        return float(self.weight.sum() ** 2 / (self.weight**2).sum())

    @property
    def weighting_effect(self) -> float:
        """Kish's design effect: respondents / effective respondents. 1 means equal weights."""
        return len(self.weight) / self.effective_respondents

    @cached_property
    def clusters(self) -> Clusters:
        """The clusters of the design and their place in a variance."""
        stratum, names = pd.factorize(self.stratum, sort=True)
        within, found = pd.factorize(self.cluster)
        _, first, person = np.unique(stratum * len(found) + within, return_index=True, return_inverse=True)
        of_cluster = stratum[first]
        size, names, population = np.bincount(of_cluster), pd.Index(names), np.inf
        if self.stratum_population is not None:
            population = pd.Series(dict(self.stratum_population), dtype=float).reindex(names).to_numpy()
        if len(bad := names[~(population >= size)]):
            raise PlacelibError(
                f"The population of strata {listed(bad)} is missing or smaller than the sample: give for "
                "each stratum the number of clusters (of people, if there are none) in its population."
            )
        scale = (1 - size / population) * size / np.maximum(size - 1, 1)
        return Clusters(person, of_cluster, scale[of_cluster], np.where(size > 1, scale / size, 0), size == 1, names)

    @cached_property
    def loadings(self) -> tuple[np.ndarray, np.ndarray]:
        """How each cluster (row) of a raked design carries the margins' categories (columns) in a variance.

        First the sums of the raked weights, then the same scaled and recentred as `Clusters` says.
        """
        raked, clusters = self.calibration, self.clusters
        people = clusters.of_person, np.arange(len(self.weight))
        sums = (sparse.csr_array((self.weight, people)) @ raked.indicators).toarray()
        strata = np.zeros((len(clusters.names), sums.shape[1]))
        np.add.at(strata, clusters.stratum, sums)
        return sums, clusters.scale[:, None] * sums - (clusters.recentre[:, None] * strata)[clusters.stratum]


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
        ones = np.ones(len(person))
        members = sparse.csr_array((ones, (person, code[person])), shape=(len(code), groups.ngroups))
        return cls(members, groups.size().index)

    @classmethod
    def each(cls, characteristics: pd.DataFrame) -> "Domains":
        """Make a domain of each category of each characteristic, so that one pass serves them all.

        Parameters
        ----------
        characteristics : DataFrame, shape (people, columns)
            One row a person. A person with a missing category is in no domain of that characteristic.

        Examples
        --------
        >>> people = pd.DataFrame({"sex": ["F", "M", "F"], "ward": ["A", "A", None]})
        >>> Domains.each(people).names.tolist()
        [('sex', 'F'), ('sex', 'M'), ('ward', 'A')]
        """
        parts = {name: cls.of(characteristics[[name]]) for name in characteristics}
        names = [(name, category) for name, part in parts.items() for category in part.names]
        members = sparse.hstack([part.members for part in parts.values()], format="csr")
        return cls(members, pd.MultiIndex.from_tuples(names, names=["characteristic", "category"]))


def same_length(found: int, people: int, name: str) -> None:
    """Refuse a table that has not one row for each person of the survey."""
    if found != people:
        raise PlacelibError(f"The {name} has {found:,} rows and the weights {people:,}: give one row a person.")


def refuse_rows(bad: np.ndarray, rule: str) -> None:
    """Refuse what breaks a rule in any row, naming the first few as positions from 0."""
    if np.any(bad):
        raise PlacelibError(f"{rule}: look at {row_positions(bad)}.")


def row_positions(bad: np.ndarray) -> str:
    """Name the rows where `bad` is true, as positions from 0; empty if there are none."""
    rows = np.flatnonzero(bad)
    return f"row positions {some(rows)}" if len(rows) else ""


def listed(items: Sequence) -> str:
    """Name some things, as they would be typed."""
    return ", ".join(repr(item) for item in items)
