"""The design of a survey and raking: known answers, invariants, and every refusal in words."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from placelib.errors import PlacelibError
from placelib.measures.survey import Design, Domains, rake

PEOPLE = pd.DataFrame({"sex": ["F", "F", "M", "M", "F", "M"], "tenure": ["own", "rent", "own", "rent", "own", "own"]})
TARGETS = {"sex": {"F": 52, "M": 48}, "tenure": {"own": 60, "rent": 40}}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"weight": [1, np.nan]}, "weight must be a number above 0: look at row positions 1"),
        ({"weight": [0, 1]}, "weight must be a number above 0: look at row positions 0"),
        ({"weight": [1, 1], "stratum": ["a", None]}, "stratum must not be missing: look at row positions 1"),
        ({"weight": [1, 1], "cluster": [1]}, "cluster has 1 rows and the weights 2"),
        ({"weight": [1, 1], "stratum": ["a", "b"], "stratum_population": {"a": 5}}, "strata 'b' is missing"),
        ({"weight": [1, 1], "stratum_population": {0: 1}}, "strata 0 is missing or smaller than the sample"),
    ],
)
def test_a_faulty_design_is_refused_in_words(arguments, words):
    """A fault of the design is named when it is made, with its rows or its stratum."""
    with pytest.raises(PlacelibError, match=words):
        Design(**arguments)


def test_clusters_are_counted_within_strata_and_lone_ones_named():
    """Cluster 1 of two strata is two clusters, and a stratum that has only one is reported."""
    design = Design([1] * 5, stratum=["a", "a", "b", "b", "c"], cluster=[1, 2, 1, 1, 1])
    assert len(design.clusters.stratum) == 4
    assert design.lone_strata == ["b", "c"]


def test_domains_cross_their_columns_and_leave_out_the_missing():
    """One domain for each combination that occurs; a person without a category is in none."""
    domains = Domains.of(pd.DataFrame({"ward": ["W1", "W1", None, "W2"], "sex": ["F", "M", "F", "F"]}))
    assert domains.names.tolist() == [("W1", "F"), ("W1", "M"), ("W2", "F")]
    assert domains.members.toarray().tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 1]]


def test_each_domain_has_one_name():
    """Names that do not fit the columns are refused."""
    with pytest.raises(PlacelibError, match="2 domains have 1 names: give one each"):
        Domains(sparse.csr_array(np.ones((3, 2))), pd.Index(["W1"]))


def test_one_margin_is_post_stratification():
    """With one margin, each weight is the population of its category over its respondents."""
    raked = rake(Design(np.ones(6)), PEOPLE[["tenure"]], {"tenure": TARGETS["tenure"]})
    assert raked.weight == pytest.approx([15, 20, 15, 20, 15, 15])


def test_raked_weights_meet_every_margin_and_say_what_changed():
    """All margins are met to eight digits, and the diagnostics agree with the weights."""
    raked = rake(Design([1, 2, 3, 1, 2, 3]), PEOPLE, TARGETS)
    assert_met(raked, PEOPLE, TARGETS)
    assert raked.weighting_effect == pytest.approx(6 * (raked.weight**2).sum() / raked.weight.sum() ** 2)
    assert raked.effective_respondents * raked.weighting_effect == pytest.approx(6)


def assert_met(raked, people, targets):
    """Weighted people are as many as each target says."""
    for name, aim in targets.items():
        assert pd.Series(raked.weight).groupby(people[name]).sum().to_dict() == pytest.approx(aim, rel=1e-7)


def test_weights_that_meet_the_margins_already_are_left_alone():
    """Raking a raked design's weights again moves nothing."""
    once = rake(Design(np.ones(6)), PEOPLE, TARGETS).weight
    assert rake(Design(once), PEOPLE, TARGETS).weight == pytest.approx(once, rel=1e-7)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.2, 5), min_size=6, max_size=6), st.permutations(range(6)))
