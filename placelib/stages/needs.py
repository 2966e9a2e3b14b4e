"""What can be published of a place and its needs: what each table is made of, and how it leaves the gate."""

import numpy as np
import pandas as pd

from placelib import gate, suppression
from placelib.assessment import equality as equality_rules
from placelib.assessment import needs as need_rules
from placelib.assessment import pattern as pattern_rules
from placelib.assessment import weighing
from placelib.measures.population import by_place_and_ward
from placelib.measures.shared import Measures
from placelib.sources.readers import Inputs
from placelib.stages.shared import coarsened, files_of, is_made_up, release, titles

WHO = {"household": "households", "projection": "residents, as projected", "resident": "residents"}
WHO |= {"workday": "people here on a working day"}
EVERYONE = {"characteristic": "all", "category": "all", "share_pct": 100.0}
EVERYONE |= {"characteristic_name": "Everyone", "category_name": "Everyone"}
BORROWED = (
    "Modelled figures borrow strength from other wards: they are not ranked, and tell no change over time. In trials on"
    " an invented place their limits held the truth 98 times in 100 over all wards, but in the worst ward of three "
    "questions only 56, 67 and 77 times: a ward unlike the others is drawn too far towards them."
)
PLACED_BY = {"lsoa": "small census area (LSOA)", "msoa": "large census area (MSOA)", "point": "grid reference"}


def wards(inputs: Inputs) -> gate.Open:
    """Ward outlines: ward_code, ward_name, geometry (British National Grid)."""
    kind = "approximate, drawn from postcodes" if inputs.geography.approximate else "as published"
    return gate.open_table(inputs.geography.wards, f"Wards of {inputs.settings.name}", notes=[f"Outlines {kind}."])


def sources(inputs: Inputs) -> gate.Open:
    """Every file: agency, what it is, of whom, from when, under what licence and release class."""
    said = ["title", "agency", "kind", "period_start", "period_end", "release", "licence", "attribution"]
    said += ["illustrative", "note"]
    rows = [each.contract.model_dump(mode="json", include=set(said)) for each in inputs.sources.values()]
    areas = [each.contract.geography.type if each.contract.geography else "place" for each in inputs.sources.values()]
    table = pd.DataFrame(rows)[said].assign(area=areas, source_id=list(inputs.sources))
    table["agency"] = table["agency"].map(inputs.settings.agency_name)
    table = table.rename(columns={"title": "source", "release": "release_class"}).replace({"area": PLACED_BY})
    return gate.open_table(table, "Files behind this assessment", illustrative=is_made_up(inputs.sources.values()))


def terms(inputs: Inputs) -> gate.Open:
    """Who calls it what: each shared indicator and each agency's own word for it."""
    rows = [
        (feed.id, each.contract.agency, feed.term, each.contract.title, each.contract.illustrative)
        for each in inputs.sources.values()
        for feed in each.contract.indicators
    ]
    columns = ["indicator_id", "agency_id", "agency_term", "source", "illustrative"]
    table = inputs.vocabulary.named(pd.DataFrame(rows, columns=columns))
    table["agency"] = table["agency_id"].map(inputs.settings.agency_name)
    columns = ["domain", "indicator", "agency", "agency_term", "unit", "source", "what_you_should_know"]
    made_up = is_made_up(inputs.sources.values())
    return gate.open_table(table[["indicator_id", *columns]], "Who calls it what", illustrative=made_up)


def domains(inputs: Inputs) -> gate.Open:
    """Domains of need: the question that each asks, and its weight in the index here."""
    table = inputs.vocabulary.domains.copy()
    table["weight"] = table["domain_id"].map(inputs.settings.weights).fillna(table["weight"]).astype(float)
    return gate.open_table(table[["domain_id", "domain", "question", "weight"]], "Domains of need")


