"""The gate: the only maker of tables that may be published, with every disclosure threshold in one place.

Left of the gate numbers are exact; right of it they are safe. The rules follow the release class of the source:

open            exactly as published
administrative  counts below the threshold are suppressed, others rounded; rates recomputed from rounded counts; more is
                hidden where a suppressed count could be worked back from what is shown
survey          nothing under ten respondents; unreliable if its base is small or its interval over 30 points wide
commercial      as administrative
"""

from collections.abc import Callable, Sequence
from dataclasses import InitVar, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from placelib.errors import DisclosureError
from placelib.measures.indicators import rate_interval, too_few
from placelib.settings import Disclosure

SUPPRESSED, UNRELIABLE, NO_DATA = "[c]", "[u]", "[x]"
MARKS = {
    SUPPRESSED: "too few people or events to show",
    UNRELIABLE: "uncertain: few answers, or a wide interval",
    NO_DATA: "no data",
}
# A survey figure is marked uncertain by any of three rules: fewer than 30 effective answers; an interval over 30 points
# wide; or a base whose 95% interval would be that wide at a share of one half, the worst case (fewer than 43 effective
# answers). The last looks at the base alone: a few answers that happen to agree give a narrow interval by luck.
RELIABLE_EFFECTIVE_RESPONDENTS = 30
RELIABLE_WIDTH_POINTS = 30
RELIABLE_BASE = max(RELIABLE_EFFECTIVE_RESPONDENTS, (100 * NormalDist().inv_cdf(0.975) / RELIABLE_WIDTH_POINTS) ** 2)
SURVEY_BASE_ROUNDING = 5
RATE_DECIMALS = 1
# Whoever knows the total and every count shown beside a suppressed one must still be left this many numbers for it,
# or all that are below the threshold if they are fewer.
FEWEST_CANDIDATES = 5
_KEY = object()


@dataclass(frozen=True, eq=False)
class Table:
    """A table that readers may see; made only by this module.

    Parameters
    ----------
    frame : DataFrame
        What may be seen.
    title : str
        What the table is, in one line.
    illustrative : bool
        Whether anything in it is made up.
    notes : tuple of str
        Sources and methods, for the foot.
    """

    frame: pd.DataFrame
    title: str
    illustrative: bool
    notes: tuple[str, ...] = ()
    key: InitVar[object] = None

    def __post_init__(self, key: object) -> None:
        if key is not _KEY:
            raise DisclosureError("Only the gate makes tables for publication: pass the frame through placelib.gate.")

    def where(self, rows: Callable[[pd.DataFrame], pd.Series], title: str = "") -> "Table":
        """Return the same kind of table with the rows for which `rows(frame)` holds."""
        kept = self.frame[rows(self.frame)].reset_index(drop=True)
        return type(self)(kept, title or self.title, self.illustrative, self.notes, _KEY)

    def only(self, **wanted: object) -> "Table":
        """Return the same kind of table with the rows whose columns hold the wanted value, or one of several.

        Examples
        --------
        >>> table = open_table(pd.DataFrame({"area": ["A", "B", "C"]}), "Areas")
        >>> table.only(area=["A", "C"]).frame["area"].tolist()
        ['A', 'C']
        """
        allowed = {name: value if isinstance(value, list) else [value] for name, value in wanted.items()}
        return self.where(lambda frame: frame[list(allowed)].isin(allowed).all(axis=1))

    def particulars(self) -> dict[str, Any]:
        """All but the frame, to keep beside it."""
        kind = type(self).__name__
        return {"kind": kind, "title": self.title, "illustrative": self.illustrative, "notes": list(self.notes)}


class Protected(Table):
    """A table that has passed the disclosure rules."""


class Open(Table):
    """A table about areas, words or files in which there are no people."""


def restore(frame: pd.DataFrame, particulars: dict[str, Any]) -> Table:
    """Rebuild a table that passed the gate earlier from what was kept of it."""
    kind = {"Protected": Protected, "Open": Open}[particulars["kind"]]
    return kind(frame, particulars["title"], particulars["illustrative"], tuple(particulars["notes"]), _KEY)


def open_table(frame: pd.DataFrame, title: str, *, illustrative: bool = False, notes: Sequence[str] = ()) -> Open:
    """Pass a table without people: geography, vocabulary, the register of sources."""
    return Open(frame, title, illustrative, tuple(notes), _KEY)


