"""Groups against everyone: known gaps, errors worked out by hand, and needs that fall together counted one by one."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placelib.measures.groups import gaps, needs_together
from placelib.measures.survey import Design

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=10, deadline=None)


def asked(seed, people=200, questions=2):
    """Answers, groups and unequal weights of some people; nobody's answer is missing."""
    draw = np.random.default_rng(seed)
    answers = pd.DataFrame(draw.random((people, questions)) < 0.4, columns=[f"need_{n}" for n in range(questions)])
    groups = pd.DataFrame({name: draw.choice(list("abc"), people) for name in ("sex", "disability")})
    return draw.uniform(0.5, 3, people), answers.astype(float), groups


def keyed(found):
    """Gaps by group and question."""
    return found.set_index(["characteristic", "category", "indicator_id"]).sort_index()


def test_a_group_that_is_everyone_has_no_gap_and_no_rest():
    """The difference is nought, the ratio one, and nobody is left to test it against."""
    weight, answers, groups = asked(1)
    found = keyed(gaps(Design(weight), answers, groups.assign(sex="a"))).loc[("sex", "a")]
    assert found["difference"].tolist() == pytest.approx([0, 0])
    assert found["ratio"].tolist() == pytest.approx([1, 1])
    assert found["rest_share"].tolist() == pytest.approx([0, 0])
    assert found["rest_respondents"].tolist() == [0, 0]
    assert found["rest"].isna().all()


@FEW
@given(SEEDS)
def test_group_and_rest_make_everyone(seed):
    """Whoever answered is of the group or of the rest: (1 - f) times their difference is the gap to everyone."""
    weight, answers, groups = asked(seed)
    answers.loc[:19, "need_0"] = np.nan
    found = keyed(gaps(Design(weight), answers, groups)).loc[("sex", "a", "need_0")]
    y, member, kept = answers["need_0"].to_numpy(), (groups["sex"] == "a").to_numpy(), answers["need_0"].notna()
    part, rest, whole = (np.average(y[rows], weights=weight[rows]) for rows in (member & kept, ~member & kept, kept))
    share = weight[~member & kept].sum() / weight[kept].sum()
    assert found[["value", "rest", "everyone", "rest_share"]].tolist() == pytest.approx(
        [100 * part, 100 * rest, 100 * whole, share]
    )
    assert found["difference"] == pytest.approx(share * (found["value"] - found["rest"]))
    assert found["ratio"] == pytest.approx(part / whole)
    assert found[["respondents", "rest_respondents"]].tolist() == [(member & kept).sum(), (~member & kept).sum()]


