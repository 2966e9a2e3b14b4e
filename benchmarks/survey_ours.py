"""The library on the benchmark survey."""

import numpy as np
import pandas as pd
from bootstrap import replicate_means, replicate_weights
from scipy import sparse
from survey_data import CATEGORIES, CHARACTERISTICS, WARDS, Survey

from placelib.measures.survey import Design, Domains, proportions, rake


def design(data: Survey) -> Design:
    """Give the survey's design."""
    return Design(data.weight, data.stratum, data.cluster)


def tables(data: Survey) -> tuple[pd.DataFrame, Domains]:
    """Answers, and the domains: each ward by each category of each characteristic, in one set."""
    people, every = len(data.weight), np.arange(CHARACTERISTICS)
    column = every * WARDS * CATEGORIES + data.ward[:, None] * CATEGORIES + data.characteristics
    row = np.repeat(np.arange(people), CHARACTERISTICS)
    members = sparse.csr_array((np.ones(column.size), (row, column.ravel())))
    names = pd.MultiIndex.from_product([every, range(WARDS), range(CATEGORIES)], names=["of", "ward", "category"])
    return pd.DataFrame(data.answers), Domains(members, names)


def raked(data: Survey, plain: Design, margins: pd.DataFrame) -> Design:
    """Rake to all margins, by label."""
    return rake(plain, margins, {name: dict(enumerate(target)) for name, target in enumerate(data.targets)})


def raking(data: Survey) -> tuple:
    """Prepare, and give the call to be timed and the numbers to be compared."""
    plain, margins = design(data), pd.DataFrame(data.margins)
    return lambda: raked(data, plain, margins), lambda found: found.weight


def taylor(data: Survey) -> tuple:
    """The same for proportions with Taylor errors."""
    plain, (answers, domains) = design(data), tables(data)
    return lambda: proportions(plain, answers, domains), _errors


def raked_taylor(data: Survey) -> tuple:
    """The same for a raked design; the raking itself is not timed."""
    answers, domains = tables(data)
    found = raked(data, design(data), pd.DataFrame(data.margins))
    return lambda: proportions(found, answers, domains), _errors


def _errors(found: pd.DataFrame) -> np.ndarray:
    return found["standard_error"].to_numpy().reshape(CHARACTERISTICS, WARDS * CATEGORIES, -1)


def _spread(found: np.ndarray) -> np.ndarray:
    return found.std(axis=0).reshape(CHARACTERISTICS, WARDS * CATEGORIES, -1)


def bootstrap(data: Survey) -> tuple:
    """The same for 500 bootstrap replicates, weights drawn within the time."""
    plain, (_, domains) = design(data), tables(data)
    return lambda: replicate_means(replicate_weights(plain), data.answers, domains), _spread


def raked_bootstrap(data: Survey) -> tuple:
    """The same, each replicate raked again."""
    found, (_, domains) = raked(data, design(data), pd.DataFrame(data.margins)), tables(data)
    return lambda: replicate_means(replicate_weights(found), data.answers, domains), _spread
