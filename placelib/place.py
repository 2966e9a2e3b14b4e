"""A place: what can be published about it. Every public function of a room of stages is one of its tables."""

import hashlib
import json
import os
import re
from collections.abc import Callable
from functools import cached_property
from inspect import getmembers, isfunction, signature
from pathlib import Path
from typing import Any

from IPython.display import publish_display_data

from placelib.errors import PlacelibError
from placelib.gate import Table
from placelib.kept import Stage, code, hashes, packages
from placelib.measures.shared import Measures, measure
from placelib.settings import Settings, Slug, read_toml
from placelib.sources.readers import SHIPPED, Inputs, input_files, place_folder, read_place
from placelib.stages import assurance, commissioning, issues, money, needs, outcomes

# Each public function of these is a table that may be published, and a property of Place: nothing else is to be added.
ROOMS = (needs, issues, outcomes, money, assurance, commissioning)


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
        return scores | {f"{each}_rank": f"Weights of {self.settings.agency_names[each]}" for each in partners}

    @classmethod
    def stage_names(cls) -> list[str]:
        """Names of all that can be published."""
        return [name for name, value in vars(cls).items() if isinstance(value, Stage)]


def _from_place(make: Callable[..., Table]) -> Callable[[Place], Table]:
    """Give a stage what it asks for; one that asks for no measures does not wait until they are made."""
    if "exact" in signature(make).parameters:
        return lambda place: make(place.inputs, place._exact)
    return lambda place: make(place.inputs)


for _room in ROOMS:
    for _name, _make in getmembers(_room, isfunction):
        if _make.__module__ == _room.__name__ and not _name.startswith("_"):
            setattr(Place, _name, Stage(_name, _from_place(_make)))


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
