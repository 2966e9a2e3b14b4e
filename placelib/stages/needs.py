"""What can be published of a place and its needs: what each table is made of, and how it leaves the gate."""

import numpy as np
import pandas as pd

from placelib import gate, suppression
from placelib.assessment import equality as equality_rules
from placelib.assessment import needs as need_rules
from placelib.assessment import pattern as pattern_rules
from placelib.assessment import spread, weighing
from placelib.measures import answers
from placelib.measures.population import by_place_and_ward
from placelib.measures.shared import Measures
from placelib.sources.readers import Inputs, Source
from placelib.stages.shared import coarsened, covariance, files_of, release, standing, tested_gaps, with_wards

WHO = {"household": "households", "projection": "residents, as projected", "resident": "residents"}
WHO |= {"workday": "people here on a working day"}
EVERYONE = {"characteristic": "all", "category": "all", "share_pct": 100.0}
EVERYONE |= {"characteristic_name": "Everyone", "category_name": "Everyone"}
CREDIT = "Contains OS, ONS and Royal Mail data © Crown and Royal Mail copyright and database right 2022 to 2025."
PLACED_BY = {"lsoa": "small census area (LSOA)", "msoa": "large census area (MSOA)", "point": "grid reference"}


def wards(inputs: Inputs) -> gate.Open:
    """Ward outlines: ward_code, ward_name, geometry (British National Grid)."""
    kind = "approximate, drawn from postcodes" if inputs.geography.approximate else "as published"
    notes = [f"Outlines {kind}. {CREDIT}"]
    return gate.open_table(inputs.geography.wards, f"Wards of {inputs.settings.name}", notes=notes)


def sources(inputs: Inputs) -> gate.Open:
    """Every file: agency, what it is, of whom, from when, under what licence and release class."""
    said = ["title", "agency", "kind", "period_start", "period_end", "release", "licence", "attribution"]
    said += ["illustrative", "note"]
    rows = [each.contract.model_dump(mode="json", include=set(said)) for each in inputs.sources.values()]
    areas = [each.contract.geography.type if each.contract.geography else "place" for each in inputs.sources.values()]
    table = pd.DataFrame(rows)[said].assign(area=areas, source_id=list(inputs.sources))
    table["agency"] = table["agency"].map(inputs.settings.agency_names)
    table[["period_start", "period_end"]] = table[["period_start", "period_end"]].apply(pd.to_datetime)
    table = table.rename(columns={"title": "source", "release": "release_class"}).replace({"area": PLACED_BY})
    return gate.open_table(table, "Files behind this assessment", illustrative=bool(table["illustrative"].any()))


def terms(inputs: Inputs) -> gate.Open:
    """Who calls it what: each shared indicator and each agency's own word for it."""
    feeds = [(each.contract, feed) for each in inputs.sources.values() for feed in each.contract.indicators]
    rows = [(feed.id, said.agency, feed.term, said.title, said.illustrative) for said, feed in feeds]
    columns = ["indicator_id", "agency_id", "agency_term", "source", "illustrative"]
    table = inputs.vocabulary.named(pd.DataFrame(rows, columns=columns))
    table["agency"] = table["agency_id"].map(inputs.settings.agency_names)
    columns = ["domain", "indicator", "agency", "agency_term", "unit", "source", "what_you_should_know"]
    made_up = sources(inputs).illustrative
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
    table = table.sort_values(order, ignore_index=True)
    one = table[table["characteristic"].isin(table["characteristic"][:1])]
    everyone = one.groupby(["area_type", "area_code", "area_name"], as_index=False)["residents"].sum()
    files = [each for each in inputs.of_kind("population") if each.contract.population.basis == "resident"]
    table = pd.concat([table, everyone.assign(**EVERYONE)], ignore_index=True)
    return release("population", table, inputs, files=files)


