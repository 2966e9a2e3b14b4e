"""Survey estimates against R's survey package: its own published output, and our survey run through it.

Published output is that of survey 4.5's tests (R 4.5.2; domain.R: R 3.1.0), found beside the data in the
folder that PLACELIB_REAL names, the repository's neighbour ../shared/real by default. `make_survey.R` here
makes `results/survey_*.csv`, whose first line tells the versions.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

from placelib.measures.survey import Design, Domains, covariance, means, proportions, rake, totals

REAL = Path(os.environ.get("PLACELIB_REAL", Path(__file__).parents[3] / "shared" / "real")) / "survey"
RESULTS = Path(__file__).parent / "results"
SIX_DIGITS = 1e-6
QUESTIONS, LIMITS = ["lonely", "safe", "volunteers"], ["lower", "upper"]


def schools(name):
    """Read one of the California schools samples, or skip where the real data are absent (fail in CI)."""
    path = REAL / f"r_survey_{name}"
    if not path.exists():
        reason = f"real data are not here: {path.name} (set PLACELIB_REAL to their folder)"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return pd.read_csv(path)


def place(rows):
    """One domain that holds all."""
    return Domains(sparse.csr_array(np.ones((rows, 1))), pd.Index(["all"]))


def estimated(function, design, values, domains=None):
    """Give estimate and standard error of the first row."""
    found = function(design, values, domains or place(len(values)))
    return found.loc[0, ["estimate", "standard_error"]].tolist()


def clustered_schools():
    """Make R's dclus1: svydesign(id = ~dnum, weights = ~pw, data = apiclus1, fpc = ~fpc)."""
    frame = schools("apiclus1.csv")
    return frame, Design(frame["pw"], cluster=frame["dnum"], stratum_population={0: 757})


def test_stratified_schools():
    """R: svydesign(id = ~1, strata = ~stype, weights = ~pw, data = apistrat, fpc = ~fpc)."""
    frame = schools("apistrat.csv")
    population = frame.groupby("stype")["fpc"].first().to_dict()
    design = Design(frame["pw"], frame["stype"], stratum_population=population)
    mean, error = estimated(means, design, frame[["api00"]])
    assert (mean, error) == (pytest.approx(662.29, abs=5e-3), pytest.approx(9.4089, abs=5e-5))
    assert estimated(totals, design, frame[["enroll"]]) == pytest.approx([3_687_178, 114_642], abs=0.5)
    assert estimated(means, Design(frame["pw"]), frame[["api00"]])[1] == pytest.approx(9.585, abs=5e-4)


def test_clustered_schools():
    """R: svymean(~api00, dclus1); svytotal(~enroll, dclus1, na.rm = TRUE)."""
    frame, design = clustered_schools()
    assert estimated(means, design, frame[["api00"]]) == pytest.approx([644.17, 23.542], abs=5e-3)
    assert estimated(totals, design, frame[["enroll"]]) == pytest.approx([3_404_940, 932_235], abs=0.5)


def test_domain():
    """R, tests/domain.R: svyby(~x, ~I(x > 4), design = dfpc, svymean), with data(fpc) typed in below."""
    frame = pd.DataFrame({"x": [2.8, 4.1, 6.8, 6.8, 9.2, 3.7, 6.6, 4.2]})
    design = Design([3] * 5 + [4] * 3, ["1"] * 5 + ["2"] * 3, [1, 2, 3, 4, 5, 1, 2, 3])
    found = means(design, frame, Domains.of(frame > 4))
    assert found["estimate"].tolist() == pytest.approx([3.314286, 6.195], abs=5e-7)
    assert found["standard_error"].tolist() == pytest.approx([0.3117042, 0.7555129], abs=5e-8)


def test_raked_schools():
    """R, tests/rakecheck.R: rake(dclus1, list(~stype, ~sch.wide), ...), and stype x sch.wide with comp.imp.

    Only printed digits: R's rake() and calibrate(calfun = "raking") agree to those.
    """
    frame, design = clustered_schools()
    targets = {"stype": {"E": 4421, "H": 755, "M": 1018}, "sch.wide": {"No": 1072, "Yes": 5122}}
    raked = rake(design, frame[["stype", "sch.wide"]], targets)
    assert estimated(means, raked, frame[["api00"]]) == pytest.approx([641.23, 23.704], abs=5e-3)
    assert estimated(totals, raked, frame[["enroll"]]) == pytest.approx([3_647_280, 400_603], abs=0.5)
    everyone = schools("apipop.csv.gz")
    for one in (frame, everyone):
        one["cross"] = one["stype"] + one["sch.wide"]
    targets = {name: everyone[name].value_counts().to_dict() for name in ("cross", "comp.imp")}
    raked = rake(design, frame[["cross", "comp.imp"]], targets)
    assert estimated(means, raked, frame[["api00"]]) == pytest.approx([642.61, 22.731], abs=5e-3)


