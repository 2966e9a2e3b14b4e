"""Every sentence of the key issues is read back, whole, to the cells that it came from, in three places."""

import re
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from placelib.assessment.issues import STALE
from placelib.assessment.needs import comparisons
from placelib.measures.contrasts import apart_from_place
from placelib.measures.shared import Measures, measure
from placelib.sources.readers import SHIPPED, Inputs, read_place
from placelib.stages import issues as issue_stages
from placelib.stages import needs as stages
from placelib.stages.outcomes import standard
from placelib.suppression import coarsened

NUMBER = r"[\d,]+(?:\.\d)?"
NAMED = rf"(.+?) \(({NUMBER})\)"


class Edition(NamedTuple):
    """A place's tables, as published and as they were before."""

    inputs: Inputs
    exact: Measures
    issues: pd.DataFrame
    cells: pd.DataFrame  # published indicators
    gaps: pd.DataFrame  # published gaps to everyone
    beside: pd.DataFrame  # place beside England, published and exact


@pytest.fixture(scope="module", params=["brighton-and-hove", "tower-hamlets", "little"])
def edition(request):
    """One place, whole."""
    if request.param == "little":
        inputs, exact = (request.getfixturevalue(name) for name in ("little", "exact"))
    else:
        inputs = read_place(request.param, SHIPPED)
        exact = measure(inputs)
    england = comparisons(exact.comparable, inputs.vocabulary).query("comparator_type == 'england'")
    shown = stages.comparisons(inputs, exact).frame.query("comparator_type == 'england'").set_index("indicator_id")
    rooms = {"issues": issue_stages, "indicators": stages, "equality": stages}
    tables = (getattr(room, name)(inputs, exact).frame for name, room in rooms.items())
    return Edition(inputs, exact, *tables, shown.join(england.set_index("indicator_id")["denominator"]))


def value(text):
    """Read a number as it is written for readers."""
    return float(text.replace(",", ""))


def is_cell(text, cell):
    """Whether the words give the cell: to one decimal, whole from 100 up."""
    return abs(value(text) - abs(cell)) <= (0.5 if abs(cell) >= 100 else 0.05) + 1e-9


def words(sentence, pattern):
    """Parts of a sentence that is of the pattern from its first letter to its last."""
    found = re.fullmatch(pattern, sentence)
    assert found, sentence
    return found.groups()


def listed(text, mark):
    """Names and numbers of a list such as "Ashby (4), Bourne (3.5)"."""
    return [words(part + ")" * (not part.endswith(")")), NAMED) for part in text.split(f"){mark} ")]


def of_place(edition, small):
    """Issues of the whole place, or of a small group, with the cells of each."""
    chosen = edition.issues[edition.issues["headline"].str.startswith("A small group") == small]
    for issue in chosen.to_dict("records"):
        rows = edition.cells[edition.cells["indicator_id"] == issue["indicator_id"]]
        yield issue, rows, rows.query("area_type == 'place' and characteristic == 'all'").iloc[0]


def test_each_place_has_something_to_read(edition):
    """Issues of the whole place everywhere; one of a small group where the survey is large enough."""
    assert len(list(of_place(edition, small=False))) >= 2
    assert len(list(of_place(edition, small=True))) == (edition.inputs.slug != "little")


def test_headlines_give_the_places_cell_englands_and_the_period(edition):
    """And the side on which the place lies."""
    for issue, rows, place in of_place(edition, small=False):
        told, period = words(issue["headline"], r"(.+) \((.+)\)\.")
        name, figure, unit, side, england = words(
            told, rf"(.+): ({NUMBER}) ?(\D.*?), (above|below) England's ({NUMBER})"
        )
        months = re.search(r"; \d+ months put on a yearly footing", place["method"])
        assert period == place["period"] + (months[0] if months else "")
        other = rows.query("area_type == 'england'")["value"].item()
        assert (name, unit) == (place["indicator"], place["unit"])
        assert is_cell(figure, place["value"])
        assert is_cell(england, other)
        assert side == ("above" if place["value"] > other else "below")


