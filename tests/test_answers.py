"""The survey as rows of the shared table: raked, worked by hand, with nobody's silence counted as a no."""

from dataclasses import replace

import numpy as np
import pytest
from little import CODES, SEXES, A, B, C, D, households, noise, population, survey
from scipy import stats

from placelib.errors import PlacelibError
from placelib.measures.answers import analysis_columns, weighted_design, yes_or_no
from placelib.measures.shared import measure


def rows(exact, indicator, **where):
    """Rows of an indicator, by area and category."""
    found = exact.table[(exact.table["indicator_id"] == indicator) & (exact.table["release_class"] == "survey")]
    for name, value in where.items():
        found = found[found[name] == value]
    return found.set_index("area_code" if where.get("area_type") == "ward" else "category")


def test_wards_and_place_are_as_worked_by_hand(exact):
    """300 of 800 adults in Ashby, 100 in Bourne, none in Carlton, 200 in Denham: 600 of 3,200 in the place."""
    wards = rows(exact, "lonely", area_type="ward")["value"]
    assert wards[CODES].tolist() == pytest.approx([37.5, 12.5, 0, 25])
    assert rows(exact, "lonely", area_type="place").loc["all", "value"] == pytest.approx(18.75)
    assert wards.mean() == pytest.approx(18.75)


def test_a_missing_answer_is_not_a_no(exact, little):
    """Working-age men were not asked: 300 of the other 500, and 30 respondents of 50."""
    damp = rows(exact, "damp_home", area_type="ward")
    assert damp["value"].tolist() == pytest.approx([60] * 4)
    assert damp["respondents"].tolist() == [30] * 4
    answers = yes_or_no(little.sources["survey"])
    assert answers["damp_home"].isna().sum() == 80
    assert set(answers["lonely"]) == {0.0, 1.0}


def test_raked_margins_meet_the_population(little, exact):
    """800 adults a ward and 1,200, 1,200, 400, 400 by sex and age, though the sample has 40, 80, 40, 40."""
    source = little.sources["survey"]
    weight = weighted_design(little, source, exact.geography, source.frame["Ward"]).weight
    frame = source.frame.assign(weight=weight)
    assert frame.groupby("Ward")["weight"].sum().tolist() == pytest.approx([800] * 4)
    groups = frame.groupby(["Sex", "Age"])["weight"].sum()
    assert groups.tolist() == pytest.approx([1200, 400, 1200, 400])
    assert frame["weight"].unique().tolist() == pytest.approx([30, 15, 10])


def test_every_group_is_estimated_and_named(exact):
    """Women: (300 in Ashby + 100 in Denham) of 1,600; men: (100 + 100) of 1,600."""
    sexes = rows(exact, "lonely", characteristic="sex")
    assert sexes["value"].to_dict() == pytest.approx({"female": 25, "male": 12.5})
    assert sexes["category_name"].tolist() == ["Female", "Male"]
    assert set(sexes["area_type"]) == {"place"}
    limited = rows(exact, "lonely", characteristic="disability")
    assert limited["respondents"].to_dict() == {"disabled_a_little": 29, "disabled_a_lot": 9, "not_disabled": 162}
    assert limited.loc["disabled_a_lot", "value"] == pytest.approx(100)


def test_limits_are_korn_and_graubards_and_hold_the_estimate(exact):
    """Within 0 and 100, never the estimate itself, and the method says whose they are."""
    found = rows(exact, "lonely", area_type="ward").loc[[A, B, D]]
    assert (found["lower"].gt(0) & found["lower"].lt(found["value"])).all()
    assert (found["upper"].lt(100) & found["upper"].gt(found["value"])).all()
    assert found["method"].str.contains("Korn–Graubard 95% interval").all()
    nobody = rows(exact, "lonely", area_type="ward").loc[C]
    assert nobody["lower"] == 0
    assert 0 < nobody["upper"] < 15
    assert nobody["standard_error"] == pytest.approx(nobody["upper"] / (2 * 1.959964))  # no certainty from agreement


def test_errors_and_covariance_agree(exact):
    """The joint error's diagonal is the standard error squared; unknown, not nought, where all answers agree."""
    joint = exact.covariance
    for indicator in ["lonely", "damp_home"]:
        for ward in CODES:
            error = rows(exact, indicator, area_type="ward").loc[ward, "standard_error"]
            known = joint.loc[(ward, indicator), (ward, indicator)]
            agree = indicator == "lonely" and ward == C  # all answers alike: the sample shows no error
            assert np.isnan(known) if agree else known == pytest.approx(error**2, abs=1e-9)
    assert np.allclose(joint, joint.T, equal_nan=True)


def test_a_ward_is_tested_against_the_place_that_it_is_part_of(exact):
    """Four strata of equal size: the error of ward less place is that of (3 ward - the three others) / 4."""
    wards = rows(exact, "lonely", area_type="ward")
    place = rows(exact, "lonely", area_type="place").loc["all"]
    joint = exact.covariance.xs("lonely", level=1).xs("lonely", level=1, axis=1).fillna(0)
    for ward in (A, B, D):
        share = np.where(joint.index == ward, 0.75, -0.25)
        error = np.sqrt(share @ joint.to_numpy() @ share)
        apart = abs(wards.loc[ward, "value"] - place["value"]) / error
        assert wards.loc[ward, "place_p_value"] == pytest.approx(2 * stats.t.sf(apart, 49), rel=1e-6)
    assert np.isnan(wards.loc[C, "place_p_value"])  # all answers alike: no error of its own to test with