def test_kalton():
    """R, tests/kalton.R, table B (R 2.6.0): rake(dkalton, list(~a, ~b), ...), weight over sample by cell.

    The example of Kalton and Flores-Cervantes (2003), Weighting Methods, Journal of Official Statistics 19.
    """
    cells = pd.DataFrame([(a, b) for b in "123" for a in "1234"], columns=["a", "b"])
    people = cells.loc[cells.index.repeat([20, 50, 100, 30, 40, 140, 50, 100, 40, 310, 50, 70])]
    population = cells.assign(n=[80, 60, 170, 55, 40, 150, 60, 165, 55, 340, 200, 125])
    targets = {name: population.groupby(name)["n"].sum().to_dict() for name in ("a", "b")}
    raked = rake(Design(np.ones(len(people))), people, targets)
    factors = people.assign(factor=raked.weight).pivot_table(index="a", columns="b", values="factor")
    published = [[1.81, 1.45, 2.02], [1.08, 0.87, 1.21], [2.20, 1.76, 2.45], [1.83, 1.47, 2.04]]
    assert factors.round(2).to_numpy().tolist() == published


def result(name):
    """Read what make_survey.R wrote."""
    return pd.read_csv(RESULTS / f"survey_{name}.csv", comment="#")


@pytest.fixture(scope="module")
def ours():
    """Our survey as R had it: the people, and the design before and after raking."""
    people = result("people")
    population = people.groupby("stratum")["clusters_in_stratum"].first().to_dict()
    design = Design(people["weight"], people["stratum"], people["cluster"], population)
    targets = result("targets").set_index("category").groupby("margin")["population"]
    raked = rake(design, people[["sex_age", "tenure"]], {name: dict(target) for name, target in targets})
    return people, {"unraked": design, "raked": raked}


def test_raked_weights(ours):
    """R: calibrate(base, ~sex_age + tenure, margins, calfun = "raking", epsilon = 1e-13)."""
    assert ours[1]["raked"].weight == pytest.approx(result("raked_weights")["weight"].to_numpy(), rel=1e-8)


def limits_capped(found, expected):
    """Which proportions R thinks worth more answers than were given: we cap there, so our limits hold R's."""
    share = expected["estimate"]
    size = share * (1 - share) / expected["standard_error"] ** 2
    degrees = found["respondents"] - 1, expected["degrees_of_freedom"]
    shrunk = (stats.t.ppf(0.975, degrees[0]) / stats.t.ppf(0.975, degrees[1])) ** 2
    return found["lower"].notna() & (size * shrunk >= found["respondents"])


def test_proportion_limits(ours):
    """R: svyciprop(method = "beta"), not raked; of a raked design R takes the rows of the whole sample for the part's.

    Ours are wider where R would count more answers than were given.
    """
    people, designs = ours
    found = proportions(designs["unraked"], people[QUESTIONS], Domains.of(people[["ward"]]))
    expected = result("estimates").query("design == 'unraked' and question != 'hours'").set_index(["ward", "question"])
    found = found.set_index(["domain", "question"]).loc[expected.index]
    capped = limits_capped(found, expected)
    assert (~capped).sum() >= 6
    assert (found["lower"] <= expected["lower"])[capped].all()
    assert (found["upper"] >= expected["upper"])[capped].all()
    np.testing.assert_allclose(found.loc[~capped, LIMITS], expected.loc[~capped, LIMITS], rtol=SIX_DIGITS)


@pytest.mark.parametrize("name", ["unraked", "raked"])
def test_estimates_by_ward(ours, name):
    """R: svymean(deff = "replace"), confint, degf, svytotal of each subset."""
    people, designs = ours
    wards, variables = Domains.of(people[["ward"]]), people[[*QUESTIONS, "hours"]]
    found = means(designs[name], variables, wards).set_index(["domain", "question"])
    found.update(proportions(designs[name], people[QUESTIONS], wards).set_index(["domain", "question"]))
    summed = totals(designs[name], variables, wards).set_index(["domain", "question"])
    found = found.assign(total=summed["estimate"], total_standard_error=summed["standard_error"])
    expected = result("estimates").query("design == @name").set_index(["ward", "question"]).drop(columns="design")
    proportion = expected.index.get_level_values("question") != "hours"
    found = found.loc[expected.index, expected.columns]
    found.loc[proportion, LIMITS] = expected.loc[proportion, LIMITS]  # see the test above
    np.testing.assert_allclose(found.to_numpy(), expected.to_numpy(), rtol=SIX_DIGITS)


@pytest.mark.parametrize("name", ["unraked", "raked"])
def test_joint_covariance(ours, name):
    """R: vcov(svycontrast(svytotal(all numerators and denominators), ratios))."""
    people, designs = ours
    found = covariance(designs[name], people[[*QUESTIONS, "hours"]], Domains.of(people[["ward"]]))
    expected = result("covariance").query("design == @name").set_index(["ward", "question"]).drop(columns="design")
    assert found.index.tolist() == expected.index.tolist()
    np.testing.assert_allclose(found.to_numpy(), expected.to_numpy(), rtol=SIX_DIGITS)
