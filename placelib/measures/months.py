"""Events of the whole place by month, from the files that say in which month each was."""

import numpy as np
import pandas as pd

from placelib.measures.indicators import RECORDS, counted_rows, located_rows, provenance, stacked
from placelib.sources.geography import Geography
from placelib.sources.readers import Inputs

COLUMNS = ["indicator_id", "month", "events", "threshold", "release_class", "illustrative", "source"]


def monthly_counts(inputs: Inputs, geography: Geography) -> pd.DataFrame:
    """Count the events of each indicator in the place, month by month, over the whole period of its file.

    Only flows are counted: of a stock, such as claimants, the same people are in month after month, and such counts
    vary by less than chance. A person counts once a month.

    Parameters
    ----------
    inputs : Inputs
        The place.
    geography : Geography
        Its wards, with postcodes weighted by residents.

    Returns
    -------
    DataFrame
        A row an indicator and month: indicator_id, month (period), events (shared out where areas straddle the
        boundary), threshold (below which a count is not shown), release_class, illustrative, source. In a
        file with a row a record, a month without one counts nought; elsewhere it is missing, as is a month of which
        any part is suppressed.
    """
    tables = []
    for source in inputs.of_kind("events", "register", "counts", "series"):
        contract, nought = source.contract, 0.0 if source.contract.kind in RECORDS else np.nan
        months = pd.period_range(contract.period_start, contract.period_end, freq="M", name="month")
        said = provenance(contract) | {"threshold": contract.threshold, "source": contract.title}
        for feed in [feed for feed in contract.indicators if feed.over_time == "sum"]:
            rows = counted_rows(source, feed).dropna(subset="month")
            rows = rows[rows["person"].isna() | ~rows.duplicated(["person", "month"])]
            if len(rows):
                inside = located_rows(source, rows.index, geography).groupby("row")["share"].sum()
                events = rows["numerator"].mask(rows["suppressed"]) * inside.reindex(rows.index, fill_value=0.0)
                whole = events.groupby(rows["month"].dt.to_period("M")).agg(lambda part: part.sum(skipna=False))
                counted = whole.reindex(months, fill_value=nought).rename("events").reset_index()
                tables.append(counted.assign(indicator_id=feed.id, **said))
    return stacked(tables).reindex(columns=COLUMNS)
