"""Survey estimates: answers known by construction, limits, and what must not matter."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, stats

from placelib.errors import PlacelibError
from placelib.measures import linearise
from placelib.measures.survey import Design, Domains, covariance, means, medians, proportions, rake, ratios, totals


def everyone(people):
    """One domain that holds all."""
    return Domains(sparse.csr_array(np.ones((people, 1))), pd.Index(["place"]))


def survey(seed, people=120):
    """Make a random stratified, clustered survey with missing answers."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "stratum": random.integers(0, 3, people),
            "cluster": random.integers(0, 8, people),
            "ward": random.choice(["W1", "W2", "W3"], people),
            "sex": random.choice(["F", "M"], people),
            "weight": random.uniform(0.5, 3, people),
        }
    )
    answers = pd.DataFrame(random.integers(0, 2, (people, 2)).astype(float), columns=["lonely", "safe"])
    return frame, answers.mask(random.random(answers.shape) < 0.1)


def design_of(frame):
    """Take the design from the columns of `survey`."""
    return Design(frame["weight"], frame["stratum"], frame["cluster"])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=40), st.floats(0.1, 100))
def test_equal_weights_give_the_plain_mean_and_its_standard_error(values, weight):
    """One stratum, each person a cluster: the mean, and the square root of variance over n."""
    found = means(Design([weight] * len(values)), pd.DataFrame({"x": values}), everyone(len(values))).iloc[0]
    assert found["estimate"] == pytest.approx(np.mean(values), abs=1e-9)
    assert found["standard_error"] == pytest.approx(np.std(values, ddof=1) / len(values) ** 0.5, rel=1e-6, abs=1e-6)
    assert found["degrees_of_freedom"] == len(values) - 1


