"""Tables: rounded to what is known, escaped, explained; CSV and GeoJSON that no program can mistake."""

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest
import shapely
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import shape
from shown import CODES, HOSTILE, NAMES, burglary, needs, wards

from placelib.errors import DisclosureError, PlacelibError
from placelib.gate import open_table
from placelib.publish.tables import as_text, cards, csv_text, decimals, geojson_text, heading, listed, prose, show
from placelib.stages import issues as issue_stages
from placelib.stages import needs as stages


def page(shown):
    """The HTML of a table, parsed."""
    return BeautifulSoup(shown._repr_html_(), "html.parser")


@pytest.mark.parametrize(
    ("numbers", "places"),
    [
        ([1, 2, 3], 0),
        ([120.4, 3.25], 0),
        ([12.34, 0.5], 1),
        ([9.876], 2),
        ([9.5], 1),
        ([0.0, 0.0], 0),
        ([-45.67], 1),
        ([], 0),
        ([np.nan], 0),
    ],
)
def test_numbers_keep_about_three_digits(numbers, places):
    """Whole numbers stay whole, hundreds lose their decimals, no more decimals are written than there are."""
    assert decimals(pd.Series(numbers, dtype=float)) == places


def test_value_and_limits_of_one_unit_are_written_alike():
    """10.0 (9.5 to 10.6), and the counts of another unit whole."""
    frame = pd.DataFrame({"value": [10.0, 1200.0], "lower": [9.52, 1100.0], "unit": ["per cent", "people"]})
    assert as_text(frame, "value").tolist() == ["10.0", "1,200"]
    assert as_text(frame, "lower").tolist() == ["9.5", "1,100"]


def test_nothing_is_less_than_nothing():
    """Neither a negative zero nor a small negative number is written as -0."""
    assert as_text(pd.DataFrame({"unmatched": [-0.0, 3.0]}), "unmatched").tolist() == ["0", "3"]
    assert as_text(pd.DataFrame({"change": [-0.4, 150.6]}), "change").tolist() == ["0", "151"]


@pytest.mark.parametrize(
    ("columns", "written"),
    [
        ({"value": [0.0, 12.0], "unit": "% of adults"}, ["<1", "12"]),
        ({"lower": [0.0, 1.5], "unit": "% of adults"}, ["<0.1", "1.5"]),
        ({"value": [0.0, 12.0], "unit": "per 1,000"}, ["0", "12"]),
        ({"value": [0.0, 0.0], "unit": "% of homes", "numerator": [0.0, 5.0]}, ["0", "<1"]),
        ({"unmatched_pct": [0.0, 0.0], "unmatched": [0, 10]}, ["0", "<1"]),
        ({"difference_upper": [-0.0, 3.0], "respondents": 50}, [">-1", "3"]),
        ({"respondents": [0, 5]}, ["0", "5"]),
    ],
)
def test_a_percentage_that_rounding_made_nothing_says_so(columns, written):
    """Below 1 (or the first decimal shown) it is '<1'; a count of none is a true 0, and so is any other unit's."""
    frame = pd.DataFrame(columns)
    assert as_text(frame, frame.columns[0]).tolist() == written


def test_sources_and_method_are_named_once():
    """Up to three sources by name, more by number; none where a column names them already."""
    one, many = burglary(method="count"), burglary(source="A; B; C; D")
    assert show(one, ["area_name", "value"]).notes[-2:] == ["Source: Recorded crime.", "Method: count."]
    assert "4 sources, listed in 01_place." in show(many, ["area_name"]).notes
    assert "Source" not in " ".join(show(one, ["area_name", "source"]).notes)


def test_codes_and_outlines_are_not_shown_unasked():
    """Readers need neither; who asks for a code gets it."""
    assert show(needs()).columns[0] == "Ward"
    assert show(needs(), ["ward_code"]).columns == show(needs(), "ward_code").columns == ["Ward code"]


@pytest.mark.parametrize("form", [show, cards, lambda table, columns: prose(table, columns[-1])])
def test_a_column_that_is_not_there_is_named(form):
    """With the one that was meant."""
    with pytest.raises(
        PlacelibError, match="no column 'ward_nmae' in 'Overall need by ward'. Did you mean 'ward_name'"
    ):
        form(needs(), ["score", "ward_nmae"])


@pytest.mark.parametrize(("years", "caption"), [([2025, 2025], "Money, 2025"), ([2025, 2026], "Money")])
def test_the_caption_names_the_year_of_all_rows(years, caption):
    """One year for all is told once; a table of several years has a column for it."""
    assert show(open_table(pd.DataFrame({"theme": ["A", "B"], "year": years}), "Money"), ["theme"]).caption == caption


