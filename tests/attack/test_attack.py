"""An attacker who knows every published count of a place, its margins and the gate's rules, and solves for the rest.

Each attack is also made on a leaky variant of what is published, which must give a hidden count away.
"""

import dataclasses
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

import placelib
from placelib import gate, suppression
from placelib.settings import Disclosure

POLICY = Disclosure()
THRESHOLD, BASE = POLICY.administrative_threshold, POLICY.rounding_base
FEWEST_CANDIDATES = 5
SUPPRESSED, GUARDED = "[c]", ["administrative", "commercial"]
ROUNDING = (BASE - 1) // 2


SLUGS = ["brighton-and-hove", "tower-hamlets"]
shipped = cache(placelib.open_place)  # opened once for all attacks


def cells(shown: pd.Series, small: list, slack: float = ROUNDING, threshold: int = THRESHOLD) -> pd.DataFrame:
    """Least and greatest value of each cell: a rounded one, a small one, or one hidden for the sake of a small one."""
    hidden = shown.isna()
    low = (shown - slack).clip(lower=threshold).mask(hidden, threshold).mask(shown == 0, 0)
    high = (shown + slack).mask(hidden, 1e6).mask(shown == 0, 0)
    few = hidden & hidden.index.isin(small)
    low = low.mask(hidden & hidden.index.isin(["records", "matched", "place"]), 0)
    return pd.DataFrame({"low": low.mask(few, 1), "high": high.mask(few, threshold - 1), "few": few})


def candidates(published: pd.DataFrame, sums: list[tuple]) -> pd.Series:
    """Count the whole numbers that each small cell may still be.

    Parameters
    ----------
    published : DataFrame
        See `cells`.
    sums : list of tuple
        Coefficients by cell, and the least and greatest value of their sum.
    """
    rows = np.array([pd.Series(weights).reindex(published.index).fillna(0) for weights, _, _ in sums])
    limits = LinearConstraint(rows, [least for _, least, _ in sums], [most for _, _, most in sums])
    bounds, whole = Bounds(published["low"], published["high"]), published["few"].astype(int)
    left = {}
    for cell in published.index[published["few"]]:
        aim = (published.index == cell).astype(float)
        ends = [milp(sign * aim, integrality=whole, bounds=bounds, constraints=limits).fun for sign in (1, -1)]
        left[cell] = round(-ends[1] - ends[0] + 1)
    return pd.Series(left, dtype=float)


def margins(wards: pd.Index) -> list[tuple]:
    """What a file adds up to: wards to the matched, with those of no ward to the records, and the place between."""
    nothing = (0, 0)
    return [
        (dict.fromkeys(wards, 1) | {"matched": -1}, *nothing),
        ({"records": 1, "matched": -1, "unmatched": -1}, *nothing),
        ({"place": 1, "matched": -1}, 0, np.inf),
        ({"place": 1, "records": -1}, -np.inf, 0),
    ]


def attack(indicators: pd.DataFrame, ledger: pd.DataFrame, slack: float = ROUNDING) -> pd.Series:
    """Give the candidates left for each suppressed count of an agency, by indicator and cell."""
    rows = indicators[indicators["release_class"].isin(GUARDED) & indicators["area_type"].isin(["ward", "place"])]
    left = {}
    for name, found in rows.groupby("indicator_id"):
        place = found[found["area_type"] == "place"]
        if name not in ledger.index or place["numerator"].isna().any():  # hidden whole: no margin to attack
            continue
        wards = found[found["area_type"] == "ward"].set_index("area_code")["numerator"]
        counts = ledger.loc[name, ["records", "matched", "unmatched"]].astype(float)
        whole = pd.Series({"place": place["numerator"].item()})
        small = [*wards.index, "unmatched"]
        left |= {
            (name, cell): number
            for cell, number in candidates(
                cells(pd.concat([wards, counts, whole]), small, slack), margins(wards.index)
            ).items()
        }
    return pd.Series(left, dtype=float)


@pytest.mark.parametrize(("slack", "expected"), [(ROUNDING, 7), (0, 1)])
def test_leaky_margins_give_the_cell_back(slack, expected):
    """One suppressed ward among many keeps every candidate; exact counts beside an exact total give it back."""
    wards = {f"W{number}": 20.0 for number in range(12)} | {"hidden": np.nan}
    shown = pd.Series(wards | {"total": 244.0 if slack == 0 else 245.0})
    found = candidates(cells(shown, ["hidden"], slack), [(dict.fromkeys(wards, 1) | {"total": -1}, 0, 0)])
    assert found.to_dict() == {"hidden": expected}


@pytest.mark.parametrize("slug", SLUGS)
def test_suppressed_counts_of_the_places_keep_their_candidates(slug):
    """No suppressed count of a ward or of the ledger is known to within fewer than five values."""
    place = shipped(slug)
    left = attack(place.indicators.frame, place.ledger.frame.set_index("indicator_id"), slack=BASE / 2)
    assert (left >= FEWEST_CANDIDATES).all(), left.to_dict()


