"""Fay-Herriot against published results and independent implementations, each number with its call and version.

The milk data are looked for in the folder that PLACELIB_REAL names, the repository's neighbour ../shared/real by
default.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import linalg, optimize

from placelib.measures.smallarea import ADJUSTED, fay_herriot

REAL = Path(os.environ.get("PLACELIB_REAL", Path(__file__).parents[3] / "shared" / "real")) / "small_area"

Y = [0.5501, 0.5433, 0.4615, 0.5615, 0.5504, 0.4859, 0.6983, 0.4804, 0.3981, 0.5687, 0.5352, 0.5251, 0.4133, 0.4441]
Y += [0.492, 0.4952, 0.5059, 0.3439, 0.4036, 0.5767]
V = [2756, 2188, 3431, 3333, 1852, 3365, 2465, 2652, 2134, 2059, 2011, 2147, 1989, 2941, 3977, 1977, 2215, 2756, 3271]
V += [2756]
X1 = [1.3, -0.98, 0.08, 0.43, 0.8, 0.81, 1.29, 0.16, -1.85, -0.2, 0.27, -1.18, 0.38, 0.77, 0.96, -0.38, 0.82, 0.34]
X1 += [-1.12, 0.46]
X2 = [0.79, 0.64, 0.81, 0.78, 0.91, 0.74, 0.41, 0.38, 0.52, 0.36, 0.17, 0.5, 0.47, 0.94, 0.49, 0.19, 0.7, 0.98, 0.48]
X2 += [0.38]
AREAS = pd.DataFrame({"y": Y, "v": V, "x1": X1, "x2": X2}, index=[f"W{row:02d}" for row in range(20)])
AREAS["v"] /= 1e6


def test_milk_expenditure():
    """R's sae 1.3: eblupFH and mseFH(yi ~ as.factor(MajorArea), SD^2, method = "REML", data = milk), as published.

    Arora and Lahiri (1997); digits from the package's documentation, and of the variance from Debian's metafor 3.8.1:
    rma(yi, SD^2, mods = ~ factor(MajorArea), data = milk, method = "REML").
    """
    path = REAL / "milk.csv"
    if not path.exists():
        reason = "real data are not here: milk.csv (set PLACELIB_REAL to the folder above small_area)"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    milk = pd.read_csv(path, dtype={"MajorArea": "string"})
    found = fay_herriot(milk["yi"], milk["SD"] ** 2, milk[["MajorArea"]])
    assert found.model_variance == pytest.approx(0.0185503347628, rel=1e-9)
    assert found.coefficients.tolist() == pytest.approx([0.968189, 0.132780, 0.226946, -0.241301], abs=5e-7)
    assert found.areas["value"].tolist()[:3] == pytest.approx([1.021970, 1.047602, 1.067951], abs=6e-7)
    error = found.areas["standard_error"] ** 2
    assert error.tolist()[:3] == pytest.approx([0.013460, 0.005373, 0.005702], abs=5e-7)


def test_meta_regression_is_the_same_model():
    """R 4.2.2, metafor 3.8.1: rma(y, v, mods = ~ x1 + x2, method = "REML", control = list(threshold = 1e-14)), blup().

    metafor's standard error takes the variance between areas as known: it lacks the last term of ours, added here.
    """
    found = fay_herriot(AREAS["y"], AREAS["v"], AREAS[["x1", "x2"]])
    assert found.model_variance == pytest.approx(0.00260570202383, rel=1e-9)
    assert found.coefficients.tolist() == pytest.approx([0.572822070796, 0.044444671315, -0.132031902802], rel=1e-9)
    blup = [0.537863821215, 0.498325851799, 0.466008093455, 0.520781590897]
    assert found.areas["value"].tolist()[:4] == pytest.approx(blup, rel=1e-9)
    total = found.model_variance + AREAS["v"]
    of_variance = 2 * AREAS["v"] ** 2 / total**3 * (2 / (total**-2).sum())
    known = [0.00155469887949, 0.00135959774676, 0.00165849130808, 0.0016061492893]
    assert (found.areas["standard_error"] ** 2 - of_variance).tolist()[:4] == pytest.approx(known, rel=1e-9)


@pytest.mark.parametrize(("spread", "power"), [(1.0, 0), (0.3, 1)])
def test_direct_maximisation_of_the_likelihood(spread, power):
    """The density of the residuals' contrasts, maximised without calculus; times A where REML alone finds none.

    Written from the definition of REML: contrasts K'y, K orthogonal to the covariates, are normal about nought.
    """
    direct = AREAS["y"].mean() + spread * (AREAS["y"] - AREAS["y"].mean())
    design = np.column_stack([np.ones(20), AREAS["x1"]])
    contrasts = linalg.null_space(design.T)

    def lost(log_variance):
        covariance = contrasts.T @ np.diag(np.exp(log_variance) + AREAS["v"]) @ contrasts
        rest = contrasts.T @ direct
        fit = np.linalg.slogdet(covariance)[1] + rest @ np.linalg.solve(covariance, rest)
        return fit / 2 - power * log_variance

    best = optimize.minimize_scalar(lost, bounds=(-14, -2), method="bounded", options={"xatol": 1e-12})
    found = fay_herriot(direct, AREAS["v"], AREAS[["x1"]])
    assert (found.variance_rule == ADJUSTED) == (power == 1)
    assert found.model_variance == pytest.approx(np.exp(best.x), rel=1e-6)
