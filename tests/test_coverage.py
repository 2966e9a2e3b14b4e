"""Simulation, in small: published limits hold the truth, ranks too, and nothing is said where there is nothing.

The large one is in benchmarks/coverage.py and benchmarks/editions.py. Bounds are three simulation errors wide.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from test_needs import WORDS

from placelib.assessment.equality import group_gaps, severest_small_group
from placelib.assessment.needs import rank_sets
from placelib.gate import release_survey
from placelib.measures.groups import gaps
from placelib.measures.smallarea import modelled_proportions
from placelib.measures.survey import Design, Domains, covariance, proportions, rake
from placelib.settings import Disclosure

REPLICATES, EDITIONS = 40, 30
WARDS, AREAS, ADULTS = 16, 40, 60  # areas a ward, adults an area
DRAWN, ASKED = 15, 12  # areas drawn in a ward, adults asked in an area
QUESTIONS = {"lonely": -2.6, "damp_home": -1.2, "no_say": 0.7}
SIZES = {29: "10 to 29", 59: "30 to 59", 119: "60 to 119", np.inf: "120 or more"}
ERRORS = 3


@pytest.fixture(scope="module")
def people():
    """Adults of a place, and what each would answer: skewed areas, an interaction, no model of ours."""
    draw = np.random.default_rng(20_261)
    number = WARDS * AREAS * ADULTS
    area = np.repeat(np.arange(WARDS * AREAS), ADULTS)
    found = pd.DataFrame({"area": area, "ward": [f"W{code:02d}" for code in area // AREAS]})
    found["home"] = draw.choice([1, 2, 3, 4], number, p=[0.4, 0.35, 0.15, 0.1])
    found["sex"] = draw.choice(["female", "male"], number)
    shares = [0.008, 0.015, 0.03, 0.06, 0.887]
    found["faith"] = draw.choice(["sikh", "jewish", "hindu", "muslim", "none"], number, p=shares)
    harsh = draw.gamma(0.7, 0.5, WARDS * AREAS)[area] + draw.gamma(0.7, 0.6, WARDS)[area // AREAS]
    apart = 0.8 * found["faith"].isin(["jewish", "muslim"]) + 0.5 * (found["sex"] == "female") * harsh
    for name, level in QUESTIONS.items():
        found[name] = (level + 0.5 * harsh + apart + draw.logistic(size=number) > 0).astype(float)
    return found


def drawn(people, draw):
    """Respondents: areas within wards, adults within areas, one a home, men answering less often; and their design."""
    picked = np.concatenate([AREAS * ward + draw.permutation(AREAS)[:DRAWN] for ward in range(WARDS)])
    rows = people[people["area"].isin(picked)]
    chance = 1 / rows["home"]
    chance = ASKED * chance / chance.groupby(rows["area"]).transform("sum")
    answers = np.where(rows["sex"] == "male", 0.45, 0.65)
    asked = rows[draw.random(len(rows)) < chance * answers]
    weight = AREAS / DRAWN / chance[asked.index]
    design = Design(weight, stratum=asked["ward"].to_numpy(), cluster=asked["area"].to_numpy())
    margins = {name: people[name].value_counts().to_dict() for name in ("ward", "sex")}
    return asked.reset_index(drop=True), rake(design, asked[["ward", "sex"]].reset_index(drop=True), margins)


@pytest.fixture(scope="module")
def surveys(people):
    """Figures of every replicate as the gate lets them out, rank sets and modelled wards, each beside its truth."""
    draw, parts, ranks, models = np.random.default_rng(7), [], [], []
    true_ward = people.groupby("ward")[list(QUESTIONS)].mean()
    truth = {f"{kind} {name}": rows[list(QUESTIONS)].mean() for kind in ("ward", "faith", "sex")
             for name, rows in people.groupby(kind)} | {"place": people[list(QUESTIONS)].mean()}  # fmt: skip
    residents = people["ward"].value_counts()
    for replicate in range(REPLICATES):
        sample, design = drawn(people, draw)
        labels = {kind: f"{kind} " + sample[kind] for kind in ("ward", "faith", "sex")}
        each = [Domains.of(pd.DataFrame({kind: label})) for kind, label in labels.items()]
        each.append(Domains.of(pd.DataFrame({"all": "place"}, index=sample.index)))
        names = pd.Index([name for domains in each for name in domains.names])
        stacked = Domains(sparse.hstack([domains.members for domains in each], format="csr"), names)
        answers = sample[list(QUESTIONS)]
        found = proportions(design, answers, stacked).assign(illustrative=False, replicate=replicate)
        found["truth"] = [
            100 * truth[domain][question] for domain, question in found[["domain", "question"]].to_numpy()
        ]
        found[["value", "lower", "upper"]] = 100 * found[["estimate", "lower", "upper"]]
        whole = dict.fromkeys(["value", "lower", "upper"], 0)
        shown = release_survey(found, "", decimals=whole, policy=Disclosure()).frame
        parts.append(shown.assign(base=found["respondents"]))
        ward = found[found["domain"].str.startswith("ward")].pivot(index="domain", columns="question")
        joint = covariance(design, answers[["no_say"]], each[0]).to_numpy()
        sets = rank_sets(ward["estimate"]["no_say"], joint)
        rank = true_ward["no_say"].rank(ascending=False).to_numpy()
        ranks.append(((sets["rank_lower"] <= rank) & (rank <= sets["rank_upper"])).all())
        direct = ward.xs("no_say", axis=1, level=1)
        model = modelled_proportions(
            direct.rename(index=lambda name: name.removeprefix("ward ")),
            pd.DataFrame(index=true_ward.index),
            population=residents,
            place=found.loc[found["domain"] == "place"].set_index("question")["estimate"]["no_say"],
        ).areas
        models.append(((model[["direct", "value"]].sub(true_ward["no_say"], axis=0)) ** 2).mean())
    return pd.concat(parts, ignore_index=True), pd.Series(ranks), pd.DataFrame(models)


def test_published_intervals_hold_the_truth_in_every_size_of_group(surveys):
    """At least 95 of 100 in each band of respondents, less three errors of the simulation; none under ten is shown."""
    shown = surveys[0]
    assert shown.loc[shown["base"] < 10, ["value", "lower", "upper"]].isna().all(axis=None)
    shown = shown[shown["value"].notna()]
    held = shown["truth"].between(shown["lower"], shown["upper"]).astype(float)
    size = pd.cut(shown["base"], [9, *SIZES], labels=list(SIZES.values()))
    for band, part in held.groupby(size, observed=True):
        by_survey = part.groupby(shown.loc[part.index, "replicate"]).mean()
        spread = by_survey.std() / np.sqrt(len(by_survey))
        assert 0.95 - ERRORS * spread <= part.mean(), (band, part.mean(), spread)
    assert set(size) == set(SIZES.values())
    assert held.mean() < 0.99  # nor are they so wide that they say nothing


def test_rank_sets_hold_every_true_rank_at_once(surveys):
    """In at least 90 of 100 surveys, less three errors."""
    assert surveys[1].mean() >= 0.90 - ERRORS * np.sqrt(0.9 * 0.1 / REPLICATES)


def test_modelled_wards_are_nearer_the_truth_than_direct_ones(surveys):
    """Although the truth is not the model's."""
    models = surveys[2]
    gain = models["direct"] - models["value"]
    assert gain.mean() > ERRORS * gain.std() / np.sqrt(REPLICATES)


