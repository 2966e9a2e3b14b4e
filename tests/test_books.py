"""The books: every entry of the dictionary holds together, and each rule between rows finds what breaks it."""

import little
import pytest

from placelib.errors import InputFaults
from placelib.sources.readers import SHIPPED
from placelib.sources.terms import read_vocabulary

BOOKS = read_vocabulary(SHIPPED / "vocabulary").books
A, B = little.A, little.B
OUTCOME = [
    "O1",
    "Safer homes",
    "population",
    "",
    "safety",
    "burglary",
    "police",
    20,
    "2025-04-01",
    15,
    "2027-03-31",
    1,
    "",
]
FUND = ["F1", "Safer streets", "pooled", "council", 60, 0.6, "2026-27", "council", "A law", "each recovers its own"]
FUND += ["unanimous", 0.5, 0.5, "", 100, "O1", "2027-03-31", 6]
OTHER = ["F1", "Safer streets", "pooled", "police", 40, 0.4, *FUND[6:]]
CONTRACT = [
    "C1",
    "Provider A",
    "",
    "council",
    "Cleaning",
    "Halls",
    100,
    "hour",
    10,
    10,
    2,
    "open",
    "2025-04-01",
    "2027-03-31",
]
CONTRACT += [0, 3]
SPEND = ["L1", "council", "", "Parks", "08", "O1", A, "revenue", 100, "gross", "budget", "2026-27", "2025-26", "", ""]
OPTION = ["P1", "Homes", "As now", "yes", "O1"]
RISK = ["R1", "A hostel closes", "O1", "housing", "Lease", "partial", 0.1, 0.2, 0.3, 10, 20, 30, "", "2027-01-01"]
SERVICE = [
    "S1",
    "Advice",
    "council",
    "Provider A",
    "voluntary",
    "10",
    "O1",
    "work",
    "claimants",
    "",
    100,
    10,
    1,
    2,
    1,
    3,
]
SERVICE += ["judgement", 50, 200, "no", "", 3, "", 0.5, 0.2, 0.2, 0.1]


def book(of, *rows, **changed):
    """A maker of one book of the little place, in the dictionary's own columns."""

    def maker():
        terms = little.contract(of.title(), "council", of, f"{maker.__name__}.csv", release="open") | changed
        return [list(BOOKS[of].columns), *map(list, rows)], terms

    maker.__name__ = changed.pop("name", of)
    return maker


def changed(row, **cells):
    """A row with cells changed, by their place in it."""
    return [cells.get(f"c{place}", value) for place, value in enumerate(row)]


def link(first, second):
    """One service leans on another."""
    return [first, second, 0.5, 100, 3, "judgement"]


@pytest.mark.parametrize("kind", BOOKS)
def test_every_rule_of_the_dictionary_names_columns_that_are_there(kind):
    """Keys, shares, dates, links and references of a book are columns of that book or of another."""
    each = BOOKS[kind]
    named = [*each.key, *(each.no_circle or ()), *(name for some in (*each.later, *each.rising) for name in some)]
    named += [name for rule in (each.sums_to_one, each.alike) if rule for name in (rule.within, *rule.columns)]
    assert set(named) <= set(each.columns)
    for column in each.columns.values():
        where, _, name = column.refers.partition(".")
        known = {"", "agency", "indicator", "domain", "ward"} if not name else BOOKS
        assert where in known
        assert not name or name in BOOKS[where].columns


def test_a_contract_need_not_repeat_the_dictionary(read):
    """The columns are the dictionary's, an empty cell that may be blank is missing, and the types are right."""
    found = read(book("outcomes", OUTCOME)).book("outcomes")
    assert list(found) == list(BOOKS["outcomes"].columns)
    assert found.loc[0, ["baseline", "owner"]].tolist() == [20, "police"]
    assert found["parent"].isna().all()
    assert found["target_date"].dt.year.tolist() == [2027]


