"""How often the forecast's intervals hold the truth: `python benchmarks/forecasts.py` writes FORECASTS.md.

Three years of months are made from seven kinds of truth, all with chance in the counts and a little more; the forecast
is of the total of the twelve months that end two years later. The truth of each kind is known only to this file.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from placelib.measures.series import year_totals

HERE = Path(__file__).parent
KNOWN, AHEAD, LEVEL = 36, 24, 80.0
MONTHS = pd.period_range("2023-04", periods=KNOWN, freq="M")


def truths(random: np.random.Generator) -> dict[str, np.ndarray]:
    """Logarithms of the expected count, month by month."""
    time = np.arange(KNOWN + AHEAD)
    drift, wave = np.cumsum(random.normal(0, 0.03, len(time))), 0.2 * np.cos(2 * np.pi * time / 12)
    return {
        "steady": 0.0 * time,
        "falls by 10% a year": -0.10 / 12 * time,
        "drifts by 3% a month": drift,
        "seasons of 20%": wave,
        "drifts, with seasons": drift + wave,
        "fell by 22% half-way": -0.25 * (time >= KNOWN / 2),
        "fell by 15% a year, then stops": -0.15 / 12 * np.minimum(time, KNOWN - 6),
    }


def measured(runs: int) -> pd.DataFrame:
    """Coverage and width of the intervals by kind of truth."""
    rows = []
    for seed in range(runs):
        random = np.random.default_rng(seed)
        for kind, level in truths(random).items():
            events = random.poisson(LEVEL * np.exp(level + random.normal(0, 0.04, len(level))))
            totals = year_totals(pd.Series(events[:KNOWN], MONTHS), MONTHS[-1] + AHEAD)
            came, limits = events[-12:].sum(), np.quantile(totals, [0.025, 0.1, 0.5, 0.9, 0.975])
            inside = [100.0 * (limits[low] <= came <= limits[high]) for low, high in ((0, 4), (1, 3))]
            rows.append([kind, *inside, 100 * (limits[3] - limits[1]) / came, 100 * (totals < came).mean()])
    columns = ["truth", "inside 95%", "inside 80%", "width of 80% (% of total)", "mean place in the forecast (50)"]
    table = pd.DataFrame(rows, columns=columns).groupby("truth", sort=False).mean()
    return pd.concat([table, table.mean().to_frame("all").T]).round(0).astype(int)


if __name__ == "__main__":
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    table = measured(runs)
    lines = ["| truth | " + " | ".join(table) + " |", "|---" * (1 + len(table.columns)) + "|"]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in table.itertuples(name=None)]
    opening = f"# Forecasts against truths that they do not know\n\n{__doc__.splitlines()[0]} {runs} series of each.\n"
    (HERE / "FORECASTS.md").write_text(f"{opening}\n" + "\n".join(lines) + "\n", encoding="utf8")
    print("\n".join(lines))
