"""Small areas: limits, named rules, invariants, and whether modelling helps where the model is wrong."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit

from placelib.errors import PlacelibError
from placelib.measures.smallarea import ADJUSTED, REML, fay_herriot, modelled_proportions, smoothed_variance

WARDS = pd.Index([f"W{row:02d}" for row in range(20)])
NONE = pd.DataFrame(index=WARDS)
SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=25, deadline=None)


def places(seed, spread=0.1):
    """Direct numbers of twenty wards, their sampling variances, and one covariate that tells something."""
    draw = np.random.default_rng(seed)
    covariate = pd.DataFrame({"tenure": draw.normal(size=20)}, index=WARDS)
    variance = pd.Series(1 / draw.uniform(150, 500, 20), WARDS)
    truth = 0.6 + 0.05 * covariate["tenure"] + draw.normal(0, spread, 20)
    return truth + draw.normal(size=20) * np.sqrt(variance), variance, covariate


def survey(seed):
    """Answers of twenty wards as the survey module gives them, their people, and the place's own proportion."""
    draw = np.random.default_rng(seed)
    respondents = pd.Series(draw.integers(40, 200, 20), WARDS)
    share = draw.binomial(respondents, draw.beta(3, 7, 20)) / respondents
    direct = pd.DataFrame({"estimate": share, "respondents": respondents, "design_effect": draw.uniform(1, 2, 20)})
    return direct, pd.Series(draw.uniform(5e3, 2e4, 20), WARDS), float(draw.uniform(0.2, 0.4))


def test_a_wild_number_gives_way_to_the_regression():
    """A sampling variance beyond measure leaves only what the covariate says; a missing number says the same."""
    direct, variance, covariate = places(1)
    wild = fay_herriot(direct, variance.replace(variance["W03"], 1e12), covariate)
    absent = fay_herriot(direct.mask(direct.index == "W03"), variance, covariate)
    b0, b1 = wild.coefficients
    assert wild.areas.loc["W03", "value"] == pytest.approx(b0 + b1 * covariate.loc["W03", "tenure"])
    assert absent.areas.loc["W03", "rule"] == "no direct number: regression"
    assert absent.areas.loc["W03", "value"] == pytest.approx(wild.areas.loc["W03", "value"], rel=1e-6)
    assert absent.areas.loc["W03", "standard_error"] > np.sqrt(absent.model_variance)
    assert np.isnan(absent.areas.loc["W03", "moved"])


def test_a_number_without_error_is_kept():
    """No sampling variance: the direct number stays, exactly, and is called direct; it does not sway the rest."""
    direct, variance, covariate = places(2)
    variance["W05"] = 0
    found, other = (fay_herriot(part, variance, covariate).areas for part in (direct, direct.replace(direct["W05"], 9)))
    assert found.loc["W05", ["value", "standard_error", "moved"]].tolist() == [direct["W05"], 0, 0]
    assert (found["basis"] == "direct").tolist() == (WARDS == "W05").tolist()
    assert found.loc["W05", "rule"] == "kept: no sampling error"
    pd.testing.assert_frame_equal(found.drop("W05"), other.drop("W05"))


def test_small_errors_leave_all_numbers_where_they_are():
    """As sampling variances fall to nothing, predictions become the direct numbers and errors theirs."""
    direct, variance, covariate = places(3)
    found = fay_herriot(direct, variance * 1e-9, covariate).areas
    assert found["value"].tolist() == pytest.approx(direct.tolist(), rel=1e-6)
    assert (found["standard_error"] ** 2 / variance).tolist() == pytest.approx([1e-9] * 20, rel=1e-3)


def test_equal_wards_get_the_adjusted_variance_by_name():
    """Wards that agree better than chance: REML finds no variance between them, and the rule is named."""
    direct, variance, _ = places(4)
    found = fay_herriot(direct * 0 + 0.6, variance, NONE)
    assert (found.variance_rule, set(found.areas["rule"])) == (ADJUSTED, {ADJUSTED})
    assert found.areas["direct_weight"].between(1e-6, 0.6).all()
    assert found.areas["value"].tolist() == pytest.approx([0.6] * 20)
    assert fay_herriot(places(4, 0.3)[0], variance, NONE).variance_rule == REML


