"""Joint procurement by hand: one supplier in three spellings, three prices for an hour, and ends that can meet."""

import pandas as pd
import pytest
from test_options import EMPTY, table

from placelib.commissioning.procurement import bought_apart, by_category, ends_that_meet, shared_suppliers, supplier_ids

CONTRACTS = table(
    "contract_id supplier company_number agency category unit unit_price units bids end extension_months notice_months",
    ("1", "Oak & Co Ltd", "11", "council", "Cleaning", "hour", 10.0, 100, 3, "2027-03-31", 12, 3),
    ("2", "OAK AND CO LIMITED", None, "nhs", "Cleaning", "hour", 12.0, 50, 1, "2027-08-31", 0, 6),
    ("3", "Elm Ltd", "12", "police", "Cleaning", "hour", 14.0, 50, None, "2029-01-31", 0, 3),
    ("4", "Oak (Energy) Ltd", "11", "fire", "Energy", "MWh", 200.0, 10, 2, "2027-09-30", 0, 3),
    ("5", "Ash", None, "council", "Energy", "litre", 1.0, 900, 2, "2028-09-30", 0, 3),
)
CONTRACTS["annual_value"] = CONTRACTS["unit_price"] * CONTRACTS["units"]
CONTRACTS["end"] = pd.to_datetime(CONTRACTS["end"])


def test_one_supplier_is_one_whatever_its_spelling():
    """LTD is LIMITED and marks do not matter; a number joins two names; a name with two numbers stays apart."""
    names = pd.Series(["Oak & Co Ltd", "OAK AND CO LIMITED", "Oak (Renamed) Ltd", "Elm", "elm.", "ELM"])
    numbers = pd.Series(["1", None, "1", "2", "3", None])
    assert supplier_ids(names, numbers).tolist() == ["1", "1", "1", "2", "3", "ELM"]


def test_a_supplier_of_several_agencies_is_found():
    """Oak sells to the council, the NHS and the fire service, under three spellings; Elm and Ash to one each."""
    found = shared_suppliers(CONTRACTS)
    assert found.to_dict("records") == [
        {"supplier": "Oak & Co Ltd", "spellings": 3, "agencies": "council, fire, nhs", "buyers": 3, "contracts": 3}
    ]


def test_what_each_would_save_at_another_price():
    """200 hours of cleaning cost £2,300: £11.50 on average, £10 at the lowest.

    At the mean the NHS saves 50 × 0.50 = £25 and the police 50 × 2.50 = £125; at the lowest 50 × 2 and 50 × 4.
    Energy is bought by two, but in other units: nothing to compare.
    """
    found = bought_apart(CONTRACTS).set_index("contract_id")
    assert found["over_mean_gbp"].to_dict() == {"1": 0.0, "2": 25.0, "3": 125.0}
    assert found["over_lowest_gbp"].to_dict() == {"1": 0.0, "2": 100.0, "3": 200.0}


def test_a_category_tells_its_concentration_bids_and_who_dominates():
    """Oak is paid £1,600 of £2,300 and Elm £700: 2,300² / (1,600² + 700²) = 1.73 equal suppliers; one single bid."""
    row = by_category(bought_apart(CONTRACTS)).iloc[0]
    assert row[["category", "agencies", "contracts"]].tolist() == ["Cleaning", "council, nhs, police", 3]
    assert row[["total", "largest", "second"]].tolist() == [2300, 1600, 700]
    assert row["suppliers_like"] == pytest.approx(2300**2 / (1600**2 + 700**2))
    assert row[["single_bids", "direct_awards", "over_mean_gbp", "over_lowest_gbp"]].tolist() == [1, 1, 150, 300]
    assert row["over_mean_pct"] == pytest.approx(100 * 150 / 2300)


def test_a_category_of_one_supplier_has_no_second():
    """Its second is nought, and it is as concentrated as one supplier."""
    row = by_category(bought_apart(CONTRACTS.iloc[:2])).iloc[0]
    assert row[["largest", "second", "suppliers_like"]].tolist() == [1600, 0, 1]


def test_ends_that_can_meet_are_found_with_notice_and_extension():
    """Council's March 2027 and the NHS's August are within six months; the police's 2029 is not.

    Notice is due by the end of 2026 for the council (3 months), February 2027 for the NHS (6): the first is told.
    """
    found = ends_that_meet(CONTRACTS)
    assert found[["category", "agencies", "contracts"]].to_numpy().tolist() == [["Cleaning", "council, nhs", 2]]
    assert found["meets_from"].iloc[0] == pd.Timestamp("2027-03-31")
    assert abs(found["act_by"].iloc[0] - pd.Timestamp("2026-12-31")) < pd.Timedelta(days=2)


@pytest.mark.parametrize(("end", "extension", "meets"), [
    ("2027-09-29", 0, True), ("2027-10-02", 0, False), ("2026-06-30", 8, False), ("2026-06-30", 10, True)
])  # fmt: skip
def test_how_near_ends_must_be(end, extension, meets):
    """Against 31 March 2027, not to be extended: six months after at most, or before it but extended as far."""
    pair = CONTRACTS.iloc[:2].assign(extension_months=[0, extension], end=pd.to_datetime(["2027-03-31", end]))
    assert (len(ends_that_meet(pair)) == 1) == meets


def test_a_place_without_contracts_has_empty_tables():
    """Nothing shared, nothing apart, nothing to meet."""
    assert shared_suppliers(EMPTY["contracts"]).empty
    assert by_category(bought_apart(EMPTY["contracts"])).empty
    assert ends_that_meet(EMPTY["contracts"]).empty
