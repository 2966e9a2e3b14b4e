"""A place: the list of what can be published about it. Each stage is a room's function, then the gate."""

import hashlib
import json
import os
import re
from functools import cached_property
from pathlib import Path
from typing import Any

from IPython.display import publish_display_data

from placelib.errors import PlacelibError
from placelib.kept import Stage, code, hashes, packages
from placelib.measures.shared import Measures, measure
from placelib.settings import Settings, Slug, read_toml
from placelib.sources.readers import SHIPPED, Inputs, input_files, place_folder, read_place
from placelib.stages import assurance, commissioning, money, needs, outcomes


class Place:
    """A partnership's place: open it with `placelib.open_place`; each property is a table that may be published.

    Parameters
    ----------
    slug : str
        Folder of the place.
    edition : str
        Label of the edition; empty for the place's own.
    data : Path
        The data folder.
    """

    def __init__(self, slug: str, edition: str, data: Path) -> None:
        self.slug, self.data, self.opened = slug, data, {}
        self.settings = read_toml(place_folder(slug, data) / "place.toml", Settings)
        self.edition = edition or self.settings.edition
        if not re.fullmatch(Slug, self.edition):
            raise PlacelibError(f"'{edition}' cannot name an edition: use small letters, digits and single hyphens.")
        self.cache = Path(os.environ.get("PLACELIB_CACHE", data.parent / ".cache")) / "placelib" / slug

    def __repr__(self) -> str:
        made_up = ", illustrative data" if self.illustrative else ""
        return f"{self.settings.name}, edition {self.edition}{made_up}"

    @cached_property
    def rests_on(self) -> dict[str, Any]:
        """All that the place's numbers rest on: every input file, every file of placelib, every package beside it."""
        inputs = hashes(input_files(self.slug, self.data), self.data, SHIPPED)
        return {"code": code(), "packages": packages(), "inputs": inputs}

    @cached_property
    def fingerprint(self) -> str:
        """One hash of it."""
        return hashlib.sha256(json.dumps(self.rests_on).encode()).hexdigest()

    @cached_property
    def inputs(self) -> Inputs:
        """Every file of the place, read and checked; raises InputFaults with all faults together."""
        return read_place(self.slug, self.data)

    @cached_property
    def _exact(self) -> Measures:
        return measure(self.inputs)

    @property
    def unprotected(self) -> Measures:
        """The exact measures, for an analyst who asks by name: it marks the notebook as not for publication."""
        publish_display_data({"text/plain": "Unprotected data: this notebook cannot be published."},
                             {"placelib": {"unprotected": True}})  # fmt: skip
        return self._exact

    @property
    def illustrative(self) -> bool:
        """Whether anything about the place is made up."""
        return self.sources.illustrative

    @property
    def headings(self) -> dict[str, str]:
        """Heading of each domain's score in `needs`, and of each partner's rank in `choices`."""
        domains = self.domains.frame
        scores = dict(zip(domains["domain_id"] + "_score", domains["domain"], strict=True))
        partners = self.settings.partner_weights
        return scores | {f"{each}_rank": f"Weights of {self.settings.agency_name(each)}" for each in partners}

    @classmethod
    def stage_names(cls) -> list[str]:
        """Names of all that can be published."""
        return [name for name, value in vars(cls).items() if isinstance(value, Stage)]

    wards = Stage(lambda place: needs.wards(place.inputs))
    sources = Stage(lambda place: needs.sources(place.inputs))
    terms = Stage(lambda place: needs.terms(place.inputs))
    domains = Stage(lambda place: needs.domains(place.inputs))
    population = Stage(lambda place: needs.population(place.inputs, place._exact))
    people = Stage(lambda place: needs.people(place.inputs, place._exact))
    ledger = Stage(lambda place: needs.ledger(place.inputs, place._exact))
    response = Stage(lambda place: needs.response(place.inputs, place._exact))
    indicators = Stage(lambda place: needs.indicators(place.inputs, place._exact))
    needs = Stage(lambda place: needs.needs(place.inputs, place._exact))
    choices = Stage(lambda place: needs.choices(place.inputs, place._exact))
    sensitivity = Stage(lambda place: needs.sensitivity(place.inputs, place._exact))
    overlap = Stage(lambda place: needs.overlap(place.inputs, place._exact))
    comparisons = Stage(lambda place: needs.comparisons(place.inputs, place._exact))
    modelled = Stage(lambda place: needs.modelled(place.inputs, place._exact))
    patterns = Stage(lambda place: needs.patterns(place.inputs, place._exact))
    equality = Stage(lambda place: needs.equality(place.inputs, place._exact))
    together = Stage(lambda place: needs.together(place.inputs, place._exact))
    issues = Stage(lambda place: needs.issues(place.inputs, place._exact))
    commentary = Stage(lambda place: needs.commentary(place.inputs, place._exact))
    unknowns = Stage(lambda place: needs.unknowns(place.inputs, place._exact))
    standard = Stage(lambda place: outcomes.standard(place.inputs, place._exact))
    aspirations = Stage(lambda place: outcomes.aspirations(place.inputs, place._exact))
    scores = Stage(lambda place: outcomes.scores(place.inputs, place._exact))
    unmet = Stage(lambda place: outcomes.unmet(place.inputs, place._exact))
    unlinked = Stage(lambda place: outcomes.unlinked(place.inputs, place._exact))
    outcomes = Stage(lambda place: outcomes.outcomes(place.inputs, place._exact))
    variation = Stage(lambda place: outcomes.variation(place.inputs, place._exact))
    evaluation = Stage(lambda place: outcomes.evaluation(place.inputs))
    total_spend = Stage(lambda place: money.total_spend(place.inputs))
    spend_by_ward = Stage(lambda place: money.spend_by_ward(place.inputs, place._exact))
    spend_and_need = Stage(lambda place: money.spend_and_need(place.inputs, place._exact))
    funds = Stage(lambda place: money.funds(place.inputs))
    overspend = Stage(lambda place: money.overspend(place.inputs))
    reprofile = Stage(lambda place: money.reprofile(place.inputs))
    frontier = Stage(lambda place: money.frontier(place.inputs))
    leverage = Stage(lambda place: money.leverage(place.inputs))
    payments = Stage(lambda place: money.payments(place.inputs))
    risks = Stage(lambda place: assurance.risks(place.inputs))
    exposure = Stage(lambda place: assurance.exposure(place.inputs))
    accountability = Stage(lambda place: assurance.accountability(place.inputs))
    regimes = Stage(lambda place: assurance.regimes(place.inputs))
    crosswalk = Stage(lambda place: assurance.crosswalk(place.inputs))
    barriers = Stage(lambda place: assurance.barriers(place.inputs))
    skills = Stage(lambda place: assurance.skills(place.inputs))
    governance = Stage(lambda place: assurance.governance(place.inputs))
    powers = Stage(lambda place: assurance.powers(place.inputs))
    review = Stage(lambda place: assurance.review(place.inputs, place._exact))
    options = Stage(lambda place: commissioning.options(place.inputs))
    switching = Stage(lambda place: commissioning.switching(place.inputs))
    option_money = Stage(lambda place: commissioning.option_money(place.inputs))
    providers = Stage(lambda place: commissioning.providers(place.inputs))
    provider_kinds = Stage(lambda place: commissioning.provider_kinds(place.inputs))
    candidates = Stage(lambda place: commissioning.candidates(place.inputs, place._exact))
    knock_on = Stage(lambda place: commissioning.knock_on(place.inputs, place._exact))
    equality_impact = Stage(lambda place: commissioning.equality_impact(place.inputs, place._exact))
    decision_records = Stage(lambda place: commissioning.decision_records(place.inputs, place._exact))
    shared_suppliers = Stage(lambda place: commissioning.shared_suppliers(place.inputs))
    prices_apart = Stage(lambda place: commissioning.prices_apart(place.inputs))
    contract_ends = Stage(lambda place: commissioning.contract_ends(place.inputs))


def open_place(place: str, edition: str = "", data: str = "") -> Place:
    """Open a place by the name of its folder.

    Parameters
    ----------
    place : str
        Folder of the place in the data folder, such as "brighton-and-hove".
    edition : str
        Label of the edition; empty for the one in place.toml.
    data : str
        The data folder; empty for the one that comes with placelib.

    Raises
    ------
    PlacelibError
        If there is no such place; says which there are.
    """
    return Place(place, edition, Path(data) if data else SHIPPED)
