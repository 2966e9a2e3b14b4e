"""Who answers, who asks, who may decide, who is able, and what became of decisions: rules as little tables."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placelib.commissioning import assurance
from placelib.measures.shared import measure
from placelib.stages import assurance as stages

TODAY = pd.Timestamp("2026-11-26")


def frame(columns, *rows):
    """A table from its columns' names in one line, and its rows."""
    return pd.DataFrame(rows, columns=columns.split())


OUTCOMES = frame("outcome_id outcome", ("O1", "Safe streets"), ("O2", "Warm homes"), ("O3", "Clean parks"))
JUDGED_BY = frame("outcome_id indicator_id", ("O1", "violence"), ("O2", "damp"))
NOBODY = "nobody decides; nobody pays; nobody delivers; nobody answers"
ALL = ["decides", "pays", "delivers", "answers", "is consulted"]


@pytest.mark.parametrize(
    ("held", "found"),
    [
        ({}, NOBODY),
        (dict.fromkeys(ALL, "A"), ""),
        (dict.fromkeys(ALL[:4], "A"), ""),  # nobody consulted is no gap
        (dict.fromkeys(ALL, "A") | {"pays": "AB", "delivers": "ABC"}, ""),  # several may pay and deliver
        (dict.fromkeys(ALL, "A") | {"decides": "AB"}, "more than one decides"),
        (dict.fromkeys(ALL, "AB") | {"pays": ""}, "nobody pays; more than one decides; more than one answers"),
    ],
)
def test_gaps_and_overlaps_of_rights_are_found(held, found):
    """Who is missing, and where two hold what one should alone, whatever is held over another outcome."""
    rows = [("O1", agency, right) for right, agencies in held.items() for agency in agencies]
    rights = frame("outcome_id agency right", *rows, *[("O3", "Z", right) for right in ALL])
    table = assurance.accountability(rights, OUTCOMES).set_index("outcome_id")
    assert table["found"].to_dict() == {"O1": found, "O2": NOBODY, "O3": ""}
    assert table.loc["O1", "pays"] == "; ".join(held.get("pays", ""))


def test_without_any_right_no_gap_is_claimed(little):
    """A place without the file is not told that nobody decides."""
    assert assurance.accountability(little.book("rights"), OUTCOMES).empty


REGIMES = frame(
    "regime_id regime inspects frequency indicator_id regime_words return_name in_force_from in_force_to",
    ("a", "First", "NHS", "Yearly", "damp", "Damp homes", "Return 1", "2020-04-01", None),
    ("a", "First", "Council", "Yearly", "damp", "Damp homes", "Return 1", "2020-04-01", None),
    ("b", "Second", "Council", "Monthly", "damp", "Decent homes", "Return 2", "2026-11-26", None),
    ("c", "Third", "Council", "Yearly", "damp", "Mould", "Return 3", "2009-04-01", "2026-11-25"),
    ("d", "Fourth", "Council", "Yearly", "noise", "Noise", None, "2026-11-27", None),
    ("a", "First", "Council", "Yearly", "noise", "Noise", None, "2020-04-01", "2026-11-26"),
    ("a", "First", "Council", "Yearly", "fires", "Fires", "Return 1", "2020-04-01", None),
    ("b", "Second", "Council", "Monthly", "fires", "Fires", "Return 1", "2020-04-01", None),
).astype({"in_force_from": "datetime64[ns]", "in_force_to": "datetime64[ns]"})
REGIMES["indicator"] = REGIMES["indicator_id"].str.title()


def test_a_regime_is_in_force_from_its_first_day_to_its_last():
    """Begun today and ending today are in force; ended yesterday and beginning tomorrow are not."""
    status = assurance.in_force(REGIMES, TODAY)["status"].tolist()
    assert status[2:6] == ["in force", "ended", "not yet in force", "in force"]


def test_the_crosswalk_says_where_one_return_could_serve_several():
    """Damp: two regimes, returns and wordings. Fires: one return for both. Noise: one regime. Ended ones are out."""
    table = assurance.crosswalk(REGIMES, TODAY).set_index("indicator_id")
    assert table["reading"].to_dict() == {
        "damp": "in different words; could one return serve them all?",
        "fires": "one return serves them all",
        "noise": "one regime asks",
    }
    assert table["regimes"].to_dict() == {"damp": 2, "fires": 2, "noise": 1}
    assert table.loc["damp", "asked"] == "First: “Damp homes”, yearly; Second: “Decent homes”, monthly"
    assert table.loc["damp", ["agencies", "returns"]].tolist() == ["NHS; Council", "Return 1; Return 2"]
    assert table.loc["noise", "returns"] == "no named return (First)"


def test_two_regimes_without_named_returns_do_not_share_one():
    """What is not named is not known to be the same."""
    two = REGIMES[REGIMES["indicator_id"] == "fires"].assign(return_name=None)
    assert assurance.crosswalk(two, TODAY)["reading"].tolist() == ["could one return serve them all?"]