@pytest.mark.parametrize(
    ("hidden", "expected"),
    [
        (["unmatched"], 4),  # as the ledger once left: 360 and 360 are at most four apart
        (["unmatched", "records"], 4),  # the place counts those without a location: its 360 says as much
        (["unmatched", "records", "matched"], 7),
    ],
)
def test_records_that_match_no_ward_are_hidden_only_with_all_of_their_row(hidden, expected):
    """Records, matched and place each say what the unmatched can be: the row of the ledger leaves whole or not at all.

    Here every record of no ward counts for the place, the worst case.
    """
    wards = pd.Series({f"W{number}": 30.0 for number in range(12)})
    ledger = pd.Series({"records": 360.0, "matched": 360.0, "unmatched": 3.0, "place": 360.0})
    ledger[hidden] = np.nan
    shown = pd.concat([wards, ledger])
    all_placed = ({"place": 1, "records": -1}, 0, 0)
    left = candidates(cells(shown, ["unmatched"]), [*margins(wards.index), all_placed])
    assert left["unmatched"] == expected


def released(counts: list[int], unmatched: int = 0, unplaced: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pass an agency's counts by ward through the gate: the shared indicator table and the ledger, as they leave."""
    wards = [f"W{number}" for number in range(len(counts))]
    total = sum(counts)
    rows = pd.DataFrame(
        {
            "area_code": [*wards, "place"],
            "area_type": [*["ward"] * len(wards), "place"],
            "numerator": np.array([*counts, total + unplaced], dtype=float),
            "denominator": 1000.0,
        }
    )
    constants = dict.fromkeys(["standard_error", "previous", "lower", "upper"], np.nan)
    constants |= dict.fromkeys(["respondents", "effective_respondents"], np.nan)
    constants |= {"value": 0.0, "coverage": 0.98765, "per": 1000.0, "years": 1.0, "measure": "flow", "threshold": 8}
    constants |= {"indicator_id": "any", "source_id": "any", "release_class": "administrative"}
    table = gate.release_indicators(
        rows.assign(**constants, illustrative=True, status="published"), "T", policy=POLICY
    ).frame
    ledger = pd.DataFrame({"records": [total + unmatched], "matched": [total], "unmatched": [unmatched]}, index=["any"])
    asked = np.inf if table["mark"].iloc[-1] == SUPPRESSED else THRESHOLD
    numbers = list(ledger)
    kept = gate.release_counts(
        ledger.assign(threshold=asked), "L", counts=numbers, shares=[], policy=POLICY, illustrative=True
    )
    return table, kept.frame


def small_places():
    """Places of two to seven wards, with small counts, noughts and others."""
    return st.lists(st.one_of(st.integers(0, 9), st.integers(0, 40)), min_size=2, max_size=7)


def least_left(counts: list[int], unmatched: int = 0, unplaced: int = 0) -> float:
    """Fewest candidates of any small count, for one who knows which of the hidden are small."""
    table, ledger = released(counts, unmatched, unplaced)
    wards = table[table["area_type"] == "ward"].set_index("area_code")["numerator"]
    if table["numerator"].isna().all():
        return np.inf
    shown = pd.concat([wards, ledger.loc["any", ["records", "matched", "unmatched"]].astype(float)])
    shown["place"] = table["numerator"].iloc[-1]
    small = [cell for cell, count in zip(wards.index, counts, strict=True) if 0 < count < THRESHOLD]
    found = candidates(cells(shown, [*small, *["unmatched"] * (0 < unmatched < THRESHOLD)]), margins(wards.index))
    return found.min() if len(found) else np.inf


@settings(max_examples=40, deadline=None)
@given(small_places(), st.integers(0, 12), st.integers(0, 12))
@example([1, 10, 0, 0], 0, 0)
@example([1, 1, 1, 8], 0, 0)
@example([3, 8], 3, 2)
@example([0, 11], 7, 7)
@example([2, 29], 12, 12)
def test_counts_of_few_wards_are_hidden_with_others(counts, unmatched, unplaced):
    """Whatever the wards and what matched none, each small count keeps five values, even beside one shown ward."""
    assert least_left(counts, unmatched, min(unplaced, unmatched)) >= FEWEST_CANDIDATES


@pytest.mark.parametrize("counts", [[1, 10, 0, 0], [1, 1, 1, 8], [7, 11, 12]])
def test_without_complementary_suppression_a_small_count_is_known(counts, monkeypatch):
    """The same attack, where nothing is hidden but what is small."""
    monkeypatch.setattr(suppression, "complemented", lambda _, hidden, *__: (hidden, True))
    assert least_left(counts) < FEWEST_CANDIDATES


def least_left_of_respondents(counts: list[int], rounding: int = BASE) -> float:
    """Fewest candidates of any small group of respondents, for one who also knows each group's whole percentage."""
    names, everyone = [f"G{number}" for number in range(len(counts))], sum(counts)
    frame = pd.DataFrame({"respondents": counts, "everyone": everyone, "characteristic": "any"}, index=names)
    frame["sample_pct"] = 100 * suppression.nearest(frame["respondents"], rounding) / everyone
    policy = Disclosure(administrative_threshold=POLICY.survey_minimum)
    kept = gate.release_counts(
        frame,
        "T",
        counts=["respondents", "everyone"],
        shares=["sample_pct"],
        policy=policy,
        illustrative=True,
        parts_of="characteristic",
    ).frame
    small = [name for name, count in zip(names, counts, strict=True) if 0 < count < POLICY.survey_minimum]
    published = cells(kept["respondents"], small, threshold=POLICY.survey_minimum)
    least, most = (everyone * (kept["sample_pct"] + half) / 100 for half in (-0.5, 0.5))
    if rounding < BASE:
        published["low"], published["high"] = published["low"].clip(lower=least), published["high"].clip(upper=most)
    found = candidates(published, [(dict.fromkeys(names, 1), everyone, everyone)])
    return found.min() if len(found) else np.inf


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.integers(0, 12), st.integers(0, 60), st.integers(0, 700)), min_size=1, max_size=5))
@example([57, 3])
@example([1, 16, 349])
def test_small_groups_of_respondents_cannot_be_worked_back(counts):
    """A characteristic's groups add up to everyone, and a whole percentage of few tells more than a rounded count."""
    assert least_left_of_respondents([*counts, 90]) >= FEWEST_CANDIDATES


