"""How any table made from a place's files leaves: with its sources, its precision, and whether it is made up."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from placelib import gate, suppression
from placelib.commissioning import spend
from placelib.measures.shared import Measures
from placelib.sources.readers import Inputs, Source

MOST_NAMED = 3


def is_made_up(sources: Iterable[Source]) -> bool:
    """Whether any of these files is illustrative."""
    return any(each.contract.illustrative for each in sources)


def titles(sources: Iterable[Source]) -> str:
    """Titles of files, as a column `source` names them."""
    return "; ".join(each.contract.title for each in sources)


def book(inputs: Inputs, kind: str) -> pd.DataFrame:
    """A book with agencies by their names, and each outcome and indicator in words beside its id."""
    rows, columns, outcomes = inputs.book(kind), inputs.vocabulary.books[kind].columns, inputs.book("outcomes")
    words = {"agency": {agency.id: agency.name for agency in inputs.settings.agencies}}
    words["outcomes.outcome_id"] = outcomes.set_index("outcome_id")["outcome"].to_dict()
    words["indicator"] = inputs.vocabulary.indicators.set_index("indicator_id")["indicator"].to_dict()
    known = {name: words[each.refers] for name, each in columns.items() if each.refers in words}
    return rows.assign(**{name.removesuffix("_id"): rows[name].map(said) for name, said in known.items()})


def ledger_lines(inputs: Inputs) -> pd.DataFrame:
    """Every line of the partners' ledgers, in the prices of the latest year that is spent."""
    book = inputs.book("spend")
    return spend.ledger(book, inputs.book("deflators"), book.loc[book["status"] == "outturn", "year"].max())


def release(
    table: pd.DataFrame,
    title: str,
    sources: Sequence[Source],
    *,
    decimals: Mapping[str, int] = {},
    notes: Sequence[str] = (),
) -> gate.Protected:
    """Release a table of statistics or of facts without people, made from these files.

    Parameters
    ----------
    table : DataFrame
        Any columns; none counts fewer records of people than the threshold.
    title : str
        What the table is.
    sources : sequence of Source
        The files that it is made from: named at its foot where they are few, unless it has a column `source`.
    decimals : mapping of str to int
        Decimal places of numbers that do not leave whole.
    notes : sequence of str
        For the foot: method, assumptions.
    """
    few = len(sources) <= MOST_NAMED
    behind = f"Source: {titles(sources)}." if few else f"{len(sources)} sources, listed in 01_place."
    whole = dict.fromkeys(table.select_dtypes("number"), 0) | dict(decimals)
    said = (
        [*([] if "source" in table else [behind]), *notes] if sources else ["No file of this place feeds this table."]
    )
    return gate.release_statistics(table, title, decimals=whole, illustrative=is_made_up(sources), notes=said)


def coarsened(inputs: Inputs, exact: Measures) -> pd.DataFrame:
    """Rows that may be compared, the agencies' counts no finer than they are published, and no ward's modelled."""
    rows = suppression.coarsened(exact.comparable, inputs.settings.disclosure)
    return rows[(rows["area_type"] != "ward") | (rows["basis"] != "modelled")]


def served(inputs: Inputs) -> pd.DataFrame:
    """People served by service and ward, no finer than an agency's counts are published: all is made of these."""
    agreed = [each.contract.threshold for each in inputs.of_kind("service_wards")]
    policy = inputs.settings.disclosure
    least = max([policy.administrative_threshold, *agreed])
    return suppression.people_coarsened(inputs.book("service_wards"), least, policy.rounding_base)


def behind(rows: pd.DataFrame) -> str:
    """How many files stand behind rows of the shared table, where they are too many to name."""
    return f"{rows['source'].nunique()} sources, listed in 01_place."


def files_of(inputs: Inputs, rows: pd.DataFrame) -> list[Source]:
    """Files that these rows, each with its source_id, were made from."""
    return [inputs.sources[name] for name in rows["source_id"].unique()]