def test_an_agency_keeps_its_own_words(read):
    """A file that calls a column otherwise says so by its label; what only the file has stays outside the book."""
    own = {"Officer grade": {"type": "text"}, "Who answers": {"type": "text", "label": "owner"}}

    def outcomes():
        rows, terms = book("outcomes", OUTCOME)()
        rows = [[*row, note] for row, note in zip(rows, ["Officer grade", "Head"], strict=True)]
        rows[0][rows[0].index("owner")] = "Who answers"
        return rows, terms | {"columns": own}

    found = read(outcomes).book("outcomes")
    assert list(found) == list(BOOKS["outcomes"].columns)
    assert found["owner"].tolist() == ["police"]


def test_a_column_that_may_be_blank_may_be_absent(read):
    """A file without `theme` and `parent` is as one in which they are empty."""

    def outcomes():
        rows, terms = book("outcomes", OUTCOME)()
        return [[*row[:3], *row[4:-1]] for row in rows], terms

    found = read(outcomes).book("outcomes")
    assert list(found) == list(BOOKS["outcomes"].columns)
    assert found[["parent", "theme"]].isna().all(axis=None)


def test_a_place_without_a_book_has_an_empty_one(read):
    """The columns and their types are there, and no row."""
    found = read(book("outcomes", OUTCOME)).book("spend")
    assert list(found) == list(BOOKS["spend"].columns)
    assert found["amount"].sum() == 0
    assert len(found) == 0


