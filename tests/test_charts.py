"""Charts: what is drawn is what the table says, in words, dots and lines, and the same bytes each time."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from PIL import Image
from shown import NAMES, burglary, comparisons, needs, response, wards

from placelib.errors import DisclosureError, PlacelibError
from placelib.gate import open_table
from placelib.publish.charts import (
    SURE,
    against_each,
    compare_dots,
    direct_and_modelled,
    find,
    rank_dots,
    response_dots,
)
from placelib.publish.figure import TABLE_MIME
from placelib.publish.maps import ward_map
from placelib.publish.series import control_chart

DRAWN = {
    "ranks": lambda: rank_dots(needs(), "rank"),
    "indicator": lambda: rank_dots(burglary()),
    "comparisons": lambda: compare_dots(comparisons()),
    "response": lambda: response_dots(response()),
}


def dots_of(figure):
    """Positions of the dots, top row first."""
    return figure.canvas.axes[0].collections[-1].get_offsets().filled(np.nan)


def words_of(figure):
    """All that is written on the picture."""
    axes = figure.canvas.axes[0]
    return [text.get_text() for text in [*figure.canvas.texts, *axes.texts, *axes.get_yticklabels(), axes.xaxis.label]]


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_the_same_table_gives_the_same_small_picture(draw):
    """Bytes are equal, under 60 KB, hold no metadata, and are wide enough to print."""
    first, second = draw(), draw()
    assert first.png == second.png
    assert len(first.png) < 60_000
    picture = Image.open(io.BytesIO(first.png))
    assert picture.info == {}
    assert picture.width >= 900


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_a_notebook_gets_picture_words_and_numbers(draw):
    """The bundle has the PNG with alternative text, the text that nbval compares, and the table for the report."""
    figure = draw()
    data, metadata = figure._repr_mimebundle_()
    assert data["image/png"] == figure.png
    assert metadata["image/png"]["alt"] == figure.alt
    assert data["text/plain"].startswith(figure.alt)
    assert data[TABLE_MIME]["rows"] == figure.data.rows
    assert base64.b64encode(data["image/png"])  # what the notebook's file holds


@pytest.mark.parametrize("chart", [rank_dots, compare_dots, response_dots, against_each, direct_and_modelled])
def test_a_frame_that_has_not_passed_the_gate_is_refused(chart):
    """A plain DataFrame is not drawn, and the message says what to use instead."""
    with pytest.raises(DisclosureError, match="has not passed the gate"):
        chart(needs().frame)


BOTH = pd.concat([burglary(indicator_id="burglary").frame, burglary(indicator_id="arson").frame], ignore_index=True)
TWO = open_table(BOTH, "Two indicators")
MODELLED = {"ward_name": "Wish", "direct": 1.0, "direct_lower": 0.0, "direct_upper": 2.0, "short_name": "Lonely"}
MODELLED = pd.DataFrame(MODELLED | {"value": 1.0, "lower": 0.0, "upper": 2.0, "indicator_id": ["lonely", "damp"]})
YEARS = pd.DataFrame({"ward_name": "Wish", "last": [False, False, True], "year": [2024, 2025, 2026], "value": 1.0})
MONTHS = pd.DataFrame({"period": "Apr 2025", "events": 1.0, "stands_out": "", "indicator_id": ["arson", "noise"]})


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: rank_dots(needs(), "rate"), "no column 'rate' in 'Overall need by ward'"),
        (lambda: rank_dots(needs(), "rank", label="ward"), "no column 'ward' .* Did you mean 'ward_name'"),
        (lambda: rank_dots(response(), "sample_pct"), "no column 'ward_name'"),
        (lambda: rank_dots(burglary(), "area_name"), "has no numbers to draw; those that have: value, lower, upper."),
        (lambda: compare_dots(needs()), "no column 'comparator'"),
        (lambda: against_each(needs()), "no column 'comparator_type'"),
        (lambda: response_dots(needs()), "no column 'characteristic'"),
        (lambda: direct_and_modelled(needs()), "no column 'direct'"),
        (lambda: control_chart(needs()), "no column 'period'"),
        (lambda: rank_dots(TWO), "2 rows of 'Two indicators' are for 'Hill': keep one, .*only.indicator_id='burglary'"),
        (lambda: rank_dots(open_table(YEARS, "Years"), label="last"), "2 rows of 'Years' are for 'False': keep one"),
        (lambda: rank_dots(open_table(YEARS, "Years")), "for 'Wish': keep one, as with .only.year=2024[)]"),
        (lambda: direct_and_modelled(open_table(MODELLED, "Modelled")), "for 'Wish': .*indicator_id='lonely'"),
        (lambda: control_chart(open_table(MONTHS, "Months")), "for 'Apr 2025': .*indicator_id='arson'"),
    ],
)
def test_a_picture_that_would_mislead_is_refused(draw, words):
    """Columns that are not there or are not numbers, and several indicators drawn as one: the message says which."""
    with pytest.raises(PlacelibError, match=words):
        draw()


@pytest.mark.parametrize(
    ("column", "units", "heading"),
    [
        ("value", ["£", "£"], "Figure (£)"),
        ("value", ["£", "%"], "Figure"),
        ("impact_gbp_m", ["£", "£"], "Impact (£ million)"),
        ("respondents", ["%", "%"], "Answers"),
    ],
)
def test_numbers_behind_a_picture_have_their_unit(column, units, heading):
    """Where there is one, and the column is in it: in the heading, below the dots and in the words for those blind."""
    frame = pd.DataFrame({"risk": ["Flood", "Fire"], column: [2.0, 1.0], "unit": units})
    figure = rank_dots(open_table(frame, "Risks"), column, label="risk")
    assert figure.data.columns == ["Risk", heading]
    unit = "£" * (heading == "Figure (£)")
    assert figure.canvas.axes[0].get_xlabel() == unit
    assert ("Ranked dots (£), from" in figure.alt) == bool(unit)


def test_ranks_stand_in_order_each_with_its_set():
    """The dot is at the rank, the line runs from rank_lower to rank_upper, the words give all three."""
    figure = rank_dots(needs(), "rank")
    assert dots_of(figure).tolist() == [[place + 1, place] for place in range(5)]
    lines = figure.canvas.axes[0].collections[1].get_segments()
    assert [line[:, 0].tolist() for line in lines] == [[1, 2], [1, 3], [2, 4], [3, 5], [4, 5]]
    assert "3  (2 to 4)" in words_of(figure)
    axes = figure.canvas.axes[0]
    assert axes.get_xlim() == (0.5, 5.5)
    assert axes.get_xticks().tolist() == [1, 5]


def test_an_indicator_is_ranked_beside_place_and_england():
    """Highest first, missing last with its mark, unreliable hollow, place and England as lines with their names."""
    figure = rank_dots(burglary())
    assert dots_of(figure)[:4, 0].tolist() == [20, 15, 10, 2]
    faces = figure.canvas.axes[0].collections[-1].get_facecolors()[:, 0]
    assert faces.tolist() == pytest.approx([faces[0], 1, faces[0], faces[0], faces[0]])
    words = words_of(figure)
    assert {"Northby", "England", "[c]", "15 [u]  (9 to 21)", "per 1,000 households a year"} <= set(words)
    assert [line.get_xdata()[0] for line in figure.canvas.axes[0].lines] == [12, 10]


def test_the_foot_explains_marks_and_names_the_source():
    """A reader finds what [c] means and where the numbers come from on the picture itself."""
    foot = " ".join(words_of(rank_dots(burglary()))[2].split())
    assert "[c] too few people, events or suppliers to show" in foot
    assert foot.count("Source: Recorded crime.") == 1


def test_made_up_data_say_so_everywhere():
    """Subtitle, alternative text and the table behind the picture."""
    figure = rank_dots(needs(), "rank")
    title, subtitle, *_ = words_of(figure)
    assert "(illustrative data)" in subtitle
    assert "(illustrative data)" in figure.alt
    assert "(illustrative data)" in figure.data.caption
    assert "illustrative" not in title
    assert "illustrative" not in rank_dots(burglary()).alt


def test_worse_is_to_the_right_whichever_way_the_indicator_points():
    """Twice England is at 2; a good thing that falls short is turned round; the interval includes the dot."""
    figure = compare_dots(comparisons())
    assert dots_of(figure)[:, 0].tolist() == pytest.approx([2, 1.2, 1.1, 0.5])
    lines = figure.canvas.axes[0].collections[1].get_segments()
    assert sorted(lines[1][:, 0]) == pytest.approx([60 / 52, 60 / 48])
    assert {"worse:  20 against 10", "unclear:  11 against 10", "better:  5 against 10"} <= set(words_of(figure))
    assert figure.canvas.axes[0].xaxis.label.get_text().endswith("worse →")


def test_a_comparator_without_figures_gives_a_page_that_says_so():
    """Real places may have no English figures: the notebook still runs."""
    figure = compare_dots(comparisons(), "Wales")
    assert figure.data.caption == "There is no figure for Wales to compare with"
    assert figure.data.rows == []
    assert (
        "No row has comparator 'england'. Did you mean 'England'?" in compare_dots(comparisons(), "england").data.notes
    )


def test_each_neighbour_has_a_row_that_names_measures():
    """Worse and better ones by name, the others counted; a comparator that nothing differs from has 'none'."""
    england = comparisons().frame
    other = england.assign(comparator="Southby", verdict="no clear difference", comparator_type="neighbour")
    both = pd.concat([other, england.assign(comparator_type="england")])
    shown = against_each(open_table(both, "Beside others"))
    assert list(map(tuple, shown.rows)) == [
        ("England", "Burglary and Healthy life", "Fires", "1"),
        ("Southby", "none", "none", "4"),
    ]
    assert shown.numeric == [False, False, False, True]
    assert against_each(open_table(both.query("comparator == 'Wales'"), "Beside none")).rows == []


def test_modelled_figures_are_ticks_beside_the_wards_own():
    """Highest own figure first; the finding names the ward that the model moves most."""
    frame = pd.DataFrame({"ward_name": ["Wish", "Hill"], "short_name": "Lonely", "unit": "% of adults"})
    frame = frame.assign(direct=[10.0, 30.0], direct_lower=[5.0, 0.0], direct_upper=[20.0, 60.0])
    figure = direct_and_modelled(open_table(frame.assign(value=[12.0, 20.0], lower=9.0, upper=30.0), "Modelled"))
    assert dots_of(figure).tolist() == [[30, 0], [10, 1]]
    assert figure.canvas.axes[0].lines[0].get_xdata().tolist() == [20, 12]
    assert figure.data.caption == "Lonely: the model moves Hill most, by 10 points"
    assert "30% own, 20% modelled" in words_of(figure)


def test_response_shows_answers_against_people():
    """A dot for the answers, a tick for the population; a group without a population is left out."""
    figure = response_dots(response())
    assert dots_of(figure)[:, 0].tolist() == [54, 46, 6, 94]
    assert figure.canvas.axes[0].lines[0].get_xdata().tolist() == [51, 49, 15, 85]
    assert figure.data.caption.startswith("Least heard: age 16 to 24, 6% of answers but 15% of people")
    assert len(response_dots(response().only(characteristic="sex")).data.rows) == 2


def test_a_mark_is_not_a_percentage():
    """Suppressed answers are written as their mark alone."""
    hidden = response().frame.assign(mark="")
    hidden.loc[0, ["sample_pct", "mark"]] = [np.nan, "[c]"]
    assert {"[c] of answers, 51% of people", "46% of answers, 49% of people"} <= set(
        words_of(response_dots(open_table(hidden, "Response")))
    )


@pytest.mark.parametrize(
    ("column", "label", "words"),
    [("value", "ward_name", "where the true figure may lie"), ("value", "risk", "as partners judge it"),
     ("left", "ward_name", "people turn"), ("rank", "ward_name", "ranks that chance allows")],
)  # fmt: skip
def test_the_foot_says_what_the_line_is(column, label, words):
    """A margin of error unless the column drawn, or the one that names the rows, is known to have another line."""
    frame = pd.DataFrame({label: ["Wish", "Hill"], column: [1.0, 2.0], "lower": 0.0, "upper": 3.0})
    figure = rank_dots(open_table(frame, "Lines"), column, label=label)
    assert words in " ".join(words_of(figure)).replace("\n", " ")


@pytest.mark.parametrize(
    ("sure", "finding"),
    [
        ((), "Wish ranks first for need, but we cannot be sure which five wards need most"),
        ((1,), "Regency is among the five wards that need most, and we are sure of it"),
        ((0, 1), "Wish and Regency are among the five wards that need most, and we are sure of both"),
        (
            (0, 1, 2),
            "Wish, Regency and St Mark's & Quay are among the five wards that need most, and we are sure of all three",
        ),
    ],
)
def test_certainty_is_claimed_only_where_the_table_claims_it(sure, finding):
    """The sentence follows the column `sure`, and nothing else."""
    assert find(needs(sure=sure), "rank") == finding


@pytest.mark.parametrize(
    ("lower", "finding"),
    [
        (22.0, "Burglary: highest in Wish, clearly above every other"),
        (20.5, "Burglary: highest in Wish, but 1 other may be as high"),
        (11.0, "Burglary: highest in Wish, but 2 others may be as high"),
        (np.nan, "Burglary: highest in Wish, lowest in Tiny"),
    ],
)
def test_the_highest_ward_is_called_clear_only_if_no_interval_reaches_it(lower, finding):
    """Wards whose upper limit reaches the first one's lower limit are counted; without limits nothing is claimed."""
    assert find(burglary(lower=lower), "value") == finding


