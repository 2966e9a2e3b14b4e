"""What can be published of assurance: risks, who answers, who asks, skills, who may decide, and earlier decisions."""

import pandas as pd

from placelib import gate
from placelib.commissioning import assurance as rules
from placelib.commissioning import risks as risk_rules
from placelib.measures.shared import Measures
from placelib.sources.readers import Inputs
from placelib.stages import needs
from placelib.stages.shared import book, is_made_up, release

DECIMALS = dict.fromkeys([*risk_rules.CHANCE, *risk_rules.NUMBERS[1:5]], 3) | dict.fromkeys(rules.NUMBERS, 1)
MODELLED = "Modelled from partners' own judgement of chance and cost (PERT), with risks of one cause coming together."
STEPS = "Levels and importance are steps of a scale: middle values and counts are shown, as steps have no average."
CHANGE = "The earlier figure is taken to be as uncertain as the present one. No modelled figure is used."


def risks(inputs: Inputs) -> gate.Protected:
    """The risk register, largest expected loss first, with each risk's share of a bad year."""
    table = risk_rules.register(book(inputs, "risks")).assign(unit="£ million a year", basis="modelled")
    return _released(inputs, "risks", table, "What could go wrong", MODELLED)


def exposure(inputs: Inputs) -> gate.Protected:
    """What all risks together could cost in a year."""
    return _released(inputs, "risks", risk_rules.exposure(inputs.book("risks")), "All risks together", MODELLED)


def accountability(inputs: Inputs) -> gate.Protected:
    """Who decides, pays, delivers, answers and is consulted for each outcome, with gaps and overlaps."""
    table = rules.accountability(book(inputs, "rights"), inputs.book("outcomes"))
    return _released(inputs, "rights", table, "Who may do what about each outcome")


def regimes(inputs: Inputs) -> gate.Protected:
    """Every performance and inspection regime, in force or ended, and what it asks for."""
    at, said = _edition(inputs)
    return _released(inputs, "regimes", rules.in_force(book(inputs, "regimes"), at), "Performance regimes", said)


def crosswalk(inputs: Inputs) -> gate.Protected:
    """For each indicator, the regimes in force that ask for it, in whose words, how often and in which return."""
    at, said = _edition(inputs)
    return _released(inputs, "regimes", rules.crosswalk(book(inputs, "regimes"), at), "Who asks for the same", said)


def barriers(inputs: Inputs) -> gate.Protected:
    """What stands in the way, and what is asked of whom."""
    return _released(inputs, "barriers", book(inputs, "barriers").sort_values("asked_of"), "What stands in the way")


def skills(inputs: Inputs) -> gate.Protected:
    """The partners' commissioning skills, weakest where it matters first."""
    return _released(inputs, "capability", rules.skills(book(inputs, "capability")), "Commissioning skills", STEPS)


def governance(inputs: Inputs) -> gate.Protected:
    """Who may decide what, at which sums, with which quorum, in the order of their next meetings."""
    return _released(inputs, "governance", rules.bodies(book(inputs, "governance")), "Who may decide")


def powers(inputs: Inputs) -> gate.Protected:
    """Where powers to decide leave a gap, overlap, or meet in the wrong order."""
    return _released(inputs, "governance", rules.powers(inputs.book("governance")), "Gaps in the powers to decide")


def review(inputs: Inputs, exact: Measures) -> gate.Protected:
    """What became of earlier decisions: what was expected beside the figures published now."""
    rows, made_up = needs.indicators(inputs, exact).frame, is_made_up(inputs.of_kind("decisions"))
    rows = rows[(rows["area_type"] == "place") & (rows["characteristic"] == "all") & (rows["illustrative"] == made_up)]
    figures = rows[rows["basis"] != "modelled"].drop_duplicates("indicator_id")
    then = {"indicator_then": 1}  # decimal places, as figures are published
    table = rules.review(book(inputs, "decisions").round(then), inputs.book("outcomes"), figures)
    return _released(inputs, "decisions", table, "What became of earlier decisions", CHANGE)


def _edition(inputs: Inputs) -> tuple[pd.Timestamp, str]:
    """The date of this edition, the newest on which one of the place's books was published, and a note of it."""
    published = [each.contract.published for each in inputs.of_kind(*inputs.vocabulary.books)]
    at = pd.Timestamp(max(published, default=None))
    return at, f"In force on {at:%-d %B %Y}, when the newest of the place's books was published." if published else ""


def _released(inputs: Inputs, kind: str, table: pd.DataFrame, title: str, *notes: str) -> gate.Protected:
    return release(table, title, inputs.of_kind(kind), decimals=DECIMALS, notes=notes)
