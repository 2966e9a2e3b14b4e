"""Write the margins that the illustrative survey of Brighton and Hove is raked to, and the survey's own fingerprint.

Run in this folder before make_illustrative.R, when the test says that the survey or its margins have changed.
"""

import hashlib
from pathlib import Path

import pandas as pd

from placelib.measures.answers import weighted_design
from placelib.measures.design import Design
from placelib.sources.readers import Inputs, read_place

DATA = Path(__file__).parents[2] / "data"
SURVEY = DATA / "brighton-and-hove" / "sources" / "city_survey.csv"
RESULTS = Path(__file__).parent / "results"
MARGINS = {"age_band × sex": "age_sex", "disability": "disability", "ward": "ward_code"}


def published() -> tuple[Inputs, Design]:
    """Read the place, and give its survey's design as it is published."""
    inputs = read_place("brighton-and-hove", DATA)
    source = inputs.sources["survey"]
    ward = inputs.geography.locate(source.frame, source.contract.geography).set_index("row")["ward_code"]
    return inputs, weighted_design(inputs, source, inputs.geography, ward.reindex(source.frame.index))


def margins(inputs: Inputs, design: Design) -> pd.DataFrame:
    """Targets of the raking, in the words of the survey's file."""
    words = {}
    for column in ("age_band", "sex", "disability"):
        words |= {code: told for told, code in inputs.sources["survey"].contract.columns[column].codes.items()}
    rows = [
        (MARGINS[aim.name], " ".join(words.get(part, part) for part in category.split(" × ")), people)
        for aim in design.calibration.targets
        for category, people in aim.items()
    ]
    return pd.DataFrame(rows, columns=["margin", "category", "people"]).sort_values(["margin", "category"])


def fingerprint() -> str:
    """Give the SHA-256 of the survey's file."""
    return hashlib.sha256(SURVEY.read_bytes()).hexdigest()


if __name__ == "__main__":
    margins(*published()).to_csv(RESULTS / "illustrative_targets.csv", index=False)
    (RESULTS / "illustrative.sha256").write_text(f"{fingerprint()}  {SURVEY.name}\n")