NEEDS = {"poor_health": 0.05, "lonely": 0.07, "unfair_treatment": 0.1, "not_making_ends_meet": 0.15, "no_say": 0.7}
GROUP, PLANTED = "care_experienced", 0.6


def edition(draw, people=3_000):
    """Answers in which no group and no ward differs, unequal weights, neighbours a little alike."""
    area = draw.integers(0, 300, people)
    frame = {}
    for name, rate in NEEDS.items():
        chance = draw.beta(49 * rate, 49 * (1 - rate), 300)[area]
        frame[name] = (draw.random(people) < chance).astype(float)
    groups = {
        "care_experience": draw.choice([GROUP, "not_care_experienced"], people, p=[0.02, 0.98]),
        "sex": draw.choice(["female", "male"], people),
        "age_band": draw.choice(["18_24", "25_34", "65_74", "85_plus"], people, p=[0.2, 0.4, 0.36, 0.04]),
        "religion": draw.choice(["muslim", "sikh", "hindu", "none"], people, p=[0.1, 0.03, 0.03, 0.84]),
    }
    design = Design(draw.choice([1.0, 2, 3, 4], people), stratum=area % 6, cluster=area)
    return design, pd.DataFrame(frame), pd.DataFrame(groups)


@pytest.fixture(scope="module")
def editions():
    """Verdicts without any difference, and whether a gap planted in a group of two in a hundred is the severest."""
    draw, claims, found = np.random.default_rng(3), [], []
    for _ in range(EDITIONS):
        design, answers, groups = edition(draw)
        table = gaps(design, answers, groups)
        sure = group_gaps(table, WORDS).query("verdict in ['worse', 'better']")
        claims.append({"any": len(sure) > 0, "small": len(severest_small_group(group_gaps(table, WORDS))) > 0})
        member = (groups["care_experience"] == GROUP) & (draw.random(len(groups)) < PLANTED)
        planted = answers["not_making_ends_meet"].mask(groups["care_experience"] == GROUP, member.astype(float))
        other = gaps(design, planted.to_frame(), groups)
        rest = table[table["indicator_id"] != "not_making_ends_meet"]
        severest = severest_small_group(group_gaps(pd.concat([rest, other], ignore_index=True), WORDS))
        found.append((severest["category"] == GROUP).any())
    return pd.DataFrame(claims), pd.Series(found)


def test_no_gap_is_claimed_where_nobody_differs(editions):
    """Single characteristics and pairs together in one of twenty; a small group's key issue in fewer still."""
    claims, _ = editions
    assert claims["any"].mean() <= 0.05 + ERRORS * np.sqrt(0.05 * 0.95 / EDITIONS)
    assert claims["small"].mean() <= claims["any"].mean()


def test_a_grave_gap_in_two_of_a_hundred_appears(editions):
    """Six in ten of about sixty respondents where everybody else has one and a half."""
    _, found = editions
    assert found.mean() >= 0.9 - ERRORS * np.sqrt(0.9 * 0.1 / EDITIONS)
