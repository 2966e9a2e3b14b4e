"""What people want: estimates by hand, readings as a little table, wards named only where it holds, planted truth."""

import numpy as np
import pandas as pd
import pytest
from little import CODES, A, B, comparators, households, population, survey
from test_needs import WORDS

from placelib.assessment.aspirations import (
    FEW_ASK,
    LOW_HOPE,
    NO_OUTCOME,
    NOT_ASKED,
    READINGS,
    by_ward,
    standard,
    unlinked,
)
from placelib.errors import InputFaults
from placelib.measures.shared import measure
from placelib.place import open_place
from placelib.settings import read_toml
from placelib.sources.contracts import Contract
from placelib.sources.readers import SHIPPED

THEMES = WORDS.aspirations.query("kind == 'theme score'")["theme"].tolist()
TRUTH = SHIPPED.parent / "tests" / "truth"


def asked():
    """The little survey, whose answers on loneliness and damp homes also stand for a hope and a score."""
    rows, terms = survey()
    scores = {"Often": "2", "Never": "6"}
    rows = [[*rows[0], "Score"], *([*row, scores[row[6]]] for row in rows[1:])]
    columns = terms["columns"] | {"Score": {"type": "category", "codes": {str(n): str(n) for n in range(1, 8)}}}
    wanted = [
        {"id": "wants_to_learn", "column": "Damp", "yes": ["yes"]},
        {"id": "score_feeling_safe", "column": "Score"},
    ]
    return rows, terms | {"columns": columns, "aspirations": wanted}


def test_shares_and_scores_are_those_worked_by_hand(read):
    """Damp: 60% of those who answered. Lonely people (18.75%) score 2, others 6: 5.25 on average, 6 where nobody is."""
    inputs = read(asked, population, households, comparators)
    exact = measure(inputs)
    found = exact.wanted.set_index(["aspiration_id", "characteristic", "category"]).sort_index()
    assert found.loc[("wants_to_learn", "all", "all"), "value"] == pytest.approx(60)
    assert found.loc[("score_feeling_safe", "all", "all"), "value"] == pytest.approx(6 - 4 * 0.1875)
    wards = found.loc[("score_feeling_safe", "ward"), "value"]
    assert wards[CODES].tolist() == pytest.approx([4.5, 5.5, 6, 5])
    ward = found.loc[("wants_to_learn", "ward", A)]
    assert ward["difference"] == pytest.approx(ward["value"] - 60)
    assert found["respondents"].loc[("wants_to_learn", "all", "all")] == 120


@pytest.mark.parametrize("kept", [0, 1])
def test_a_survey_may_ask_for_shares_or_scores_alone(read, kept):
    """Either kind without the other is estimated as it is beside it."""

    def one():
        rows, terms = asked()
        return rows, terms | {"aspirations": terms["aspirations"][kept : kept + 1]}

    exact = measure(read(one, population, households, comparators))
    everyone = exact.wanted.query("characteristic == 'all'")
    assert everyone["value"].tolist() == pytest.approx([[60], [5.25]][kept])


def test_a_survey_without_aspirations_has_none(little, exact):
    """No entry in the contract: no row, every column."""
    assert exact.wanted.empty
    assert standard(exact.wanted, little.book("themes"), WORDS).empty
    assert by_ward(exact.wanted, set(), WORDS).empty


def wanted(first, score, wards=("all",), **columns):
    """Estimates of every theme: the share that names it first and the score, each with its margin, in each ward."""
    rows = []
    for ward in wards:
        for theme in THEMES:
            name = WORDS.aspirations.query("theme == @theme and kind == 'theme score'")["aspiration_id"].item()
            (share, share_margin), (mean, margin) = first.get(theme, (7, 2)), score.get(theme, (4, 0.2))
            rows.append([name.replace("score_", "first_"), ward, share, share - share_margin, share + share_margin])
            rows.append([name, ward, mean, mean - margin, mean + margin])
    table = pd.DataFrame(rows, columns=["aspiration_id", "category", "value", "lower", "upper"])
    usual = {"characteristic": "all" if wards == ("all",) else "ward", "respondents": 100, "illustrative": True}
    usual |= {"effective_respondents": 80.0, "degrees_of_freedom": 20.0, "everyone": 50.0, "difference": 0.0}
    usual |= {
        "ratio": 1.0,
        "rest": 50.0,
        "rest_respondents": 900,
        "rest_effective_respondents": 700.0,
        "rest_share": 0.9,
        "expected": np.nan,
    }
    return table.assign(**usual | columns)


NOBODY = pd.DataFrame(columns=["theme", "business_score"])


@pytest.mark.parametrize(
    ("first", "score", "reading"),
    [  # an equal share of 14 themes is 7.1%; the middle of the scale is 4
        ((10, 2), (3.5, 0.4), "Wanted, and scored low"),
        ((10, 2), (4.5, 0.4), "Wanted, not scored low"),
        ((3, 2), (3.5, 0.4), "Seldom named, but scored low"),
        ((3, 2), (4.5, 0.4), "Seldom named, not scored low"),
        ((10, 3), (3.5, 0.4), "Not clear"),  # may be an equal share
        ((10, 2), (3.7, 0.4), "Not clear"),  # may be good
    ],
)
def test_a_theme_is_read_only_where_both_intervals_hold(first, score, reading):
    """Each of the four words needs the whole of both intervals on its side."""
    found = standard(wanted({"Feeling safe": first}, {"Feeling safe": score}), NOBODY, WORDS).set_index("theme")
    assert found.loc["Feeling safe", "reading"] == reading
    assert found["reading"].drop("Feeling safe").eq(READINGS[4]).all()
    assert len(found) == 14


