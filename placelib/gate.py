"""The gate: the only maker of tables that may be published, with every disclosure threshold in one place.

Left of the gate numbers are exact; right of it they are safe. The rules follow the release class of the source:

open            exactly as published
administrative  counts below the threshold are suppressed, others rounded; rates recomputed from rounded counts; more is
                hidden where a suppressed count could be worked back from what is shown
survey          nothing under ten respondents, nor what would give such a base back; unreliable if its base is small or
                its interval over 30 points wide
commercial      as administrative; sums of prices only where no supplier, nor the two largest, make up most of them
"""

from collections.abc import Callable, Sequence
from dataclasses import InitVar, dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from placelib import suppression
from placelib.errors import DisclosureError, PlacelibError, meant, some
from placelib.settings import Disclosure

SUPPRESSED, UNRELIABLE, NO_DATA = "[c]", "[u]", "[x]"
MARKS = {
    SUPPRESSED: "too few people, events or suppliers to show, or hidden to protect such a number",
    UNRELIABLE: "uncertain: few answers, or a wide interval",
    NO_DATA: "no data",
}
# A survey figure is marked uncertain by any of three rules: fewer than 30 effective answers; an interval over 30 points
# wide; or a base whose 95% interval would be that wide at a share of one half, the worst case (fewer than 43 effective
# answers). The last looks at the base alone: a few answers that happen to agree give a narrow interval by luck. For the
# same reason effective answers are never more than the weights allow (`measures.groups.cautious_proportions`).
RELIABLE_EFFECTIVE_RESPONDENTS = 30
RELIABLE_WIDTH_POINTS = 30
RELIABLE_BASE = max(RELIABLE_EFFECTIVE_RESPONDENTS, (100 * NormalDist().inv_cdf(0.975) / RELIABLE_WIDTH_POINTS) ** 2)
RATE_DECIMALS = 1
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
        if not callable(rows):
            raise PlacelibError('`where` takes a function of the frame, such as lambda t: t["value"] > 3.')
        kept = self.frame[rows(self.frame)].reset_index(drop=True)
        return type(self)(kept, title or self.title, self.illustrative, self.notes, _KEY)

    def only(self, **wanted: object) -> "Table":
        """Return the same kind of table with the rows whose columns hold the wanted value, or one of several.

        A value that no row has leaves an empty table, whose notes say so: a place may well have none.

        Examples
        --------
        >>> table = open_table(pd.DataFrame({"area": ["A", "B", "C"]}), "Areas")
        >>> table.only(area=["A", "C"]).frame["area"].tolist()
        ['A', 'C']
        """
        frame, held, absent = self.having(*wanted), {}, []
        for name, value in wanted.items():
            values = list(value) if pd.api.types.is_list_like(value) else [value]
            held[name] = frame[name].isin(values)
            if len(frame) and not held[name].any() and not pd.api.types.is_bool_dtype(frame[name]):
                near = meant(str(next(iter(values), "")), frame[name].dropna().astype(str))
                absent.append(f"No row has {name} {some(list(map(repr, values)))}.{near}")
        return self.where(lambda frame: pd.DataFrame(held, frame.index).all(axis=1)).noted(absent)

    def noted(self, notes: Sequence[str]) -> "Table":
        """Return the same table with more notes."""
        return replace(self, notes=(*self.notes, *notes), key=_KEY)

    def having(self, *names: str) -> pd.DataFrame:
        """Give the frame, which must have the named columns; the error says which there are."""
        for name in names:
            if name not in self.frame:
                known = f"{meant(str(name), self.frame)} Its columns: {', '.join(self.frame)}."
                raise PlacelibError(f"There is no column '{name}' in '{self.title}'.{known}")
        return self.frame

    def __repr__(self) -> str:
        rows, columns = self.frame.shape
        return f"{self.title}: {rows:,} rows, {columns} columns. show(table) displays it, .frame gives its numbers."

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
        column, go out as published. A column `threshold` may ask for more than the policy's (of all, if it
        is infinite); it does not leave.
    shares : sequence of str
        Percentages of those counts: they leave whole, and not at all where a count is suppressed.
    policy : Disclosure
        Thresholds.
    illustrative : bool
        Whether anything in it is made up.
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
    hidden = frame[list(counts)].apply(suppression.is_small, threshold=least).any(axis=1) & guarded
    for _, parts in frame.groupby(parts_of) if parts_of else ():
        number, few, threshold = parts[counts[0]], hidden[parts.index], least[parts.index].max()
        hidden[parts.index] = suppression.complemented(number, few, threshold, policy.rounding_base)[0]
    rounded = suppression.nearest(frame[list(counts)], policy.rounding_base)
    safe[list(counts)] = frame[list(counts)].mask(guarded, rounded).mask(hidden)
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
    frame = frame.infer_objects()  # numbers in a column of objects would pass neither by name nor by rounding
    undeclared = [name for name in frame.select_dtypes("number").dropna(axis=1, how="all") if name not in decimals]
    if undeclared:
        raise DisclosureError(f"No precision is declared for {', '.join(undeclared)}: name it in `decimals`.")
    return Protected(frame.round(decimals), title, illustrative, tuple(notes), _KEY)


