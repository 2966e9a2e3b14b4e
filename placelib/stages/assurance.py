"""What can be published of assurance: risks, who answers, who asks, skills, who may decide, and earlier decisions."""

from placelib import gate
from placelib.commissioning import assurance as rules
from placelib.commissioning import risks as risk_rules
from placelib.measures.shared import Measures
from placelib.sources.readers import Inputs
from placelib.stages import needs
from placelib.stages.shared import book, edition, is_made_up, release


def risks(inputs: Inputs) -> gate.Protected:
    """The risk register, largest expected loss first, with each risk's share of a bad year."""
    table = risk_rules.register(book(inputs, "risks")).assign(unit="£ million a year", basis="modelled")
    return release("risks", table, inputs)


def exposure(inputs: Inputs) -> gate.Protected:
    """What all risks together could cost in a year."""
    return release("exposure", risk_rules.exposure(inputs.book("risks")), inputs)


def accountability(inputs: Inputs) -> gate.Protected:
    """Who decides, pays, delivers, answers and is consulted for each outcome, with gaps and overlaps."""
    table = rules.accountability(book(inputs, "rights"), inputs.book("outcomes"))
    return release("accountability", table, inputs)


def regimes(inputs: Inputs) -> gate.Protected:
    """Every performance and inspection regime, in force or ended, and what it asks for."""
    at = edition(inputs)
    return release("regimes", rules.in_force(book(inputs, "regimes"), at), inputs, said={"at": at})


def crosswalk(inputs: Inputs) -> gate.Protected:
    """For each indicator, the regimes in force that ask for it, in whose words, how often and in which return."""
    at = edition(inputs)
    return release("crosswalk", rules.crosswalk(book(inputs, "regimes"), at), inputs, said={"at": at})


def barriers(inputs: Inputs) -> gate.Protected:
    """What stands in the way, and what is asked of whom."""
    return release("barriers", book(inputs, "barriers").sort_values("asked_of"), inputs)


def skills(inputs: Inputs) -> gate.Protected:
    """The partners' commissioning skills, weakest where it matters first."""
    return release("skills", rules.skills(book(inputs, "capability")), inputs)


def governance(inputs: Inputs) -> gate.Protected:
    """Who may decide what, at which sums, with which quorum, in the order of their next meetings."""
    return release("governance", rules.bodies(book(inputs, "governance")), inputs)


def powers(inputs: Inputs) -> gate.Protected:
    """Where powers to decide leave a gap, overlap, or meet in the wrong order."""
    return release("powers", rules.powers(inputs.book("governance")), inputs)


def review(inputs: Inputs, exact: Measures) -> gate.Protected:
    """What became of earlier decisions: what was expected beside the figures published now."""
    rows, made_up = needs.indicators(inputs, exact).frame, is_made_up(inputs.of_kind("decisions"))
    rows = rows[(rows["area_type"] == "place") & (rows["characteristic"] == "all") & (rows["illustrative"] == made_up)]
    figures = rows[rows["basis"] != "modelled"].drop_duplicates("indicator_id")
    then = {"indicator_then": 1}  # decimal places, as figures are published
    table = rules.review(book(inputs, "decisions").round(then), inputs.book("outcomes"), figures)
    table["to_discuss"] = table["verdict"].isin(rules.VERDICTS) | table["status"].eq("late")
    return release("review", table, inputs)
