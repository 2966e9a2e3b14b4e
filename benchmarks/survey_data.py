"""The survey that every contender is given: drawn from a seed, so that all see the same numbers."""

from typing import NamedTuple

import numpy as np
from scipy import special

WARDS, CHARACTERISTICS, CATEGORIES, QUESTIONS, STRATA = 20, 9, 6, 30, 20
CLUSTER_PEOPLE = 20
MARGINS = (7, 2, 6, 5, 4, 3, 5, 20)  # categories of age, sex, ethnic group, religion, tenure, disability, work, ward
POPULATION = 10.0  # people of the population for each respondent


class Survey(NamedTuple):
    """Codes count from 0; clusters are numbered through all strata, in their order."""

    weight: np.ndarray
    cluster: np.ndarray
    stratum: np.ndarray  # of each person
    ward: np.ndarray
    characteristics: np.ndarray  # people x characteristics
    answers: np.ndarray  # people x questions: 1, 0, NaN for one in twenty
    margins: np.ndarray  # people x margins
    targets: list[np.ndarray]  # of each margin


def survey(people: int, *, seed: int = 2025) -> Survey:
    """Draw a stratified, clustered survey with unequal weights and population margins that it does not meet."""
    random = np.random.default_rng(seed)
    clusters = people // CLUSTER_PEOPLE
    cluster = random.permutation(np.arange(people) % clusters)
    ward = random.integers(0, WARDS, people)
    advantage = random.normal(size=people)  # why margins go together, and raking takes rounds
    ranks = [special.ndtr((advantage + 1.5 * random.normal(size=people)) / 1.8) for _ in MARGINS[:-1]]
    margins = np.column_stack([(rank * size).astype(int) for rank, size in zip(ranks, MARGINS, strict=False)] + [ward])
    shares = [random.uniform(0.5, 1.5, size) for size in MARGINS]
    answers = (random.random((people, QUESTIONS)) < random.uniform(0.05, 0.6, QUESTIONS)).astype(float)
    answers[random.random(answers.shape) < 0.05] = np.nan
    return Survey(
        weight=random.uniform(0.5, 3, people) * POPULATION,
        cluster=cluster,
        stratum=cluster * STRATA // clusters,
        ward=ward,
        characteristics=random.integers(0, CATEGORIES, (people, CHARACTERISTICS)),
        answers=answers,
        margins=margins,
        targets=[share / share.sum() * people * POPULATION for share in shares],
    )
