"""Write both illustrative places and their truth: `python -m placelib.synthetic`."""

from placelib.synthetic.write import DATA, SLUGS, write_place

for slug in SLUGS:
    write_place(slug, DATA, DATA.parent / "tests/truth")
