"""The gate: nobody else makes tables, and what passes is as declared; its rules are in tests/spec."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from little import CODES, claimants, comparators, counts, events, households, population, register

from placelib import gate, suppression
from placelib.errors import DisclosureError, PlacelibError
from placelib.measures.shared import measure
from placelib.settings import Disclosure
from placelib.stages import issues as issue_stages
from placelib.stages import needs as stages

FRAME = pd.DataFrame({"ward": ["A", "B"], "score": [1.26, 2.34], "rank": [2, 1]})


@pytest.mark.parametrize("kind", [gate.Table, gate.Protected, gate.Open])
def test_only_the_gate_makes_tables(kind):
    """Neither directly, nor with a key of one's own, nor by changing the frame of one that passed."""
    with pytest.raises(DisclosureError, match="pass the frame through placelib.gate"):
        kind(FRAME, "Mine", False)
    with pytest.raises(DisclosureError):
        kind(FRAME, "Mine", False, (), object())
    passed = gate.open_table(FRAME, "Theirs")
    with pytest.raises((DisclosureError, TypeError, ValueError)):
        dataclasses.replace(passed, frame=FRAME)


def test_statistics_leave_at_the_precision_declared():
    """Scores to one decimal, ranks whole."""
    table = gate.release_statistics(FRAME, "Scores", decimals={"score": 1, "rank": 0}, illustrative=True, notes=["How"])
    assert table.frame["score"].tolist() == [1.3, 2.3]
    assert (type(table), table.title, table.illustrative, table.notes) == (gate.Protected, "Scores", True, ("How",))


@pytest.mark.parametrize("decimals", [{}, {"rank": 0}])
def test_a_number_without_a_declared_precision_is_refused(decimals):
    """The message names the column."""
    with pytest.raises(DisclosureError, match="No precision is declared for .*score"):
        gate.release_statistics(FRAME, "Scores", decimals=decimals, illustrative=False)


def test_a_column_of_words_without_any_is_no_number():
    """A theme that no row names needs no precision, and stays missing."""
    table = gate.release_statistics(
        FRAME.assign(theme=None), "Scores", decimals={"score": 1, "rank": 0}, illustrative=False
    )
    assert table.frame["theme"].isna().all()


def test_numbers_in_a_column_of_objects_are_numbers():
    """They are refused without a precision, and rounded with one."""
    frame = FRAME.astype({"score": object})
    with pytest.raises(DisclosureError, match="No precision is declared for score"):
        gate.release_statistics(frame, "Scores", decimals={"rank": 0}, illustrative=False)
    table = gate.release_statistics(frame, "Scores", decimals={"score": 1, "rank": 0}, illustrative=False)
    assert table.frame["score"].tolist() == [1.3, 2.3]


def test_a_part_of_a_table_is_of_the_same_kind():
    """Rows may be chosen; title, notes and kind stay, and the original is untouched."""
    table = gate.open_table(FRAME, "Wards", notes=["Source"])
    part = table.where(lambda frame: frame["rank"] == 1, "The first")
    assert (type(part), part.title, part.notes) == (gate.Open, "The first", ("Source",))
    assert part.frame["ward"].tolist() == ["B"]
    assert table.only(ward="A").frame["ward"].tolist() == ["A"]
    assert len(table.frame) == 2


@pytest.mark.parametrize(
    ("wanted", "wards", "notes"),
    [
        ({}, ["A", "B"], ()),
        ({"ward": ("A", "B")}, ["A", "B"], ()),
        ({"ward": "A", "rank": 1}, [], ()),  # both are there, in no row together
        ({"ward": "a"}, [], ("No row has ward 'a'. Did you mean 'A'?",)),
        ({"ward": ["X", "Y"]}, [], ("No row has ward 'X', 'Y'.",)),
        ({"last": True}, [], ()),  # yes and no cannot be mistyped
    ],
)
def test_a_value_that_no_row_has_is_noted(wanted, wards, notes):
    """The table is empty, as a place may have none, and says what was not found and what is near."""
    part = gate.open_table(FRAME.assign(last=False), "Wards").only(**wanted)
    assert (part.frame["ward"].tolist(), part.notes) == (wards, notes)
    assert part.only(ward="Z").notes == (notes if not wards else ("No row has ward 'Z'.",))


def test_a_table_of_nothing_says_nothing_of_values():
    """Whatever is asked of it."""
    assert gate.open_table(FRAME[:0], "Wards").only(ward="A").notes == ()


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda table: table.only(wards="A"), "no column 'wards' in 'Wards'. Did you mean 'ward'. Its columns: ward, "),
        (lambda table: table.having("ward", "x"), "no column 'x' in 'Wards'. Its columns: ward, score, rank."),
        (lambda table: table.where("rank > 1"), "a function of the frame, such as lambda t"),
    ],
)
def test_a_mistaken_question_is_told_what_there_is(ask, words):
    """One sentence, no error of pandas."""
    with pytest.raises(PlacelibError, match=words):
        ask(gate.open_table(FRAME, "Wards"))


def test_a_table_introduces_itself():
    """Its title, its size and how to see it."""
    assert repr(gate.open_table(FRAME, "Wards")).startswith("Wards: 2 rows, 3 columns. show(table) displays it")


