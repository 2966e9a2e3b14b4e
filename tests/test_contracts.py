"""Contracts and settings: what they ask for, and that nothing they refuse slips through."""

import datetime as dt
import hashlib
import io
import re
from dataclasses import replace
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from little import MAKERS, PERSONAL, SETTINGS, TEXT, contract, events, half_year, population, register, survey
from pydantic import ValidationError

from placelib.errors import PlacelibError
from placelib.measures.answers import weighted_design
from placelib.settings import Agency, Disclosure, Settings, read_toml
from placelib.sources import checks, contracts
from placelib.sources.contracts import KINDS, Column, Contract, Geography, Survey
from placelib.sources.readers import SHIPPED
from placelib.sources.terms import read_vocabulary

REFERENCE = (Path(__file__).parents[1] / "docs" / "contracts.md").read_text(encoding="utf8")
SECTIONS = {part.partition("\n")[0]: part for part in re.split(r"^##+ ", REFERENCE, flags=re.MULTILINE)}
HEADINGS = {
    "A contract's keys": Contract,
    "`[columns]`: a line a column": Column,
    "`[geography]`: what places a row": Geography,
    "`[[indicators]]`: one for each indicator fed": contracts.Feed,
    "`[[aspirations]]`: a survey's": contracts.Aspiration,
    "`[population]`: whom it counts": contracts.Population,
    "`[[denominators]]`: a population at risk": contracts.Denominator,
    "`[survey]`: its design": Survey,
    "`[personal]`: what the law asks before records of people are used": contracts.Personal,
    "`[format]`: only where the file's ending does not say it": contracts.Format,
    "`place.toml`: the partnership's own decisions": Settings,
}


def valid(terms, **changed):
    """Check a contract with some of its keys changed; None takes a key away."""
    keys = {"sha256": "0" * 64} | terms | changed
    return Contract.model_validate({key: value for key, value in keys.items() if value is not None})


@pytest.mark.parametrize("kind", ["service_wards", "contracts"])
def test_books_with_a_rule_of_their_own_need_not_be_open(kind):
    """People served leave as counts of people do, and prices where no supplier dominates."""
    terms = contract("A book", "council", kind, "book.csv", release="commercial")
    assert valid(terms).release == "commercial"


@pytest.mark.parametrize("maker", MAKERS)
def test_every_kind_of_file_can_be_described(maker):
    """A contract of each kind of source passes, with its columns in order and each column that it uses among them."""
    rows, terms = maker()
    agreed = valid(terms)
    assert list(agreed.columns) == list(terms["columns"])
    assert agreed.named_columns() <= set(agreed.columns)
    assert agreed.geography is None or set(agreed.geography.columns) <= agreed.named_columns()
    assert agreed.format.months or [str(name) for name in rows[0]] == list(agreed.columns)


@pytest.mark.parametrize(
    ("maker", "changed", "rule"),
    [
        (register, {"personal": None}, "records of people need [personal]"),
        (survey, {"personal": None}, "records of people need [personal]"),
        (register, {"release": "open"}, "records of people cannot have the release class 'open'"),
        (survey, {"release": "administrative"}, "kind 'survey', release 'survey' and [survey] go together"),
        (events, {"release": "survey"}, "kind 'survey', release 'survey' and [survey] go together"),
        (survey, {"survey": None}, "kind 'survey', release 'survey' and [survey] go together"),
        (events, {"kind": "population"}, "kind 'population' needs [population]"),
        *((half_year, {"kind": kind}, "a book must be open") for kind in ("services", "spend", "panel", "payments")),
        (events, {"period_end": "2025-03-31"}, "period_end is before period_start"),
        (events, {"columns": {"X": TEXT}}, "names columns that are not declared: Type, Y"),
        (events, {"sha256": "not a hash"}, "should match pattern"),
        (events, {"file": "../secret.csv"}, "should match pattern"),
        (events, {"threshold": 4}, "greater than or equal to 5"),
        (events, {"colour": "red"}, "Extra inputs are not permitted"),
        (register, {"personal": PERSONAL | {"controller": ""}}, "at least 3 characters"),
    ],
)
def test_a_contract_that_breaks_a_rule_is_refused_by_that_rule(maker, changed, rule):
    """Each rule of the frame's section on contracts, broken once."""
    with pytest.raises(ValidationError, match=rule.replace("[", r"\[")):
        valid(maker()[1], **changed)