def release_counts(
    frame: pd.DataFrame,
    title: str,
    *,
    counts: Sequence[str],
    shares: Sequence[str],
    policy: Disclosure,
    illustrative: bool,
    withheld: pd.Series | bool = False,
    parts_of: str = "",
) -> Protected:
    """Release a table whose sensitive numbers are counts of people or records.

    Parameters
    ----------
    frame : DataFrame
        Any columns.
    title : str
        What the table is.
    counts : sequence of str
        Columns to protect: they go to the nearest multiple of the base, and none of a row leaves if one is 1 to
        threshold − 1, as the counts of a row add up. Rows whose `release_class` is open, where the frame has that
        column, go out as published. A column `threshold` may ask for more than the policy's; it does not leave.
    shares : sequence of str
        Percentages of those counts: they leave whole, and not at all where a count is suppressed.
    policy : Disclosure
        Thresholds.
    illustrative : bool
        Whether anything in it is made up.
    withheld : Series of bool
        Rows that hide their counts whatever they are, as another table hides them.
    parts_of : str
        Column whose groups of rows add up in the first count: more of a group is hidden where a suppressed count
        could be worked back from the others.

    Returns
    -------
    Protected
        With a column `mark` that is "[c]" where a count was suppressed.
    """
    safe = frame.drop(columns="threshold", errors="ignore")
    least = frame.get("threshold", pd.Series(0, frame.index)).clip(lower=policy.administrative_threshold)
    guarded = ~frame.get("release_class", pd.Series("", frame.index)).eq("open")
    for name in counts:
        safe.loc[guarded, name] = _protect(frame.loc[guarded, name], least[guarded], policy)
    hidden = (frame[list(counts)].notna() & safe[list(counts)].isna()).any(axis=1) | (guarded & withheld)
    for _, parts in frame.groupby(parts_of) if parts_of else ():
        threshold = policy.administrative_threshold
        few, enough = _complemented(parts[counts[0]], hidden[parts.index], threshold, policy.rounding_base)
        hidden[parts.index] = few | (not enough)
    safe[list(counts)] = safe[list(counts)].mask(hidden)
    safe[list(shares)] = frame[list(shares)].round(0).mask(hidden)
    safe["mark"] = np.where(hidden, SUPPRESSED, "")
    return Protected(safe, title, illustrative, (), _KEY)


def release_statistics(
    frame: pd.DataFrame, title: str, *, decimals: dict[str, int], illustrative: bool, notes: Sequence[str] = ()
) -> Protected:
    """Release statistics of many records (index scores, differences, ranks) at a declared precision.

    Parameters
    ----------
    frame : DataFrame
        Any columns; none is a count of fewer records than the threshold.
    title : str
        What the table is.
    decimals : dict of str to int
        Decimal places at which each number leaves; a number column that is not named is refused.
    illustrative : bool
        Whether anything in it is made up.
    notes : sequence of str
        For the foot.

    Raises
    ------
    DisclosureError
        Naming the columns without a declared precision.
    """
    undeclared = [name for name in frame.select_dtypes("number") if name not in decimals]
    if undeclared:
        raise DisclosureError(f"No precision is declared for {', '.join(undeclared)}: name it in `decimals`.")
    return Protected(frame.round(decimals), title, illustrative, tuple(notes), _KEY)


def release_survey(
    frame: pd.DataFrame, title: str, *, decimals: dict[str, int], policy: Disclosure, notes: Sequence[str] = ()
) -> Protected:
    """Release estimates from a survey: none on fewer than ten respondents, the uncertain ones marked.

    Parameters
    ----------
    frame : DataFrame
        One estimate a row, with respondents, effective_respondents and illustrative; `width_points`, where there, is
        the width of its interval.
    title : str
        What the table is.
    decimals : dict of str to int
        Precision of every number that depends on the answers: all are hidden together.
    policy : Disclosure
        Thresholds.
    notes : sequence of str
        For the foot.

    Returns
    -------
    Protected
        With a `mark`; bases go to the nearest five.
    """
    few = frame["respondents"] < policy.survey_minimum
    wide = frame.get("width_points", pd.Series(0.0, frame.index)) > RELIABLE_WIDTH_POINTS
    bases = ["respondents", "effective_respondents"]
    unreliable = (wide | (frame[bases].min(axis=1) < RELIABLE_BASE)) & ~few
    safe = frame.drop(columns="width_points", errors="ignore")
    safe[bases] = (frame[bases].astype(float) / SURVEY_BASE_ROUNDING).round() * SURVEY_BASE_ROUNDING
    for name, places in decimals.items():  # limits go outwards: rounding must not make an interval miss
        outwards = {"lower": np.floor, "upper": np.ceil}.get(name.rsplit("_")[-1], np.round)
        safe[name] = outwards((frame[name].astype(float) * 10**places).round(6)) / 10**places
    safe[[*bases, *decimals]] = safe[[*bases, *decimals]].mask(few)
    safe["mark"] = np.select([few, unreliable], [SUPPRESSED, UNRELIABLE], "")
    whole = dict.fromkeys(safe.select_dtypes("number"), 0) | decimals
    made_up = bool(frame["illustrative"].any())
    return release_statistics(safe, title, decimals=whole, illustrative=made_up, notes=notes)