@pytest.mark.parametrize("counts", [[38, 58, 1], [701, 803, 1]])
def test_respondents_left_alone_are_known(counts, monkeypatch):
    """The same attack, where a small group is the only one hidden."""
    monkeypatch.setattr(suppression, "complemented", lambda _, hidden, *__: (hidden, True))
    assert least_left_of_respondents(counts) < FEWEST_CANDIDATES


def test_shares_of_exact_counts_would_tell_more_than_rounded_ones():
    """470 of 591 is 80%, so at least 469.9: with the count shown as 470 that leaves 470 to 472."""
    counts = [1, 16, 46, 58, 470]
    assert least_left_of_respondents(counts, rounding=1) < FEWEST_CANDIDATES <= least_left_of_respondents(counts)


def another_world(exact, seed: int = 1):
    """Draw other counts from which the same table of indicators leaves: what an attacker cannot tell from the truth.

    In it those of whom too few answered, and those hidden for their sake, gave other answers.
    """
    random, rows = np.random.default_rng(seed), exact.table.copy()
    guarded = rows["release_class"].isin(GUARDED) & rows["numerator"].gt(0)
    few = guarded & rows["numerator"].lt(THRESHOLD)
    near = (rows["numerator"] / BASE).round() * BASE + random.integers(-ROUNDING, ROUNDING + 1, len(rows))
    count = near.clip(lower=THRESHOLD).mask(few, random.integers(1, THRESHOLD, len(rows))).where(guarded)
    ratio = (count / rows["numerator"]).where(guarded, 1)
    rows["numerator"] = rows["numerator"] * ratio
    rows[["value", "lower", "upper"]] = rows[["value", "lower", "upper"]].mul(ratio, axis=0)
    rows["standard_error"] *= np.sqrt(ratio)
    told = {"table": rows, **{name: getattr(exact, name).copy() for name in ("gaps", "wanted", "together")}}
    for name, answers in told.items():
        of_survey = answers[answers["release_class"] == "survey"] if name == "table" else answers
        hidden = of_survey.index[suppression.few_answers(of_survey, POLICY)]
        numbers = [each for each in ("value", "difference") if each in answers]
        answers.loc[hidden, numbers] = random.uniform(0, 100, (len(hidden), len(numbers)))
    keys = pd.MultiIndex.from_frame(
        rows.loc[rows["respondents"] < POLICY.survey_minimum, ["area_code", "indicator_id"]]
    )
    spread = pd.Series(1.0, exact.covariance.index).mask(exact.covariance.index.isin(keys), 0.5)
    return dataclasses.replace(exact, **told, covariance=exact.covariance.mul(spread, axis=0).mul(spread, axis=1))


@pytest.mark.parametrize("slug", SLUGS)
def test_no_total_stands_beside_what_an_agency_itself_suppressed(slug):
    """Police hide counts of 1 to 4 by neighbourhood: no table gives a whole from which a hidden part could be taken.

    The hidden counts themselves are in no file here, so none of them is in any table. Their wards are bounds, and so
    is the place: of it neither count nor rate, gap or excess leaves, and the file's own sum does not leave either.
    """
    place = shipped(slug)
    rows = place.indicators.frame.query("indicator_id == 'domestic_abuse'")
    numbers = ["value", "lower", "upper", "numerator"]
    assert rows.loc[rows["area_type"] == "place", numbers].isna().all(axis=None)
    assert rows.loc[rows["area_type"] == "ward", "mark"].eq(SUPPRESSED).sum() >= 2
    ledger = place.ledger.frame.query("indicator_id == 'domestic_abuse'")
    assert ledger[["records", "matched", "unmatched"]].isna().all(axis=None)
    assert "domestic_abuse" not in {*place.comparisons.frame["indicator_id"], *place.issues.frame["indicator_id"]}
