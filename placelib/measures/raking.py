"""Raking: weights made to agree with every published margin of the population, with limits only if declared."""

import math
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from placelib.errors import PlacelibError
from placelib.measures.design import Calibration, Design, listed, row_positions, same_length

TOLERANCE = 1e-8  # raking has converged when a whole sweep moves no margin by more than this share of it
SWEEPS = 1_000  # raking that needs more than this has targets that contradict each other
CELLS = 4_096  # cells of a table of margins that are raked together
UNTRIMMED = (0.0, np.inf)


def rake(
    design: Design, margins: pd.DataFrame, targets: Mapping[str, Mapping], *, trim: tuple[float, float] = UNTRIMMED
) -> Design:
    """Adjust the weights until the survey agrees with each published population margin.

    Parameters
    ----------
    design : Design
        Not raked before: rake once, to all margins together, so that the variance can allow for all.
    margins : DataFrame, shape (people, margins)
        Each person's category in each margin; a column may be a cross, such as age by sex.
    targets : mapping of margin to mapping of category to people
        The population of each category. All margins sum to the same population.
    trim : (lowest, highest)
        Limits of weight after / before raking, 1 being the average change: a weight that would pass one stays
        there, and the others are raked until the margins are met all the same. Omitted: no limits.

    Returns
    -------
    Design
        With the raked weights; its variances allow for the raking.

    Raises
    ------
    PlacelibError
        All at once: a margin without targets or the other way round, a missing category, a category of the
        sample without a target, a category without respondents, a target that is missing or not above
        nought, margins with different totals. Also when raking does not converge.

    References
    ----------
    Deming and Stephan (1940); Deville, Särndal and Sautory (1993), "Generalized raking procedures in survey
    sampling", JASA 88 (trimming: their truncated exponential).

    Examples
    --------
    >>> people = pd.DataFrame({"sex": ["F", "F", "F", "M"]})
    >>> rake(Design([1, 1, 1, 1]), people, {"sex": {"F": 51, "M": 49}}).weight.tolist()
    [17.0, 17.0, 17.0, 49.0]
    """
    if design.calibration is not None:
        raise PlacelibError("This design is raked already: rake the unraked one to all margins together.")
    same_length(len(margins), len(design.weight), "margins")
    wanted = {name: {key: float(people) for key, people in dict(aim).items()} for name, aim in targets.items()}
    coded = {name: pd.factorize(margins[name]) for name in margins}
    if problems := list(_problems(coded, wanted)):
        raise PlacelibError("The survey cannot be raked:\n" + "\n".join(f"  - {p}" for p in problems))
    codes = tuple(codes for codes, _ in coded.values())
    aims = (pd.Series([wanted[name][key] for key in keys], keys, name=name) for name, (_, keys) in coded.items())
    calibration = Calibration(design.weight, codes, tuple(aims), trim)
    return replace(design, weight=raked_weight(calibration, design.weight), calibration=calibration)


def raked_weight(calibration: Calibration, weight: np.ndarray) -> np.ndarray:
    """Rake any weights of the same people, those of a replicate for instance.

    Parameters
    ----------
    calibration : Calibration
        The margins and the limits.
    weight : array, shape (people,)
        Before raking; nought for the people whom a replicate leaves out.

    Returns
    -------
    array, shape (people,)

    Raises
    ------
    PlacelibError
        When raking does not converge, naming the margin that moves most.
    """
    weight = weight * (calibration.targets[0].sum() / weight.sum())
    limits = [limit * weight for limit in calibration.trim] if calibration.trim != UNTRIMMED else None
    groups = _together(calibration, 1 if limits else CELLS)
    for _ in range(SWEEPS):
        moved: list[float] = []
        for joint, aims in groups:
            held = np.clip(weight, *limits) if limits else weight
            cells = np.bincount(joint, weights=held, minlength=math.prod(map(len, aims)))
            with np.errstate(divide="ignore", invalid="ignore"):  # a replicate can leave a category empty
                weight *= _factor(cells, aims, moved)[joint]
        if max(moved) <= TOLERANCE or not np.isfinite(max(moved)):
            break
    if max(moved) <= TOLERANCE:
        return np.clip(weight, *limits) if limits else weight
    name = calibration.targets[moved.index(max(moved))].name
    raise PlacelibError(
        f"Raking does not converge: margin {name!r} still moves by {max(moved):.2g} of itself a "
        f"round, so the margins contradict each other for these respondents{' within these limits' if limits else ''}. "
        "Merge sparse categories or leave a margin out."
    )


def _together(calibration: Calibration, cells: int) -> list[tuple[np.ndarray, list[np.ndarray]]]:
    """Join neighbouring margins, while their table has few cells: one look at the people then serves them all."""
    groups: list[tuple[np.ndarray, list[np.ndarray]]] = []
    for codes, aim in zip(calibration.categories, calibration.targets, strict=True):
        if groups and len(aim) * math.prod(map(len, groups[-1][1])) <= cells:
            joint, aims = groups[-1]
            groups[-1] = joint * len(aim) + codes, [*aims, aim.to_numpy()]
        else:
            groups.append((codes, [aim.to_numpy()]))
    return groups


def _factor(cells: np.ndarray, aims: list[np.ndarray], moved: list[float]) -> np.ndarray:
    """Scale a table to each of its margins in turn; `moved` is told by how much each had to move."""
    table = cells.reshape([len(aim) for aim in aims])
    factor = np.ones(table.shape)
    for axis, aim in enumerate(aims):
        others = tuple(other for other in range(table.ndim) if other != axis)
        step = np.expand_dims(aim / table.sum(axis=others), others)
        table = table * step
        factor *= step
        moved.append(np.abs(step - 1).max())
    return factor.ravel()


def _problems(coded: dict[str, tuple[np.ndarray, pd.Index]], wanted: dict[str, dict[Hashable, float]]) -> Iterator[str]:
    for name in coded | wanted:
        if name not in coded or name not in wanted:
            lacks = "targets" if name in coded else "column of categories"
            yield f"margin {name!r} has no {lacks}: give it or leave the margin out"
            continue
        (codes, found), target = coded[name], wanted[name]
        faults = [
            (row_positions(codes < 0), "are missing: fill them in, or code them as a category"),
            (listed([key for key in found if key not in target]), "in the sample, not in the targets: add its people"),
            (listed([key for key in target if key not in found]), "has no respondent: merge it with a neighbour"),
            (listed([key for key in target if not 0 < target[key] < np.inf]), "has a target that is no number above 0"),
        ]
        yield from (f"margin {name!r}: {what} {fault}" for what, fault in faults if what)
    sums = {name: sum(target.values()) for name, target in wanted.items()}
    if max(sums.values()) - min(sums.values()) > 1e-9 * max(sums.values()):
        told = ", ".join(f"{name!r} {total:,.15g}" for name, total in sums.items())
        yield f"the margins sum to different populations ({told}): scale them to one total first"