@FEW
@given(SEEDS)
def test_order_scale_and_origin_do_not_matter(seed):
    """Wards shuffled give shuffled results; another unit or origin gives the same in that unit."""
    direct, variance, covariate = places(seed)
    found = fay_herriot(direct, variance, covariate).areas
    order = np.random.default_rng(seed).permutation(WARDS)
    shuffled = fay_herriot(direct[order], variance, covariate).areas
    pd.testing.assert_frame_equal(shuffled.loc[WARDS], found, rtol=1e-7)
    other = fay_herriot(30 - 100 * direct, 1e4 * variance, covariate * 7 + 2).areas
    assert other["value"].tolist() == pytest.approx((30 - 100 * found["value"]).tolist(), rel=1e-6)
    assert other["standard_error"].tolist() == pytest.approx((100 * found["standard_error"]).tolist(), rel=1e-6)


@FEW
@given(SEEDS)
def test_rougher_numbers_are_moved_by_a_larger_share(seed):
    """The weight on the ward's own number falls as its sampling variance grows, and the prediction lies between."""
    direct, variance, covariate = places(seed)
    found = fay_herriot(direct, variance, covariate)
    assert found.areas["direct_weight"].rank().tolist() == (-variance).rank().tolist()
    line = found.coefficients["constant"] + found.coefficients["tenure"] * covariate["tenure"]
    weight = found.areas["direct_weight"]
    assert found.areas["value"].tolist() == pytest.approx((weight * direct + (1 - weight) * line).tolist())


@FEW
@given(SEEDS)
def test_wards_agree_with_the_place_and_no_is_the_rest_of_yes(seed):
    """The population-weighted mean is the place's proportion; modelling the other answer gives the complement."""
    direct, people, place = survey(seed)
    yes = modelled_proportions(direct, NONE, population=people, place=place).areas
    assert np.average(yes["value"], weights=people) == pytest.approx(place, abs=1e-10)
    assert ((yes["lower"] <= yes["value"]) & (yes["value"] <= yes["upper"])).all()
    assert (yes[["lower", "upper"]].stack().between(0, 1)).all()
    other = direct.assign(estimate=1 - direct["estimate"])
    no = modelled_proportions(other, NONE, population=people, place=1 - place).areas
    assert (1 - no["value"]).tolist() == pytest.approx(yes["value"].tolist(), rel=1e-6)
    assert no["standard_error"].tolist() == pytest.approx(yes["standard_error"].tolist(), rel=1e-5)
    assert no["moved"].tolist() == pytest.approx((-yes["moved"]).tolist(), abs=1e-7)


def test_the_way_back_from_angles_is_the_mean_of_what_may_be():
    """By numerical integration: mean of sin² of the predicted angle, its spread, then one shift for all wards."""
    direct, people, place = survey(8)
    found = modelled_proportions(direct, NONE, population=people, place=place)
    angle = np.arcsin(np.sqrt(direct["estimate"]))
    plain = fay_herriot(angle, smoothed_variance(direct["respondents"], direct["design_effect"]), NONE).areas
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights /= weights.sum()
    spread = np.sqrt(found.model_variance * (1 - plain["direct_weight"]))
    mean = np.sin(plain["value"].to_numpy()[:, None] + np.outer(spread, nodes)) ** 2 @ weights
    shares = np.sin(plain["value"].to_numpy()[:, None] + np.outer(plain["standard_error"], nodes)) ** 2
    error = np.sqrt(shares**2 @ weights - (shares @ weights) ** 2)
    value = found.areas["value"].to_numpy()
    assert np.ptp(logit(value) - logit(mean)) < 1e-9
    stretched = error * value * (1 - value) / (mean * (1 - mean))
    assert found.areas["standard_error"].tolist() == pytest.approx(stretched.tolist(), rel=1e-9)