def test_small_groups_headlines_give_the_groups_cell_and_everyones(edition):
    """The group, its share, everyone's, its base and the limits of the gap."""
    for issue, rows, place in of_place(edition, small=True):
        called, name, share, everyone = words(
            issue["headline"],
            rf"A small group with a serious gap: (.+?)\. (.+): ({NUMBER})% of them, against ({NUMBER})% of everyone"
            r": a gap of (?:between \d+ and|up to) \d+ points\.",
        )
        assert (
            issue["headline"].split(": a gap of ")[1][:-1] == issue["certainty"].removeprefix("A gap of ").split(".")[0]
        )
        group = re.sub(r" \([^)]+\)$", "", called)
        cell = rows[(rows["category_name"] == group) & (rows["area_type"] == "place")].iloc[0]
        assert name == place["indicator"]
        assert is_cell(share, cell["value"])
        assert is_cell(everyone, place["value"])
        unknown = r"Not known: no file counts the adults of this group\."
        counted = edition.exact.response.query("category == @cell['category']")["population_pct"].notna().any()
        known = rf"About {NUMBER} of about {NUMBER} adults\."
        (base,) = words(
            issue["people_affected"], rf"{known if counted else unknown} About ({NUMBER}) of the group answered\."
        )
        assert is_cell(base, cell["respondents"])
        kind = cell["characteristic_name"].lower()
        doubled = kind.split()[0] in group.lower()
        assert called == (group if doubled else f"{group} ({kind})")
        assert issue["indicator"] == f"{called}: {place['short_name'].lower()}"
        assert issue["groups"] == ""
        gap = edition.gaps.query("indicator_id == @issue['indicator_id'] and category_name == @group").iloc[0]
        assert (gap["verdict"], gap["group_size"], gap["family"]) == ("worse", "small", "one characteristic")
        few = r"( Few answers: an uncertain figure\.)?"
        low, high, uncertain = words(issue["certainty"], r"A gap of (?:between (\d+) and|up to) (\d+) points\." + few)
        assert bool(uncertain) == (cell["mark"] == "[u]")
        lower, upper = gap[["difference_lower", "difference_upper"]]
        assert (int(low or 0), int(high)) == (max(lower, 0), upper)


def test_wards_are_named_with_their_cells_and_counted(edition):
    """The worst first; those worse than the place beyond chance with all its wards allowed for, and no other."""
    for issue, rows, _ in of_place(edition, small=False):
        wards = rows.query("area_type == 'ward'").set_index("ward_name")
        exact = coarsened(edition.exact.comparable, edition.inputs.settings.disclosure)
        exact = exact[(exact["indicator_id"] == issue["indicator_id"]) & (exact["characteristic"] == "all")]
        whole = exact[exact["area_type"] == "place"].iloc[0]
        exact = exact[(exact["area_type"] == "ward") & exact["value"].notna()].set_index("ward_name")
        beyond = apart_from_place(exact, whole, tail=0.05 / len(exact)) > 0
        hit = wards[beyond.reindex(wards.index, fill_value=False) & wards["value"].notna()].sort_values(
            "value", ascending=False
        )
        if issue["wards"] == "None stands out beyond chance.":
            assert hit.empty
            continue
        count, of, some = words(issue["wards"], r"(\d+) of (\d+) worse than the place, most of all (.+\))\.")
        assert (int(count), int(of)) == (len(hit), len(wards))
        named = listed(some, ",")
        assert [name for name, _ in named] == hit.index[: min(3, len(hit))].tolist()
        assert all(is_cell(number, wards.loc[name, "value"]) for name, number in named)


