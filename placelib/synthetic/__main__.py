"""Write both illustrative places and their truth: `python -m placelib.synthetic`."""

from placelib.synthetic.people import DATA
from placelib.synthetic.write import SLUGS, write_place

for slug in SLUGS:
    write_place(slug, DATA, DATA.parent / "tests/truth")