def release_indicators(table: pd.DataFrame, title: str, *, policy: Disclosure) -> Protected:
    """Release the shared indicator table, each row by the release class of its source.

    Parameters
    ----------
    table : DataFrame
        The shared indicator table, unrounded, with `per` and `years` beside numerator and denominator.
    title : str
        What the table is.
    policy : Disclosure
        Thresholds.

    Returns
    -------
    Protected
        Same rows, with a `mark`; standard errors and the year before are dropped, as they would give counts back.
    """
    rules = {"open": _as_published, "survey": _survey, "administrative": _administrative, "commercial": _administrative}
    parts = [rules[name](rows.copy(), policy) for name, rows in table.groupby("release_class", sort=False)]
    safe = pd.concat(parts).sort_index().drop(columns=["standard_error", "previous", "threshold"])
    safe["coverage"] = safe["coverage"].round(2)
    safe.loc[safe["value"].isna() & (safe["mark"] == ""), "mark"] = NO_DATA
    safe.loc[safe["mark"] == NO_DATA, "status"] = "no data"
    return Protected(safe.reset_index(drop=True), title, bool(table["illustrative"].any()), (), _KEY)


def _as_published(rows: pd.DataFrame, policy: Disclosure) -> pd.DataFrame:  # noqa: ARG001 - one signature for all
    return rows.assign(mark="")


def _survey(rows: pd.DataFrame, policy: Disclosure) -> pd.DataFrame:
    whole = dict.fromkeys(["value", "lower", "upper"], 0)
    rows = rows.assign(width_points=rows["upper"] - rows["lower"])
    safe = release_survey(rows, "", decimals=whole, policy=policy).frame
    status = safe["mark"].map({SUPPRESSED: "suppressed", UNRELIABLE: "unreliable"}).fillna(safe["status"])
    return safe.assign(status=status, numerator=np.nan, denominator=np.nan)


def _administrative(rows: pd.DataFrame, policy: Disclosure) -> pd.DataFrame:
    hidden = _hidden(rows, policy)
    rows = _rounded(rows, policy)
    rows[["value", "lower", "upper"]] = rows[["value", "lower", "upper"]].round(RATE_DECIMALS)
    rows["mark"] = np.where(hidden, SUPPRESSED, "")
    rows["status"] = rows["status"].mask(hidden, "suppressed")
    gone = ["value", "lower", "upper", "numerator", "respondents", "effective_respondents"]
    rows[gone] = rows[gone].mask(hidden)
    return rows.assign(coverage=np.nan)  # with a count it tells what matched no ward: that is the ledger's to say


def coarsened(table: pd.DataFrame, policy: Disclosure) -> pd.DataFrame:
    """Take from the agencies' rows of the shared indicator table what the gate takes, so that all may be made of it.

    Scores, differences and sentences made of the result tell nothing of a count that the released table does not.

    Parameters
    ----------
    table : DataFrame
        The shared indicator table, unrounded.
    policy : Disclosure
        Thresholds.

    Returns
    -------
    DataFrame
        Open and survey rows as they were. Of an agency's, numerator, denominator, value, limits, standard error and
        the year before are made again from rounded counts. A hidden row keeps only what says that it is hidden: that
        its count is small (as half the threshold, whatever it is), or the agency's own bounds.
    """
    guarded = table[table["release_class"].isin(["administrative", "commercial"])]
    hidden, small = _hidden(guarded, policy), _small(guarded["numerator"], guarded["threshold"])
    rows = _rounded(guarded.copy(), policy)
    own = guarded["status"].eq("suppressed")
    numbers = ["value", "lower", "upper", "standard_error", "previous", "numerator"]
    rows[numbers] = rows[numbers].mask(hidden).where(~own, guarded[numbers])
    rows["numerator"] = rows["numerator"].mask(small, guarded["threshold"] / 2)
    result = table.copy()
    result.loc[rows.index, rows.columns] = rows
    return result