@pytest.mark.parametrize("form", [show, cards, lambda table, columns: prose(table, columns[0])])
def test_an_empty_table_says_so(form):
    """No heading stands over nothing, in any form: its title, that there is nothing, and why where a note says it."""
    nothing = open_table(needs().frame[:0], "Need", notes=["No file of this place feeds this table."])
    found = page(form(nothing, ["ward_name", "rank"]))
    assert found.select("table, section") == []
    assert found.get_text("|", strip=True) == "Need|: nothing to show.|No file of this place feeds this table."


def test_a_table_without_rows_can_be_shown_whatever_its_columns_pass_for():
    """The source of nothing passes for a number."""
    nothing = open_table(pd.DataFrame({"value": [], "source": [], "unit": pd.Series(dtype=str)}), "Nothing")
    assert page(show(nothing, ["unit", "value"])).find_all("td") == []


def test_marks_stand_for_missing_numbers_and_beside_unreliable_ones():
    """[c] instead of a number, [u] after one, a dash where there is neither; each explained under the table."""
    shown = show(burglary(), ["area_name", "value", "lower"])
    cells = {row[0]: row[1:] for row in shown.rows}
    assert cells["Hill"] == ("[c]", "[c]")
    assert cells["Regency"] == ("15 [u]", "9")
    assert cells["England"] == ("10", "–")
    assert shown.notes[0].startswith("[c] too few people, events or suppliers to show, or hidden to protect")
    assert "; [u] uncertain" in shown.notes[0]
    assert not any("[c]" in note for note in show(needs(), ["ward_name", "score"]).notes)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("share_pct", "Share (%)"),
        ("category_name", "Group"),
        ("rank_upper", "Rank: to"),
        ("ward_name", "Ward"),
        ("rate_per_1000", "Rate (per 1,000)"),
    ],
)
def test_headings_come_from_column_names(column, words):
    """Units in the names of columns become words."""
    assert heading(column) == words


@pytest.mark.parametrize(
    ("words", "sentence"), [([], ""), (["A"], "A"), (["A", "B"], "A and B"), (["A"] * 3, "A, A and A")]
)
def test_lists_read_as_sentences(words, sentence):
    """Commas, then 'and'."""
    assert listed(words) == sentence


def test_a_table_is_accessible():
    """A caption, headings for columns and rows, numbers to the right, a box that can be scrolled by keyboard."""
    table = page(show(needs(), ["ward_name", "score"], names={"score": "How much need"}))
    assert (
        table.caption.get_text() == "Overall need by ward, from 26 indicators compared with England (illustrative data)"
    )
    assert [th.get_text() for th in table.select('thead th[scope="col"]')] == ["Ward", "How much need"]
    assert [th.get_text() for th in table.select('tbody th[scope="row"]')] == NAMES
    assert {tuple(td["class"]) for td in table.select("td")} == {("number",)}
    assert table.div["tabindex"] == "0"
    assert table.select("script, style") == []


def test_a_long_table_says_what_it_leaves_out():
    """Two of five rows, and where the others are."""
    shown = show(needs(), ["ward_name"], rows=2)
    assert len(shown.rows) == 2
    assert shown.notes[0].startswith("2 of 5 rows")


def test_the_text_of_a_table_can_be_compared():
    """Plain text holds caption, cells and notes: what nbval sees."""
    text = repr(show(needs(), ["ward_name", "score"]))
    assert "St Mark's & Quay" in text
    assert "160" in text
    assert "Ranks carry 90% sets." in text


def test_cards_and_prose_put_each_row_in_words():
    """A heading and its facts, empty ones left out; a paragraph a sentence."""
    frame = pd.DataFrame(
        {"headline": ["Burglary is high", "Noise is high"], "owner": ["Police", ""], "trend": ["Up", "Up"]}
    )
    table = open_table(frame, "Issues")
    cards_page = page(cards(table, ["headline", "owner", "trend"]))
    assert [section.h3.get_text() for section in cards_page.select("section.card")] == frame["headline"].tolist()
    assert [dt.get_text() for dt in cards_page.select("dt")] == ["Owner", "Trend", "Trend"]
    assert [p.get_text() for p in page(prose(table, "headline")).select("p")] == frame["headline"].tolist()


