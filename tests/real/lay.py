"""Lay the contracts of the real places and their open data together in a data folder, as an analyst would."""

import os
import re
import shutil
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SLUGS = ("brighton-and-hove", "tower-hamlets")
SHIPPED = HERE.parents[1] / "data"


def real() -> Path:
    """Where the open data are: the variable PLACELIB_REAL, else a folder beside the repository."""
    return Path(os.environ.get("PLACELIB_REAL", HERE.parents[2] / "shared" / "real"))


def need_real_data() -> None:
    """Skip the test where the open data are not; fail it where CI is "true", which allows no skip."""
    if not any(real().glob("population/*.csv.gz")):
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent("the real open data are not here: set PLACELIB_REAL to their folder (see tests/real/README.md)")


def lay(data: Path) -> Path:
    """Put both places into an empty data folder; vocabulary and geography stay those that come with placelib."""
    found = {path.name: path for path in real().rglob("*") if path.is_file()}
    for slug in SLUGS:
        shutil.copytree(HERE / slug, data / slug)
        for contract in sorted((data / slug / "sources").glob("*.toml")):
            file = contract.with_name(tomllib.loads(contract.read_text(encoding="utf8"))["file"])
            if not file.exists():
                shutil.copyfile(found[file.name], file)
    return data


def lay_survey(data: Path, slug: str) -> None:
    """Add the place's illustrative survey, not raked: the open data do not count its margins by age."""
    contracts = (path.read_text(encoding="utf8") for path in (SHIPPED / slug / "sources").glob("*.toml"))
    survey = next(text for text in contracts if tomllib.loads(text)["kind"] == "survey")
    shutil.copy(SHIPPED / slug / "sources" / tomllib.loads(survey)["file"], data / slug / "sources")
    plain = re.sub(r"^rake = .*$", "", survey, flags=re.MULTILINE)
    (data / slug / "sources" / "survey.toml").write_text(plain, encoding="utf8")
