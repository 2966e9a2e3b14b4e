"""Key issues by their stated rule, each number in their words taken from a published cell; and what is not known."""

import re

import numpy as np
import pandas as pd
import pytest
from little import ENGLAND, PERSONAL, comparators, events, households, population, register, survey
from test_needs import WORDS, table

from placelib.assessment.issues import (
    STALE,
    _group_name,
    _people_in_group,
    _trend,
    figure,
    not_shown,
    number,
    signed_commentary,
    unknowns,
)
from placelib.assessment.needs import comparisons
from placelib.measures.shared import measure
from placelib.stages import issues as issue_stages
from placelib.stages import needs as stages

BASE = (population, households)


def named(maker, **changed):
    """Give a source maker with keys of its contract changed."""

    def altered():
        rows, terms = maker()
        return rows, terms | changed

    altered.__name__ = maker.__name__
    return altered


def england(**figures):
    """Comparators with the given figures for England alone."""

    def comparators_of():
        rows, terms = comparators()
        return [rows[0], *([name, "England", "england", value, "", ""] for name, value in figures.items())], terms

    return comparators_of


def large_survey():
    """The little survey four times over: 800 respondents, 36 of them disabled a lot, 32 of those lonely."""
    rows, terms = survey()
    people = [[f"{copy}{row[0]}", row[1], 4, *row[3:]] for copy in range(4) for row in rows[1:]]
    for person in people[::200]:
        person[6] = "Never"
    return [rows[0], *people], terms


@pytest.fixture
def issues(read):
    """Key issues of a place made of the given sources, as they leave the gate."""

    def maker(*sources, commentary=""):
        inputs = read(*sources, *BASE)
        object.__setattr__(inputs, "commentary", commentary)
        return issue_stages.issues(inputs, measure(inputs))

    return maker


def test_issues_are_where_the_place_is_surely_worse_than_england(little, exact):
    """Claimants twice and burglaries two and a half times England's; nothing else is listed."""
    found = issue_stages.issues(little, exact).frame
    assert set(found["indicator_id"]) == {"claimants", "burglary"}
    assert found["place"].tolist() == [1, 2]


def test_each_number_in_the_words_is_a_published_cell(little, exact):
    """Headline, wards and people are read back to the tables that they come from."""
    published = stages.indicators(little, exact).frame
    row = issue_stages.issues(little, exact).frame.set_index("indicator_id").loc["burglary"]
    cells = published[published["indicator_id"] == "burglary"].set_index("area_name")["value"]
    said = re.search(r": (\S+) per 1,000 households a year, above England's (\S+) \((.+)\)\.$", row["headline"])
    value, against, period = said.groups()
    assert period == "Apr 2025 to Mar 2026"
    assert (float(value), float(against)) == (cells["Littleton"], cells["England"]) == (25, 10)
    # Denham has 20 of the place's 40 burglaries and a quarter of its households: by chance once in 2,000 places
    assert row["wards"] == "1 of 4 worse than the place, most of all Denham (50)."
    assert row["people_affected"].startswith("About 24 more a year")  # 25 less 10 per 1,000 of 1,600 households
    low, high = map(float, re.findall(r"\d+\.?\d*", row["certainty"])[:2])
    gap = comparisons(exact.table, WORDS).query("indicator_id == 'burglary' and comparator == 'England'").iloc[0]
    assert (low, high) == (pytest.approx(gap["lower"], abs=0.5), pytest.approx(gap["upper"], abs=0.5))
    assert row["owner"] == "Police"
    assert "Crime and Disorder Act 1998, section 17" in row["duty"]


def test_the_trend_is_told_only_where_it_is_clear(little, exact):
    """Claimants doubled; burglary has no year before."""
    trends = issue_stages.issues(little, exact).frame.set_index("indicator_id")["trend"]
    assert trends["claimants"] == "Up 100% on the year before."
    assert trends["burglary"] == ""


def test_a_full_count_that_stays_the_same_has_not_moved():
    """No chance in it, and no change either; the least change of a full count is one."""
    year = {"value": 5.0, "previous": 5.0, "standard_error": 0.0}
    assert _trend(pd.Series(year)) == "No clear change on the year before."
    assert _trend(pd.Series(year | {"value": 5.5})) == "Up 10% on the year before."


def test_the_larger_gap_in_more_people_comes_first(issues):
    """Violence is further above England than burglary, and touches more people."""
    found = issues(events, england(burglary=15, violence=1)).frame
    assert found["indicator_id"].tolist() == ["violence", "burglary"]


@pytest.mark.parametrize(
    ("figures", "known", "unknown"), [({"burglary": 24.5, "violence": 10}, 2, 0), ({"violence": 10}, 1, 1), ({}, 0, 2)]
)
def test_without_a_clear_difference_no_issue_is_raised(issues, figures, known, unknown):
    """England is just the same or nearly so, or not known: one line says so, and of how many measures."""
    found = issues(events, *([england(**figures)] if figures else [])).frame
    (line,) = found["headline"]
    assert line.startswith(f"No clear issue, allowing for chance. Measures compared with England: {known}; without")
    assert line.endswith(f"; without an English figure: {unknown}.")
    assert found["indicator_id"].tolist() == [""]