def population(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Residents of the place and of each ward by characteristic, and all together: residents, share_pct."""
    table = inputs.vocabulary.categories(by_place_and_ward(exact.residents, inputs))
    order = ["area_type", "area_code", "characteristic", "category_order"]
    table = table.sort_values(order, ignore_index=True).drop(columns="category_order")
    one = table[table["characteristic"].isin(table["characteristic"][:1])]
    everyone = one.groupby(["area_type", "area_code", "area_name"], as_index=False)["residents"].sum()
    files = [each for each in inputs.of_kind("population") if each.contract.population.basis == "resident"]
    table = pd.concat([table, everyone.assign(**EVERYONE)], ignore_index=True).assign(source=titles(files))
    decimals = {"residents": 0, "share_pct": 1}
    notes = ["Method: counts, shared out where areas straddle wards."]
    made_up = is_made_up(inputs.of_kind("population"))
    return gate.release_statistics(table, "Who lives here", decimals=decimals, illustrative=made_up, notes=notes)


def people(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Residents, households, workday population and projections of the whole place."""
    titles = {each.name: each.contract.title for each in inputs.of_kind("population")}
    table = exact.headline.drop(columns="illustrative")
    table = table.assign(who=table["basis"].map(WHO), source=table["source_id"].map(titles))
    return release(table, "People who live and work here", files_of(inputs, exact.headline))


def ledger(inputs: Inputs, exact: Measures) -> gate.Protected:
    """What did not match: for each file and indicator, records in all, in a ward, in the place's figure, in no ward."""
    table = inputs.vocabulary.named(exact.ledger)
    table["unmatched_pct"] = 100 * table["unmatched"] / table["records"]
    table = table.sort_values("unmatched_pct", ascending=False, ignore_index=True)
    table["agency"] = table["agency"].map(inputs.settings.agency_name)
    table["source"] = table["source_id"].map({name: each.contract.title for name, each in inputs.sources.items()})
    counts = ["records", "matched", "in_the_place", "unmatched"]
    names = ["source_id", "source", "agency", "indicator_id", "indicator", "release_class"]
    columns = [*names, *counts, "unmatched_pct", "reason"]
    agreed = table["source_id"].map({name: each.contract.threshold for name, each in inputs.sources.items()})
    whole = indicators(inputs, exact).only(area_type="place", mark=gate.SUPPRESSED).frame["indicator_id"]
    return gate.release_counts(
        table[columns].assign(threshold=agreed.mask(table["indicator_id"].isin(whole), np.inf)),
        "Records that match no ward",
        counts=counts,
        shares=["unmatched_pct"],
        policy=inputs.settings.disclosure,
        illustrative=bool(exact.ledger["illustrative"].any()),
    )


def response(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Who answered the survey, before and after weighting, beside the population."""
    table = inputs.vocabulary.categories(exact.response).assign(source=titles(inputs.of_kind("survey")))
    shares = ["sample_pct", "before_raking_pct", "weighted_pct"]
    table["category_name"] = table["category_name"].fillna(
        table["category"].map(inputs.geography.wards.set_index("ward_code")["ward_name"])
    )
    table["characteristic_name"] = table["characteristic_name"].fillna("Ward")
    table["design_effect"] = table["design_effect"].astype(float).round(1)
    table["population_pct"] = table["population_pct"].astype(float).round(0)
    policy = inputs.settings.disclosure  # answers have a limit of their own
    rounded = suppression.nearest(table["respondents"], policy.rounding_base) / table["respondents"]
    table[shares] = table[shares].mul(rounded, axis=0)  # an exact share of few would give the count back
    policy = policy.model_copy(update={"administrative_threshold": policy.survey_minimum})
    return gate.release_counts(
        table.drop(columns=["illustrative"]),
        "Who answered the survey",
        counts=["respondents", "everyone"],
        shares=shares,
        policy=policy,
        illustrative=bool(exact.response["illustrative"].any()),
        parts_of="characteristic",
    )


def indicators(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Every indicator for the place, its wards and its groups, beside England and named neighbours."""
    return gate.release_indicators(exact.table, "Shared indicators", policy=inputs.settings.disclosure)


def needs(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Overall need by ward, with how sure each rank is."""
    own, rows = inputs.settings.weights, coarsened(inputs, exact)
    table = need_rules.need_index(rows, exact.covariance, inputs.vocabulary, weights=own)
    notes = [
        "Method: each indicator as a multiple of the level compared with; domains weighted as place.toml says, or else "
        "the shared vocabulary.",
        "Ranges allow for sampling and chance, not for the age of a file or for sharing areas between wards.",
    ]
    return release(_by_rank(table, inputs), "Overall need by ward", files_of(inputs, rows), notes=notes)


def choices(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Rank of each ward under each partner's weights, other methods, and without the indicator that moves it most."""
    own, at = inputs.settings.weights, need_rules.standing(coarsened(inputs, exact), inputs.vocabulary)
    ours = need_rules.domain_weights(inputs.vocabulary, own)
    partners = {
        partner: need_rules.domain_weights(inputs.vocabulary, own | theirs)
        for partner, theirs in inputs.settings.partner_weights.items()
    }
    table = weighing.under_each_choice(at, ours, partners)
    table = table.join(weighing.leave_one_out(at, ours)[["left_out", "rank_without"]]).rename_axis("ward_code")
    names = inputs.vocabulary.indicators.set_index("indicator_id")["short_name"].to_dict()
    names |= inputs.vocabulary.domains.set_index("domain_id")["domain"].to_dict()
    table["left_out"] = table["left_out"].map(names).fillna("")
    return release(_by_rank(table.reset_index(), inputs), "Ranks by other choices", files_of(inputs, exact.comparable))


def sensitivity(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Which domain's weight the order of the wards depends on, as shares of what changing all weights would do."""
    at = need_rules.standing(coarsened(inputs, exact), inputs.vocabulary)
    ours = need_rules.domain_weights(inputs.vocabulary, inputs.settings.weights)
    table = weighing.weight_sensitivity(at, ours).rename_axis("domain_id").reset_index()
    table["alone_pct"], table["with_others_pct"] = 100 * table["order_first"], 100 * table["order_total"]
    table = inputs.vocabulary.domains[["domain_id", "domain"]].merge(table, on="domain_id", validate="1:1")
    table = table[["domain_id", "domain", "weight", "alone_pct", "with_others_pct"]]
    return release(table, "What the order depends on", files_of(inputs, exact.comparable), decimals={"weight": 2})


def overlap(inputs: Inputs, exact: Measures) -> gate.Protected:
    """For each indicator of the index, the one that ranks the wards most nearly as it does."""
    at = need_rules.standing(coarsened(inputs, exact), inputs.vocabulary)
    table = inputs.vocabulary.named(weighing.redundancy(at).rename_axis("indicator_id").reset_index())
    table["closest"] = table["closest"].map(inputs.vocabulary.indicators.set_index("indicator_id")["indicator"])
    table = table[["indicator_id", "indicator", "closest", "rank_correlation", "says_the_same"]]
    number = weighing.effective_number(at)
    notes = [f"The {len(table)} indicators say as much as about {number:.0f} unrelated ones would."]
    decimals = {"rank_correlation": 2}
    return release(table, "Indicators that overlap", files_of(inputs, exact.comparable), decimals=decimals, notes=notes)


def comparisons(inputs: Inputs, exact: Measures) -> gate.Protected:
    """The place against England and named neighbours, as differences with their limits."""
    rows = coarsened(inputs, exact)
    columns = ["indicator_id", "indicator", "short_name", "domain_id", "domain", "comparator", "comparator_type"]
    decimals = dict.fromkeys(["value", "comparator_value", "difference", "lower", "upper"], 1) | {"ratio": 2}
    table = inputs.vocabulary.named(need_rules.comparisons(rows, inputs.vocabulary))
    # as survey figures leave the gate: whole, and limits outwards to hold the difference of what is shown
    for name, outwards in {"value": np.round, "difference": np.round, "lower": np.floor, "upper": np.ceil}.items():
        table[name] = table[name].mask(table["survey"], outwards(table[name]))
    files = rows.groupby("indicator_id")["source"].agg(lambda titles: "; ".join(titles.unique()))
    table["source"] = table["indicator_id"].map(files)
    table = table[[*columns, "unit", "direction", *decimals, "verdict", "source"]]
    made_up = bool(rows["illustrative"].any())
    title = "Each measure beside the same measure elsewhere"
    notes = ["Method: differences, with 95% limits that allow for all comparisons together."]
    return gate.release_statistics(table, title, decimals=decimals, illustrative=made_up, notes=notes)


def modelled(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Survey figures by ward, direct and modelled side by side."""
    names = inputs.geography.wards[["ward_code", "ward_name"]]
    table = inputs.vocabulary.named(exact.modelled.merge(names, on="ward_code", validate="m:1"))
    numbers = ["direct", "direct_lower", "direct_upper", "value", "lower", "upper", "moved", "direct_weight_pct"]
    columns = ["indicator_id", "indicator", "short_name", "unit", "ward_code", "ward_name", *numbers]
    table = table[[*columns, "respondents", "effective_respondents", "basis", "rule", "illustrative"]]
    table["source"] = titles(inputs.of_kind("survey"))
    by_rule = table.drop_duplicates(["rule", "indicator_id"]).groupby("rule")["short_name"].agg(", ".join)
    rules = [f"How far wards differ was found by {rule}: {names}." for rule, names in by_rule.items()]
    return gate.release_survey(
        table,
        "Survey figures by ward, direct and modelled",
        decimals=dict.fromkeys(numbers, 0),
        policy=inputs.settings.disclosure,
        notes=[BORROWED, *rules],
    )


def patterns(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Whether each agency's rates cluster on the map: exploratory."""
    table = pattern_rules.patterns(coarsened(inputs, exact), inputs.geography.wards)
    files = exact.comparable.query("area_type == 'ward'").groupby("indicator_id")["source"].first()
    table = inputs.vocabulary.named(table)[["indicator_id", "indicator", "moran", "p_value", "reading", "stand_out"]]
    table["source"] = table["indicator_id"].map(files)
    return release(
        table, "Patterns on the map", files_of(inputs, exact.comparable), decimals={"moran": 2, "p_value": 3}
    )


def equality(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Gaps between groups of residents and everyone, for every question, largest first, with verdicts."""
    table = equality_rules.group_gaps(exact.gaps, inputs.vocabulary)
    table = inputs.vocabulary.named(equality_rules.group_names(table, inputs.vocabulary))
    table["gap"], table["area_type"] = table["category_name"] + ": " + table["short_name"].str.lower(), "place"
    table["source"] = titles(inputs.of_kind("survey"))
    points = ["value", "everyone", "difference", "difference_lower", "difference_upper"]
    names = ["gap", "area_type", "group_size", "indicator_id", "indicator", "short_name", "domain", "characteristic"]
    names += ["characteristic_name", "category", "category_name", "family", "comparisons"]
    names += ["respondents", "effective_respondents", "illustrative"]
    decimals = dict.fromkeys(points, 0) | {"ratio": 1}
    return gate.release_survey(
        table[[*names, *decimals, "verdict", "source"]],
        "Gaps between groups and everyone",
        decimals=decimals,
        policy=inputs.settings.disclosure,
        notes=[equality_rules.RULE],
    )


def together(inputs: Inputs, exact: Measures) -> gate.Protected:
    """How many needs fall on the same people, for everyone and by group."""
    table = equality_rules.group_names(exact.together, inputs.vocabulary)
    table["area_type"], table["source"] = "place", titles(inputs.of_kind("survey"))
    table["width_points"] = table["upper"].astype(float) - table["lower"].astype(float)
    decimals = dict.fromkeys(["value", "lower", "upper", "expected"], 0)
    policy = inputs.settings.disclosure
    return gate.release_survey(table, "Needs that fall on the same people", decimals=decimals, policy=policy)


def _by_rank(table: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """Put the wards' names to a table with ward_code and rank, the first first."""
    names = inputs.geography.wards[["ward_code", "ward_name"]]
    return names.merge(table, on="ward_code", validate="1:1").sort_values("rank", ignore_index=True)