def test_a_ward_is_named_for_what_is_wanted_and_poor_there():
    """In Ashby surely, in Bourne the score may be good; 29 answers say nothing."""
    first, poor, unclear = {"Feeling safe": (20, 5)}, {"Feeling safe": (3, 0.5)}, {"Feeling safe": (3.8, 0.5)}
    rows = pd.concat([wanted(first, poor, (A,)), wanted(first, unclear, (B,))], ignore_index=True)
    assert by_ward(rows, set(), WORDS).to_dict("records") == [
        {"finding": READINGS[0], "ward_code": A, "name": "Feeling safe"}
    ]
    assert by_ward(rows.assign(respondents=29), set(), WORDS).empty


def test_a_ward_is_not_named_for_what_chance_brings_somewhere():
    """Of 14 themes one may look wanted and poor by its own two intervals; all tested together, it is not sure."""
    rows = wanted({"Feeling safe": (16, 8)}, {"Feeling safe": (3.4, 0.5)}, (A,))
    assert by_ward(rows, set(), WORDS).empty


@pytest.mark.parametrize(("most_need", "value", "low"), [({A}, 25.0, ["Learning"]), (set(), 25.0, []), ({A}, 45.0, [])])
def test_low_hopes_are_told_of_the_wards_of_most_need_alone(most_need, value, low):
    """Half of all hope to learn, here a quarter of eighty: sure. Fewer than half by five points: not sure."""
    hope = wanted({}, {}, (A,)).head(1).assign(aspiration_id="wants_to_learn", value=value, difference=value - 50)
    rows = pd.concat([wanted({"Feeling safe": (20, 5)}, {"Feeling safe": (3, 0.5)}, (A,)), hope], ignore_index=True)
    found = by_ward(rows, most_need, WORDS)
    assert found.loc[found["finding"] == LOW_HOPE, "name"].tolist() == low


def test_what_is_left_without_a_partner():
    """A theme without an outcome; an outcome of no theme, and one whose theme is good and seldom named."""
    themes = standard(wanted({"Natural space": (2, 1)}, {"Natural space": (5, 0.3)}), NOBODY, WORDS)
    answered = [theme for theme in THEMES if theme != "Public transport"]
    outcomes = pd.DataFrame({"theme": [*answered, None], "outcome": [*answered, "All online"]})
    found = unlinked(themes, outcomes)
    assert found.to_numpy().tolist() == [
        ["Public transport", "outcome", NO_OUTCOME],
        ["Natural space", "wish", FEW_ASK],
        ["All online", "wish", NOT_ASKED],
    ]
    assert unlinked(themes.head(0), outcomes.head(0)).empty


@pytest.fixture(scope="module")
def place():
    """One illustrative place."""
    return open_place("tower-hamlets")


def test_published_intervals_hold_the_planted_truth(place):
    """Of all scores and shares by ward that the generator knows, at least 93% lie within what is published."""
    truth = pd.read_csv(TRUTH / "tower-hamlets-themes.csv").set_index(["area_code", "aspiration_id"])["value"]
    for table in (place.scores.frame, place.aspirations.frame):
        rows = table[table["category"] == "all"].join(truth.rename("truth"), on=["area_code", "aspiration_id"])
        rows = rows.dropna(subset=["truth", "lower"])
        assert len(rows) > 250
        assert rows["truth"].between(rows["lower"], rows["upper"]).mean() > 0.93


def test_small_groups_are_hidden_and_numbers_rounded(place):
    """Fewer than ten answers give no score; shares are whole and scores have one decimal, limits outwards."""
    for table, decimals in ((place.scores.frame, 1), (place.aspirations.frame, 0)):
        hidden = table["mark"] == "[c]"
        assert hidden.any()
        assert table.loc[hidden, ["value", "lower", "upper", "respondents"]].isna().all(axis=None)
        assert np.allclose(table["value"].dropna(), table["value"].dropna().round(decimals))
        assert (table["lower"].dropna() <= table["value"][table["lower"].notna()]).all()


@pytest.mark.parametrize("slug", ["brighton-and-hove", "tower-hamlets"])
def test_each_aspiration_of_the_vocabulary_is_asked_in_both_places(slug):
    """Every one of the shared words, and no other; a score has seven steps."""
    contract = read_toml(SHIPPED / slug / "sources" / "survey.toml", Contract)
    assert {each.id for each in contract.aspirations} == set(WORDS.aspirations["aspiration_id"])
    assert all(len(contract.columns[each.column].codes) == 7 for each in contract.aspirations if not each.yes)


@pytest.mark.parametrize(
    ("maker", "entry", "words"),
    [
        (asked, {"id": "wants_the_moon", "column": "Damp", "yes": ["yes"]}, "wants_the_moon"),
        (asked, {"id": "wants_to_learn", "column": "Damp", "yes": ["perhaps"]}, "perhaps"),
        (households, {"id": "score_feeling_safe", "column": "Households"}, "only a survey has"),
    ],
)
def test_an_aspiration_is_a_surveys_and_of_known_words(read, maker, entry, words):
    """An unknown id, an answer that the column cannot hold, and a file that is no survey are told."""

    def wrong():
        rows, terms = maker()
        return rows, terms | {"aspirations": [entry]}

    with pytest.raises(InputFaults, match=words):
        read(wrong, population)