def test_groups_are_named_with_their_cells(edition):
    """Those with the largest sure gaps; or it is said that none is sure, or that the source does not say."""
    for issue, _, _ in of_place(edition, small=False):
        gaps = edition.gaps.query("indicator_id == @issue['indicator_id'] and family == 'one characteristic'")
        worse = gaps.query("verdict == 'worse'")
        if issue["groups"] == "":
            assert gaps.empty
        elif issue["groups"] == "None stands out beyond chance.":
            assert worse.empty
        else:
            (some,) = words(issue["groups"], r"Worse among: (.+\))\.")
            named = listed(some, ";")
            assert [name for name, _ in named] == worse["category_name"].head(3).tolist()
            assert all(is_cell(number, cell) for (_, number), cell in zip(named, worse["value"].head(3), strict=True))


def test_the_gap_to_england_and_its_people_are_those_of_the_comparison(edition):
    """Limits are published cells; people are the gap times those at risk, to two figures."""
    for issue, _, place in of_place(edition, small=False):
        row = edition.beside.loc[issue["indicator_id"]]
        low, high, points = words(issue["certainty"], rf"A gap of between ({NUMBER}) and ({NUMBER})( points)?\.")
        assert bool(points) == place["unit"].startswith("%")
        if place["release_class"] == "survey":
            assert row["value"] == place["value"] == round(place["value"])
            assert "." not in low + high
        limits = sorted(abs(row[["lower", "upper"]].astype(float)))
        assert all(is_cell(text, limit) for text, limit in zip((low, high), limits, strict=True))
        people, kind, a_year = words(
            issue["people_affected"], rf"About ({NUMBER}) (more|fewer)( a year)? than at England's level\."
        )
        at_risk = row["denominator"] / edition.inputs.vocabulary.indicators.set_index("indicator_id")["per"][row.name]
        excess = abs(row["value"] - row["comparator_value"]) * at_risk
        assert value(people) == pytest.approx(excess, rel=0.05, abs=0.1 * at_risk)  # both cells have one decimal
        assert (kind, bool(a_year)) == ("more", place["measure"] == "flow")


def test_trends_are_the_change_on_the_year_before(edition):
    """In whole per cent where it is clear; else it is said that it is not, or that there is no year before."""
    whole = edition.exact.table.query("area_type == 'place' and characteristic == 'all'").set_index("indicator_id")
    for issue, _, _ in of_place(edition, small=False):
        now, before, error = whole.loc[issue["indicator_id"], ["value", "previous", "standard_error"]].astype(float)
        if issue["trend"] == "":
            assert not before > 0
            continue
        beyond_chance = abs(now - before) / (error * np.sqrt(1 + before / now))
        if issue["trend"] == "No clear change on the year before.":
            assert beyond_chance < 1.96
        else:
            way, change = words(issue["trend"], r"(Up|Down) ([\d,]+)% on the year before\.")
            assert beyond_chance > 1.95
            assert value(change) == pytest.approx(100 * abs(now / before - 1), abs=0.5)
            assert way == ("Up" if now > before else "Down")


def test_what_residents_say_is_about_the_issue_itself(edition):
    """The issue's own question; else who names its theme first, or that the survey did not ask: no other question."""
    survey = edition.cells.query("area_type == 'place' and characteristic == 'all' and release_class == 'survey'")
    asked, wanted = set(survey["indicator_id"]), standard(edition.inputs, edition.exact).frame.set_index("theme")
    about = edition.inputs.vocabulary.indicators.merge(edition.inputs.vocabulary.domains).set_index("indicator_id")
    for issue in edition.issues.query("indicator_id != ''").to_dict("records"):
        own, theme = issue["indicator_id"] in asked, about.loc[issue["indicator_id"], "theme"]
        said = "This figure is their own." if own else "Not asked in the survey."
        if not own and theme in wanted.index:
            share = f"{wanted.loc[theme, 'named_first']:.0f}"
            said = f"Not asked; {share}% name “{theme}” first to be made better."
        assert issue["residents_say"] == (said if asked else "No survey of residents in this edition.")