def test_two_strata_by_hand():
    """The variance of a stratified total adds N²(1 - n/N) s²/n of each stratum."""
    design = Design([5, 5, 10, 10], ["a", "a", "b", "b"], stratum_population={"a": 10, "b": 20})
    found = totals(design, pd.DataFrame({"x": [1.0, 3, 2, 6]}), everyone(4)).iloc[0]
    by_hand = 10**2 * (1 - 2 / 10) * 2 / 2 + 20**2 * (1 - 2 / 20) * 8 / 2
    assert found["estimate"] == 100
    assert found["standard_error"] == pytest.approx(by_hand**0.5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_one_stratum_gives_the_unstratified_answer(seed):
    """A stratum for all is no stratum, whatever it is called; nor do strata move an estimate."""
    frame, answers = survey(seed)
    wards = Domains.of(frame[["ward"]])
    without = proportions(Design(frame["weight"], cluster=frame["cluster"]), answers, wards)
    one = proportions(Design(frame["weight"], ["all"] * len(frame), frame["cluster"]), answers, wards)
    pd.testing.assert_frame_equal(one, without)
    strata = proportions(design_of(frame), answers, wards)
    assert strata["estimate"].tolist() == pytest.approx(without["estimate"].tolist())


def test_a_ratio_of_two_totals_by_hand():
    """Three spells for each carer; the influence is (spells - 3 carers) over all carers."""
    spells, carers = pd.DataFrame({"x": [2.0, 4, 9, np.nan]}), pd.DataFrame({"x": [1.0, 2, 2, 1]})
    found = ratios(Design(np.full(4, 7)), spells, carers, everyone(4)).iloc[0]
    assert (found["estimate"], found["respondents"]) == (3, 3)
    assert found["standard_error"] == pytest.approx((4 / 3 * ((-1) ** 2 + (-2) ** 2 + 3**2)) ** 0.5 / 5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_a_ratio_to_everyone_who_answered_is_the_mean(seed):
    """Dividing by one each gives the mean, its error and its interval."""
    frame, answers = survey(seed)
    wards = Domains.of(frame[["ward"]])
    ratio, mean = (
        ratios(design_of(frame), answers, answers.notna() * 1.0, wards),
        means(design_of(frame), answers, wards),
    )
    columns = ["estimate", "standard_error", "lower", "upper", "degrees_of_freedom"]
    pd.testing.assert_frame_equal(ratio[columns], mean[columns])


def test_the_median_is_where_half_the_weight_lies():
    """The plain median with equal weights; a heavy person pulls it; a domain has its own; nobody has none."""
    hours = pd.DataFrame({"hours": [5.0, 1, 3, 2, 4, 8, np.nan]})
    wards = Domains.of(pd.DataFrame({"ward": ["W1"] * 5 + ["W2", "W3"]}))
    assert medians(Design(np.ones(7)), hours, wards)["estimate"].tolist() == pytest.approx([3, 8, np.nan], nan_ok=True)
    assert medians(Design([9, 1, 1, 1, 1, 1, 1]), hours, wards)["estimate"][0] == 5


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_a_median_turns_with_the_scale(seed, is_raked):
    """Any rising change of scale carries median and limits with it, in overlapping domains, raked or not."""
    frame, _ = survey(seed)
    design = design_of(frame)
    design = rake(design, frame[["sex"]], {"sex": {"F": 600, "M": 500}}) if is_raked else design
    values = pd.DataFrame({"x": np.random.default_rng(seed).normal(size=len(frame))})
    domains = Domains(
        sparse.hstack([Domains.of(frame[["ward"]]).members, np.ones((len(frame), 1))]), pd.Index(range(4))
    )
    limits = ["lower", "estimate", "upper"]
    plain, turned = medians(design, values, domains)[limits], medians(design, np.exp(values), domains)[limits]
    np.testing.assert_allclose(turned, np.exp(plain))
    assert plain.notna().all(axis=None)
    assert (plain["lower"] <= plain["estimate"]).all()
    assert (plain["estimate"] <= plain["upper"]).all()


@pytest.mark.parametrize("block", [1, 50])
def test_small_blocks_change_nothing(block, monkeypatch):
    """Domains may be dealt with one by one or all at once."""
    frame, answers = survey(3)
    raked = rake(design_of(frame), frame[["sex"]], {"sex": {"F": 600, "M": 500}})
    domains = Domains.of(frame[["ward", "sex"]])
    at_once = proportions(raked, answers, domains)
    monkeypatch.setattr(linearise, "BLOCK", block)
    pd.testing.assert_frame_equal(proportions(raked, answers, domains), at_once, rtol=1e-12)


@pytest.mark.parametrize("function", [proportions, means, medians, totals])
def test_no_domain_gives_an_empty_table(function):
    """Where nobody said which group they are in, there is nothing to tell, and no fault."""
    frame, answers = survey(4)
    raked = rake(design_of(frame), frame[["sex"]], {"sex": {"F": 600, "M": 500}})
    nobody = Domains.of(frame[["ward"]].mask(frame["ward"].notna()))
    assert len(function(raked, answers, nobody)) == len(function(design_of(frame), answers, nobody)) == 0


def test_a_missing_answer_is_not_a_no():
    """Two of the three who answered say yes: 67%, on a base of three."""
    answers = pd.DataFrame({"lonely": [1, 1, 0, np.nan]})
    found = proportions(Design(np.ones(4)), answers, everyone(4)).iloc[0]
    assert (found["estimate"], found["respondents"]) == (pytest.approx(2 / 3), 3)


def test_people_outside_a_domain_stay_in_the_design():
    """A domain's error is that of a ratio over the whole design, wider than of its rows alone."""
    answers = pd.DataFrame({"x": [1.0, 2, 4, 9]})
    inside = Domains.of(pd.DataFrame({"ward": ["W1", "W1", "W1", None]}))
    found = means(Design(np.ones(4)), answers, inside).iloc[0]
    residual = np.array([1, 2, 4]) - 7 / 3
    assert found["standard_error"] == pytest.approx((4 / 3 * (residual**2).sum()) ** 0.5 / 3)


def test_a_lone_cluster_counts_in_full_and_is_reported():
    """Its total is compared with the grand mean, nought, where its own stratum shows no variation."""
    design = Design(np.ones(5), ["a", "a", "a", "a", "b"])
    answers = pd.DataFrame({"lonely": [1.0, 0, 1, 0, 1]})
    found = proportions(design, answers, everyone(5)).iloc[0]
    influence = (np.array([1, 0, 1, 0, 1]) - 0.6) / 5
    inside = 4 / 3 * ((influence[:4] - influence[:4].mean()) ** 2).sum()
    assert found["standard_error"] == pytest.approx((inside + influence[4] ** 2) ** 0.5)
    assert found["lone_strata"] == 1


@pytest.mark.parametrize(("answer", "bounds"), [(0.0, (0, 0.168433)), (1.0, (0.831567, 1))])
def test_nobody_and_everybody_have_an_interval_with_a_width(answer, bounds):
    """None of 20: the exact binomial limit 1 - 0.025^(1/20), never 0% to 0%."""
    found = proportions(Design(np.ones(20)), pd.DataFrame({"lonely": [answer] * 20}), everyone(20)).iloc[0]
    assert found[["lower", "upper"]].tolist() == pytest.approx(bounds, abs=1e-6)
    assert found["standard_error"] == 0
    assert found["effective_respondents"] == 20


def test_equal_weights_give_the_exact_binomial_interval():
    """Six of 20: Clopper and Pearson's limits on n - 1, the people that p(1 - p) / variance counts."""
    found = proportions(Design(np.ones(20)), pd.DataFrame({"lonely": [1.0] * 6 + [0.0] * 14}), everyone(20)).iloc[0]
    bounds = stats.beta.ppf([0.025, 0.975], [0.3 * 19, 0.3 * 19 + 1], [0.7 * 19 + 1, 0.7 * 19])
    assert found[["lower", "upper"]].tolist() == pytest.approx(bounds)


def test_clusters_that_happen_to_agree_have_an_interval_with_a_width():
    """Half of each of two clusters: no variation between them, and yet no certainty."""
    design = Design(np.ones(8), cluster=[1] * 4 + [2] * 4)
    found = proportions(design, pd.DataFrame({"safe": [1.0, 0] * 4}), everyone(8)).iloc[0]
    size = 8 * (stats.t.ppf(0.975, 7) / stats.t.ppf(0.975, 1)) ** 2
    assert found["standard_error"] == 0
    assert found["upper"] == pytest.approx(stats.beta.ppf(0.975, size / 2 + 1, size / 2))


def test_one_cluster_has_an_estimate_but_no_error():
    """One cluster cannot tell how clusters differ; an empty domain has nothing at all."""
    answers = pd.DataFrame({"lonely": [1.0, 0, 1, np.nan]})
    domains = Domains.of(pd.DataFrame({"ward": ["W1", "W1", "W2", "W3"]}))
    found = proportions(Design(np.ones(4), cluster=[1, 1, 2, 2]), answers, domains)
    assert found["estimate"].tolist() == pytest.approx([0.5, 1, np.nan], nan_ok=True)
    assert found[["standard_error", "lower", "upper"]].isna().all(axis=None)
    assert found["respondents"].tolist() == [2, 1, 0]


def test_without_a_degree_of_freedom_there_is_no_interval():
    """A cluster in each of two strata: an error, as the strata hold others, but no t to make limits of."""
    design = Design(np.ones(6), ["a", "a", "a", "b", "b", "b"])
    ward = Domains.of(pd.DataFrame({"ward": ["W1", None, None, "W1", None, None]}))
    found = proportions(design, pd.DataFrame({"lonely": [1.0, 0, 0, 0, 1, 1]}), ward).iloc[0]
    assert found["standard_error"] > 0
    assert found["degrees_of_freedom"] == 0
    assert found[["lower", "upper"]].isna().all()


def test_a_self_selected_sample_has_no_design_based_interval():
    """The estimate and Kish's effective size remain; no error, interval, design effect or covariance."""
    frame, answers = survey(1)
    design = Design(frame["weight"], probability=False)
    found = proportions(design, answers, Domains.of(frame[["ward"]]))
    unknown = ["standard_error", "lower", "upper", "design_effect", "degrees_of_freedom"]
    assert found[unknown].isna().all(axis=None)
    assert found[["estimate", "effective_respondents"]].notna().all(axis=None)
    assert covariance(design, answers, Domains.of(frame[["ward"]])).isna().all(axis=None)


def test_raking_leaves_no_sampling_error_in_what_was_raked_to():
    """The share of women is the published one, without error; another answer keeps its own."""
    frame, answers = survey(2)
    raked = rake(design_of(frame), frame[["sex"]], {"sex": {"F": 600, "M": 500}})
    women = (frame["sex"] == "F").astype(float).rename("women")
    found = proportions(raked, pd.concat([women, answers], axis=1), everyone(len(frame)))
    assert found.loc[0, "estimate"] == pytest.approx(6 / 11)
    assert found["standard_error"].gt(0).tolist() == [False, True, True]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_reordering_people_and_renaming_clusters_changes_nothing(seed, random):
    """Rows may come in any order and codes may be any labels."""
    frame, answers = survey(seed)
    order = random.sample(range(len(frame)), len(frame))
    moved = frame.iloc[order].assign(cluster=lambda f: f["cluster"].map(lambda c: f"area {9 - c}"))
    before = proportions(design_of(frame), answers, Domains.of(frame[["ward"]]))
    after = proportions(design_of(moved), answers.iloc[order], Domains.of(moved[["ward"]]))
    pd.testing.assert_frame_equal(before, after, rtol=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_wards_sum_to_the_place(seed):
    """Ward totals add up to the place's, and so do their covariances, raked or not."""
    frame, answers = survey(seed)
    design = design_of(frame)
    raked = rake(design, frame[["sex"]], {"sex": {"F": 600, "M": 500}})
    for one in (design, raked):
        wards = totals(one, answers, Domains.of(frame[["ward"]])).groupby("question")["estimate"].sum()
        place = totals(one, answers, everyone(len(frame))).set_index("question")["estimate"]
        pd.testing.assert_series_equal(wards, place, rtol=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_covariance_agrees_with_the_standard_errors(seed, is_raked):
    """Its diagonal is the squared errors of the same pass, and no variance of a contrast is negative."""
    frame, answers = survey(seed)
    design = design_of(frame)
    if is_raked:
        design = rake(design, frame[["sex"]], {"sex": {"F": 600, "M": 500}})
    domains = Domains.of(frame[["ward", "sex"]])
    matrix, table = covariance(design, answers, domains), means(design, answers, domains)
    assert np.diag(matrix) == pytest.approx(table["standard_error"].to_numpy() ** 2, rel=1e-9)
    assert np.linalg.eigvalsh(matrix).min() > -1e-12
    assert matrix.index.names == ["ward", "sex", "question"]


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (pd.DataFrame({"lonely": [1, 2.0]}), r"Answers to \['lonely'\] must be 1 \(yes\), 0 \(no\) or missing"),
        (pd.DataFrame({"lonely": [1.0]}), "table of answers has 1 rows and the weights 2"),
    ],
)
def test_answers_that_do_not_fit_are_refused(answers, words):
    """An answer other than yes, no or missing, and a table of other people."""
    with pytest.raises(PlacelibError, match=words):
        proportions(Design([1, 1]), answers, everyone(2))


def test_nullable_and_boolean_answers_are_read_as_they_are():
    """Pandas' own missing value is missing, True is yes."""
    answers = pd.DataFrame({"a": pd.array([True, False, pd.NA], dtype="boolean")})
    found = proportions(Design(np.ones(3)), answers, everyone(3)).iloc[0]
    assert (found["estimate"], found["respondents"]) == (0.5, 2)