@pytest.mark.parametrize("make", [gate.open_table, None])
def test_a_kept_table_is_restored_as_it_was(make):
    """Kind, title, notes and whether it is made up survive being kept."""
    table = make(FRAME, "T", illustrative=True, notes=["n"]) if make else gate.release_statistics(
        FRAME, "T", decimals={"score": 2, "rank": 0}, illustrative=True, notes=["n"]
    )  # fmt: skip
    again = gate.restore(table.frame, table.particulars())
    assert type(again) is type(table)
    assert again.particulars() == table.particulars()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 5000), min_size=1, max_size=20), st.integers(5, 20), st.sampled_from([5, 10, 25]))
def test_counts_that_leave_are_nought_or_rounded_and_never_small(numbers, threshold, base):
    """Nothing between 0 and the threshold; every count a multiple of the base, at most half of it away."""
    policy = Disclosure(administrative_threshold=threshold, rounding_base=base)
    frame = pd.DataFrame({"n": numbers})
    safe = gate.release_counts(frame, "T", counts=["n"], shares=[], policy=policy, illustrative=False).frame
    hidden = safe["n"].isna()
    assert hidden.tolist() == [0 < number < threshold for number in numbers]
    shown = safe.loc[~hidden, "n"]
    assert (shown % base == 0).all()
    assert (abs(shown - frame.loc[~hidden, "n"]) <= base / 2).all()
    assert safe["mark"].eq("[c]").tolist() == hidden.tolist()


def test_the_gate_changes_a_copy(exact, little):
    """The exact table is as it was."""
    before = exact.table.copy()
    stages.indicators(little, exact)
    stages.ledger(little, exact)
    pd.testing.assert_frame_equal(exact.table, before)


def test_release_classes_meet_in_one_table(exact, little):
    """Open as published, administrative rounded, survey whole: each row by its own rule, in the same order."""
    safe = stages.indicators(little, exact).frame
    assert safe["indicator_id"].tolist() == exact.table["indicator_id"].tolist()
    wards = safe[safe["area_type"] == "ward"].set_index(["indicator_id", "area_name"])
    assert wards.loc[("burglary", "Ashby"), ["numerator", "mark"]].tolist() == [8, ""]
    assert wards.loc[("children_in_need", "Ashby"), "mark"] == "[c]"  # ten, for the sake of Carlton's three
    assert wards.loc[("children_in_need", "Bourne"), "numerator"] == 20
    assert wards.loc[("children_in_need", "Carlton"), "mark"] == "[c]"
    assert wards.loc[("children_in_need", "Denham"), ["value", "mark"]].tolist() == [0, ""]
    assert wards.loc[("homelessness", "Ashby"), "mark"] == "[c]"
    assert wards.loc[("food_parcels", "Denham"), "mark"] == "[x]"
    assert wards.loc[("lonely", "Ashby"), ["value", "mark"]].tolist() == [38, "[u]"]
    groups = safe[safe["indicator_id"] == "lonely"].set_index("category")["mark"]
    assert groups["disabled_a_lot"] == "[c]"
    assert set(safe["mark"]) == {"", *gate.MARKS}


def test_a_hidden_count_stays_hidden_in_every_other_table(little, exact):
    """The 3 children of Carlton cannot be read from scores, comparisons or issues: 3 or 5, the same tables leave."""
    changed = exact.table.copy()
    row = (changed["indicator_id"] == "children_in_need") & (changed["area_name"] == "Carlton")
    changed.loc[row, ["numerator", "value"]] = [5, 25]
    other = dataclasses.replace(exact, table=changed)
    for stage in (stages.indicators, stages.needs, stages.comparisons):
        pd.testing.assert_frame_equal(stage(little, exact).frame, stage(little, other).frame)


@pytest.mark.parametrize(
    ("children", "disclosure"),
    [
        (3, {}),  # three in the whole place: too few
        (33, {"administrative_threshold": 50}),  # 33 are too few for a place that asks for 50
    ],
)
def test_a_hidden_place_is_not_shown_beside_england(read, children, disclosure):
    """What leaves as [c] for the whole place is in no comparison, and no key issue is worded from it."""

    def few():
        rows, terms = register()
        return rows[: 1 + children], terms

    def low_england():
        rows, terms = comparators()
        return [rows[0], ["children_in_need", "England", "england", 2, "", ""]], terms

    inputs = read(few, population, households, low_england, disclosure=disclosure)
    exact = measure(inputs)
    published = stages.indicators(inputs, exact).frame.query("area_type == 'place'")
    assert published["mark"].tolist() == ["[c]"]
    frame = stages.comparisons(inputs, exact).frame
    assert frame[["value", "difference"]].isna().all(axis=None)
    assert "children_in_need" not in set(issue_stages.issues(inputs, exact).frame["indicator_id"])


