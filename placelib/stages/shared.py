"""How any table made from a place's files leaves: with its sources, its precision, and whether it is made up."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from placelib import gate, suppression
from placelib.assessment import equality
from placelib.assessment import needs as need_rules
from placelib.commissioning import spend
from placelib.errors import some
from placelib.measures.shared import Measures
from placelib.sources.readers import Inputs, Source

MOST_NAMED = 3
NO_FILE = "No file of this place feeds this table."
LACKS = "It is made from files of these kinds, of which this place has none (docs/contracts.md describes them): {}."
# decimal places of what a column's name says that it holds: thousands of pounds, tenths of millions, shares of 1
PLACES = {"_gbp": -3, "_gbp_lower": -3, "_gbp_upper": -3, "_gbp_m": 1, "_share": 2, "_view": 1}


def is_made_up(sources: Iterable[Source]) -> bool:
    """Whether any of these files is illustrative."""
    return any(each.contract.illustrative for each in sources)


def titles(sources: Iterable[Source]) -> str:
    """Titles of files, as a column `source` names them."""
    return "; ".join(each.contract.title for each in sources)


def files_of(inputs: Inputs, rows: pd.DataFrame) -> list[Source]:
    """Files that these rows, each with its source_id, were made from."""
    names = set(rows["source_id"])
    return [each for each in inputs.sources.values() if each.name in names]


def with_wards(table: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """Put the names of the wards to a table with ward_code."""
    return table.assign(ward_name=table["ward_code"].map(inputs.geography.ward_names))


def book(inputs: Inputs, kind: str) -> pd.DataFrame:
    """A book with agencies by their names, and each outcome, indicator and theme in words beside its id."""
    rows, columns, outcomes = inputs.book(kind), inputs.vocabulary.books[kind].columns, inputs.book("outcomes")
    words = {"agency": inputs.settings.agency_names}
    words["outcomes.outcome_id"] = outcomes.set_index("outcome_id")["outcome"].to_dict()
    words["indicator"] = inputs.vocabulary.indicators.set_index("indicator_id")["indicator"].to_dict()
    known = {name: words[each.refers] for name, each in columns.items() if each.refers in words}
    rows = rows.assign(**{name.removesuffix("_id"): rows[name].map(said) for name, said in known.items()})
    themes = inputs.vocabulary.books["spend"].columns["cofog"].called
    return rows.assign(theme=rows["cofog"].map(themes)) if "cofog" in rows else rows


def edition(inputs: Inputs) -> pd.Timestamp:
    """The date of this edition: the newest on which one of the place's books was published."""
    books = inputs.of_kind(*inputs.vocabulary.books)
    return pd.Timestamp(max((each.contract.published for each in books), default=None))


def ledger_lines(inputs: Inputs) -> pd.DataFrame:
    """Every line of the partners' ledgers, in the prices of the latest year spent, or that plans are given in."""
    lines = book(inputs, "spend").fillna({"outcome": "not tied to one outcome"})
    spent = lines.loc[lines["status"] == "outturn", "year"]
    return spend.ledger(lines, inputs.book("deflators"), (spent if len(spent) else lines["price_year"]).max())


def coarsened(inputs: Inputs, exact: Measures) -> pd.DataFrame:
    """Rows that may be compared, the agencies' counts no finer than they are published, and no ward's modelled."""
    rows = suppression.coarsened(exact.comparable, inputs.settings.disclosure)
    return rows[(rows["area_type"] != "ward") | (rows["basis"] != "modelled")]


def covariance(inputs: Inputs, exact: Measures) -> pd.DataFrame:
    """Joint error of the survey's ward estimates, of those that may be told."""
    told = coarsened(inputs, exact).dropna(subset="value").set_index(["area_code", "indicator_id"]).index
    shown = exact.covariance.index.isin(told)
    return exact.covariance.loc[shown, shown]