@pytest.mark.parametrize(
    ("where", "rule"),
    [
        ({"type": "address", "columns": ["Street"]}, "geocode"),
        ({"type": "lsoa", "columns": ["LSOA"]}, "needs a vintage"),
        ({"type": "ward", "vintage": "2025"}, r"takes 1 column"),
        ({"type": "point", "columns": ["X"]}, r"takes 2 column"),
        ({"type": "postcode", "columns": ["A", "B"]}, r"takes 1 column"),
        ({"type": "place", "columns": ["Place"]}, r"takes 0 column"),
        ({"type": "ward", "columns": ["Ward"], "vintage": "last year"}, "should match pattern"),
        ({"type": "parish", "columns": ["Parish"]}, "Input should be"),
    ],
)
def test_a_geography_that_does_not_place_its_rows_is_refused(where, rule):
    """Wrong number of columns, no vintage, an unknown kind of area, a street address."""
    with pytest.raises(ValidationError, match=rule):
        Geography.model_validate(where)


@pytest.mark.parametrize("column", [{"type": "category"}, {"type": "text", "codes": {"1": "one"}}])
def test_categories_have_codes_and_nothing_else_has(column):
    """A category without codes could hold anything."""
    with pytest.raises(ValidationError, match="a category needs codes"):
        Column.model_validate(column)


