"""Pattern on the map: are neighbouring wards alike, and where? Exploratory: it raises questions and settles none."""

import warnings
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy import stats

from placelib.errors import PlacelibError

SNAP_METRES = 20.0  # gaps between outlines that were digitised apart
FEWEST_WARDS = 10
PERMUTATIONS = 9_999
SEED = 20_261
LEVEL = 0.05
TIE = 1e-9

NEIGHBOURHOODS = {1: "high among high", 2: "low among high", 3: "low among low", 4: "high among low"}


@dataclass(frozen=True, eq=False)
class Pattern:
    """How a rate lies on the map, in the whole place and ward by ward.

    Parameters
    ----------
    moran : float
        Moran's I of the place: above its expectation, neighbours are alike; below, they differ.
    expected : float
        Of Moran's I without any pattern.
    p_value : float
        Two-sided, by permutation.
    wards : DataFrame
        By ward code: standardised_rate (empirical Bayes), local_moran, neighbourhood ("high among low" and so on),
        p_value (two-sided, by conditional permutation), adjusted_p_value, stands_out (neighbourhood where the
        adjusted p-value is at most 0.05, else ""). NaN and "" for an island.
    islands : tuple of str
        Codes of wards without a neighbour, which take no part.
    """

    moran: float
    expected: float
    p_value: float
    wards: pd.DataFrame
    islands: tuple[str, ...]


def spatial_pattern(count: pd.Series, population: pd.Series, wards: gpd.GeoDataFrame) -> Pattern:
    """Look for pattern in ward rates: global and local Moran on empirical-Bayes rates.

    Rates of small wards scatter more, which looks like pattern or hides it; Assunção and Reis standardise each by
    its own variance. Wards are neighbours if their outlines touch, or come within 20 metres of it. Local p-values
    are adjusted together for false discoveries (Benjamini and Hochberg). With about 20 wards only strong pattern is
    found, and its shape depends on where boundaries run.

    Parameters
    ----------
    count : Series
        Events by ward code, unrounded. Not modelled numbers: borrowing strength makes wards alike.
    population : Series
        At risk, by ward code.
    wards : GeoDataFrame
        ward_code, ward_name, geometry in metres; all wards, neighbours or not.

    Returns
    -------
    Pattern
        The same on every run, and whatever the order of the wards.

    Raises
    ------
    PlacelibError
        For wards that differ, a missing or negative number, nobody at risk, no events at all, or fewer than 10 wards
        with neighbours.

    References
    ----------
    Assunção and Reis (1999), Statistics in Medicine 18; Anselin (1995), Geographical Analysis 27; Caldas de Castro
    and Singer (2006), Geographical Analysis 38, on false discoveries; computed by esda and libpysal.
    """
    from libpysal.graph import Graph  # takes a second to import

    outlines = wards.set_index("ward_code").sort_index()
    events, people = (part.reindex(outlines.index).astype(float) for part in (count, population))
    if not (len(count) == len(outlines) and (events >= 0).all() and (people > 0).all() and events.sum() > 0):
        raise PlacelibError("Pattern needs a count of 0 or more and people at risk for every ward, and some events.")
    graph = Graph.build_fuzzy_contiguity(outlines.geometry, buffer=SNAP_METRES / 2)
    joined = outlines.index.difference(graph.isolates)
    if len(joined) < FEWEST_WARDS:
        raise PlacelibError(f"Only {len(joined)} wards have neighbours: pattern needs {FEWEST_WARDS}.")
    whole, local = _morans(events[joined].to_numpy(), people[joined].to_numpy(), graph.subgraph(joined).transform("r"))
    found = pd.DataFrame({"standardised_rate": local.y, "local_moran": local.Is}, joined)
    found["neighbourhood"] = pd.Series(local.q, joined).map(NEIGHBOURHOODS)
    found["p_value"] = _two_sided(local.Is, local.sim)
    found["adjusted_p_value"] = stats.false_discovery_control(found["p_value"])
    found["stands_out"] = found["neighbourhood"].where(found["adjusted_p_value"] <= LEVEL, "")
    found = found.reindex(outlines.index).fillna({"neighbourhood": "", "stands_out": ""})
    return Pattern(whole.I, whole.EI, float(_two_sided(whole.I, whole.sim)), found, tuple(graph.isolates))


def _morans(events: np.ndarray, people: np.ndarray, graph: Any) -> tuple:  # noqa: ANN401 - a Graph, imported late
    """Give esda's global and local Moran, each with what it would be by permutation."""
    with warnings.catch_warnings(action="ignore"):
        import esda  # one of its modules looks for widgets that a headless run does not have

    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # of its one-sided p-values, not used
        whole = esda.Moran_Rate(events, people, graph, permutations=0)  # its own draw on numpy's shared generator
        local = esda.Moran_Local_Rate(events, people, graph, permutations=PERMUTATIONS, seed=SEED, n_jobs=1)
    draws = np.random.default_rng(SEED).permuted(np.tile(whole.z, (PERMUTATIONS, 1)), axis=1)
    whole.sim = np.einsum("rj,rj->r", draws, draws @ graph.sparse.toarray().T) / (whole.z @ whole.z)
    return whole, local


def _two_sided(observed: np.ndarray, simulated: np.ndarray) -> np.ndarray:
    """Double the smaller tail, ties in both: esda's own count leaves ties out of the lower one."""
    tails = (simulated >= observed - TIE).sum(axis=0), (simulated <= observed + TIE).sum(axis=0)
    return np.minimum(2 * (np.minimum(*tails) + 1) / (len(simulated) + 1), 1.0)


def patterns(table: pd.DataFrame, wards: gpd.GeoDataFrame) -> pd.DataFrame:
    """Look for pattern in every indicator that has events and a population in each ward.

    Returns
    -------
    DataFrame
        indicator_id, moran, p_value (adjusted over the indicators for false discoveries), reading (which names the
        wards without neighbours, that take no part), stand_out (wards that stand out with their neighbours, by name).
    """
    names, rows = wards.set_index("ward_code")["ward_name"], []
    events = table[(table["area_type"] == "ward") & (table["measure"] == "flow")]
    for indicator, each in events.drop_duplicates(["indicator_id", "area_code"]).groupby("indicator_id"):
        known = each.set_index("area_code")[["numerator", "denominator"]].dropna()
        if len(known) == len(wards) >= FEWEST_WARDS and known["numerator"].sum() > 0:
            found = spatial_pattern(known["numerator"], known["denominator"], wards)
            apart = ", ".join(f"{names[code]} ({how})" for code, how in found.wards["stands_out"].items() if how)
            alike = "neighbours are alike" if found.moran > found.expected else "neighbours differ"
            left_out = f"; left out, as without neighbours: {', '.join(names[list(found.islands)])}"
            rows.append((indicator, found.moran, found.p_value, apart, alike, left_out if found.islands else ""))
    result = pd.DataFrame(rows, columns=["indicator_id", "moran", "p_value", "stand_out", "reading", "left_out"])
    result["p_value"] = stats.false_discovery_control(result["p_value"]) if rows else []
    chance, single = result["p_value"] > LEVEL, result["stand_out"] != ""
    words = ["no overall pattern, but single wards differ", "no pattern beyond chance"]
    result["reading"] = np.select([chance & single, chance], words, result["reading"]) + result.pop("left_out")
    return result
