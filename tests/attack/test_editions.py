"""An attacker who keeps the edition before, knows each total, and knows where one record was added or taken away."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from test_attack import BASE, FEWEST_CANDIDATES, GUARDED, SLUGS, THRESHOLD, cells, shipped, small_places

from placelib import suppression

COMPLEMENTED = suppression.complemented


def published(counts):
    """What one edition tells of each count, and whether anything of them is told at all."""
    few = suppression.is_small(counts, THRESHOLD)
    hidden, enough = suppression.complemented(counts, few, THRESHOLD, BASE)
    return cells(suppression.nearest(counts, BASE).mask(hidden), few.index[few]), enough


def least_left(counts, which, step):
    """Fewest candidates of a count that is small in both editions, where one count went up or down by a step."""
    counts = pd.Series(counts, dtype=float)
    added = pd.Series(0.0, counts.index).mask(counts.index == which, step)
    (one, told_before), (two, told_now) = published(counts), published(counts + added)
    few = one["few"] & two["few"]
    if not (few.any() and told_before and told_now):
        return np.inf
    low, high = np.maximum(one["low"], two["low"] - added), np.minimum(one["high"], two["high"] - added)
    most = np.minimum(high, counts.sum() - (low.sum() - low))
    least = np.maximum(low, counts.sum() - (high.sum() - high))
    return (most - least + 1)[few].min()


def crosses(count, step):
    """Whether a count becomes nought or small, or ceases to be."""
    return {count, count + step} in ({0, 1}, {THRESHOLD - 1, THRESHOLD})


@settings(max_examples=100, deadline=None)
@given(small_places(), st.integers(0, 6), st.sampled_from([-1, 1]))
@example([38, 24, 3], 0, -1)
@example([2, 29, 28], 1, -1)
@example([14, 13, 1], 1, 1)
def test_an_edition_with_one_record_more_or_less_gives_no_count_back(counts, which, step):
    """Neither the count that rounds otherwise now, nor another choice of what is hidden with a small one, tells it."""
    which %= len(counts)
    assume(counts[which] + step >= 0 and not crosses(counts[which], step))
    assert least_left(counts, which, step) >= FEWEST_CANDIDATES


@pytest.mark.parametrize(("counts", "which", "step"), [([38, 24, 3], 0, -1), ([37, 14, 2], 0, 1)])
def test_were_all_roundings_relied_on_it_would(counts, which, step, monkeypatch):
    """The same attack, where an edition is protected as if there were no other."""
    monkeypatch.setattr(suppression, "complemented", partial(COMPLEMENTED, known=0))
    assert least_left(counts, which, step) < FEWEST_CANDIDATES


@pytest.mark.parametrize(("counts", "which", "step"), [([2, 29, 28], 1, -1), ([14, 13, 1], 1, 1)])
def test_were_one_of_two_like_counts_hidden_it_would(counts, which, step, monkeypatch):
    """The same attack, where of counts that are alike only the first is hidden: each edition shows what one hides."""

    def first_alone(counts, *rules):
        return COMPLEMENTED(counts + np.arange(len(counts)) * 1e-9, *rules)

    monkeypatch.setattr(suppression, "complemented", first_alone)
    assert least_left(counts, which, step) < FEWEST_CANDIDATES


@pytest.mark.parametrize("slug", SLUGS)
def test_no_record_of_the_places_gives_a_count_back(slug):
    """Wherever in either place a record is added or taken away, nought and the threshold crossed or not: five are left.

    What no rule for one edition can hide is the count that crosses: one who knows where the record came knows that it
    is one, or was one below the threshold. In a place of few wards it may tell others too.
    """
    place = shipped(slug)
    rows = place._exact.table.query("area_type == 'ward' and status != 'suppressed'")
    rows = rows[rows["release_class"].isin(GUARDED) & rows["numerator"].notna()]
    parts = [each.round() for _, each in rows.groupby("indicator_id")["numerator"]]
    parts += [each for _, each in place.inputs.book("service_wards").groupby("service_id")["people_served"]]
    parts = [each for each in parts if suppression.is_small(each, THRESHOLD).any()]
    left = [
        least_left(each, which, step)
        for each in parts
        for which in each.index
        for step in (-1, 1)
        if each[which] + step >= 0
    ]
    assert min(left, default=np.inf) >= FEWEST_CANDIDATES


def test_a_count_that_crosses_tells_more_in_a_small_place():
    """Four wards of 7, 7, 12 and 32, and one record more in the first: the limit of the promise, as README.md says."""
    assert least_left([7, 7, 12, 32], 0, 1) == 1
    assert least_left([7, 7, 12, *range(30, 40)], 0, 1) >= FEWEST_CANDIDATES