def tested_gaps(inputs: Inputs, exact: Measures) -> pd.DataFrame:
    """Gaps between groups and everyone with verdicts and names, and which of them may not be shown (few_answers).

    A pair is not shown where one of its two groups is not: pairs add up to their groups. What is not shown comes after
    the rest of its kind: a place in the order would tell its gap.
    """
    gaps, question = exact.gaps, exact.gaps["indicator_id"]
    few, groups = suppression.few_answers(gaps, inputs.settings.disclosure), gaps["category"].astype(str)
    hidden = pd.MultiIndex.from_arrays([question[few], groups[few]])
    for end in (0, -1):
        few |= pd.MultiIndex.from_arrays([question, groups.str.split(" × ").str[end]]).isin(hidden)
    gaps = gaps.assign(few_answers=few, difference=gaps["difference"].mask(few))
    return equality.group_names(equality.group_gaps(gaps, inputs.vocabulary), inputs.vocabulary)


def served(inputs: Inputs) -> pd.DataFrame:
    """People served by service and ward, no finer than an agency's counts are published: all is made of these."""
    policy, files = inputs.settings.disclosure, inputs.of_kind("service_wards")
    least = max([policy.administrative_threshold, *(each.contract.threshold for each in files)])
    return suppression.people_coarsened(inputs.book("service_wards"), least, policy.rounding_base)


def standing(inputs: Inputs, exact: Measures) -> need_rules.Standing:
    """Where each ward stands on each indicator, as far as may be told."""
    return need_rules.standing(coarsened(inputs, exact), inputs.vocabulary)


def release(
    name: str,
    table: pd.DataFrame,
    inputs: Inputs,
    *,
    files: Sequence[Source] | None = None,
    said: Mapping[str, object] = {},
) -> gate.Protected:
    """Release a table as data/vocabulary/tables.toml says.

    Parameters
    ----------
    name : str
        Of the stage.
    table : DataFrame
        Its columns and more. Under the rule "statistics" none counts fewer records of people than the threshold.
    inputs : Inputs
        The place.
    files : sequence of Source
        Those that it is made from, where that is not all of certain kinds: named at its foot where they are few, unless
        it has a column `source`. It is illustrative if one of them is, or, where it has that column, if a row is.
    said : mapping
        What the braces of its title and notes are filled in with.
    """
    told, policy = inputs.vocabulary.tables[name], inputs.settings.disclosure
    files = inputs.of_kind(*told.made_of) if files is None else files
    made_up = bool(table["illustrative"].any()) if "illustrative" in table else is_made_up(files)
    table = table.assign(source=titles(files)) if "source" in told.columns and "source" not in table else table
    table, title = table[list(told.columns or table)], told.title.format_map(said)
    behind = f"Source: {titles(files)}." if len(files) <= MOST_NAMED else f"{len(files)} sources, listed in 01_place."
    lacks = [kind for kind in told.made_of if not inputs.of_kind(kind)] if table.empty else []
    lacking = LACKS.format(some(lacks)) if lacks else ""
    notes = ["" if "source" in table else behind, *told.notes, lacking] if files or len(table) else [lacking or NO_FILE]
    notes = [*filter(None, (note.format_map(said) for note in notes))]
    whole = dict.fromkeys(table.select_dtypes("number"), 0)
    units = {column: places for column in whole for ending, places in PLACES.items() if column.endswith(ending)}
    parts = {"counts": told.counts, "shares": told.shares, "parts_of": told.parts_of}
    match told.rule:
        case "counts":
            return gate.release_counts(table, title, **parts, policy=policy, illustrative=made_up).noted(notes)
        case "survey":
            return gate.release_survey(table, title, decimals=told.decimals, policy=policy, notes=notes)
        case "commercial":
            return gate.release_commercial(table, title, decimals=told.decimals, illustrative=made_up, notes=notes)
        case _:
            decimals = whole | units | told.decimals
            return gate.release_statistics(table, title, decimals=decimals, illustrative=made_up, notes=notes)
