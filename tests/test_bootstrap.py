"""Bootstrap weights: what they leave unchanged, and errors that agree with the linearised ones."""

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from placelib.errors import PlacelibError
from placelib.measures.survey import Design, Domains, means, rake

BOOTSTRAP = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "bootstrap.py"))
replicate_weights, replicate_means = BOOTSTRAP["replicate_weights"], BOOTSTRAP["replicate_means"]
RANDOM = np.random.default_rng(8)
PEOPLE = pd.DataFrame({"cluster": np.arange(600) // 4, "ward": RANDOM.choice(["W1", "W2"], 600)})
PEOPLE["stratum"], PEOPLE["sex"] = PEOPLE["cluster"] // 30, RANDOM.choice(["F", "M"], 600)
ANSWERS = pd.DataFrame({"hours": RANDOM.gamma(2, size=600) + PEOPLE["cluster"] % 3}).mask(RANDOM.random((600, 1)) < 0.1)
DESIGN = Design(RANDOM.uniform(1, 2, 600), PEOPLE["stratum"], PEOPLE["cluster"], {s: 60 for s in range(5)})
TARGETS = {"sex": {"F": 520, "M": 480}}


@pytest.mark.parametrize("raked", [False, True])
def test_bootstrap_errors_agree_with_the_linearised(raked):
    """Clustered, with half of the clusters sampled: within a tenth, raked or not."""
    design = rake(DESIGN, PEOPLE[["sex"]], TARGETS) if raked else DESIGN
    domains = Domains.of(PEOPLE[["ward"]])
    found = replicate_means(replicate_weights(design, seed=1), ANSWERS.to_numpy(), domains)
    assert found.shape == (500, 2, 1)
    assert found.std(axis=0)[:, 0] == pytest.approx(means(design, ANSWERS, domains)["standard_error"], rel=0.1)


def test_each_raked_replicate_meets_the_margins():
    """And a seed always gives the same weights."""
    raked = rake(DESIGN, PEOPLE[["sex"]], TARGETS)
    weights = replicate_weights(raked, replicates=5, seed=2)
    sums = pd.DataFrame(weights).groupby(PEOPLE["sex"]).sum()
    np.testing.assert_allclose(sums.loc["F"], 520)
    np.testing.assert_array_equal(weights, replicate_weights(raked, replicates=5, seed=2))


def test_a_census_and_a_lone_cluster_do_not_vary():
    """Where all clusters were asked, and where there is one, every replicate has the design's weights."""
    census = Design(np.ones(6), [0, 0, 0, 1, 1, 1], [1, 2, 3, 4, 4, 4], {0: 3, 1: 9})
    assert (replicate_weights(census, replicates=9) == 1).all()


def test_a_replicate_that_empties_a_category_says_so():
    """A category of one cluster is left out by some replicates: the margin is named."""
    people = pd.DataFrame({"faith": ["rare", *["common"] * 9]})
    raked = rake(Design(np.ones(10)), people, {"faith": {"rare": 5, "common": 95}})
    with pytest.raises(PlacelibError, match="margin 'faith' still moves by inf"):
        replicate_weights(raked, replicates=50)