def test_nobody_everybody_and_no_answer_are_ordinary_wards():
    """0%, 100% and a ward without respondents each get a proportion with an interval, marked modelled."""
    direct, people, _ = survey(5)
    direct.loc["W00", ["estimate", "design_effect"]] = [0, np.nan]
    direct.loc["W01", ["estimate", "design_effect"]] = [1, np.nan]
    direct.loc["W02"] = [np.nan, 0, np.nan]
    found = modelled_proportions(direct, NONE, population=people, place=0.3).areas
    assert found[["value", "standard_error", "lower", "upper"]].notna().all(axis=None)
    assert 0 < found.loc["W00", "value"] < found.loc["W02", "value"] < found.loc["W01", "value"] < 1
    assert set(found["basis"]) == {"modelled"}


def test_one_design_effect_for_all():
    """By hand: (100 × 1.5 + 300 × 1.1) / 400 = 1.2, over four times each ward's respondents."""
    found = smoothed_variance(pd.Series([100, 300, 50, 0]), pd.Series([1.5, 1.1, np.nan, np.nan]))
    assert found.tolist() == pytest.approx([0.003, 0.001, 0.006, np.inf])


def test_modelling_helps_where_the_truth_is_not_the_model():
    """Skewed true proportions, people in clusters of five: smaller errors than direct, intervals that hold."""
    draw, held, gain = np.random.default_rng(20_261), [], []
    people = pd.Series(1.0, WARDS)
    for _ in range(60):
        truth, homes = draw.beta(1.2, 8, 20), draw.integers(10, 30, 20)
        clusters = [
            draw.binomial(5, draw.beta(20 * p, 20 * (1 - p), size)) / 5 for p, size in zip(truth, homes, strict=True)
        ]
        share = np.array([home.mean() for home in clusters])
        variance = np.array([home.var(ddof=1) / len(home) for home in clusters])
        with np.errstate(invalid="ignore"):
            effect = np.where(variance > 0, variance * 5 * homes / (share * (1 - share)), np.nan)
        direct = pd.DataFrame({"estimate": share, "respondents": 5 * homes, "design_effect": effect}, index=WARDS)
        found = modelled_proportions(direct, NONE, population=people, place=share.mean()).areas
        held.append(np.mean((found["lower"] <= truth) & (truth <= found["upper"])))
        gain.append([np.mean((found["value"] - truth) ** 2), np.mean((share - truth) ** 2)])
    modelled, plain = np.mean(gain, axis=0)
    assert modelled < 0.97 * plain
    assert np.mean(held) == pytest.approx(0.95, abs=0.025)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"covariates": pd.DataFrame(1.0, WARDS, ["a", "b", "c"])}, "3 covariates are too many.*at most 2 of a, b, c"),
        ({"covariates": pd.DataFrame({"a": np.arange(19.0)}, WARDS[1:])}, "A covariate is missing for W00"),
        ({"covariates": pd.DataFrame({"a": np.ones(20)}, WARDS)}, "do not vary: look at a"),
        ({"error_variance": pd.Series(-1.0, WARDS)}, "negative for W00, W01"),
        ({"error_variance": pd.Series([np.nan] * 11 + [1.0] * 9, WARDS)}, "9 areas .* too few for 1 coefficients"),
    ],
)
def test_what_cannot_be_modelled_is_refused_by_name(change, words):
    """Too many covariates, missing or idle ones, impossible variances, too few wards."""
    direct, variance, _ = places(6)
    arguments = {"error_variance": variance, "covariates": NONE} | change
    with pytest.raises(PlacelibError, match=words):
        fay_herriot(direct, **arguments)


def test_a_place_without_doubt_or_people_is_refused():
    """A place at 0%, a ward without people, a survey without design effects."""
    direct, people, _ = survey(7)
    with pytest.raises(PlacelibError, match="proportion of 0 leaves nothing to model"):
        modelled_proportions(direct, NONE, population=people, place=0)
    with pytest.raises(PlacelibError, match="no population for W04"):
        modelled_proportions(direct, NONE, population=people.drop("W04"), place=0.3)
    with pytest.raises(PlacelibError, match="No area has a design effect"):
        modelled_proportions(direct.assign(design_effect=np.nan), NONE, population=people, place=0.3)
