"""Did an intervention do anything? A synthetic control, with placebo tests in space."""

import numpy as np
import pandas as pd
from scipy.optimize import nnls

SUM_TO_ONE = 1e4  # how much more an equation that binds the weights counts than one of the data
MADE = ["difference", "fit", "times_as_far", "rank", "synthetic", "after", "last"]


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
    donors = values.columns[values.columns.isin(panel.loc[panel["role"] == "donor", "area_name"])]
    before = values.index < panel["intervention_year"].min()
    if len(donors) < 2 or len(donors) == values.shape[1] or before.sum() < 2 or before.all():
        return panel.head(0).reindex(columns=["area_name", "role", "year", "value", *MADE])
    mixes = {name: donors.drop(name, errors="ignore") for name in values}
    known = values[before]
    twins = {name: values[mix] @ _weights(known[mix].to_numpy(), known[name].to_numpy()) for name, mix in mixes.items()}
    gaps = values - pd.DataFrame(twins)
    fit, later = (np.sqrt((gaps[years] ** 2).mean()) for years in (before, ~before))
    times = later / fit.clip(lower=1e-9 * known.abs().to_numpy().max())
    apart = gaps.melt(value_name="difference", ignore_index=False).reset_index()
    table = panel[["area_name", "role", "year", "value"]].merge(apart, on=["area_name", "year"], validate="1:1")
    ranks = {"fit": fit, "times_as_far": times, "rank": times.rank(ascending=False, method="max")}
    table = table.assign(**{name: table["area_name"].map(each) for name, each in ranks.items()})
    after, last = table["year"] >= values.index[~before][0], table["year"] == values.index[-1]
    return table.assign(synthetic=table["value"] - table["difference"], after=after, last=last)


def _weights(donors: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Weights of the donors (columns), each nought or more and together one."""
    scale = SUM_TO_ONE * (np.abs(donors).max() or 1.0)
    weights, _ = nnls(np.vstack([donors, np.full(donors.shape[1], scale)]), np.append(place, scale))
    return weights / weights.sum()