def test_effective_respondents_are_never_more_than_the_weights_allow(exact):
    """30 of 50 in a ward answered on damp: weights 30, 15 and 10 leave Kish's number, and no luck adds to it."""
    damp = rows(exact, "damp_home", area_type="ward")
    weight = np.repeat([30, 15, 10], [10, 20, 20])
    assert (damp["effective_respondents"] <= 30 * weight.sum() ** 2 / (weight**2).sum() / 50 + 1e-9).all()


def test_who_answered_is_shown_before_and_after_weighting(exact):
    """40% of the sample are women and 50% of adults: raking puts that right."""
    found = exact.response.set_index(["characteristic", "category"])
    shares = ["sample_pct", "before_raking_pct", "weighted_pct", "population_pct"]
    assert found.loc[("sex", "female"), shares].tolist() == pytest.approx([40, 40, 50, 50])
    assert found.loc[("age_band", "65_74"), shares].tolist() == pytest.approx([40, 40, 25, 25])
    assert found.loc[("disability", "disabled_a_lot"), shares[:3]].tolist() == pytest.approx([4.5, 4.5, 27 / 3.2])
    assert np.isnan(found.loc[("disability", "disabled_a_lot"), "population_pct"])
    assert found["respondents"].groupby("characteristic").sum().tolist() == [200] * 4
    weights = np.repeat([30, 15, 10], [40, 80, 80])
    assert found["design_effect"].unique().tolist() == pytest.approx([200 * (weights**2).sum() / weights.sum() ** 2])


def test_a_margin_that_nobody_counts_is_asked_for(read):
    """Raking to disability, which no population file holds, names the margin and what to do."""

    def raked():
        before, terms = survey()
        return before, terms | {"survey": terms["survey"] | {"rake": [["Limited"]]}}

    with pytest.raises(PlacelibError, match=r"raked to disability, but no population source counts .*\[survey\] rake"):
        measure(read(raked, population, households))


def test_a_self_selected_survey_has_no_limits(read):
    """Answers from whoever came forward: an estimate, no interval, and the method says why."""

    def volunteers():
        before, terms = survey()
        return before, terms | {"survey": terms["survey"] | {"design": "self-selected"}}

    found = rows(measure(read(volunteers, population, households)), "lonely", area_type="ward")
    assert found["value"].tolist() == pytest.approx([37.5, 12.5, 0, 25])
    assert found[["lower", "upper", "standard_error"]].isna().all(axis=None)
    assert found["method"].str.contains("self-selected, .*no interval").all()


def test_a_column_made_for_weighting_gives_way_to_the_answer_itself(read):
    """Two columns hold sex: the analysis takes the one that is not raked to."""

    def twice():
        before, terms = survey()
        table = [[*before[0], "Said"], *([*row, row[3]] for row in before[1:])]
        said = {"type": "category", "codes": SEXES, "characteristic": "sex"}
        return table, terms | {"columns": terms["columns"] | {"Said": said}}

    source = read(twice, population, households).sources["twice"]
    frame = source.frame.assign(Said="male")
    object.__setattr__(source, "frame", frame)
    assert analysis_columns(source)["sex"].unique().tolist() == ["male"]


def test_a_survey_without_characteristics_has_its_wards_and_place(read):
    """Nobody was asked who they are: no group is told apart, and wards and place are estimated all the same."""

    def plain():
        before, terms = survey()
        columns = {name: each for name, each in terms["columns"].items() if "characteristic" not in each}
        unraked = {name: rule for name, rule in terms["survey"].items() if name != "rake"}
        return [[*row[:3], *row[6:]] for row in before], terms | {"columns": columns, "survey": unraked}

    exact = measure(read(plain, population, households))
    assert len(rows(exact, "lonely", area_type="ward")) == len(CODES)
    assert rows(exact, "lonely", area_type="place").index.tolist() == ["all"]
    assert exact.gaps.empty


def test_respondents_without_a_ward_are_refused_by_row(read):
    """A ward of another district cannot be raked to this one's margin: file and row are named, no person is."""

    def stray():
        before, terms = survey()
        table = [list(row) for row in before]
        table[7][1] = "E05000001"
        return table, terms

    with pytest.raises(PlacelibError, match=r"survey\.csv .* \[8\] name no ward of Littleton") as error:
        measure(read(stray, population, households, noise))
    assert not any(word in str(error.value) for word in ("P1006", "E05000001", "Often"))


def test_two_surveys_of_a_place_are_refused(little):
    """Their errors would have to go together, and their groups be tested as one family; nothing else is said of it."""
    (asked,) = little.of_kind("survey")
    with pytest.raises(PlacelibError, match=r"^again\.toml, key 'kind': the place has another survey"):
        measure(replace(little, sources=little.sources | {"again": asked}))


def test_where_a_yes_is_good_the_no_is_the_need(little, exact):
    """Were it good to be lonely, who has no need would be who has one now; damp homes are not asked of all."""
    known = little.vocabulary.indicators
    turned = known.assign(direction=known["direction"].mask(known["indicator_id"] == "lonely", "higher is better"))
    other = measure(replace(little, vocabulary=replace(little.vocabulary, indicators=turned)))
    now, then = (
        each.together[each.together["characteristic"] == "all"].set_index("needs")["value"] for each in (exact, other)
    )
    assert now[["0", "1"]].tolist() == pytest.approx(then[["1", "0"]].tolist())
    assert now["0"] != pytest.approx(now["1"])
