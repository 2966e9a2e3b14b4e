"""Write both illustrative places and their truth: `python data/illustrative`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the folder that holds this one: it is no part of placelib

from illustrative.people import DATA
from illustrative.write import SLUGS, write_place

for slug in SLUGS:
    write_place(slug, DATA, DATA.parent / "tests/truth")