def test_owner_duty_and_decision_are_the_vocabularys(edition):
    """And no sentence of the analysts is out of date."""
    known = edition.inputs.vocabulary.indicators.set_index("indicator_id")
    agencies = edition.inputs.settings.agency_names
    options = edition.inputs.book("options")
    measured = edition.inputs.book("outcomes").set_index("outcome_id")["indicator_id"]
    for issue in edition.issues.to_dict("records"):
        row = known.loc[issue["indicator_id"]]
        owner = agencies.get(row["lead_agency"], "Not yet agreed.")
        assert (issue["owner"], issue["duty"]) == (owner, row["duty"] or "No duty of its own.")
        question = re.fullmatch(
            rf"{re.escape(owner)} leads: choose one of the (\d+) costed options for (.+)\.", issue["decision"]
        )
        if question:
            assert (options["decision"] == question[2]).sum() == int(question[1])
            outcome = options.loc[options["decision"] == question[2], "outcome_id"].iloc[0]
            assert issue["indicator_id"] == measured[outcome]
        elif issue["indicator_id"] not in set(measured):
            (who,) = words(
                issue["decision"], r"With (.+) in the lead, propose an outcome and a target for it to the partners\."
            )
            assert who == owner
        else:
            (who,) = words(issue["decision"], r"Confirm (.+) as lead; agree when costed options come back\.")
            assert who == owner
        assert STALE not in issue["said"]


def test_money_is_what_the_ledgers_plan_for_the_outcome(edition):
    """Summed by hand from the books: gross budget of the latest year, less what is passed on, by outcome served."""
    level = edition.inputs.book("deflators").set_index("year")["index"]
    outcomes = edition.inputs.book("outcomes").set_index("outcome_id")
    spend = edition.inputs.book("spend").query("status == 'budget' and basis == 'gross' and counterparty.isna()")
    spend = spend[spend["year"] == spend["year"].max()]
    prices = edition.inputs.book("spend").query("status == 'outturn'")["year"].max()
    planned = r"£([\d,]+) million planned for (.+) for “(.+)”\."
    for issue in edition.issues.to_dict("records"):
        judged = outcomes[outcomes["indicator_id"] == issue["indicator_id"]]
        served = judged["parent"].fillna(judged.index.to_series()).head(1).tolist()
        lines = spend[spend["outcome_id"].isin({*served, *outcomes.index[outcomes["parent"].isin(served)]})]
        if lines.empty:
            nothing = "Not known: no outcome that partners agreed is judged by this measure."
            named = outcomes.loc[served, "outcome"].map("No partner's ledger names the outcome “{}”.".format)
            assert issue["money"] == named.get(served[0] if served else None, nothing)
            continue
        millions, year, outcome = words(issue["money"], planned)
        assert (year, outcome) == (lines["year"].iloc[0], outcomes.loc[served[0], "outcome"])
        amount = (lines["amount"] * level[prices] / lines["price_year"].map(level)).sum()
        assert value(millions) == pytest.approx(amount / 1e6, abs=0.51)


def test_measures_not_shown_are_those_worse_that_have_no_place(edition):
    """The note beneath the issues and the issues themselves are all that is worse than England, each once."""
    notes = issue_stages.issues(edition.inputs, edition.exact).notes
    said = [words(note, r"Also worse than England, and not shown: (.+)\.")[0] for note in notes if "not shown" in note]
    rest = said[0].split("; ") if said else []
    in_index = edition.inputs.vocabulary.indicators.query("in_index == 'yes'")["indicator_id"]
    worse = edition.beside[edition.beside.index.isin(in_index)].query("verdict == 'worse'")["indicator"]
    shown = [issue["indicator"] for issue, _, _ in of_place(edition, small=False)]
    assert sorted(shown + rest) == sorted(worse)
    assert len(shown) == 4 or not rest
