"""place.toml: what a partnership decides about its own place, checked."""

import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from placelib.errors import Fault, InputFaults

Slug = r"^[a-z0-9]+(-[a-z0-9]+)*$"
Weight = Annotated[float, Field(ge=0)]
RULES = tomllib.loads(Path(__file__).with_name("faults.toml").read_text(encoding="utf8"))


class Strict(BaseModel):
    """A frozen model in which an unknown key is an error, and so is a rule of its own that is broken."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def broken(self) -> dict[str, bool]:
        """Whether each rule that no single key can tell is broken."""
        return {}

    @model_validator(mode="after")
    def _rules(self) -> Self:
        wrong = [rule for rule, is_broken in self.broken().items() if is_broken]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


class Agency(Strict):
    """A partner: who it is, what it is called here, and the partner that it is part of, whose bodies decide for it."""

    id: str
    name: str
    part_of: str = ""


class Disclosure(Strict):
    """The partnership's own limits, never looser than the gate's (see placelib.gate)."""

    administrative_threshold: int = Field(default=8, ge=5, description="the smallest count shown")
    rounding_base: int = Field(default=5, ge=5, description="counts are shown to the nearest")
    survey_minimum: int = Field(default=10, ge=10, description="fewest respondents behind a figure")


class Settings(Strict):
    """A partnership's settings.

    Parameters
    ----------
    name : str
        The place as readers know it.
    area_code : str
        GSS code of the local authority district.
    ward_vintage : str
        Year of the ward boundaries, as ONS names them.
    edition : str
        Label of this edition of the assessment, used as a folder name.
    meeting : date
        When partners meet to take this edition; left out where that is not yet known.
    agencies : list of Agency
        The partners; every source names one of them.
    weights : dict of str to float
        Domain weights of the need index where the partnership sets its own.
    partner_weights : dict of str to dict
        The weights that a partner, by its id, would rather have; domains it does not name keep the partnership's.
    discount_rate : float
        What later years count less by, a year: HM Treasury's standard rate (Green Book, 2026), which falls by half a
        point from year 31.
    """

    name: str
    area_code: str = Field(pattern=r"^E0[6-9]\d{6}$")
    ward_vintage: Literal["2025"]
    edition: str = Field(pattern=Slug)
    meeting: date | None = None
    agencies: tuple[Agency, ...] = Field(min_length=2)
    weights: dict[str, Weight] = {}
    partner_weights: dict[str, dict[str, Weight]] = {}
    disclosure: Disclosure = Disclosure()
    discount_rate: float = Field(default=0.035, ge=0, le=0.2)

    @property
    def agency_names(self) -> dict[str, str]:
        """Name of each partner by its id."""
        return {agency.id: agency.name for agency in self.agencies}


Model = TypeVar("Model", bound=BaseModel)


def read_toml(path: Path, model: type[Model]) -> Model:
    """Read a TOML file into a checked model.

    Parameters
    ----------
    path : Path
        The file.
    model : type
        The pydantic model that states its rules.

    Raises
    ------
    InputFaults
        All that is wrong with the file, each with its key.
    """
    name = f"{path.parent.name}/{path.name}"
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf8")))
    except FileNotFoundError:
        faults = [Fault(name, "the file is missing", "add it, or correct the name")]
    except ValidationError as error:
        faults = [_fault(name, item) for item in error.errors(include_url=False)]
    except ValueError as error:  # of TOML, or of its encoding
        mend = "correct the line (a date is written 2026-10-14, without quotation marks)"
        faults = [Fault(name, f"is not valid TOML in UTF-8: {error}", mend)]
    raise InputFaults(faults)


def _fault(file: str, item: Any) -> Fault:  # noqa: ANN401 - pydantic's own error dictionary
    kind = item["loc"][-1] if item["type"] == "string_pattern_mismatch" else item["type"]
    rule, mend = RULES.get(kind, RULES.get(kind.split("_")[0], ("{own}", "correct the value")))
    own = item["msg"].removeprefix("Value error, ")
    rule = rule.format(own=own[:1].lower() + own[1:], **item.get("ctx", {}))
    return Fault(file, rule, mend, ".".join(map(str, item["loc"])))