def _rounded(rows: pd.DataFrame, policy: Disclosure) -> pd.DataFrame:
    """Make rates, limits and errors again from counts that are rounded; a rate that came without counts stays."""
    count, base = (nearest(rows[name], policy.rounding_base) for name in ("numerator", "denominator"))
    exposure, share = base * rows["years"], rows["measure"].eq("proportion")
    least = rows["threshold"].clip(lower=policy.administrative_threshold)
    before = rows["previous"] * rows["denominator"] * rows["years"] / rows["per"]
    lower, upper = rate_interval(count, exposure, per=rows["per"], proportion=share)
    error = np.sqrt(count.clip(lower=1) * (1 - count / exposure).clip(lower=0).where(share, 1)) / exposure
    again = pd.DataFrame(
        {
            "value": rows["per"] * count / exposure,
            "lower": lower.mask(rows["lower"].isna()),
            "upper": upper.mask(rows["lower"].isna()),
            "standard_error": (rows["per"] * error).where(rows["standard_error"] > 0, 0.0),
            "previous": rows["per"] * _protect(before.round(6), least, policy) / exposure,
        }
    )
    given = rows["numerator"].notna()
    rows.loc[given, list(again)] = again[given]
    return rows.assign(numerator=count, denominator=base)


def _small(counts: pd.Series, threshold: pd.Series | float) -> pd.Series:
    return counts.between(0, threshold, inclusive="neither")


def _hidden(rows: pd.DataFrame, policy: Disclosure) -> pd.Series:
    """Which rows rest on too few, and which have to be hidden lest those be worked back."""
    rows = rows.assign(threshold=rows["threshold"].clip(lower=policy.administrative_threshold))
    hidden = too_few(rows)
    rest = (rows["denominator"] - rows["numerator"]).where(rows["measure"].eq("proportion"))
    for _, cells in rows.groupby(["source_id", "indicator_id"]):
        if cells["status"].eq("suppressed").any():  # the agency hid a part of unknown size: there is no total
            continue
        wards = cells.index[cells["area_type"] == "ward"]
        for counts in (rows.loc[wards, "numerator"], rest[wards]):
            threshold = cells["threshold"].iloc[0]
            hidden[wards], enough = _complemented(counts, hidden[wards], threshold, policy.rounding_base)
            hidden[cells.index] |= not enough
    return hidden


def _complemented(counts: pd.Series, hidden: pd.Series, threshold: float, base: int) -> tuple[pd.Series, bool]:
    """Hide the smallest counts shown until each small one has candidates enough for one who knows the total.

    The counts hidden add up to the total less those shown, each known to within its rounding (but one, which an edition
    with one record more may have given away by going to the next multiple); a small one may be 1 to threshold − 1,
    any other hidden one no less than the threshold. So a small one may lie above 1 by no more than their sum can lie
    above their least values, and below threshold − 1 likewise.

    Returns
    -------
    hidden : Series of bool
        What has to be hidden.
    enough : bool
        Whether that is enough: if not, the total must be hidden too.
    """
    hidden, small = hidden.copy(), _small(counts, threshold)
    wanted = min(FEWEST_CANDIDATES, threshold - 1)
    while small.any():
        shown, others = counts[~hidden & (counts > 0)], hidden & ~small
        total = counts.sum() - nearest(shown, base).sum()
        free = (base - 1) // 2 * max(len(shown) - 1, 0)
        above = total + free - small.sum() - threshold * others.sum()
        below = np.inf if others.any() else (threshold - 1) * small.sum() - total + free
        left = min(threshold - 1, 1 + above) - max(1, threshold - 1 - below) + 1
        if left >= wanted or shown.empty:
            return hidden, left >= wanted
        hidden[shown.idxmin()] = True
    return hidden, True


def nearest(numbers: pd.Series, base: int) -> pd.Series:
    """Round to the nearest multiple of a base.

    Examples
    --------
    >>> nearest(pd.Series([12, 13]), 5).tolist()
    [10.0, 15.0]
    """
    return (numbers / base).round() * base


def _protect(numbers: pd.Series, least: pd.Series, policy: Disclosure) -> pd.Series:
    return nearest(numbers, policy.rounding_base).mask(_small(numbers, least))
