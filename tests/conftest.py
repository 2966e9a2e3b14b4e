"""Fixtures that tests share: the little place, whole and by its parts."""

import json

import pytest
from little import SLUG, write_little

from illustrative.people import DATA
from illustrative.write import SLUGS
from placelib.measures.shared import measure
from placelib.sources.readers import read_place


@pytest.fixture(scope="session")
def little_data(tmp_path_factory):
    """Data root of the little place; not to be written to."""
    return write_little(tmp_path_factory.mktemp("little") / "data")


@pytest.fixture(scope="session")
def little(little_data):
    """Inputs of the little place, read and checked."""
    return read_place(SLUG, little_data)


@pytest.fixture(scope="session")
def exact(little):
    """Measures of the little place, left of the gate."""
    return measure(little)


@pytest.fixture(scope="session", params=SLUGS)
def planted(request):
    """One illustrative place read and checked, which raises if a file has a fault, and the truth of its books."""
    truth = json.loads((DATA.parent / f"tests/truth/{request.param}-books.json").read_text(encoding="utf8"))
    return read_place(request.param, DATA), truth


@pytest.fixture
def read(tmp_path):
    """Read a place made of the given sources only."""

    def reader(*makers, **settings):
        return read_place(SLUG, write_little(tmp_path / "data", *makers, **settings))

    return reader