def test_order_of_rows_and_scale_of_weights_do_not_matter(weight, order):
    """Reordered people keep their raked weights, and base weights count only relative to each other."""
    weight = np.array(weight)
    plain = rake(Design(weight), PEOPLE, TARGETS).weight
    moved = rake(Design(7 * weight[order]), PEOPLE.iloc[order], TARGETS).weight
    assert moved == pytest.approx(plain[order], rel=1e-6)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"sex": {"F": 52}}, "'sex': 'M' in the sample, not in the targets"),
        ({"sex": {"F": 52, "M": 40, "X": 8}}, "'sex': 'X' has no respondent: merge"),
        ({"sex": {"F": 100, "M": 0}}, "'sex': 'M' has a target that is no number above 0"),
        ({"sex": {"F": 52, "M": np.nan}}, "'sex': 'M' has a target that is no number above 0"),
        ({"sex": {"F": 52, "M": 50}}, "different populations \\('sex' 102, 'tenure' 100\\)"),
        ({"sex": {}}, "'sex': 'F', 'M' in the sample, not in the targets"),
        ({"faith": {"any": 100}}, "margin 'faith' has no column of categories"),
    ],
)
def test_impossible_targets_are_refused_by_name(changed, words):
    """Each fault of the targets names its margin and category."""
    with pytest.raises(PlacelibError, match=words):
        rake(Design(np.ones(6)), PEOPLE, TARGETS | changed)


def test_all_faults_of_the_margins_come_together():
    """A missing category, a margin without targets and a bad target are told in one message."""
    people = PEOPLE.assign(sex=["F", None, "M", "M", "F", "M"], age="16+")
    with pytest.raises(PlacelibError) as error:
        rake(Design(np.ones(6)), people, {"sex": {"F": 1, "M": -1}, "tenure": TARGETS["tenure"]})
    for words in ["'age' has no targets", "'sex': row positions 1 are missing", "'M' has a target"]:
        assert words in str(error.value)


def test_margins_that_contradict_each_other_do_not_converge():
    """If only owners are women, women cannot outnumber owners: the margin is named."""
    people = pd.DataFrame({"sex": ["F", "M", "M"], "tenure": ["own", "own", "rent"]})
    with pytest.raises(PlacelibError, match="does not converge: margin"):
        rake(Design(np.ones(3)), people, {"sex": {"F": 70, "M": 30}, "tenure": {"own": 60, "rent": 40}})


def test_trimmed_weights_keep_to_their_limits_and_meet_the_margins():
    """No weight changes by more than declared, some are at a limit, and the margins hold all the same."""
    random = np.random.default_rng(4)
    people = pd.DataFrame({"sex": random.choice(["F", "M"], 300), "tenure": random.choice(["own", "rent"], 300)})
    targets = {"sex": {"F": 600, "M": 400}, "tenure": {"own": 600, "rent": 400}}
    free = rake(Design(np.ones(300)), people, targets)
    held = rake(Design(np.ones(300)), people, targets, trim=(0.3, 1.5))
    average = 1_000 / 300
    assert free.weight.max() > 1.5 * average
    assert held.weight.max() == pytest.approx(1.5 * average)
    assert held.weight.min() >= 0.3 * average
    assert_met(held, people, targets)
    assert held.weighting_effect < free.weighting_effect
    with pytest.raises(PlacelibError, match="contradict each other for these respondents within these limits"):
        rake(Design(np.ones(300)), people, targets, trim=(0.9, 1.1))


def test_many_margins_are_raked_as_one_by_one():
    """Margins looked at together have the weights of plain raking, margin after margin."""
    random = np.random.default_rng(7)
    people = pd.DataFrame(random.integers(0, 9, (2_000, 6)) // random.integers(1, 4, 6), columns=list("abcdef"))
    targets = {name: people[name].value_counts().mul(random.uniform(0.6, 1.5)).to_dict() for name in people}
    targets = {name: {k: v * 9_000 / sum(aim.values()) for k, v in aim.items()} for name, aim in targets.items()}
    for aim in targets.values():
        aim[0], aim[1] = aim[0] * 1.2, aim[1] - 0.2 * aim[0]
    weight = np.ones(len(people))
    for _ in range(100):
        for name, aim in targets.items():
            weight *= people[name].map(pd.Series(aim) / pd.Series(weight).groupby(people[name]).sum())
    np.testing.assert_allclose(rake(Design(np.ones(2_000)), people, targets).weight, weight, rtol=1e-7)


def test_a_raked_design_is_not_raked_again():
    """Its variance could honour the last raking only, so a second one is refused."""
    raked = rake(Design(np.ones(6)), PEOPLE, TARGETS)
    with pytest.raises(PlacelibError, match="raked already"):
        rake(raked, PEOPLE, TARGETS)
