"""Joint procurement: suppliers that several partners share, prices apart, how many bid, and contract ends that meet."""

import pandas as pd

from placelib.commissioning.spend import clean_names
from placelib.errors import some

MONTH = pd.Timedelta(days=365.25 / 12)
CLOSE = 6 * MONTH
BUYERS = {"agencies": ("agency", lambda each: some(sorted(set(each)))), "buyers": ("agency", "nunique")}
BUYERS |= {"contracts": ("contract_id", "size")}


def supplier_ids(names: pd.Series, numbers: pd.Series) -> pd.Series:
    """Tell suppliers apart: by company number, and without one by the cleaned name.

    A name that elsewhere stands beside one company number, and only one, is that company. Nothing is joined because
    it looks alike: two branches of a chain may differ in a letter.

    Examples
    --------
    >>> supplier_ids(pd.Series(["Oak Ltd", "OAK LIMITED", "Elm Ltd"]), pd.Series(["7", None, None])).tolist()
    ['7', '7', 'ELM LIMITED']
    """
    clean, numbers = clean_names(names), numbers.astype(object)
    by_name = numbers.groupby(clean)
    return numbers.fillna(by_name.transform("first").where(by_name.transform("nunique") == 1)).fillna(clean)


def shared_suppliers(contracts: pd.DataFrame) -> pd.DataFrame:
    """List the suppliers that several agencies buy from, those of most agencies first.

    Returns
    -------
    DataFrame
        supplier (as first written), spellings (how many), agencies (as text), buyers (how many agencies), contracts.
    """
    ids = supplier_ids(contracts["supplier"], contracts["company_number"]).rename("supplier_id")
    table = contracts.groupby(ids).agg(supplier=("supplier", "first"), spellings=("supplier", "nunique"), **BUYERS)
    return table[table["buyers"] > 1].sort_values(["buyers", "supplier"], ascending=[False, True], ignore_index=True)


def bought_apart(contracts: pd.DataFrame) -> pd.DataFrame:
    """Keep the contracts of what several agencies buy by the same unit, with what each would save at another price.

    Returns
    -------
    DataFrame
        The rows, with supplier_id, value (unit price × units), over_mean_gbp and over_lowest_gbp (a year above what
        the same units would cost at the category's mean price, or at its lowest): like is taken to be sold as like, in
        the same amounts, at a price that all could get.
    """
    ids = supplier_ids(contracts["supplier"], contracts["company_number"])
    rows = contracts.assign(supplier_id=ids, value=contracts["unit_price"] * contracts["units"])
    rows = rows[rows.groupby(["category", "unit"])["agency"].transform("nunique") > 1]
    cell, price = rows.groupby(["category", "unit"]), rows["unit_price"]
    lowest, mean = cell["unit_price"].transform("min"), cell["value"].transform("sum") / cell["units"].transform("sum")
    over_mean, over_lowest = ((price - other).clip(lower=0) * rows["units"] for other in (mean, lowest))
    return rows.assign(over_mean_gbp=over_mean, over_lowest_gbp=over_lowest)


def by_category(rows: pd.DataFrame) -> pd.DataFrame:
    """Add up what `bought_apart` gives by category, with what tells whether the sums give a supplier away.

    Returns
    -------
    DataFrame
        category, agencies (as text), buyers, contracts, single_bids and direct_awards (contracts with one bid, or none
        asked for), suppliers_like (1 / Herfindahl–Hirschman index: as concentrated as so many equal suppliers),
        over_mean_gbp, over_lowest_gbp, over_mean_pct (the first as a percentage of what is paid: the highest price over
        the lowest would tell whoever asks the lowest what another asks); total, largest, second: the sums of all
        suppliers, and the two largest.
    """
    cell = rows.assign(single_bids=rows["bids"].eq(1), direct_awards=rows["bids"].isna()).groupby("category")
    table = cell.agg(**BUYERS).join(cell[["single_bids", "direct_awards", "over_mean_gbp", "over_lowest_gbp"]].sum())
    parts = rows.groupby(["category", "supplier_id"])["value"].sum().sort_values(ascending=False)
    each = parts.groupby("category")
    sums = {"total": each.sum(), "largest": each.nth(0).droplevel(1), "second": each.nth(1).droplevel(1)}
    table = table.join(pd.DataFrame(sums).fillna({"second": 0.0}))
    table["over_mean_pct"] = 100 * table["over_mean_gbp"] / table["total"]
    table["suppliers_like"] = table["total"] ** 2 / (parts**2).groupby("category").sum()
    return table.reset_index()


def ends_that_meet(contracts: pd.DataFrame) -> pd.DataFrame:
    """Find where partners who buy the same thing could end their contracts together, or nearly.

    A contract can end on its day, or later by as much as it may be extended. Ends meet at the day of one contract if
    the others can end from that day to six months after it.

    Returns
    -------
    DataFrame
        A row a category that at least two agencies can end together: agencies (as text), buyers, contracts, meets_from
        (the day that most agencies can meet; the earliest of those) and act_by (the first day on which a notice or a
        decision to extend is due, as both are given that long before an end).
    """
    rows = contracts.assign(latest=contracts["end"] + contracts["extension_months"] * MONTH)
    rows["act_by"] = rows["end"] - rows["notice_months"] * MONTH
    pair = rows[["category", "end"]].drop_duplicates().merge(rows, on="category", suffixes=("_met", ""))
    can = (pair["end"] <= pair["end_met"] + CLOSE) & (pair["latest"] >= pair["end_met"])
    table = pair[can].groupby(["category", "end_met"], as_index=False).agg(**BUYERS, act_by=("act_by", "min"))
    table = table[table["buyers"] > 1].rename(columns={"end_met": "meets_from"})
    best = table.sort_values(["buyers", "meets_from"], ascending=[False, True]).drop_duplicates("category")
    return best.sort_values("act_by", ignore_index=True)
