"""The ledger by hand, money conserved in every cut of it, wards beside need, and payments told apart."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placelib.commissioning.spend import (
    against_need,
    by_ward,
    clean_names,
    ledger,
    matched,
    reconciled,
    told_apart,
    totals,
)
from placelib.errors import PlacelibError
from placelib.sources.readers import SHIPPED
from placelib.sources.terms import read_vocabulary

BOOKS = read_vocabulary(SHIPPED / "vocabulary").books
DEFLATORS = pd.DataFrame({"year": ["2024-25", "2025-26"], "index": [80.0, 100.0]})
RESIDENTS = pd.Series({"A": 300.0, "B": 100.0})
NOBODY = BOOKS["service_wards"].empty()


def book(kind, rows, /, **usual):
    """Rows of a book, with missing values in the columns that are not given."""
    empty = BOOKS[kind].empty()
    frame = pd.DataFrame([usual | row for row in rows]).reindex(columns=empty.columns)
    return frame.astype({name: empty[name].dtype for name in empty if frame[name].isna().all()})


def spend(*rows):
    """Lines of spend: outturn of 2025-26, gross, in the prices of that year, unless a row says otherwise."""
    usual = {"year": "2025-26", "price_year": "2025-26", "status": "outturn", "basis": "gross", "cofog": "07"}
    return book("spend", rows, **usual)


TWO = [
    {"agency": "council", "amount": 100.0},
    {"agency": "council", "amount": 40.0, "counterparty": "nhs", "transfer_id": "T1"},
    {"agency": "nhs", "amount": 60.0},
    {"agency": "nhs", "amount": -5.0},
]


def test_a_ledger_of_two_agencies_by_hand():
    """The council spends 100 and hands 40 to the NHS, which spends 60 and has 5 back: the place spends 155, not 195."""
    lines = ledger(spend(*TWO), DEFLATORS, "2025-26")
    table = 1e6 * totals(lines, "agency").set_index("agency")[["paid_gbp_m", "spent_gbp_m"]]
    assert table["paid_gbp_m"].to_dict() == pytest.approx({"council": 140.0, "nhs": 55.0})
    assert table["spent_gbp_m"].to_dict() == pytest.approx({"council": 100.0, "nhs": 55.0})
    assert 1e6 * totals(lines)["spent_gbp_m"].sum() == pytest.approx(155.0)


def test_one_years_prices():
    """80 pounds at the level of 80 are 100 pounds at the level of 100, and 100 at that of 100 are 80 at that of 80."""
    rows = spend({"amount": 80.0, "price_year": "2024-25"}, {"amount": 100.0})
    for prices, pounds in {"2025-26": 100.0, "2024-25": 80.0}.items():
        assert 1e6 * ledger(rows, DEFLATORS, prices)["paid_gbp_m"].to_numpy() == pytest.approx([pounds, pounds])


def test_a_year_without_a_price_level_is_named():
    """A price year that the deflators lack, or that is asked for, is refused by name."""
    with pytest.raises(PlacelibError, match="2019-20"):
        ledger(spend({"amount": 1.0, "price_year": "2019-20"}), DEFLATORS, "2025-26")
    with pytest.raises(PlacelibError, match="2030-31"):
        ledger(spend(*TWO), DEFLATORS, "2030-31")


def test_money_of_one_price_year_needs_no_deflators():
    """A hundred pounds are a hundred pounds; asked for in another year's prices they need the level of both."""
    rows, none = spend({"amount": 100.0}), DEFLATORS.head(0)
    assert 1e6 * ledger(rows, none, "2025-26")["paid_gbp_m"].sum() == pytest.approx(100.0)
    with pytest.raises(PlacelibError, match="2024-25, 2025-26.*deflators"):
        ledger(rows, none, "2024-25")


def test_what_must_not_be_added_stays_apart():
    """Outturn and budget, gross and net, and two years each keep a row of their own."""
    rows = [{}, {"status": "budget"}, {"basis": "net"}, {"year": "2024-25"}, {}]
    table = totals(ledger(spend(*[{"amount": 1e6, **row} for row in rows]), DEFLATORS, "2025-26"))
    assert sorted(table["spent_gbp_m"]) == [1.0, 1.0, 1.0, 2.0]