def test_a_place_no_different_from_england_raises_none_in_95_of_100_editions():
    """Ten indicators by chance alone: issues in at most 5 of 100 editions, give or take the simulation's error."""
    random = np.random.default_rng(3)
    rates = dict.fromkeys(WORDS.indicators["indicator_id"][:10], 20.0)
    rows, raised = table({name: [20.0] for name in rates}, england=rates), 0
    place = rows["area_type"] == "place"
    for _ in range(100):
        rows.loc[place, "value"] = random.poisson(200, place.sum()) / 10
        rows.loc[place, "standard_error"] = np.sqrt(rows.loc[place, "value"] / 10)
        raised += (comparisons(rows, WORDS)["verdict"] == "worse").any()
    assert raised <= 5 + 2 * np.sqrt(100 * 0.05 * 0.95)


def test_a_small_group_with_a_serious_gap_has_a_place_of_its_own(issues):
    """36 of 800 respondents, 32 of them lonely: listed although the place is just like England."""
    figures = {name: ENGLAND[name] for name in ("lonely", "damp_home")}
    found = issues(large_survey, england(**figures)).frame
    assert found["indicator_id"].tolist() == ["lonely"]
    assert (
        found["headline"].item().startswith("A small group with a serious gap: Disabled, limited a lot (disability). ")
    )
    assert (
        found["headline"].item().endswith(": 89% of them, against 18% of everyone: a gap of between 48 and 81 points.")
    )
    assert found["indicator"].item() == "Disabled, limited a lot (disability): lonely"
    assert found["groups"].item() == ""


@pytest.mark.parametrize(
    ("counted_pct", "asked_of", "said"),
    [
        (5.0, "adults", "About 1,000 of about 2,000 adults. "),  # 50% of 5% of 40,000
        (0.123, "adults", "About 25 of about 49 adults. "),
        (np.nan, "adults", "Not known: no file counts the adults of this group. "),
        (5.0, "carers", "Not known: no file counts the adults of this group. "),
    ],
)
def test_people_in_a_small_group_are_counted_where_a_file_counts_them(counted_pct, asked_of, said):
    """The group's share of adults, times all adults, times those who say yes; never guessed from the answers."""
    cell, place = pd.Series({"value": 50.0, "respondents": 35.0}), pd.Series({"denominator": 40_000})
    found = _people_in_group(cell, counted_pct, place, pd.Series({"denominator": asked_of}))
    assert found == said + "About 35 of the group answered."


def counted_by_disability():
    """The little population with a tenth of every age and sex limited a lot."""
    rows, terms = population()
    parts = [[*row[:3], row[3] * share, limited] for row in rows[1:] for share, limited in ((9, "No"), (1, "Lots"))]
    codes = {"No": "not_disabled", "Lots": "disabled_a_lot"}
    column = {"type": "category", "codes": codes, "characteristic": "disability"}
    return [[*rows[0], "Limited"], *parts], terms | {"columns": terms["columns"] | {"Limited": column}}


def test_a_population_file_gives_the_people_in_a_small_group(read):
    """A tenth of all adults are in the group and 89% of them are lonely; children are not counted."""
    inputs = read(large_survey, england(lonely=ENGLAND["lonely"]), counted_by_disability, households)
    exact = measure(inputs)
    adults = 10 * sum(row[3] for row in population()[0][1:] if row[1] != "Children")
    said = issue_stages.issues(inputs, exact).frame["people_affected"].item()
    lonely, group = re.fullmatch(r"About (\S+) of about (\S+) adults\. About 35 of the group answered\.", said).groups()
    assert float(group.replace(",", "")) == pytest.approx(adults / 10, rel=0.05)
    assert float(lonely.replace(",", "")) == pytest.approx(0.89 * adults / 10, rel=0.05)


def test_measures_that_follow_the_four_shown_are_named():
    """Six measures worse than England: two are named, the larger gap first; four or fewer, and nothing is said."""
    rates = ["burglary", "violence", "noise", "fly_tipping", "antisocial_behaviour", "homelessness"]
    rows = table({name: [40.0 - place] for place, name in enumerate(rates)}, england=dict.fromkeys(rates, 10.0))
    compared = comparisons(rows, WORDS)
    assert compared["verdict"].eq("worse").all()
    names = WORDS.indicators.set_index("indicator_id")["indicator"]
    rest = f"{names[rates[4]]}; {names[rates[5]]}"
    assert not_shown(WORDS.named(compared)) == f"Also worse than England, and not shown: {rest}."
    assert not_shown(WORDS.named(compared[compared["indicator_id"].isin(rates[:4])])) == ""