def release_commercial(
    frame: pd.DataFrame, title: str, *, decimals: dict[str, int], illustrative: bool, notes: Sequence[str] = ()
) -> Protected:
    """Release sums and prices of what is bought, hidden where they would tell one supplier's own.

    Parameters
    ----------
    frame : DataFrame
        A row a cell, with `total`, `largest` and `second`: what all its suppliers are paid, and the two largest. These
        do not leave.
    title : str
        What the table is.
    decimals : dict of str to int
        Precision of every number that rests on prices: all are hidden together. Others leave whole.
    illustrative : bool
        Whether anything in it is made up.
    notes : sequence of str
        For the foot.

    Returns
    -------
    Protected
        With a `mark` that is "[c]" where a cell is dominated (see `suppression.is_dominated`).
    """
    hidden, safe = suppression.is_dominated(frame), frame.drop(columns=["total", "largest", "second"])
    safe[list(decimals)] = safe[list(decimals)].mask(hidden)
    safe["mark"] = np.where(hidden, SUPPRESSED, "")
    whole = dict.fromkeys(safe.select_dtypes("number"), 0) | decimals
    return release_statistics(safe, title, decimals=whole, illustrative=illustrative, notes=notes)


def release_survey(
    frame: pd.DataFrame, title: str, *, decimals: dict[str, int], policy: Disclosure, notes: Sequence[str] = ()
) -> Protected:
    """Release estimates from a survey: none on fewer than ten respondents, the uncertain ones marked.

    Parameters
    ----------
    frame : DataFrame
        One estimate a row, with respondents, effective_respondents and illustrative; `width_points`, where there, is
        the width of its interval; `few_answers`, where there, says which are hidden, as of rows that are not all here.
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
    few = frame.get("few_answers", suppression.few_answers(frame, policy))
    wide = frame.get("width_points", pd.Series(0.0, frame.index)) > RELIABLE_WIDTH_POINTS
    bases = ["respondents", "effective_respondents"]
    unreliable = (wide | (frame[bases].min(axis=1) < RELIABLE_BASE)) & ~few
    safe = frame.drop(columns=["width_points", "few_answers"], errors="ignore")
    safe[bases] = suppression.nearest(frame[bases].astype(float), suppression.SURVEY_BASE_ROUNDING)
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
    safe = safe.drop(columns=["design_effect", "place_p_value"], errors="ignore")
    safe["coverage"] = safe["coverage"].round(2)
    safe.loc[safe["value"].isna() & (safe["mark"] == ""), "mark"] = NO_DATA
    safe.loc[safe["mark"] == NO_DATA, "status"] = "no data"
    return Protected(safe.reset_index(drop=True), title, bool(table["illustrative"].any()), (), _KEY)


def _as_published(rows: pd.DataFrame, policy: Disclosure) -> pd.DataFrame:  # noqa: ARG001 - one signature for all
    return rows.assign(mark="")


def _survey(rows: pd.DataFrame, policy: Disclosure) -> pd.DataFrame:
    rows = rows.assign(width_points=rows["upper"] - rows["lower"])
    safe = release_survey(rows, "", decimals={"value": 0, "lower": 0, "upper": 0}, policy=policy).frame
    status = safe["mark"].map({SUPPRESSED: "suppressed", UNRELIABLE: "unreliable"}).fillna(safe["status"])
    return safe.assign(status=status, numerator=np.nan, denominator=np.nan)


def _administrative(rows: pd.DataFrame, policy: Disclosure) -> pd.DataFrame:
    hidden = suppression.to_hide(rows, policy)
    rows = suppression.remade(rows, policy)
    rows[["value", "lower", "upper"]] = rows[["value", "lower", "upper"]].round(RATE_DECIMALS)
    rows["mark"] = np.where(hidden, SUPPRESSED, "")
    rows["status"] = rows["status"].mask(hidden, "suppressed")
    gone = ["value", "lower", "upper", "numerator", "respondents", "effective_respondents"]
    rows[gone] = rows[gone].mask(hidden)
    return rows.assign(coverage=np.nan)  # with a count it tells what matched no ward: that is the ledger's to say
