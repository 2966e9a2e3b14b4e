"""Typed columns: each kind of cell read, each marker set aside, each fault found with its row and without its value."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from little import TEXT, WARD, WHOLE, contract, feed

from placelib.errors import Fault, InputFaults
from placelib.sources.checks import typed
from placelib.sources.contracts import Contract


def check(cells, **column):
    """Type one column, whose rows begin below a header in row 1."""
    columns = {"Cell": column}
    terms = contract("Any", "police", "counts", "any.csv", columns=columns, sha256="0" * 64)
    text = pd.DataFrame({"Cell": cells}, index=range(2, 2 + len(cells)), dtype=object)
    frame, status, faults = typed(text, Contract.model_validate(terms))
    return frame["Cell"], status["Cell"], faults


@pytest.mark.parametrize(
    ("column", "cells", "values"),
    [
        ({"type": "integer"}, ["0", " 12 ", "-3"], [0, 12, -3]),
        ({"type": "number"}, ["0.5", "1e3"], [0.5, 1000]),
        ({"type": "text"}, [" a ", "1"], ["a", "1"]),
        ({"type": "date"}, ["2026-03-31"], [pd.Timestamp(2026, 3, 31)]),
        ({"type": "date", "date_format": "%d/%m/%Y"}, ["01/02/2026"], [pd.Timestamp(2026, 2, 1)]),
        ({"type": "month", "date_format": "%b %Y"}, ["Apr 2025"], [pd.Timestamp(2025, 4, 1)]),
        ({"type": "category", "codes": {"1": "yes", "2": "no"}}, ["1", "2"], ["yes", "no"]),
    ],
)
def test_cells_are_read_as_the_contract_says(column, cells, values):
    """Text becomes numbers, dates and shared categories, blanks around it taken off."""
    found, status, faults = check(cells, **column)
    assert found.tolist() == values
    assert faults == []
    assert status.eq("").all()


def test_suppressed_not_applicable_and_missing_are_told_apart_and_none_is_nought():
    """A marked cell has no value and says why; a zero is a number."""
    marks = {"suppressed": ["*", "c"], "not_applicable": ["n/a"], "missing": ["", "-9"]}
    found, status, faults = check(["0", "*", "c", "n/a", "", "-9"], type="integer", minimum=0, **marks)
    assert found.tolist() == pytest.approx([0, *[float("nan")] * 5], nan_ok=True)
    assert status.tolist() == ["", "suppressed", "suppressed", "not_applicable", "missing", "missing"]
    assert faults == []


@pytest.mark.parametrize(
    ("column", "cells", "rule"),
    [
        ({"type": "integer"}, ["1", "1,200", "2.5", "about 3"], "is not a whole number"),
        ({"type": "number"}, ["1", "1,200", "£3", "inf"], "is not a number"),
        ({"type": "integer", "minimum": 0}, ["1", "-1", "-2", "-3"], "is below 0"),
        ({"type": "number", "maximum": 100}, ["1", "101", "250", "100.1"], "is above 100"),
        ({"type": "date"}, ["2026-01-01", "01/02/2026", "2026-02-30", "May"], "is not a date written"),
        ({"type": "month", "date_format": "%b %Y"}, ["Apr 2025", "2025-04", "April", "13"], "is not a month"),
        ({"type": "category", "codes": {"1": "yes"}}, ["1", "2", "yes", "1.0"], "is not one of the contract's codes"),
        ({"type": "text"}, ["a", "", " ", "\t"], "is empty"),
    ],
)
def test_a_bad_cell_is_one_fault_with_its_rows(column, cells, rule):
    """Rows 3 to 5 are wrong: one message names them all, and says how to mend it."""
    fault = only(check(cells, **column)[2])
    assert rule in fault.rule
    assert (fault.file, fault.column, list(fault.rows)) == ("any.csv", "Cell", [3, 4, 5])
    assert fault.mend


@pytest.mark.parametrize(
    ("column", "mend"),
    [
        ({"type": "integer"}, 'suppressed = ["*"]'),
        ({"type": "number"}, 'suppressed = ["*"]'),
        ({"type": "date", "date_format": "%d/%m/%Y"}, "write it as 31/03/2029"),
        ({"type": "month", "date_format": "%b %Y"}, "write it as Mar 2029"),
    ],
)
def test_a_mend_shows_what_to_write(column, mend):
    """The mark of a withheld number may be declared; a date is shown as the column has it."""
    assert mend in only(check(["*"], **column)[2]).mend


def test_rows_that_differ_in_anything_but_what_is_counted_are_not_the_same(read):
    """Two codes of one meaning, an age in figures, areas not given, rows that no feed keeps: none is counted twice."""

    def homes():
        rows = [["Ward", "Kind", "Age", "Homeless"], ["E05099001", "a", 16, 1], ["E05099001", "b", 16, 1]]
        rows += [["E05099001", "b", 17, 1], *[["E05099001", "other", 17, 1]] * 2, *[["", "a", 16, 1]] * 2]
        rows += [["E05099001", "*", 16, 1]] * 2
        kinds = {"type": "category", "codes": {"a": "new", "b": "new", "other": "old"}, "suppressed": ["*"]}
        columns = {"Ward": TEXT | {"missing": [""]}, "Kind": kinds, "Age": WHOLE, "Homeless": WHOLE}
        fed = feed("homelessness", "Duty owed", numerator="Homeless", where={"Kind": ["new"]})
        more = {"geography": WARD, "indicators": [fed], "columns": columns}
        return rows, contract("Homes", "housing", "counts", "h.csv", **more)

    assert read(homes).sources["homes"].frame["Homeless"].sum() == 9


def only(items):
    """Give the one item there is."""
    (item,) = items
    return item


@given(st.lists(st.text("0123456789-., £abcXYZ/", min_size=1, max_size=8), min_size=1, max_size=8))
def test_no_value_is_repeated_and_no_number_invented(cells):
    """Whatever is in the file, a cell is either the number that it says, or named by its row only."""
    found, _, faults = check(cells, type="number")
    wrong = {row for fault in faults for row in fault.rows}
    for row, cell in zip(found.index, cells, strict=True):
        assert (row in wrong) == pd.isna(found[row])
        assert row in wrong or float(cell) == found[row]
    said = [str(Fault(fault.file, fault.rule, fault.mend, fault.column)) for fault in faults]
    assert len(set(said)) == len(said) <= 2


def test_columns_that_are_missing_or_undeclared_are_both_said():
    """A renamed column is two faults: the one that is not there, and the one that is not known."""
    terms = contract("Any", "police", "counts", "any.csv", columns={"Fires": {"type": "integer"}}, sha256="0" * 64)
    frame, _, faults = typed(pd.DataFrame({"Fire": ["1"]}, index=[2]), Contract.model_validate(terms))
    assert [(fault.column, "not in the" in fault.rule) for fault in faults] == [("Fires", True), ("Fire", True)]
    assert "it has: Fire" in faults[0].rule
    assert list(frame) == []


def test_faults_are_numbered_and_long_lists_of_rows_cut():
    """Five rows are named, the rest counted."""
    error = InputFaults(
        [Fault("a.csv", "is wrong", "mend it", "Cell", range(2, 1002)), Fault("b.csv", "is gone", "add it")]
    )
    first, second = str(error).splitlines()[1:]
    assert first == "  1. a.csv, column 'Cell', rows 2, 3, 4, 5, 6 and 995 more: is wrong. To mend: mend it."
    assert second == "  2. b.csv: is gone. To mend: add it."
    assert str(error).startswith("2 faults in the input:")
