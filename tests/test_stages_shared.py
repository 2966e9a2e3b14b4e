"""How tables leave: every one is told in data/vocabulary/tables.toml, and the file tells of no other."""

from dataclasses import replace

import pandas as pd
import pytest
from pydantic import ValidationError

from placelib.gate import SUPPRESSED
from placelib.place import Place
from placelib.sources.readers import SHIPPED
from placelib.sources.terms import TableWords, read_vocabulary
from placelib.stages.shared import LACKS, NO_FILE, files_of, release

TABLES = read_vocabulary(SHIPPED / "vocabulary").tables
OF_THEIR_OWN = {"wards", "sources", "terms", "domains", "indicators"}  # without people; and each row by its own class


def released(inputs, table, **words):
    """Release a table of which these words are told."""
    told = TableWords(**{"title": "A title", "made_of": ["survey"]} | words)
    inputs = replace(inputs, vocabulary=replace(inputs.vocabulary, tables={"one": told}))
    return release("one", pd.DataFrame(table), inputs)


def test_every_stage_is_told_and_nothing_else():
    """A new stage is asked how it leaves; what is told of no stage is a slip of the pen."""
    assert set(TABLES) == set(Place.stage_names()) - OF_THEIR_OWN


@pytest.mark.parametrize("name", [name for name, told in TABLES.items() if told.columns])
def test_what_is_rounded_or_hidden_is_a_column_that_leaves(name):
    """A misspelt column would go out unrounded."""
    told = TABLES[name]
    assert {*told.decimals, *told.counts, *told.shares, *filter(None, [told.parts_of])} <= set(told.columns)


def test_an_unknown_word_or_rule_is_refused():
    """Of a table that is told."""
    for wrong in ({"colums": ["a"]}, {"rule": "none"}):
        with pytest.raises(ValidationError):
            TableWords(title="A title", **wrong)


def test_numbers_leave_at_the_precision_of_their_units(little):
    """Thousands of pounds, tenths of a million, hundredths of a share; whole otherwise, or as is told."""
    numbers = {"cost_gbp": [1499.0], "spent_gbp_m": [1.26], "women_share": [0.126], "rank": [2.6], "effect": [0.126]}
    frame = released(little, numbers, decimals={"effect": 1}).frame
    assert frame.iloc[0].tolist() == [1000.0, 1.3, 0.13, 3.0, 0.1]
    assert released(little, numbers, decimals={"cost_gbp": 0}).frame["cost_gbp"].item() == 1499


def test_the_foot_names_few_files_and_fills_in_words(little):
    """One file by its title; of rows that name theirs, nothing; without a file or a row, only what makes it."""
    survey = little.of_kind("survey")[0].contract.title
    assert released(little, {"a": ["x"]}, notes=["Method."]).notes == (f"Source: {survey}.", "Method.")
    assert released(little, {"source": ["x"]}, notes=["Method.", ""]).notes == ("Method.",)
    assert released(little, {"a": []}, made_of=[], notes=["Method."]).notes == (NO_FILE,)
    assert released(little, {"a": []}, made_of=["risks"], notes=["Method."]).notes == (LACKS.format("risks"),)
    assert released(little, {"source": ["x"]}, made_of=[], notes=["Method."]).notes == ("Method.",)
    every = pd.DataFrame({"source_id": [*little.sources] * 2})
    assert files_of(little, every) == [*little.sources.values()]


def test_the_rule_of_the_gate_is_the_one_that_is_told(little):
    """A count of three is hidden by the rule for counts; six answers by that for surveys, whose source is told."""
    assert released(little, {"people": [3, 30]}, rule="counts", counts=["people"]).frame["mark"][0] == SUPPRESSED
    answers = {"respondents": [6], "effective_respondents": [6.0], "illustrative": True, "value": [50.0]}
    table = released(little, answers, rule="survey", columns=[*answers, "source"], decimals={"value": 0})
    assert (table.frame["mark"][0], table.illustrative) == (SUPPRESSED, True)
    assert table.frame["source"][0] == little.of_kind("survey")[0].contract.title