def test_luck_makes_no_base_larger_than_the_weights_allow():
    """Kish: 100 people of weights 1 and 3 count for 80, however little their clusters happen to differ."""
    weight, agree = np.tile([1.0, 3.0], 100), np.tile([1.0, 0.0], 100)
    groups = pd.DataFrame({"sex": np.repeat(["a", "b"], 100)})
    design = Design(weight, cluster=np.arange(200) // 4)  # two who say yes and two who do not in every cluster
    found = gaps(design, pd.DataFrame({"need_0": agree}), groups)
    assert found[["effective_respondents", "rest_effective_respondents"]].to_numpy() == pytest.approx(80)


@FEW
@given(SEEDS)
def test_no_for_yes_turns_the_gap_about(seed):
    """The opposite question has the opposite gap, on the same answers."""
    weight, answers, groups = asked(seed)
    yes, no = (keyed(gaps(Design(weight), each, groups)) for each in (answers, 1 - answers))
    assert no["difference"].to_numpy() == pytest.approx(-yes["difference"].to_numpy())
    bases = ["effective_respondents", "rest_effective_respondents", "rest_share"]
    assert no[bases].to_numpy() == pytest.approx(yes[bases].to_numpy())


def test_the_order_of_people_does_not_matter():
    """Shuffled rows give the same gaps."""
    weight, answers, groups = asked(4)
    order = np.random.default_rng(1).permutation(len(weight))
    found = keyed(gaps(Design(weight), answers, groups))
    shuffled = gaps(
        Design(weight[order]), answers.iloc[order].reset_index(drop=True), groups.iloc[order].reset_index(drop=True)
    )
    pd.testing.assert_frame_equal(found, keyed(shuffled).loc[found.index])


def test_pairs_are_those_named_and_a_missing_category_is_in_none():
    """Sex by disability is crossed, sex by religion is not; who leaves a characteristic out has no group there."""
    weight, answers, groups = asked(5)
    groups = groups.rename(columns={"disability": "religion"}).assign(disability="z")
    groups.loc[:9, "sex"] = None
    found = gaps(Design(weight), answers, groups)
    assert set(found["characteristic"]) == {"sex", "religion", "disability", "sex × disability"}
    first = found[found["indicator_id"] == "need_0"]
    people = first.groupby("characteristic")["respondents"].sum()
    assert people.to_dict() == {"sex": 190, "religion": 200, "disability": 200, "sex × disability": 190}
    assert set(first.loc[first["characteristic"] == "sex × disability", "category"]) == {"a × z", "b × z", "c × z"}


def test_without_groups_there_are_no_gaps():
    """Where the survey asks for no characteristic, there is nobody to compare with everyone, and no fault."""
    weight, answers, _ = asked(3)
    assert gaps(Design(weight), answers, pd.DataFrame(index=answers.index)).empty


def test_a_group_that_agrees_rests_on_its_weights_alone():
    """Forty people who all say yes show no error of their own: their base is Kish's."""
    weight, answers, groups = asked(6)
    member = groups["sex"] == "a"
    answers.loc[member, "need_0"] = 1.0
    found = keyed(gaps(Design(weight), answers, groups)).loc[("sex", "a", "need_0")]
    assert found["value"] == pytest.approx(100)
    own = weight[member]
    assert found["effective_respondents"] == pytest.approx(own.sum() ** 2 / (own**2).sum())


def test_a_missing_answer_is_not_a_no():
    """Those who did not answer are in neither the group's base nor everyone's."""
    weight, answers, groups = asked(7)
    answers.loc[:49, "need_0"] = np.nan
    kept = slice(50, None)
    found = keyed(gaps(Design(weight), answers, groups)).loc[("sex", "a", "need_0")]
    without = keyed(gaps(Design(weight[kept]), answers[kept], groups[kept])).loc[("sex", "a", "need_0")]
    assert found[["value", "everyone", "respondents"]].tolist() == pytest.approx(
        without[["value", "everyone", "respondents"]].tolist()
    )


def needs(answers, groups=None, weight=None):
    """Needs together, by characteristic, category and number of needs."""
    groups = pd.DataFrame(index=answers.index) if groups is None else groups
    design = Design(np.ones(len(answers)) if weight is None else weight)
    return needs_together(design, answers, groups).set_index(["characteristic", "category", "needs"]).sort_index()


def test_needs_are_counted_on_the_same_people():
    """Of ten people two have no need, three one, one two, two three, one four and one all six."""
    number = [0, 0, 1, 1, 1, 2, 3, 3, 4, 6]
    answers = pd.DataFrame([[float(each < most) for each in range(6)] for most in number])
    found = needs(answers, pd.DataFrame({"sex": list("ffffffmmmm")}))
    assert found.loc[("all", "all"), "value"].to_dict() == pytest.approx(
        {"0": 20, "1": 30, "2": 10, "3": 20, "4": 10, "5 or more": 10, "3 or more": 40}
    )
    assert found.loc[("sex", "m", "3 or more"), "value"] == pytest.approx(100)
    assert found.loc[("sex", "f", "3 or more"), "value"] == 0
    assert found.loc[("sex", "f"), "respondents"].eq(6).all()
    assert found.loc[("sex",), "expected"].isna().all()


@FEW
@given(SEEDS, st.integers(1, 8))
def test_chance_alone_is_every_combination_counted(seed, questions):
    """The share expected with so many needs: all yes-and-no combinations of that many, each with its product."""
    weight, answers, _ = asked(seed, people=60, questions=questions)
    found = needs(answers, weight=weight).loc[("all", "all"), "expected"] / 100
    shares = [np.average(answers[name], weights=weight) for name in answers]
    chance = np.zeros(questions + 1)
    for combination in product([0, 1], repeat=questions):
        chance[sum(combination)] += np.prod([p if yes else 1 - p for p, yes in zip(shares, combination, strict=True)])
    assert found.drop(["5 or more", "3 or more"]).tolist() == pytest.approx([*chance[:5], *[0] * 5][:5], abs=1e-12)
    assert found[["5 or more", "3 or more"]].tolist() == pytest.approx([chance[5:].sum(), chance[3:].sum()], abs=1e-12)


def test_shares_by_number_of_needs_make_a_whole():
    """From none to five or more they add up to 100, for everyone and in each group, as does what chance expects."""
    weight, answers, groups = asked(8, questions=7)
    found = needs(answers, groups, weight)
    parts = found.drop("3 or more", level="needs")
    assert parts.groupby(level=[0, 1])["value"].sum().to_numpy() == pytest.approx(100)
    assert parts.loc[("all", "all"), "expected"].sum() == pytest.approx(100)
    together = found.loc[("all", "all"), "value"]
    assert together["3 or more"] == pytest.approx(together[["3", "4", "5 or more"]].sum())
    assert (found["lower"] <= found["value"]).all()
    assert (found["value"] <= found["upper"]).all()


def test_a_question_for_few_does_not_count_and_a_gap_in_answers_leaves_out():
    """A question put to three quarters is passed over; of the others, whoever skipped one is not counted."""
    weight, answers, _ = asked(9, people=100)
    without = needs(answers.iloc[3:], weight=weight[3:])
    answers.loc[:24, "rare"] = 1.0
    answers.loc[:2, "need_0"] = np.nan
    found = needs(answers, weight=weight)
    assert found.loc[("all", "all"), "respondents"].eq(97).all()
    assert found["value"].tolist() == pytest.approx(without["value"].tolist())


def test_chance_is_of_the_people_who_are_counted():
    """Who skipped a question has no part in what chance expects either: two of four left have each need, 25% both."""
    answers = pd.DataFrame({"need_0": [1.0, 1, 0, 0, 1], "need_1": [1.0, 0, 1, 0, np.nan]})
    found = needs(answers.reindex([0, 1, 2, 3, 0, 1, 2, 3, 4], axis=0).reset_index(drop=True))
    assert found.loc[("all", "all", "2"), ["value", "expected"]].tolist() == pytest.approx([25, 25])


def test_a_group_that_differs_by_age_alone_is_as_its_ages_expect():
    """One in five of the young say yes and four in five of the old: half a group old expects half, whatever it says."""
    answers = pd.DataFrame({"need_0": [1.0, 0, 0, 0, 0] * 2 + [1, 1, 1, 1, 0.0] * 2})
    ages = pd.DataFrame({"age_band": ["16_24"] * 10 + ["75_84"] * 10, "sex": ["a"] * 5 + ["b"] * 10 + ["a"] * 5})
    found = keyed(gaps(Design(np.ones(20)), answers, ages))
    assert found.loc["sex", "expected"].tolist() == pytest.approx([50, 50])
    assert found.loc["age_band", "expected"].tolist() == pytest.approx(found.loc["age_band", "value"].tolist())
    assert found.loc[("sex × age_band", "a × 75_84", "need_0"), "expected"] == pytest.approx(80)
    ages.loc[0, "age_band"] = None  # one yes less among the young, and in the group's ages
    found = keyed(gaps(Design(np.ones(20)), answers, ages))
    assert found.loc[("sex", "a", "need_0"), "expected"] == pytest.approx(100 * (4 * 1 / 9 + 5 * 0.8) / 9)


@FEW
@given(SEEDS)
def test_groups_of_one_age_expect_what_everyone_says(seed):
    """Where all are of an age, what is expected is everyone's share; where nobody tells, nothing is."""
    weight, answers, groups = asked(seed)
    answers.loc[:9, "need_1"] = np.nan
    found = gaps(Design(weight), answers, groups.assign(age_band="16_24"))
    assert found["expected"].to_numpy() == pytest.approx(found["everyone"].to_numpy())
    assert gaps(Design(weight), answers, groups)["expected"].isna().all()