def people(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Residents, households, workday population and projections of the whole place."""
    titles = {each.name: each.contract.title for each in inputs.of_kind("population")}
    table = exact.headline.drop(columns="illustrative")
    table = table.assign(who=table["basis"].map(WHO), source=table["source_id"].map(titles))
    return release("people", table, inputs, files=files_of(inputs, exact.headline))


def ledger(inputs: Inputs, exact: Measures) -> gate.Protected:
    """What did not match: for each file and indicator, records in all, in a ward, in the place's figure, in no ward."""
    table, base = inputs.vocabulary.named(exact.ledger), inputs.settings.disclosure.rounding_base
    table["agency"] = table["agency"].map(inputs.settings.agency_names)
    table["source"] = table["source_id"].map({name: each.contract.title for name, each in inputs.sources.items()})
    agreed = table["source_id"].map({name: each.contract.threshold for name, each in inputs.sources.items()})
    whole = indicators(inputs, exact).only(area_type="place", mark=gate.SUPPRESSED).frame["indicator_id"]
    table["threshold"] = agreed.mask(table["indicator_id"].isin(whole), np.inf)
    counts, guarded = table[[*inputs.vocabulary.tables["ledger"].counts]], table["release_class"].ne("open")
    hidden = guarded & counts.apply(suppression.is_small, threshold=table["threshold"]).any(axis=1)
    # an exact share of few tells the count, and so would the place in the order of one that is hidden
    told = counts.mask(guarded, suppression.nearest(counts, base))
    table["unmatched_pct"] = (100 * told["unmatched"] / told["records"]).mask(hidden)
    table = table.sort_values("unmatched_pct", ascending=False, ignore_index=True)
    return release("ledger", table, inputs, files=files_of(inputs, exact.ledger))


def response(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Who answered the survey, before and after weighting, beside the population."""
    table = inputs.vocabulary.categories(exact.response)
    shares = ["sample_pct", "before_raking_pct", "weighted_pct"]
    table["category_name"] = table["category_name"].fillna(table["category"].map(inputs.geography.ward_names))
    table["characteristic_name"] = table["characteristic_name"].fillna("Ward")
    places = {"design_effect": 1, "population_pct": 0}
    table = table.astype(dict.fromkeys(places, float)).round(places)
    policy = inputs.settings.disclosure  # answers have a limit of their own
    rounded = suppression.nearest(table["respondents"], policy.rounding_base) / table["respondents"]
    table[shares] = table[shares].mul(rounded, axis=0)  # an exact share of few would give the count back
    table["threshold"] = policy.survey_minimum
    return release("response", table, inputs)


def indicators(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Every indicator for the place, its wards and its groups, beside England and named neighbours."""
    return gate.release_indicators(exact.table, "Shared indicators", policy=inputs.settings.disclosure)


def needs(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Overall need by ward, with how sure each rank is."""
    own, rows = inputs.settings.weights, coarsened(inputs, exact)
    table = need_rules.need_index(rows, covariance(inputs, exact), inputs.vocabulary, weights=own)
    said = {"first": str(rows["period_start"].min())[:4], "last": str(rows["period_end"].max())[:4]}
    return release("needs", _by_rank(table, inputs), inputs, files=files_of(inputs, rows), said=said)


def choices(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Rank of each ward under each partner's weights, other methods, and without the indicator that moves it most."""
    own, at, theirs = inputs.settings.weights, standing(inputs, exact), inputs.settings.partner_weights
    ours = need_rules.domain_weights(inputs.vocabulary, own)
    partners = {who: need_rules.domain_weights(inputs.vocabulary, own | given) for who, given in theirs.items()}
    table, less = weighing.under_each_choice(at, ours, partners), weighing.leave_one_out(at, ours)
    every = table.join(less["rank_without"])
    table = table.assign(highest=every.min(axis=1), lowest=every.max(axis=1))
    table = table.join(less[["left_out", "rank_without"]]).rename_axis("ward_code")
    names = inputs.vocabulary.indicators.set_index("indicator_id")["short_name"].to_dict()
    names |= inputs.vocabulary.domains.set_index("domain_id")["domain"].to_dict()
    table["left_out"] = table["left_out"].map(names).fillna("")
    table = _by_rank(table.reset_index(), inputs)
    return release("choices", table, inputs, files=files_of(inputs, exact.comparable))


def sensitivity(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Which domain's weight the order of the wards depends on, as shares of what changing all weights would do."""
    at = standing(inputs, exact)
    ours = need_rules.domain_weights(inputs.vocabulary, inputs.settings.weights)
    table = weighing.weight_sensitivity(at, ours).rename_axis("domain_id").reset_index()
    table = inputs.vocabulary.domains[["domain_id", "domain"]].merge(table, on="domain_id", validate="1:1")
    return release("sensitivity", table, inputs, files=files_of(inputs, exact.comparable))


def overlap(inputs: Inputs, exact: Measures) -> gate.Protected:
    """For each indicator of the index, the one that ranks the wards most nearly as it does."""
    at = standing(inputs, exact)
    table = inputs.vocabulary.named(weighing.redundancy(at).rename_axis("indicator_id").reset_index())
    table["closest"] = table["closest"].map(inputs.vocabulary.indicators.set_index("indicator_id")["indicator"])
    said = {"shown": len(table), "number": weighing.effective_number(at)}
    return release("overlap", table, inputs, files=files_of(inputs, exact.comparable), said=said)


def comparisons(inputs: Inputs, exact: Measures) -> gate.Protected:
    """The place against England and named neighbours, as differences with their limits."""
    rows = coarsened(inputs, exact)
    table = inputs.vocabulary.named(need_rules.comparisons(rows, inputs.vocabulary))
    # as survey figures leave the gate: whole, and limits outwards to hold the difference of what is shown
    for name, outwards in {"value": np.round, "difference": np.round, "lower": np.floor, "upper": np.ceil}.items():
        table[name] = table[name].mask(table["survey"], outwards(table[name]))
    files = rows.groupby("indicator_id")["source"].agg(lambda titles: "; ".join(titles.unique()))
    table["source"] = table["indicator_id"].map(files)
    return release("comparisons", table, inputs, files=files_of(inputs, rows))


def modelled(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Survey figures by ward, direct and modelled side by side."""
    table = with_wards(inputs.vocabulary.named(exact.modelled), inputs)
    by_rule = table.drop_duplicates(["rule", "indicator_id"]).groupby("rule")["short_name"].agg(", ".join)
    rules = [f"How far wards differ was found by {rule}: {names}." for rule, names in by_rule.items()]
    return release("modelled", table, inputs, said={"rules": " ".join(rules)})


def patterns(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Whether each agency's rates cluster on the map: exploratory."""
    table = pattern_rules.patterns(coarsened(inputs, exact), inputs.geography.wards)
    files = exact.comparable.query("area_type == 'ward'").groupby("indicator_id")["source"].first()
    table = inputs.vocabulary.named(table)
    table["source"] = table["indicator_id"].map(files)
    return release("patterns", table, inputs, files=files_of(inputs, exact.comparable))


def equality(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Gaps between groups of residents and everyone, for every question, largest first, with verdicts."""
    table = inputs.vocabulary.named(tested_gaps(inputs, exact))
    table["gap"], table["area_type"] = table["category_name"] + ": " + table["short_name"].str.lower(), "place"
    table["verdict"] = table["verdict"].mask(table["few_answers"], "not shown")
    return release("equality", table, inputs)


def together(inputs: Inputs, exact: Measures) -> gate.Protected:
    """How many needs fall on the same people, for everyone and by group."""
    table = equality_rules.group_names(exact.together, inputs.vocabulary)
    width = table["upper"].astype(float) - table["lower"].astype(float)
    return release("together", table.assign(area_type="place", width_points=width), inputs)


def gradient(inputs: Inputs, exact: Measures) -> gate.Protected:
    """How far each agency's rate rises from the least to the most deprived wards."""
    rows, words = coarsened(inputs, exact), inputs.vocabulary
    weights = need_rules.domain_weights(words, inputs.settings.weights)
    table = words.named(spread.social_gradient(rows, need_rules.standing(rows, words), weights))
    table = table.sort_values("relative", ascending=False, ignore_index=True)
    by = ", by ".join(["", *table["ordered_by"].unique()])
    return release("gradient", table, inputs, files=_files(inputs, rows, table), said={"by": by})


def funnel(inputs: Inputs, exact: Measures) -> gate.Protected:
    """Which wards have more or fewer events than wards of this place usually do."""
    rows = coarsened(inputs, exact)
    table = with_wards(inputs.vocabulary.named(spread.funnel(rows)), inputs)
    return release("funnel", table, inputs, files=_files(inputs, rows, table))


def associations(inputs: Inputs, exact: Measures) -> gate.Protected:
    """For each question, the characteristics by which answers differ at all."""
    surveys = inputs.of_kind("survey")
    found = [answers.associations(inputs, each, exact.geography) for each in surveys] or [answers.NO_TESTS]
    table = inputs.vocabulary.named(equality_rules.associated(pd.concat(found), inputs.vocabulary))
    return release("associations", table, inputs)


def _by_rank(table: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """Put the wards' names to a table with ward_code and rank, the first first."""
    names = inputs.geography.wards[["ward_code", "ward_name"]]
    return names.merge(table, on="ward_code", validate="1:1").sort_values("rank", ignore_index=True)


def _files(inputs: Inputs, rows: pd.DataFrame, table: pd.DataFrame) -> list[Source]:
    """Files that the wards' figures in a table are made from."""
    return files_of(inputs, rows[rows["indicator_id"].isin(table["indicator_id"]) & (rows["area_type"] == "ward")])