def test_wards_by_hand():
    """In £ million 10 are known in A; 30 of a service go 1 to 2 by people served; 40 go 3 to 1 by residents."""
    rows = [
        {"amount": 10e6, "ward_code": "A"},
        {"amount": 30e6, "service_id": "S1"},
        {"amount": 40e6, "service_id": "S2"},
        {"amount": 99e6, "service_id": "S1", "counterparty": "nhs"},
    ]
    served = pd.DataFrame({"service_id": ["S1", "S1", "S2"], "ward_code": ["A", "B", "A"], "people_served": [5, 10, 0]})
    table = by_ward(ledger(spend(*rows), DEFLATORS, "2025-26"), RESIDENTS, served)
    assert table.set_index(["method", "ward_code"])["spent_gbp_m"].to_dict() == {
        ("known by ward", "A"): 10.0,
        ("by people served", "A"): 10.0,
        ("by people served", "B"): 20.0,
        ("by residents", "A"): 30.0,
        ("by residents", "B"): 10.0,
    }
    assert (table["basis"] == "direct").tolist() == (table["method"] == "known by ward").tolist()


LINES = st.lists(
    st.fixed_dictionaries(
        {
            "amount": st.floats(-1e6, 1e6),
            "ward_code": st.sampled_from([None, "A", "B"]),
            "service_id": st.sampled_from([None, "S1", "S2"]),
            "outcome_id": st.sampled_from([None, "O1"]),
            "counterparty": st.sampled_from([None, "nhs"]),
            "status": st.sampled_from(["outturn", "budget"]),
        }
    ),
    min_size=1,
    max_size=20,
)


@settings(max_examples=15, deadline=None)
@given(LINES)
def test_no_pound_is_lost_or_made(rows):
    """However the ledger is cut, by service, outcome or ward, the money of each status is the same."""
    lines = ledger(spend(*rows), DEFLATORS, "2025-26")
    served = pd.DataFrame({"service_id": ["S1", "S1"], "ward_code": ["A", "B"], "people_served": [1, 2]})
    whole = totals(lines).set_index("status")["spent_gbp_m"]
    cuts = [totals(lines, "service_id", "outcome_id"), by_ward(lines, RESIDENTS, served)]
    for cut in cuts:
        again = cut.groupby("status")["spent_gbp_m"].sum().reindex(whole.index, fill_value=0.0)
        np.testing.assert_allclose(again, whole, atol=1e-12)


def of(**wards):
    """One domain's figure by ward."""
    return pd.DataFrame({"safety": wards})


def test_money_is_set_beside_the_share_of_need_by_hand():
    """Of £600 B, with a third of the people and half as much again of need each, is due 600 × 3 / 7, or £25.71 each."""
    people = pd.Series({"A": 20, "B": 10})
    table = against_need(of(A=400.0, B=200.0), people, np.log(of(A=1.0, B=1.5)), of(A=0.0, B=0.0))
    table = table.set_index("ward_code")
    assert table["due_per_head_gbp"].to_dict() == pytest.approx({"A": 600 * 4 / 7 / 20, "B": 600 * 3 / 7 / 10})
    assert table["gap_gbp"].to_dict() == pytest.approx({"A": 20 - 600 * 4 / 7 / 20, "B": 20 - 600 * 3 / 7 / 10})
    assert table["verdict"].to_dict() == {"A": "clearly more than its need", "B": "clearly less than its need"}
    assert table.index.tolist() == ["B", "A"]  # what has least beside its need comes first


def test_limits_are_what_chance_allows_in_so_many_comparisons():
    """Errors of 0.2 and two comparisons, so 2.24 of them: what is due is 1.57 times as much, or as little."""
    table = against_need(of(A=60.0, B=40.0), pd.Series({"A": 1, "B": 1}), of(A=0.0, B=0.0), of(A=0.2, B=0.2))
    wide = np.exp(0.2 * 2.2414)
    assert table["gap_gbp_lower"].tolist() == pytest.approx([40 - 50 * wide, 60 - 50 * wide], abs=1e-2)
    assert table["gap_gbp_upper"].tolist() == pytest.approx([40 - 50 / wide, 60 - 50 / wide], abs=1e-2)
    assert set(table["verdict"]) == {"no clear difference"}


@pytest.mark.parametrize(("pounds", "verdict"), [(108.0, "no clear difference"), (150.0, "clearly more than its need")])
def test_a_gap_under_a_tenth_is_none_however_certain(pounds, verdict):
    """Of need that is known without error, £108 beside £100 in ten wards are within a tenth."""
    money = of(A=pounds, **{f"W{ward}": 100.0 for ward in range(9)})
    table = against_need(money, pd.Series(1, money.index), money * 0.0, money * 0.0).set_index("ward_code")
    assert table.loc["A", "verdict"] == verdict


def test_a_domain_without_money_by_ward_is_left_out_and_a_ward_without_any_has_nought():
    """Money known by ward that is not in a ward is spent elsewhere."""
    need = pd.DataFrame({"safety": {"A": 0.0, "B": 0.0}, "work": {"A": 0.0, "B": 0.0}})
    table = against_need(of(A=9.0), pd.Series({"A": 1, "B": 1}), need, need)
    assert table["domain_id"].tolist() == ["safety", "safety"]
    assert table["spent_per_head_gbp"].tolist() == [0.0, 9.0]