def test_those_who_do_not_are_hidden_beside_england_too(read):
    """All but one of 2,400 are claimants: the one who is not stays hidden in every table."""

    def nearly_all():
        rows, terms = claimants()
        rows = [rows[0], *([ward, month, 600 - (ward == CODES[0])] for ward, month, _ in rows[1:])]
        return rows, terms | {"release": "administrative"}

    inputs = read(nearly_all, population, households, comparators)
    exact = measure(inputs)
    place = stages.indicators(inputs, exact).frame.query("area_type == 'place'")
    assert place["mark"].tolist() == ["[c]"]
    assert stages.comparisons(inputs, exact).frame[["value", "difference"]].isna().all(axis=None)
    assert "nan" not in " ".join(issue_stages.issues(inputs, exact).frame["headline"])


def test_the_agreement_of_a_source_reaches_the_gate(read):
    """A sharing agreement that asks for 15 hides the 10 children of Ashby, which the place's own 8 would show."""

    def agreed():
        rows, terms = register()
        return rows, terms | {"threshold": 15}

    inputs = read(agreed, events, counts, population, households)
    safe = stages.indicators(inputs, measure(inputs)).frame.set_index(["indicator_id", "area_name"])
    assert safe.loc[("children_in_need", "Ashby"), "mark"] == "[c]"
    assert safe.loc[("children_in_need", "Bourne"), "mark"] == ""
    assert np.isnan(safe.loc[("children_in_need", "Ashby"), "value"])


@pytest.mark.parametrize(("agreed", "shown"), [({}, [45, 35, 10]), ({"threshold": 15}, [np.nan] * 3)])
def test_a_row_of_the_ledger_leaves_whole_or_not_at_all(read, agreed, shown):
    """Ten of 43 children live at a postcode of nowhere: too few where an agreement asks for 15, and the row goes."""

    def children():
        rows, terms = register()
        return [*rows, *([f"K91{each}", "ZZ9 9ZZ"] for each in range(7))], terms | agreed

    children.__name__ = "register"
    inputs = read(children, population, households)
    frame = stages.ledger(inputs, measure(inputs)).frame
    assert frame[["records", "matched", "unmatched"]].iloc[0].tolist() == pytest.approx(shown, nan_ok=True)
    assert "threshold" not in frame


def test_open_data_leave_the_ledger_as_published_and_what_matched_least_first(read):
    """Three of 43 open burglaries lie in no ward: few, but open, so both they and their share are told, and first."""
    inputs = read(events, population, households)
    frame = stages.ledger(inputs, measure(inputs)).frame
    assert frame["indicator_id"].tolist() == ["burglary", "violence"]
    assert frame[["records", "unmatched", "unmatched_pct"]].to_numpy().tolist() == [[43, 3, 7], [40, 0, 0]]


def test_the_ledger_does_not_give_a_hidden_place_back(read):
    """All but one of 2,400 are claimants: the place is hidden, and so is its file's sum."""

    def nearly_all():
        rows, terms = claimants()
        rows = [rows[0], *([ward, month, 600 - (ward == CODES[0])] for ward, month, _ in rows[1:])]
        return rows, terms | {"release": "administrative"}

    inputs = read(nearly_all, population, households)
    ledger = stages.ledger(inputs, measure(inputs)).frame
    assert ledger[["records", "matched", "unmatched"]].isna().all(axis=None)
    assert ledger["mark"].tolist() == ["[c]"]


def test_the_needs_say_of_which_years_they_are(little, exact):
    """From the first to the last of the files behind them."""
    rows = exact.comparable
    years = [int(rows["period_start"].min()[:4]), int(rows["period_end"].max()[:4])]
    assert f"Figures of {years[0]} to {years[1]}: " in stages.needs(little, exact).notes[-1]


def test_shares_of_respondents_are_made_of_rounded_counts(little, exact):
    """Of 200, so few that a whole per cent is two people, each share is a rounded count's."""
    frame = stages.response(little, exact).frame
    shown = frame[frame["respondents"].notna()]
    assert len(shown)
    assert shown["sample_pct"].tolist() == (100 * shown["respondents"] / shown["everyone"]).round().tolist()


def test_what_is_made_of_counts_is_made_of_rounded_ones(exact):
    """Bourne's 20 stay, a ward's 3 are half the threshold whatever they are; of a survey only what is hidden goes."""
    rows = suppression.coarsened(exact.table, Disclosure()).set_index(["indicator_id", "area_name"])
    was = exact.table.set_index(["indicator_id", "area_name"])
    assert rows.loc[("children_in_need", "Bourne"), "numerator"] == 20
    assert rows.loc[("children_in_need", "Carlton"), "numerator"] == 4
    assert np.isnan(rows.loc[("children_in_need", "Carlton"), "value"])
    place = rows.loc[("children_in_need", "Littleton")]
    assert place["numerator"] == 35
    assert place["value"] == pytest.approx(35 / place["denominator"] * place["per"])
    survey = exact.table[exact.table["release_class"] == "survey"]
    few = survey.index[suppression.few_answers(survey, Disclosure())]
    numbers = ["value", "lower", "upper", "standard_error"]
    assert rows.iloc[few][numbers].isna().all(axis=None)
    others = (rows["release_class"] != "administrative").to_numpy() & ~exact.table.index.isin(few)
    pd.testing.assert_frame_equal(rows[others], was[others])