@pytest.mark.parametrize(
    "form", [show, lambda table: cards(table, ["ward_name", "score"]), lambda table: prose(table, "ward_name")]
)
def test_hostile_text_is_only_text(form):
    """A ward name that is a script is shown, and does not run."""
    html = form(needs([HOSTILE, *NAMES[1:]]))._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    "tool",
    [
        show,
        csv_text,
        lambda frame: cards(frame, ["ward_name"]),
        lambda frame: prose(frame, "ward_name"),
        lambda frame: geojson_text(wards(), frame),
    ],
)
def test_a_frame_that_has_not_passed_the_gate_is_refused(tool):
    """Nothing is written from a plain DataFrame."""
    with pytest.raises(DisclosureError, match="has not passed the gate"):
        tool(needs().frame)


@given(
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00\r"), max_size=12),
    st.floats(-1e9, 1e9),
)
def test_no_cell_of_a_csv_is_a_formula(words, number):
    """Text that a spreadsheet would run is disarmed; all else, and every number, comes back as it was."""
    table = open_table(pd.DataFrame({"ward_name": ["Wish", words], "change": [-2.0, number]}), "Wards")
    _, _, (cell, value) = csv.reader(io.StringIO(csv_text(table)))
    assert cell in (words, f"'{words}")
    assert cell[:1] not in ("=", "+", "-", "@", "\t")
    assert float(value) == number


def test_a_csv_is_plain_and_stable():
    """Line feeds, whole numbers without decimals, missing values empty."""
    text = csv_text(needs(['=HYPERLINK("http://a.example")', *NAMES[1:]]))
    assert text.splitlines()[1].startswith("E05000000,\"'=HYPERLINK(")
    assert "\r" not in text
    assert text == csv_text(needs(['=HYPERLINK("http://a.example")', *NAMES[1:]]))
    assert csv_text(burglary()).splitlines()[4].split(",")[4:7] == ["", "", ""]


def test_geojson_has_the_published_values_of_every_ward():
    """Longitude first, five decimals, null where there is no value, wards in order of code."""
    partly = needs().where(lambda frame: frame["ward_name"] != "Hill")
    found = json.loads(geojson_text(wards(), partly))
    assert [feature["properties"]["ward_code"] for feature in found["features"]] == CODES
    assert found["features"][0]["properties"]["rank"] == 1
    assert found["features"][3]["properties"]["rank"] is None
    x, y = found["features"][0]["geometry"]["coordinates"][0][0]
    assert -8 < x < -7  # the corner of the grid lies in the Atlantic, off Cornwall
    assert 49 < y < 50
    assert len(str(x).split(".")[1]) <= 5


def test_geojson_travels_alone():
    """It says, as a whole and in each row, whether it is made up, and whose data it holds; rings turn as in RFC 7946.

    Outlines from a GeoPackage turn clockwise more often than not.
    """
    clockwise = wards().frame.assign(geometry=lambda frame: frame.geometry.reverse())
    credit = open_table(clockwise, "Wards of Northby", notes=["Outlines approximate. Contains OS data."])
    found = json.loads(geojson_text(credit, needs()))
    assert shapely.is_ccw([shape(feature["geometry"]).exterior for feature in found["features"]]).all()
    assert all(feature["properties"]["illustrative"] is True for feature in found["features"])
    assert found["description"].startswith("Overall need by ward (illustrative data). Outlines approximate. Cont")


def test_every_map_says_whose_outlines_it_is_drawn_from(little):
    """The Open Government Licence asks for it, and a picture travels without its page."""
    (note,) = stages.wards(little).notes
    assert "Contains OS, ONS and Royal Mail data © Crown and Royal Mail copyright" in note


STAGES = "people population ledger response indicators needs choices sensitivity overlap comparisons"


@pytest.mark.parametrize("name", [*STAGES.split(), "equality", "together", "issues"])
def test_every_table_of_numbers_names_its_sources(name, little, exact):
    """Up to three by name, more by number and where they are listed."""
    table = (issue_stages.issues if name == "issues" else getattr(stages, name))(little, exact)
    notes = show(table, [table.frame.columns[0]]).notes
    assert sum(note.startswith("Source: ") or note.endswith("sources, listed in 01_place.") for note in notes) == 1


def test_residents_of_each_area_are_there_all_together(little, exact):
    """Everyone is the sum of a characteristic's groups, in the place and in every ward; words stand for every basis."""
    rows = stages.population(little, exact).frame.set_index("area_code")
    everyone = rows[rows["characteristic"] == "all"]["residents"]
    parts = rows[rows["characteristic"] == rows["characteristic"].iloc[0]].groupby("area_code")["residents"].sum()
    assert set(everyone.index) == set(rows.index)
    assert (everyone - parts).abs().max() <= 0.5 * len(rows["category"].unique())
    assert stages.people(little, exact).frame["who"].notna().all()