def test_groups_are_ranked_where_there_are_no_wards():
    """Categories of several characteristics carry both names; everyone is the line."""
    frame = pd.DataFrame(
        {
            "area_type": "place",
            "category": ["all", "female", "young"],
            "category_name": ["Everyone", "Female", "16 to 24"],
            "characteristic_name": ["Everyone", "Sex", "Age"],
            "value": [10.0, 12.0, 30.0],
        }
    )
    figure = rank_dots(open_table(frame, "Groups"), label="category_name")
    assert [text.get_text() for text in figure.canvas.axes[0].get_yticklabels()] == ["Age: 16 to 24", "Sex: Female"]
    assert figure.canvas.axes[0].lines[0].get_xdata()[0] == 10


def test_a_dollar_in_a_name_is_only_a_dollar():
    """A name cannot start a formula in the picture."""
    names = ["$\\frac{a}$", *NAMES[1:]]
    assert "$\\frac{a}$" in words_of(rank_dots(needs(names), "rank"))


def test_a_table_without_figures_says_so():
    """All suppressed: the page says that there is nothing to show."""
    assert find(burglary(value=np.nan), "value") == "There are no figures to show"


def test_a_table_without_rows_is_told_in_words_and_draws_no_frame():
    """Neither an empty picture nor "there are no figures to show: nothing to show": what is missing, and why."""
    table = burglary().only(area_name="Nowhere")
    for figure in (rank_dots(table, "value"), ward_map(wards(), table)):
        data, metadata = figure._repr_mimebundle_()
        assert set(data) == {"text/html", "text/plain"}
        assert metadata == {}
        found = BeautifulSoup(data["text/html"], "html.parser").get_text(" ", strip=True)
        assert found.startswith(f"{table.title} : nothing to show. No row has area_name 'Nowhere'.")
    assert needs(sure=()).frame["sure"].ne(SURE).all()


def test_months_of_nothing_are_told_in_words():
    """In a place without months every column is empty, and may pass for one of numbers."""
    columns = ["period", "events", "stands_out", "centre", "upper", "variation"]
    months = open_table(pd.DataFrame(columns=columns, dtype=float), "Months")
    assert "<strong>Months</strong>: nothing to show." in control_chart(months)._repr_mimebundle_()[0]["text/html"]