def test_a_percentage_below_one_is_under_one():
    """And a rate is written as it is published; a change of a third of a per cent is no change of nought."""
    assert [number(value, "% of adults") for value in (0, 0.9, 1)] == ["under 1", "under 1", "1"]
    assert figure(0.9, "per 1,000 households") == "0.9 per 1,000 households"
    year = {"value": 301.0, "previous": 300.0, "standard_error": 0.1}
    assert _trend(pd.Series(year)) == "Up under 1% on the year before."
    assert _trend(pd.Series(year | {"value": 297.0})) == "Down 1% on the year before."


def test_a_group_is_not_named_twice():
    """The characteristic is added only where the group's own name does not say it."""
    assert _group_name("Care experienced", "Care experience") == "Care experienced"
    assert _group_name("Sikh", "Religion") == "Sikh (religion)"


def test_a_small_group_of_few_respondents_is_not_named(issues):
    """Nine respondents, all lonely, are too few to say so."""
    assert issues(survey, england(lonely=18.75, damp_home=60)).frame["indicator_id"].tolist() == [""]


def test_a_made_up_place_says_so(issues):
    """Every source illustrative: issues are found as ever, and the table is marked."""
    sources = [named(maker, illustrative=True) for maker in (events, england(burglary=10))]
    found = issues(*sources)
    assert found.frame["indicator_id"].tolist() == ["burglary"]
    assert found.illustrative


@pytest.mark.parametrize("made_up", [events, comparators])
def test_made_up_figures_meet_no_real_ones(issues, made_up):
    """A real place beside an illustrative England, or the other way about, raises nothing."""
    sources = [named(maker, illustrative=maker is made_up) for maker in (events, comparators)]
    assert issues(*sources).frame["indicator_id"].tolist() == [""]


def test_a_made_up_survey_says_nothing_of_a_real_place(issues):
    """Neither its small group, nor its residents' words beside a real issue, nor a mark of being made up."""
    real = issues(events, register, named(large_survey, illustrative=True), england(burglary=10, lonely=1))
    assert real.frame["indicator_id"].tolist() == ["burglary"]
    assert real.frame["residents_say"].tolist() == ["No survey of residents in this edition."]
    assert not real.illustrative


PUBLISHED = pd.DataFrame(
    {
        "indicator_id": ["burglary", "lonely", "noise"],
        "area_type": "place",
        "characteristic": "all",
        "value": [25.43, 6.94, np.nan],
    }
)


@pytest.mark.parametrize(
    ("said", "stale"),
    [
        ("At 25.4 per 1,000 we are worst. – The team, May 2026", False),
        ("At 24.4 per 1,000 we are worst.", True),
        ("In 2025 it was high.", True),
        ("At 125.4 per 1,000.", True),
        ("At 25.43 per 1,000.", True),  # readers see 25.4
        ("It stands at 25.4.", False),
        ("It stands at 1,025.4.", True),
    ],
)
def test_a_sentence_whose_number_has_changed_is_flagged(said, stale):
    """The number that readers see must be in the sentence, whole."""
    found = signed_commentary(f"# Notes\n\n## burglary\n{said}\n", PUBLISHED)
    assert found["said"].tolist() == [said + STALE if stale else said]


def test_each_heading_has_its_own_sentence():
    """Lines are joined; a figure that is hidden or not known cannot be confirmed."""
    text = "## lonely\nAbout 6.9%,\nwe think.\n\n## noise\nLoud: 30.\n## unheard\nStill 4.\n"
    found = signed_commentary(text, PUBLISHED).set_index("indicator_id")["said"]
    assert found["lonely"] == "About 6.9%, we think."
    assert found[["noise", "unheard"]].str.endswith(STALE).all()
    assert signed_commentary("", PUBLISHED).empty


def test_the_signed_sentence_stands_beside_its_issue(issues):
    """And is empty where nobody has signed one."""
    text = "## burglary\nAt 25 we are surely worse. Signed: the analysts, 1 May 2026.\n"
    assert issues(events, england(burglary=10), commentary=text).frame["said"].tolist() == [" ".join(text.split()[2:])]


def test_what_is_not_known_is_said_and_why(little, exact):
    """No source; suppressed by its agency; rates without counts; no English figure."""
    found = unknowns(exact.table, WORDS).set_index("indicator_id")["what"]
    assert "no source" in found["domestic_abuse"]
    assert "suppressed" in found["homelessness"]
    assert "without counts" in found["child_obesity"]
    assert set(found.index).isdisjoint({"burglary", "claimants", "lonely"})
    without = exact.table[exact.table["area_type"] != "england"]
    assert unknowns(without, WORDS).set_index("indicator_id").loc["burglary", "what"].startswith("no English figure")
    assert PERSONAL["controller"] not in " ".join(found)
    told = issue_stages.unknowns(little, exact).frame.set_index("what")["indicator"]
    assert told.str.split("; ").str.len().to_dict() == found.value_counts().to_dict()
