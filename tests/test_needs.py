"""The need index and the comparisons: ranks known by construction, and what must not matter."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from little import ENGLAND
from scipy import stats

from placelib.assessment import needs
from placelib.assessment.needs import comparisons, need_index, rank_sets
from placelib.measures.rates import byar
from placelib.sources.readers import SHIPPED
from placelib.sources.terms import Vocabulary, read_vocabulary

WORDS = read_vocabulary(SHIPPED / "vocabulary")
SAFETY, WORK = ["burglary", "violence"], ["food_parcels"]
NOTHING = pd.DataFrame(index=pd.MultiIndex.from_arrays([[], []]))
ENGLISH = {"burglary": 5.0, "violence": 20.0, "food_parcels": 10.0}


def table(values, *, people=10_000.0, england=ENGLISH, **columns):
    """Make the rows of a shared indicator table from values per 1,000 by ward: value, error by chance, England."""
    parts = [
        (ward, name, value) for name in values for ward, value in zip("ABCDEFGHIJKLMNOP", values[name], strict=False)
    ]
    rows = pd.DataFrame(parts, columns=["area_code", "indicator_id", "value"]).assign(area_type="ward")
    means = rows.groupby("indicator_id")["value"].mean().reset_index().assign(area_code="X", area_type="place")
    english = pd.DataFrame({"indicator_id": england.keys(), "value": england.values()}, dtype=object)
    english = english.astype({"value": float}).assign(area_code="England", area_type="england")
    rows = pd.concat([rows, means, english], ignore_index=True)
    rows["area_name"] = rows["area_code"]
    counted = rows["area_type"] != "england"
    rows["denominator"] = np.where(counted, people, np.nan)
    rows["numerator"] = rows["value"] * rows["denominator"] / 1000
    rows["standard_error"] = np.where(counted, np.sqrt(rows["value"] * 1000 / people), 0.0)
    rows["lower"] = rows["value"] - 2 * rows["standard_error"]
    rows["upper"] = rows["value"] + 2 * rows["standard_error"]
    usual = {"respondents": np.nan, "years": 1.0, "per": 1000.0, "status": "published", "release_class": "open"}
    usual |= {"characteristic": "all", "category": "all", "illustrative": False, "threshold": 8.0}
    usual |= {"unit": "per 1,000", "agency": "police", "measure": "flow"}
    return rows.assign(**usual | columns)


def index(rows, words=WORDS, covariance=NOTHING, **more):
    """Rank the wards, by ward."""
    return need_index(rows, covariance, words, **more).set_index("ward_code")


def test_a_ward_at_the_level_of_england_scores_100():
    """Twice England in everything is 200; half is 50: scores are ratios."""
    values = {name: [level, 2 * level, level / 2] for name, level in ENGLISH.items()}
    found = index(table(values))
    assert found["score"].tolist() == pytest.approx([100, 200, 50])
    assert found["safety_score"].tolist() == pytest.approx([100, 200, 50])
    assert found["rank"].tolist() == [2, 1, 3]
    assert found["reference"].eq("England").all()
    assert found["indicators_used"].eq(3).all()


def test_domains_are_means_and_the_index_is_weighted():
    """Safety is the geometric mean of its two; its weight 0.15 and work's 0.20 are shared as 3 to 4."""
    found = index(table({"burglary": [20, 5], "violence": [20, 20], "food_parcels": [10, 40]}))
    assert found["safety_score"].tolist() == pytest.approx([200, 100])
    assert found["work_score"].tolist() == pytest.approx([100, 400])
    assert found["score"].tolist() == pytest.approx([100 * 2 ** (3 / 7), 100 * 4 ** (4 / 7)])
    even = index(table({"burglary": [20, 5], "violence": [20, 20], "food_parcels": [10, 40]}), weights={"work": 0.15})
    assert even["score"].tolist() == pytest.approx([100 * 2**0.5, 200])