def test_skills_are_counted_and_not_averaged():
    """Levels 1, 2, 5 against importance 4, 3, 5: median 2, two behind, one weak in what matters; peers stand apart."""
    rows = [("A", "Evaluation", 1, 4, "self"), ("B", "Evaluation", 2, 3, "self"), ("C", "Evaluation", 5, 5, "self")]
    rows += [("D", "Evaluation", 1, 5, "peer"), ("A", "Procurement", 2, 4, "self"), ("B", "Procurement", 2, 5, "self")]
    table = assurance.skills(frame("agency skill level importance assessor", *rows))
    assert table[["skill", "assessor", "weak"]].to_numpy().tolist() == [
        ["Procurement", "self", 2], ["Evaluation", "self", 1], ["Evaluation", "peer", 1]
    ]  # fmt: skip
    own = table.iloc[1]
    assert own[["partners", "level", "level_lower", "level_upper", "gap", "behind"]].tolist() == [3, 2, 1, 5, 1, 2]
    assert own["weak_partners"] == "A"
    assert table.loc[0, "weak_partners"] == "A; B"


def bodies_of(*rows):
    """Bodies from (body, matter, role, least, most, next meeting)."""
    table = frame("body decides role threshold_lower threshold_upper next_meeting", *rows)
    dates = pd.to_datetime(table["next_meeting"])
    return table.assign(
        body_id=table["body"], threshold_upper=table["threshold_upper"].astype(float), next_meeting=dates
    )


def found(*rows):
    """Sums and findings of one matter, "Grants"."""
    given = [(body, "Grants", role, *rest, "2027-01-10") for body, role, *rest in rows]
    return assurance.powers(bodies_of(*given))[["sums", "found"]].to_numpy().tolist()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("A", "decides", 0, None)], []),
        ([("A", "decides", 0, 99), ("B", "decides", 100, None)], []),  # a pound apart touches
        ([("A", "decides", 0, 100), ("B", "decides", 100, None)], []),  # and so does the same sum
        ([("A", "decides", 0, 100)], [["above £100", "nobody here may decide"]]),
        ([("A", "decides", 50, None)], [["up to £50", "nobody here may decide"]]),
        ([("A", "is informed", 0, None)], [["any sum", "nobody here may decide"]]),
        (
            [("A", "decides", 0, 1000), ("B", "decides", 5000, 9000)],
            [["£1,000 to £5,000", "nobody here may decide"], ["above £9,000", "nobody here may decide"]],
        ),
        (
            [("A", "decides", 0, None), ("B", "decides", 200, 300)],  # the wider holds what the narrower ends
            [["£200 to £300", "both may decide: A; B"]],
        ),
        ([("A", "decides", 0, None), ("B", "decides", 500, None)], [["above £500", "both may decide: A; B"]]),
    ],
)
def test_sums_that_nobody_or_two_may_decide_are_found(rows, expected):
    """Gaps below, between and above; overlaps of two; in whatever order the bodies are listed."""
    assert found(*rows) == expected
    assert found(*rows[::-1]) == expected


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=6, unique=True))
def test_a_ladder_without_a_break_has_no_gap_and_no_overlap(cuts):
    """Bodies that take up where the one below stops cover every sum once, wherever the steps lie."""
    ends = [0, *sorted(cuts), None]
    assert (
        found(*[(f"B{n}", "decides", low, high) for n, (low, high) in enumerate(zip(ends, ends[1:], strict=False))])
        == []
    )


@pytest.mark.parametrize(
    ("role", "first", "clash"),
    [
        ("recommends", "2027-01-09", False),
        ("recommends", "2027-01-10", True),
        ("is consulted", "2027-02-01", True),
        ("is informed", "2027-02-01", False),
    ],
)
def test_who_is_to_be_heard_first_must_meet_sooner(role, first, clash):
    """The day before is soon enough; the same day is not; who is only informed may meet later."""
    table = bodies_of(("A", "Grants", role, 0, None, first), ("B", "Grants", "decides", 0, None, "2027-01-10"))
    words = ["A is to be heard first, but meets no sooner than B"] * clash
    assert assurance.powers(table)["found"].tolist() == words


def test_a_quorum_is_a_share_of_members_and_may_be_impossible():
    """4 of 16 is a quarter; 5 of 4 can never meet; the next meeting comes first."""
    rows = bodies_of(
        ("A", "Grants", "decides", 0, 500, "2027-02-01"), ("B", "Grants", "decides", 500, None, "2027-01-01")
    )
    table = assurance.bodies(rows.assign(quorum=[4, 5], members=[16, 4]))
    assert table[["body", "sums", "quorum_pct"]].to_numpy().tolist() == [
        ["B", "above £500", 125.0], ["A", "up to £500", 25.0]
    ]  # fmt: skip
    assert table["found"].tolist() == ["its quorum is more than its members: it can never decide", ""]


