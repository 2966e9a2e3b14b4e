"""An attacker who takes the bases of all other groups, and their answers, from everyone's."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_attack import FEWEST_CANDIDATES, POLICY, SLUGS, cells, shipped

from placelib import suppression

ROUNDING, MINIMUM = suppression.SURVEY_BASE_ROUNDING, POLICY.survey_minimum
HALF = ROUNDING // 2


def least_left_of_bases(counts):
    """Fewest candidates of a base too small to show, for one who knows that nobody left the characteristic out."""
    counts = pd.Series(counts, dtype=float)
    hidden = suppression.few_answers(pd.DataFrame({"respondents": counts, "characteristic": "any"}), POLICY)
    few = suppression.is_small(counts, MINIMUM)
    if not few.any() or hidden.all():
        return np.inf
    shown = suppression.nearest(counts, ROUNDING).mask(hidden & (counts > 0))
    told, everyone = cells(shown, few.index[few], threshold=MINIMUM), np.round(counts.sum() / ROUNDING) * ROUNDING
    most = np.minimum(told["high"], everyone + HALF - (told["low"].sum() - told["low"]))
    least = np.maximum(told["low"], everyone - HALF - (told["high"].sum() - told["high"]))
    return (most - least + 1)[few].min()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(st.integers(0, 12), st.integers(0, 60), st.integers(0, 400)), min_size=2, max_size=6))
@example([9, 22])
@example([9, 12, 12])
@example([1, 13, 13, 13])
def test_bases_cannot_be_worked_back_from_everyone(counts):
    """Whatever the groups: where one base is hidden alone and would be known, others are hidden with it."""
    assert least_left_of_bases(counts) >= FEWEST_CANDIDATES


@pytest.mark.parametrize(("counts", "left"), [([9, 22], 4), ([9, 12, 12], 1), ([1, 13, 13, 13], 3)])
def test_a_base_hidden_alone_is_known(counts, left, monkeypatch):
    """33 answered, shown as 35, and two groups of 12, shown as 10: at least 9 are left for the third."""
    monkeypatch.setattr(suppression, "complemented", lambda _, hidden, *__, **___: (hidden, True))
    assert least_left_of_bases(counts) == left


def test_a_group_is_hidden_for_the_sake_of_another_in_every_table():
    """Of those with strain from care one would not say their sex: the men are hidden with them, in gaps as well."""
    place = shipped("brighton-and-hove")
    for table in (place.indicators, place.equality):
        row = table.only(indicator_id="carer_strain", category="male").frame.iloc[0]
        assert (row["mark"], np.isnan(row["value"]), np.isnan(row["respondents"])) == ("[c]", True, True)
    assert row["verdict"] == "not shown"


def shown_of(place):
    """Survey rows of the place's groups as published, with the least and most that each base can be.

    The attacker knows which are hidden for the sake of others: those are ten or more.
    """
    rows = place.indicators.frame.assign(true=place._exact.table["respondents"].to_numpy())
    rows = rows[(rows["release_class"] == "survey") & (rows["area_type"] == "place")]
    base, spared = rows["respondents"], rows["true"] >= MINIMUM
    low = (base - HALF).clip(lower=MINIMUM).fillna(spared * MINIMUM)
    high = (base + HALF).fillna((spared * np.inf).fillna(MINIMUM - 1))
    return rows.assign(low=low, high=high, few=~spared).set_index("indicator_id")


@pytest.mark.parametrize("slug", SLUGS)
def test_hidden_bases_and_answers_of_the_places_keep_their_candidates(slug):
    """Those who left a characteristic out stand between everyone and the groups: how many by question, nobody can tell.

    So a hidden base may be nought, and at most what everyone leaves; and as many of it may have said yes, even for one
    who takes all weights to be equal, from nought to what everyone's percentage leaves.
    """
    rows = shown_of(shipped(slug))
    rows["yes"] = rows["low"] * (rows["value"] - 0.5).clip(lower=0).fillna(0) / 100
    whole, groups = (rows[(rows["characteristic"] == "all") == is_whole] for is_whole in (True, False))
    family = groups.groupby(["indicator_id", "characteristic"]).agg({"low": "sum", "yes": "sum", "few": "sum"})
    family["high"] = groups["high"].mask(groups["few"], 0).groupby([groups.index, groups["characteristic"]]).sum()
    family = family[family["few"] > 0].reset_index("characteristic")
    asked, response = whole.loc[family.index], shipped(slug).response.frame
    named = (response["respondents"] - HALF).groupby(response["characteristic"]).sum()
    unnamed = response["everyone"].max() + HALF - named.reindex(family["characteristic"]).to_numpy()
    most, few = asked["high"] - family["low"], MINIMUM - 1
    least = asked["low"] - family["high"] - unnamed - few * (family["few"] - 1)
    yes = asked["high"] * (asked["value"] + 0.5) / 100 - family["yes"]
    assert len(family) > 20
    assert (most.clip(upper=few) - least.clip(lower=0) + 1 >= FEWEST_CANDIDATES).all()
    assert (np.floor(yes.clip(upper=few)) + 1 >= FEWEST_CANDIDATES).all()


@pytest.mark.parametrize("slug", SLUGS)
def test_hidden_bases_of_pairs_keep_their_candidates(slug):
    """Of each line of a pair, such as women by ethnic group, a hidden one may be nought, or what the line leaves."""
    rows = shown_of(shipped(slug))
    lines = rows.set_index("category", append=True)["high"]
    pairs = shipped(slug).equality.only(family="two characteristics").frame
    pairs = pairs.assign(
        low=(pairs["respondents"] - HALF).clip(lower=MINIMUM).fillna(0), few=pairs["respondents"].isna()
    )
    for end in (0, -1):
        line = pairs["category"].str.split(" × ").str[end].rename("category")
        found = (
            pairs.groupby(["indicator_id", "characteristic", line])[["low", "few"]].sum().reset_index("characteristic")
        )
        most = lines[~lines.index.duplicated()].reindex(found.index, fill_value=np.inf) - found["low"]
        assert (most[found["few"] > 0] + 1 >= FEWEST_CANDIDATES).all()