def test_without_an_english_figure_the_place_is_the_reference():
    """One indicator that England lacks, and all are against the place: nothing is compared by halves."""
    found = index(table({"burglary": [5, 15], "violence": [20, 60]}, england={"burglary": 5.0}))
    assert found["reference"].eq("the place as a whole").all()
    assert found["score"].tolist() == pytest.approx([50, 150])


@pytest.fixture(scope="module", autouse=True)
def _fewer_draws():
    """A quarter of the draws behind a critical value, for speed: the sets are a little less exact, not narrower."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(needs, "DRAWS", 1_000)
        yield


numbers = st.lists(st.floats(1, 100), min_size=5, max_size=5)


@settings(max_examples=5, deadline=None)
@example(burglary=[1.0, 2.0, 26.0, 1.03, 29.0], violence=[1.0, 16.5, 20.0, 75.0, 13.0])  # told apart by a hair
@given(numbers, numbers)
def test_a_flipped_direction_reverses_ranks_exactly(burglary, violence):
    """If lower were worse for every indicator, first would be last, with the range of ranks turned round."""
    rows = table({"burglary": burglary, "violence": violence})
    turned = WORDS.indicators.assign(direction="lower is worse")
    as_is, flipped = index(rows), index(rows, Vocabulary(turned, WORDS.domains, WORDS.characteristics))
    tied = as_is["score"].duplicated(keep=False)
    assert (as_is["rank"] + flipped["rank"])[~tied].eq(6).all()
    assert (as_is["rank_lower"] + flipped["rank_upper"]).eq(6).all()
    assert flipped["score"].tolist() == pytest.approx((100**2 / as_is["score"]).tolist())


@settings(max_examples=5, deadline=None)
@given(st.permutations(range(15)))
def test_the_order_of_the_rows_changes_nothing(order):
    """Wards may come in any order."""
    rows = table({"burglary": [9, 4, 7, 1, 30], "violence": [20, 3, 11, 15, 22], "food_parcels": [1, 2, 3, 4, 5]})
    wards = rows[rows["area_type"] == "ward"].iloc[list(order)]
    mixed = pd.concat([rows[rows["area_type"] != "ward"], wards])
    pd.testing.assert_frame_equal(index(mixed), index(rows))


@settings(max_examples=5, deadline=None)
@given(numbers, numbers, st.integers(0, 4))
def test_a_ward_that_is_best_at_everything_is_last(burglary, violence, best):
    """Whatever the weights, no score puts it before a ward that is worse in each."""
    burglary[best], violence[best] = 0.9 * min(burglary), 0.9 * min(violence)
    found = index(table({"burglary": burglary, "violence": violence}), weights={"safety": 0.9})
    assert found["rank"].iloc[best] == 5
    assert found["rank_upper"].iloc[best] == 5


def test_what_is_not_in_the_index_does_not_touch_it():
    """An indicator for context only, and one that most wards lack, are left out and counted so."""
    values = {"burglary": [5, 10, 20, 40], "social_renting": [90, 1, 1, 1], "violence": [np.nan, np.nan, 20, 90]}
    found = index(table(values))
    assert found["indicators_used"].eq(1).all()
    assert found["score"].tolist() == pytest.approx([100, 200, 400, 800])


def test_a_missing_ward_takes_the_place_s_value():
    """One ward of four without a figure is at the level of the place: neither rewarded nor punished, nor sure."""
    found = index(table({"burglary": [5, 10, 15, np.nan]}, people=1e6))
    assert found["score"].tolist() == pytest.approx([100, 200, 300, 200])
    assert found[["rank_lower", "rank_upper"]].to_numpy().tolist() == [[3, 4], [2, 3], [1, 2], [1, 4]]


def test_a_suppressed_ward_takes_the_middle_of_its_bounds():
    """From 5 to 15: 10, with an error that spans the bounds."""
    rows = table({"burglary": [5, 5, 5, 5]})
    hidden = (rows["area_code"] == "D") & (rows["area_type"] == "ward")
    rows.loc[hidden, ["value", "lower", "upper", "status"]] = [np.nan, 5, 15, "suppressed"]
    assert index(rows)["score"].tolist() == pytest.approx([100, 100, 100, 200])


def test_nought_counts_as_half_an_event():
    """No burglary among 10,000 households is 0.05 per 1,000: a low score, not minus infinity."""
    found = index(table({"burglary": [0, 5]}))
    assert found["score"].tolist() == pytest.approx([1, 100])


@pytest.mark.parametrize("england", [0.0, None])
def test_what_never_happened_tells_no_ward_apart_and_leaves_the_other_scores(england):
    """No violence in any ward or, where its figure is known, in England: a multiple of nought would be endless."""
    rows = table({"burglary": [4, 8, 12], "violence": [0] * 3}, england={"burglary": 8.0, "violence": england})
    found = index(rows)
    assert found["score"].tolist() == pytest.approx([100 * 0.5**0.5, 100, 100 * 1.5**0.5])
    assert found["rank"].tolist() == [3, 2, 1]
    assert found["reference"].unique().tolist() == ["the place as a whole"]


def test_a_rate_of_nought_without_counts_has_a_score():
    """Nobody knows half of how many: the ward is best, and the others keep their scores."""
    rows = table({"child_obesity": [0, 20, 40]}, england={"child_obesity": 20.0})
    found = index(rows.assign(denominator=np.nan, numerator=np.nan, standard_error=0.0, lower=np.nan, upper=np.nan))
    assert found["score"].iloc[1:].tolist() == pytest.approx([100, 200])
    assert 0 < found["score"].iloc[0] < 100
    assert found["rank"].tolist() == [3, 2, 1]


def test_a_small_count_of_an_agency_gives_no_score_of_its_own():
    """One to seven events of a file that is not open all give one score; eight give another."""
    scores = {}
    for count in (1, 3, 7, 8):
        rows = table(
            {"children_in_need": [count / 10, 9], "burglary": [5, 5]}, england=ENGLISH | {"children_in_need": 4}
        )
        private = rows["indicator_id"] == "children_in_need"
        scores[count] = index(rows.assign(release_class=np.where(private, "administrative", "open")))
    assert scores[1].equals(scores[3])
    assert scores[3].equals(scores[7])
    assert scores[7]["score"].iloc[0] != scores[8]["score"].iloc[0]


def test_among_the_worst_five_is_said_only_where_it_is_sure():
    """Sixteen wards, five of them ten times the others: sure with many events, not with few."""
    values = {"violence": [100] * 5 + [10] * 11}
    sure, unsure = index(table(values)), index(table(values, people=10))
    assert sure["sure"].eq("among the five with greatest need").tolist() == [True] * 5 + [False] * 11
    assert unsure["sure"].eq("").all()
    assert index(table({"violence": [100, 1, 50]}))["sure"].eq("").all()


def test_the_survey_s_errors_move_together():
    """Two wards whose errors are the same are told apart, however large the errors."""
    rows = table({"lonely": [20, 30]}, england={"lonely": 25.0}, per=100.0)
    keys = pd.MultiIndex.from_product([["A", "B"], ["lonely"]])
    slopes = np.diag([20.0, 30.0])  # an error in proportion to the value is the same on the logarithm's scale
    together = pd.DataFrame(slopes @ np.full((2, 2), 0.25) @ slopes, keys, keys)
    apart = pd.DataFrame(slopes @ np.eye(2) * 0.25 @ slopes, keys, keys)
    assert index(rows, covariance=together)["rank_upper"].tolist() == [2, 1]
    assert index(rows, covariance=apart)["rank_upper"].tolist() == [2, 2]


def test_an_unknown_error_leaves_every_rank_open():
    """A self-selected survey has no errors to go by: it may not make a rank look sure."""
    rows = table({"lonely": [20, 30]}, england={"lonely": 25.0}, per=100.0, standard_error=np.nan)
    keys = pd.MultiIndex.from_product([["A", "B"], ["lonely"]])
    found = index(pd.concat([rows, table({"burglary": [5, 5]})]), covariance=pd.DataFrame(np.nan, keys, keys))
    ranges = found[["rank_lower", "rank_upper"]].to_numpy().tolist()
    assert found["indicators_used"].eq(1).all() or ranges == [[1, 2], [1, 2]]


def test_rank_sets_are_certain_without_error_and_open_with_much():
    """No error: each set is the rank itself. Errors far larger than the gaps: every rank is possible."""
    score = pd.Series([3.0, 1, 2], index=list("ABC"))
    assert rank_sets(score, np.eye(3) * 1e-12).to_numpy().tolist() == [[1, 1, 1], [3, 3, 3], [2, 2, 2]]
    assert rank_sets(score, np.eye(3) * 1e6)[["rank_lower", "rank_upper"]].to_numpy().tolist() == [[1, 3]] * 3


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=2, max_size=8), st.floats(0.01, 4))
def test_a_rank_lies_in_its_set_and_more_confidence_widens_it(scores, variance):
    """A 99% set holds the 50% set, which holds the rank."""
    series = pd.Series(scores)
    narrow, wide = (rank_sets(series, np.eye(len(scores)) * variance, level) for level in (0.5, 0.99))
    assert narrow["rank_lower"].le(narrow["rank"]).all()
    assert (wide["rank_lower"] <= narrow["rank_lower"]).all()
    assert (wide["rank_upper"] >= narrow["rank_upper"]).all()


@pytest.mark.parametrize("shared", [0.0, 0.3, 0.9])
def test_rank_sets_hold_all_true_ranks_together_nine_times_in_ten(shared):
    """300 draws of fourteen wards with unequal and correlated errors: joint coverage 0.90, less the draws' own error.

    So "among the worst five" is wrong of any ward in at most one edition of ten.
    """
    random = np.random.default_rng(7)
    truth = np.array([0.0, 0.1, 0.2, 0.2, 0.5, 0.5, 0.9, 1.0, 1.5, 1.6, 2.5, 3.0, 4.0, 6.0])
    spread = random.uniform(0.1, 0.5, len(truth))
    covariance = np.outer(spread, spread) * (shared + (1 - shared) * np.eye(len(truth)))
    lowest = 1 + (truth[:, None] > truth).sum(axis=0)  # tied wards may have any of the tied ranks
    highest = len(truth) - (truth[:, None] < truth).sum(axis=0)
    draws = random.multivariate_normal(truth, covariance, 300)
    found = [rank_sets(pd.Series(draw), covariance) for draw in draws]
    held = [(sets["rank_lower"] <= lowest).all() and (sets["rank_upper"] >= highest).all() for sets in found]
    assert np.mean(held) >= 0.90 - 2 * np.sqrt(0.9 * 0.1 / 300)
    assert np.mean([(sets["rank_upper"] - sets["rank_lower"]).mean() for sets in found]) < 8
    assert np.mean([(sets["rank_upper"].le(needs.WORST) & (lowest > needs.WORST)).any() for sets in found]) <= 0.1


def test_pairs_told_apart_make_it_easier_to_tell_the_others():
    """Two wards at 2.85 standard errors of their difference are told apart only after eight far ones are."""
    alone = pd.Series([*np.zeros(8), 2.85 * np.sqrt(2), 0.0])
    beside = alone + np.repeat([1e3, 2e3, 3e3, 4e3, 0.0], 2)
    assert rank_sets(alone, np.eye(10))["rank_lower"].iloc[9] == 1
    assert rank_sets(beside, np.eye(10))["rank_lower"].iloc[9] == 10


@settings(max_examples=5, deadline=None)
@given(st.permutations(range(5)))
def test_permuting_the_wards_permutes_the_index(order):
    """What a ward gets depends on its figures and not on its code."""
    burglary, violence = np.array([9.0, 4, 7, 1, 30]), np.array([20.0, 3, 11, 15, 22])
    one = index(table({"burglary": burglary, "violence": violence}, people=1e5))
    other = index(table({"burglary": burglary[order], "violence": violence[order]}, people=1e5))
    pd.testing.assert_frame_equal(other, one.iloc[order].set_axis(one.index))


def test_every_answer_of_the_little_place_is_compared(exact):
    """All but the rate whose place is unknown and the counts that are suppressed, against England; burglary twice."""
    found = comparisons(exact.table, WORDS)
    english = found[found["comparator_type"] == "england"].set_index("indicator_id")
    assert set(english.index) == set(ENGLAND) - {"child_obesity", "homelessness", "food_parcels"}
    assert english["difference"].round(6).loc[["burglary", "claimants", "violence"]].tolist() == [15, 5, 0]
    assert english.query("verdict == 'worse'").index.tolist() == ["claimants", "burglary"]
    assert english["ratio"].loc["burglary"] == pytest.approx(2.5)
    assert found.query("comparator_type == 'neighbour'")["verdict"].tolist() == ["no clear difference"]


def test_comparisons_are_exact_whatever_the_source():
    """24.4 against 15.3 is 9.1 more for a survey too: rounding is left to the gate."""
    rows = table({"lonely": [24.4]}, england={"lonely": 15.3})
    rows.loc[rows["area_type"] == "place", ["standard_error", "numerator"]] = (
        9.05 / 1.96,
        np.nan,
    )  # surely worse by a hair
    numbers = ["value", "comparator_value", "difference", "lower", "upper"]
    for release in ("open", "survey"):
        found = comparisons(rows.assign(release_class=release), WORDS).iloc[0]
        assert found[numbers].tolist() == pytest.approx([24.4, 15.3, 9.1, 0.05, 18.15], abs=0.001)
        assert found["verdict"] == "worse"


def test_all_comparisons_make_one_family():
    """Two standard errors apart: a difference alone, no clear difference among forty."""
    alone = table({"burglary": [8.0]}, people=2_000, england={"burglary": 8 - 2.1 * np.sqrt(8 / 2)})
    assert comparisons(alone, WORDS)["verdict"].tolist() == ["worse"]
    others = [alone[alone["area_type"] == "england"].assign(area_type="neighbour") for _ in range(39)]
    many = comparisons(pd.concat([alone, *others]), WORDS)
    assert many["verdict"].eq("no clear difference").all()
    assert len(many) == 40


def test_few_events_are_no_surer_than_they_are():
    """With 20 events to be expected a place just like England is called better, or worse, once in 40 at most."""
    counts = np.arange(1, 80)
    found = [comparisons(table({"burglary": [n / 10]}, england={"burglary": 2.0}), WORDS).iloc[0] for n in counts]
    for verdict in ("better", "worse"):
        called = [row["verdict"] == verdict for row in found]
        assert 0.015 < stats.poisson.pmf(counts, 20)[called].sum() < 0.025
    limits = byar(20 * np.ones(1)).iloc[0] / 10 - 2.0  # one comparison, and no error in England's figure
    assert found[19][["lower", "upper"]].tolist() == pytest.approx(limits[["lower", "upper"]].tolist())


def test_lower_is_worse_where_the_vocabulary_says_so():
    """The same gap is better for one direction and worse for the other."""
    rows = table({"burglary": [1.0]}, england={"burglary": 50.0})
    turned = WORDS.indicators.assign(direction="lower is worse")
    assert comparisons(rows, WORDS)["verdict"].tolist() == ["better"]
    assert comparisons(rows, Vocabulary(turned, WORDS.domains, WORDS.characteristics))["verdict"].tolist() == ["worse"]


def test_made_up_figures_never_meet_real_ones():
    """A real place beside an illustrative England, and the other way about: no comparison at all."""
    rows = table({"burglary": [50.0]}, england={"burglary": 5.0})
    for made_up in ("england", "place"):
        assert comparisons(rows.assign(illustrative=rows["area_type"] == made_up), WORDS).empty
    assert len(comparisons(rows.assign(illustrative=True), WORDS)) == 1