def decided(value, lower, upper, *, expected=-10.0, start="2026-04-01", end="2026-06-30", status="done"):
    """Verdict on a decision of December 2025 to bring 50 down by 10 until June 2026, where the figure is now this."""
    decision = {"decision_id": "D", "decided_on": "2025-12-01", "expected_by": "2026-06-30"}
    decision |= {"outcome_id": "O2", "indicator_then": 50.0, "expected_change": expected, "status": status}
    figure = ["damp", value, lower, upper, "%", "", "Damp homes", start, end]
    rows = pd.DataFrame([decision]).astype({"decided_on": "datetime64[ns]", "expected_by": "datetime64[ns]"})
    return assurance.review(rows, JUDGED_BY, pd.DataFrame([figure], columns=assurance.FIGURE)).iloc[0]


@pytest.mark.parametrize(
    ("value", "lower", "upper", "verdict"),
    [  # limits of the change: now less 50, with the figure's margins times √2
        (40, 37, 43, "as expected"),  # -14.2 to -5.8: holds -10, leaves out 0
        (45, 40, 50, assurance.BOTH),  # -12.1 to 2.1
        (47, 45, 49, "less than expected"),  # -5.8 to -0.2
        (49, 47, 51, "less than expected"),  # -3.8 to 1.8
        (54, 52, 56, "the other way"),  # 1.2 to 6.8
        (30, 28, 32, "more than expected"),  # -22.8 to -17.2
        (40, None, None, assurance.UNTOLD),
        (None, None, None, assurance.UNTOLD),
    ],
)
def test_a_verdict_holds_the_interval_of_the_change_against_what_was_expected(value, lower, upper, verdict):
    """A fall of 10 was expected; and the same is said of a rise, with everything turned round."""
    assert decided(value, lower, upper)["verdict"] == verdict
    turned = [None if end is None else 100 - end for end in (value, upper, lower)]
    assert decided(*turned, expected=10.0)["verdict"] == verdict


def test_the_change_allows_for_both_figures():
    """40 ± 3 against 50: -10, give or take 3 × √2 as the earlier figure is as uncertain."""
    row = decided(40.0, 37.0, 43.0)
    assert row[assurance.NUMBERS[:3]].tolist() == pytest.approx([-10, -10 - 18**0.5, -10 + 18**0.5])


@pytest.mark.parametrize(
    ("start", "end", "early"),
    [
        ("2026-04-01", "2026-06-30", False),
        ("2026-04-01", "2026-06-01", False),  # the month of the expectation
        ("2026-04-01", "2026-05-31", True),
        ("2025-05-04", "2026-06-30", False),  # 211 of its 422 days come after the decision
        ("2025-05-03", "2026-06-30", True),
    ],
)
def test_a_figure_judges_only_what_it_reaches(start, end, early):
    """It must run to the expected month, and at least half of it must come after the decision."""
    assert (decided(40, 37, 43, start=start, end=end)["verdict"] == "too early to say") == early


def test_what_was_dropped_is_not_judged_and_no_books_are_no_rows(little):
    """A dropped decision cannot bring what was expected of it; empty books give empty tables with their columns."""
    assert decided(40, 37, 43, status="dropped")["verdict"] == "not judged: dropped"
    figures = pd.DataFrame(columns=assurance.FIGURE)
    books = {kind: little.book(kind) for kind in ("regimes", "capability", "governance", "decisions")}
    tables = [
        assurance.crosswalk(books["regimes"].assign(indicator=""), TODAY),
        assurance.in_force(books["regimes"], TODAY),
    ]
    tables += [assurance.skills(books["capability"]), assurance.powers(books["governance"])]
    tables += [assurance.bodies(books["governance"])]
    tables += [assurance.review(books["decisions"], little.book("outcomes"), figures)]
    assert [len(table) for table in tables] == [0] * 6
    assert {"reading", "status", "weak_partners", "sums", "quorum_pct", "verdict"} <= set().union(*tables)


def test_gaps_and_overlaps_that_are_planted_in_rights_and_powers_are_found(planted):
    """Nobody decides, nobody answers, two decide, two answer, one is heard too late: these are found, and no other."""
    inputs, found = planted[0], planted[1]["found"]
    table = assurance.accountability(inputs.book("rights"), inputs.book("outcomes")).set_index("outcome_id")["found"]
    names = {"nobody decides": "nobody_decides", "nobody answers": "nobody_answers"}
    names |= {"more than one decides": "two_decide", "more than one answers": "two_answer"}
    for words, name in names.items():
        assert sorted(table.index[table.str.contains(words)]) == sorted(found[name])
    by = assurance.powers(inputs.book("governance")).groupby("found")["decides"].agg(list)
    assert sorted(by["nobody here may decide"]) == found["nobody_may_decide"]
    assert by[by.index.str.startswith("both may decide")].tolist() == [[found["two_may_decide"]]]
    assert by[by.index.str.contains("heard first")].tolist() == [[found["heard_too_late"]]]


def test_decisions_to_discuss_are_those_that_are_late_or_can_be_judged(planted):
    """The scheme of two years ago and what is late are put before the meeting; what was dropped or is early is not."""
    frame = stages.review(planted[0], measure(planted[0])).frame.set_index("decision_id")["to_discuss"]
    assert frame[["D01", "D03", "D06", "D10"]].all()
    assert not frame[["D05", "D07", "D08"]].any()