FAULTS = {
    "shares of a fund that do not sum to one": (
        [book("funds", changed(FUND, c5=0.7), OTHER)],
        "funds.csv, column 'contribution_share', rows 2, 3: the shares of F1 sum to 1.100, not to 1",
    ),
    "a fund that ends in two ways": (
        [book("funds", FUND, changed(OTHER, c14=9e6))],
        "funds.csv, column 'forecast_spend', rows 2, 3: is not the same in all rows of F1",
    ),
    "a decision for two outcomes": (
        [
            book("options", OPTION, changed(OPTION, c0="P2", c4="O2")),
            book("outcomes", changed(OUTCOME, c0="O2", c2="performance", c11=0), name="more"),
        ],
        "options.csv, column 'outcome_id', rows 2, 3: is not the same in all rows of Homes",
    ),
    "a circle of services": (
        [
            book("services", SERVICE, changed(SERVICE, c0="S2"), changed(SERVICE, c0="S3")),
            book("service_links", link("S1", "S2"), link("S2", "S1"), link("S2", "S3")),
        ],
        "service_links.csv, column 'affects', rows 2, 3: goes round in a circle",
    ),
    "a service that leans on itself": (
        [book("services", SERVICE), book("service_links", link("S1", "S1"))],
        "service_links.csv, column 'affects', row 2: goes round in a circle",
    ),
    "a risk without an owner": ([book("risks", changed(RISK, c3=""))], "risks.csv, column 'owner', row 2: is empty"),
    "a likely chance below the least one": (
        [book("risks", changed(RISK, c6=0.9))],
        "risks.csv, column 'probability_lower', row 2: must not fall from one to the next",
    ),
    "a target dated before its baseline": (
        [book("outcomes", changed(OUTCOME, c10="2025-03-31"))],
        "outcomes.csv, column 'target_date', row 2: is not after 'baseline_date'",
    ),
    "a contract that ends before it starts": (
        [book("contracts", changed(CONTRACT, c13="2024-03-31"))],
        "contracts.csv, column 'end', row 2: is not after 'start'",
    ),
    "one payment in two ledgers": (
        [
            book("spend", changed(SPEND, c14="T1"), name="council_ledger"),
            book("spend", changed(SPEND, c0="L2", c14="T1"), name="police_ledger"),
        ],
        "police_ledger.csv, column 'transfer_id', row 2: transfer_id stands already in council_ledger.csv, row 2",
    ),
    "one line twice": (
        [book("spend", SPEND, SPEND)],
        "spend.csv, column 'line_id', row 3: line_id stands already in spend.csv, row 2",
    ),
    "an agency that is no partner": (
        [book("spend", changed(SPEND, c1="army"))],
        "spend.csv, column 'agency', row 2: is no known agency: 'army'. To mend: use one of: childrens_services, ",
    ),
    "an outcome of nowhere": (
        [book("spend", changed(SPEND, c5="O9"))],
        "spend.csv, column 'outcome_id', row 2: is not in column 'outcome_id' of the place's outcomes: 'O9'",
    ),
    "a ward of elsewhere": (
        [book("spend", changed(SPEND, c6="E05000001"))],
        "spend.csv, column 'ward_code', row 2: is no known ward: 'E05000001'. To mend: use one of: E05099001, ",
    ),
    "a word that is not allowed": (
        [book("spend", changed(SPEND, c9="nett"))],
        "spend.csv, column 'basis', row 2: is not one of gross, net. To mend: write one of these words",
    ),
    "weights that do not sum to one": (
        [book("outcomes", changed(OUTCOME, c0="O2", c11=0.6), name="a_outcomes")],
        "a_outcomes.csv, column 'weight', row 2: the shares of population sum to 0.600, not to 1",
    ),
    "a weight of an outcome that has none": (
        [
            book("outcomes", changed(OUTCOME, c0="O2"), name="population"),
            book("outcomes", changed(OUTCOME, c0="O3", c2="performance", c11=0.1), name="performance"),
        ],
        "performance.csv, column 'weight', row 2: the shares of performance sum to 0.100, not to 0",
    ),
    "a pooled fund that nobody holds": (
        [book("funds", changed(FUND, c7=""), changed(OTHER, c7=""))],
        "funds.csv, column 'host', rows 2, 3: is empty where kind is 'pooled'",
    ),
    "a theme of no file": (
        [book("outcomes", changed(OUTCOME, c0="O2", c12="Moving"), name="a_outcomes")],
        "column 'theme' of the place's themes (there is no file of kind themes): 'Moving'. To mend",
    ),
    "a supplier's contract keeps its values": (
        [book("contracts", changed(CONTRACT, c3="army"), release="commercial")],
        "contracts.csv, column 'agency', row 2: is no known agency. To mend",
    ),
    "a right twice": (
        [book("rights", ["O1", "police", "pays"], ["O1", "police", "pays"])],
        "rights.csv, column 'outcome_id', row 3: outcome_id and agency and right stand already in rights.csv, row 2",
    ),
    "a word that is not allowed in a column called otherwise": (
        [book("spend", changed(SPEND, c9="nett"), columns={"basis": {"type": "text"}})],
        "spend.csv, column 'basis', row 2: is not one of gross, net",
    ),
    "a year written with a stroke": (
        [book("spend", changed(SPEND, c11="2026/27"))],
        "spend.csv, column 'year', row 2: is not a financial year written as 2025-26",
    ),
    "a price year of four figures": (
        [book("spend", changed(SPEND, c12="2025-2026"))],
        "spend.csv, column 'price_year', row 2: is not a financial year written as 2025-26",
    ),
    "two years at once": (
        [book("deflators", ["2025-27", 100])],
        "deflators.csv, column 'year', row 2: is not a financial year written as 2025-26",
    ),
    "a date of ours": (
        [book("risks", changed(RISK, c13="01/01/2027"))],
        "risks.csv, column 'review_date', row 2: is not a date written as 2029-03-31. To mend: write it as 2029-03-31",
    ),
    "a chance above one": (
        [book("risks", changed(RISK, c8=1.3))],
        "risks.csv, column 'probability_upper', row 2: is above 1. To mend: correct the file.",
    ),
    "a kind that nobody knows": ([book("spend", SPEND, kind="ledgerbook")], "spend.toml, key 'kind': must be one of"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_each_fault_has_file_row_column_and_rule(case, read):
    """One clear message for each kind of fault that the rows of books can have."""
    makers, words = FAULTS[case]
    alone = any(maker.__name__ in ("a_outcomes", "population") for maker in makers)
    outcomes = [] if alone or case.startswith("a target") else [book("outcomes", OUTCOME)]
    with pytest.raises(InputFaults) as caught:
        read(*makers, *outcomes)
    assert words in str(caught.value)
    assert len(caught.value.faults) == 1


def test_all_faults_of_all_books_are_told_together(read):
    """A bad risk and a bad contract are one list."""
    with pytest.raises(InputFaults) as caught:
        read(book("contracts", changed(CONTRACT, c13="2024-03-31")), book("risks", changed(RISK, c2="O9")))
    assert {fault.file for fault in caught.value.faults} == {"contracts.csv", "risks.csv"}