def test_a_place_without_money_or_residents_by_ward_has_no_rows():
    """Tables without a row have no type: nothing is divided by nought."""
    need = pd.DataFrame({"safety": {"A": 0.0, "B": 0.0}})
    assert against_need(pd.DataFrame(), pd.Series(dtype=object), need, need).empty
    assert against_need(pd.DataFrame(), pd.Series({"A": 1, "B": 1}), need, need).empty


def test_a_planted_mismatch_is_found_and_nothing_else_claimed_in_nearly_all_editions():
    """Of 20 wards with need measured to a tenth, money follows true need but in W0 (half) and W1 (double)."""
    random, wards = np.random.default_rng(1), [f"W{ward}" for ward in range(20)]
    need, wrong, found = pd.Series(np.linspace(-1, 1, 20), wards), 0, 0
    money = np.exp(need) * [0.5, 2.0, *[1.0] * 18]
    for _ in range(200):
        seen = pd.DataFrame({"safety": need + random.normal(0, 0.1, 20)})
        table = against_need(pd.DataFrame({"safety": money}), pd.Series(1, wards), seen, seen * 0 + 0.1)
        verdict = table.set_index("ward_code")["verdict"]
        found += verdict["W0"] == "clearly less than its need" and verdict["W1"] == "clearly more than its need"
        wrong += (verdict.drop(["W0", "W1"]) != "no clear difference").any()
    assert found >= 0.95 * 200
    assert wrong <= 0.05 * 200 + 3 * np.sqrt(200 * 0.05 * 0.95)


def test_a_place_without_money_files_has_empty_tables():
    """Empty books go all the way through."""
    lines = ledger(BOOKS["spend"].empty(), BOOKS["deflators"].empty(), "")
    assert totals(lines, "agency").empty
    table = by_ward(lines, RESIDENTS, NOBODY)
    assert table.empty
    assert against_need(pd.DataFrame(), RESIDENTS, of(A=0.0), of(A=0.0)).empty
    assert reconciled(BOOKS["payments"].empty(), BOOKS["contracts"].empty()).empty


def payment(payee="Provider A", paid_on="2026-01-01", amount=600.0, category="Care", reference="1"):
    """One payment."""
    return [payee, pd.Timestamp(paid_on), amount, category, reference]


def test_payments_are_told_apart_and_none_dropped():
    """Each of seven rows stands where the rules put it, the first that holds; together they are the file."""
    rows = [
        payment(),
        payment("PROVIDER A.  "),  # the same reference, so the same line
        payment(reference="2"),  # another reference: perhaps a second payment
        payment(amount=-600.0, reference="3"),
        payment(None, reference="4"),
        payment(paid_on=None, reference="5"),
        payment(paid_on=None, reference="5"),
    ]
    file = pd.DataFrame(rows, columns=list(BOOKS["payments"].columns))
    again, question = "same line again", "same payee, day and sum as another"
    assert told_apart(file)["standing"].tolist() == [
        "paid",
        again,
        question,
        "refund",
        "payee not named",
        "not dated",
        again,
    ]
    table = reconciled(file, pd.DataFrame({"supplier": ["Provider A"]}))
    assert table["payments"].sum() == 7
    assert table.groupby("register")["payments"].sum().to_dict() == {"in a register": 6, "in none that we have": 1}
    assert table["amount_gbp"].sum() == 5 * 600.0 + 600.0 - 600.0


def test_without_a_reference_two_like_payments_are_a_question_not_a_fault():
    """Nothing says that they are one line, so neither is taken out."""
    frame = pd.DataFrame([payment(reference=None)] * 2, columns=list(BOOKS["payments"].columns))
    assert told_apart(frame)["standing"].tolist() == ["paid", "same payee, day and sum as another"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=12), max_size=8))
def test_cleaning_twice_changes_nothing_more(names):
    """A cleaned name is clean, and a name of marks alone is none."""
    once = clean_names(pd.Series(names, dtype=object))
    assert clean_names(once).tolist() == once.tolist()


def test_names_match_by_likeness_but_never_across_figures():
    """Order of words and one letter do not matter; the number in a name does; and what is like none has no match."""
    known = pd.Series(["Provider Holdings (No 1) Limited", "Sussex Garden Services Ltd"])
    names = pd.Series(
        ["PROVIDER HOLDINGS NO. 2 LTD", "Services Garden Sussex Limited", "sussex gardens services", None]
    )
    found = matched(names, known)
    assert found["match"].tolist() == ["", known[1], "", ""]
    assert matched(pd.Series(["Sussex Gardens Services Ltd"]), known)["match"].tolist() == [known[1]]
    assert matched(names, known.iloc[:0])["match"].tolist() == [""] * 4
    assert matched(names.iloc[:0], known).empty