@given(st.dates(dt.date(1990, 1, 1), dt.date(2030, 12, 1)), st.integers(1, 120))
def test_a_period_of_whole_months_has_their_length_in_years(start, months):
    """From the first of one month to the last of another: the number of months over twelve."""
    start = start.replace(day=1)
    after = start.year * 12 + start.month - 1 + months
    end = dt.date(after // 12, after % 12 + 1, 1) - dt.timedelta(1)
    terms = contract("Any", "police", "events", "any.csv", columns={"A": TEXT})
    years = valid(terms, period_start=start, period_end=end).years()
    assert years == pytest.approx(months / 12)


def test_a_day_counts_as_a_month():
    """A stock counted on one day has a length, so that nothing is divided by nought."""
    day = {"period_start": "2026-03-31", "period_end": "2026-03-31"}
    assert valid(events()[1], **day).years() == pytest.approx(1 / 12)


@pytest.mark.parametrize(
    "wrong",
    [
        {"area_code": "E05000001"},
        {"area_code": "Littleton"},
        {"ward_vintage": "2011"},
        {"edition": "../spring"},
        {"edition": "Spring 2026"},
        {"agencies": SETTINGS["agencies"][:1]},
        {"disclosure": {"administrative_threshold": 4}},
        {"disclosure": {"survey_minimum": 9}},
        {"disclosure": {"rounding_base": 1}},
        {"motto": "onwards"},
        {"weights": {"health": -1}},
        {"weights": {"health": float("nan")}},
        {"partner_weights": {"nhs": {"health": -0.5}}},
    ],
)
def test_settings_out_of_bounds_are_refused(wrong):
    """Codes, labels used as folder names, and disclosure limits looser than the gate's."""
    with pytest.raises(ValidationError):
        Settings.model_validate(SETTINGS | wrong)


def test_a_place_without_its_own_limits_has_the_gates():
    """Eight, five and ten, as the disclosure promise says."""
    limits = Settings.model_validate(SETTINGS).disclosure
    assert limits == Disclosure(administrative_threshold=8, rounding_base=5, survey_minimum=10)
    assert Settings.model_validate(SETTINGS).agency_names["job_centre"] == "Job Centre"


@pytest.mark.parametrize("trim", [(0.3, 3), (0, 1.5)])
def test_limits_of_weights_may_be_declared(trim):
    """Below and above 1."""
    assert Survey(design="probability", weight="W", rake=[["Ward"]], trim=trim).trim == trim


@pytest.mark.parametrize("trim", [(1, 3), (-1, 2), (0.5, 0.9), (3, 0.3)])
def test_limits_that_leave_no_room_are_refused(trim):
    """Weights could not stay as they are on average."""
    with pytest.raises(ValueError, match="trim needs rake, and two limits"):
        Survey(design="probability", weight="W", rake=[["Ward"]], trim=trim)


def test_limits_of_weights_reach_the_raking(read):
    """Women of working age must weigh 1.875 times as much as before: twice is allowed, one and a half is not enough."""
    inputs = read(population, survey)
    source, ward = inputs.sources["survey"], inputs.sources["survey"].frame["Ward"]

    def ratio(limits):
        rules = source.contract.survey.model_copy(update={"trim": limits})
        limited = replace(source, contract=source.contract.model_copy(update={"survey": rules}))
        return weighted_design(inputs, limited, inputs.geography, ward).weight.max() / 16

    assert ratio((0.3, 2)) == pytest.approx(1.875, abs=0.001)
    with pytest.raises(PlacelibError, match="contradict each other for these respondents within these limits"):
        ratio((0.3, 1.5))


def named(section, column=0):
    """Words in code marks in a column of a section's table."""
    rows = re.findall(r"^\| (`.*?) \|(.*)$", SECTIONS[section], re.MULTILINE)
    return {word for row in rows for word in re.findall(r"`(\w+)`", row[column])}


@pytest.mark.parametrize("heading", HEADINGS)
def test_the_reference_names_every_key_and_no_other(heading):
    """docs/contracts.md has each field of each model, in the section of its own."""
    assert named(heading) == set(HEADINGS[heading].model_fields)


def test_the_reference_names_every_kind_and_the_parts_of_place_toml():
    """Kinds in code marks at the left; the keys of agencies and of disclosure beside theirs."""
    assert named("Kinds of file") == set(KINDS)
    parts = named("`place.toml`: the partnership's own decisions", column=1)
    assert set(Agency.model_fields) | set(Disclosure.model_fields) <= parts


def test_the_reference_tells_which_book_leans_on_which():
    """Every reference of the dictionary from one book to another, and prices, looked up when money is added."""
    rows = re.findall(r"^\| (`.*?) \| (.*?) \|", SECTIONS["Which book leans on which"], re.MULTILINE)
    told = {pair for row in rows for pair in product(*(re.findall(r"`(\w+)`", cell) for cell in row))}
    books = read_vocabulary(SHIPPED / "vocabulary").books.items()
    names = dict(books).keys()
    refers = {(kind, each.refers.split(".")[0]) for kind, book in books for each in book.columns.values()}
    assert told == {("spend", "deflators")} | {(kind, other) for kind, other in refers if other in names - {kind}}


def test_the_example_of_the_reference_is_a_file_and_its_contract(tmp_path):
    """The hash is the file's, the words are known, every cell is read, and the withheld one is no nought."""
    file, terms = (re.search(rf"```{kind}\n(.*?)```", REFERENCE, re.DOTALL)[1] for kind in ("csv", "toml"))
    (tmp_path / "claimants.toml").write_text(terms, encoding="utf8")
    agreed = read_toml(tmp_path / "claimants.toml", Contract)
    assert agreed.sha256 == hashlib.sha256(file.encode()).hexdigest()
    settings = read_toml(SHIPPED / "brighton-and-hove" / "place.toml", Settings)
    assert checks.words(agreed, "claimants.toml", settings, read_vocabulary(SHIPPED / "vocabulary")) == []
    frame, status, faults = checks.typed(pd.read_csv(io.StringIO(file), dtype=str), agreed)
    assert faults == []
    assert frame["Claimants"].tolist() == pytest.approx([35, float("nan"), 37, 41], nan_ok=True)
    assert status["Claimants"].tolist() == ["", "suppressed", "", ""]


def test_the_second_example_gives_those_whom_the_first_is_a_rate_of(tmp_path):
    """Its words are known, and its denominator is the first's indicator's."""
    (tmp_path / "residents.toml").write_text(re.findall(r"```toml\n(.*?)```", REFERENCE, re.DOTALL)[1], encoding="utf8")
    agreed, vocabulary = read_toml(tmp_path / "residents.toml", Contract), read_vocabulary(SHIPPED / "vocabulary")
    settings = read_toml(SHIPPED / "brighton-and-hove" / "place.toml", Settings)
    assert checks.words(agreed, "residents.toml", settings, vocabulary) == []
    needed = vocabulary.indicators.set_index("indicator_id").loc["claimants", "denominator"]
    assert [each.id for each in agreed.denominators] == [needed]
