"""Did an intervention do anything? A synthetic control, with placebo tests in space."""

import numpy as np
import pandas as pd
from scipy.optimize import nnls

SUM_TO_ONE = 1e4  # how much more an equation that binds the weights counts than one of the data


def synthetic_control(panel: pd.DataFrame) -> pd.DataFrame:
    """Compare a place with a mix of others that moved as it did before, and each of the others likewise.

    The mix is the weighted mean of the other areas, no weight below nought and all adding up to one, that is nearest
    in the years before by least squares. Each donor area is then treated as if the intervention had been there (never
    with the place itself in its mix): where many of them depart from their mixes as far as the place does, so would
    chance.

    Parameters
    ----------
    panel : DataFrame
        The book `panel`: area_name, role, year, value, intervention_year (on the place's rows).

    Returns
    -------
    DataFrame
        area_name, role, year, last (whether the last year), after (whether from the intervention's year on), value,
        synthetic, difference, fit (root mean squared difference before), times_as_far (the same after, as a multiple
        of it), rank (of that among all areas, 1 is the largest). Years that any area lacks are left out. No row
        without a place, two donors or two years before.

    References
    ----------
    Abadie, Diamond and Hainmueller (2010), "Synthetic control methods for comparative case studies", Journal of the
    American Statistical Association 105.
    """
    values = panel.pivot(index="year", columns="area_name", values="value").dropna()
    role = panel.drop_duplicates("area_name").set_index("area_name")["role"].reindex(values.columns)
    after = values.index >= panel["intervention_year"].min()
    if not role.eq("place").any() or role.eq("donor").sum() < 2 or (~after).sum() < 2 or not after.any():
        return panel.head(0).reindex(columns=["area_name", "role", "year", "last", "after", "value", *_MADE])
    made = {}
    for name in values:
        others = values.loc[:, role.eq("donor") & (values.columns != name)]
        made[name] = others @ _weights(others[~after].to_numpy(), values.loc[~after, name].to_numpy())
    gaps = values - pd.DataFrame(made)
    fit, later = (np.sqrt((gaps[rows] ** 2).mean()) for rows in (~after, after))
    ratio = later / fit.clip(lower=1e-9 * values.abs().to_numpy().max())
    table = gaps.melt(value_name="difference", ignore_index=False).reset_index()
    table = table.merge(panel[["area_name", "role", "year", "value"]], on=["area_name", "year"], validate="1:1")
    said = {"fit": fit, "times_as_far": ratio, "rank": ratio.rank(ascending=False, method="max")}
    table = table.assign(**{name: table["area_name"].map(each) for name, each in said.items()})
    return table.assign(
        synthetic=table["value"] - table["difference"],
        after=table["year"].isin(values.index[after]),
        last=table["year"] == values.index[-1],
    )


_MADE = ["synthetic", "difference", "fit", "times_as_far", "rank"]


def _weights(donors: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Weights of the donors (columns), each nought or more and together one."""
    scale = SUM_TO_ONE * (np.abs(donors).max() or 1.0)
    bound = np.vstack([donors, np.full(donors.shape[1], scale)])
    weights, _ = nnls(bound, np.append(place, scale))
    return weights / weights.sum()
