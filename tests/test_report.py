"""Reports: one page that needs nothing, runs nothing, and can be read by everyone."""

import base64
from dataclasses import replace
from datetime import date

import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from shown import HOSTILE, NAMES, burglary, needs, wards

from placelib.errors import PlacelibError
from placelib.publish.maps import ward_map
from placelib.publish.report import Cover, clean, to_html
from placelib.publish.tables import Shown, show

COVER = Cover(place="Northby", edition="2026", illustrative=False, code=False)


def shown(*objects, source="show(place.needs)"):
    """A cell that has shown the objects, as a notebook keeps it."""
    outputs = []
    for each in objects:
        data, metadata = each._repr_mimebundle_() if hasattr(each, "_repr_mimebundle_") else (
            {"text/html": each._repr_html_(), "text/plain": repr(each)}, {})  # fmt: skip
        if "image/png" in data:
            data["image/png"] = base64.b64encode(data["image/png"]).decode()
        outputs.append(new_output("display_data", data=data, metadata=metadata))
    return new_code_cell(source, outputs=outputs)


def notebook(*cells, title="# What do we need?"):
    """A notebook of these cells under a title."""
    parameters = new_code_cell("place = 'northby'", metadata={"tags": ["parameters"]})
    return new_notebook(cells=[new_markdown_cell(title), parameters, *cells])


def page(*cells, cover=COVER):
    """The report of such a notebook, parsed."""
    return BeautifulSoup(to_html(notebook(*cells), cover), "html.parser")


@pytest.fixture(scope="module")
def report():
    """A report with a map and a table."""
    cells = [new_markdown_cell("## Where?"), shown(ward_map(wards(), needs(), "score")), shown(show(burglary()))]
    return BeautifulSoup(to_html(notebook(*cells), COVER), "html.parser")


def test_a_page_has_its_landmarks(report):
    """Language, title, one h1, a skip link to the main part, contents and footer."""
    assert report.html["lang"] == "en-GB"
    assert report.title.get_text() == "What do we need?: Northby, 2026"
    assert [h1.get_text() for h1 in report.select("h1")] == ["What do we need?"]
    assert report.select_one("a.skip")["href"] == "#" + report.main["id"]
    assert [link["href"] for link in report.nav.select("a")] == ["#" + report.main.h2["id"]]
    assert "Accessibility" in report.footer.get_text()


def test_a_page_needs_nothing_from_outside(report):
    """Nothing is fetched: pictures are inline, there is no link, frame or script, and a policy forbids them."""
    assert report.select("script, link, iframe, object, embed, form, [srcset], [background]") == []
    assert all(img["src"].startswith("data:image/png;base64,") for img in report.select("img"))
    assert all(a["href"].startswith("#") for a in report.select("a"))
    assert "@import" not in report.style.get_text()
    assert "url(" not in report.style.get_text()
    assert report.select_one("meta[http-equiv]")["content"].startswith("default-src 'none'")


def test_a_picture_comes_with_words_and_numbers(report):
    """Alternative text, and the table behind the picture, folded."""
    figure = report.select_one("figure")
    assert figure.img["alt"].startswith("Wish and Regency are among the five")
    assert [th.get_text() for th in figure.select('details th[scope="row"]')] == NAMES


def test_names_of_pages_lead_to_them():
    """Wherever prose, a table or a note names a page of the report; not where the report has no such page."""
    cover = Cover("Northby", "2026", illustrative=False, code=False, links={"notebooks/01_place.html": "Who & where"})
    named = Shown("Notes, see 01_place", ["Note"], [False], [["<b> (01_place), 03_needs"]], ["Listed in 01_place."])
    found = page(new_markdown_cell("More in `01_place` and `09_else`."), shown(named), cover=cover).main
    assert [(link["href"], link.get_text()) for link in found.select("a")] == [
        ("notebooks/01_place.html", "01_place")
    ] * 4
    assert found.p.get_text() == "More in 01_place and 09_else."
    assert found.tbody.th.get_text() == "<b> (01_place), 03_needs"
    assert page(new_markdown_cell("More in `01_place`.")).main.select("a") == []


def test_links_to_a_heading_of_a_notebook_lead_to_that_of_its_page():
    """What JupyterLab follows from notebook to notebook, a reader follows from page to page; elsewhere it is words."""
    cover = replace(COVER, links={"notebooks/01_place.html": "Who & where"})
    words = (
        "See [01_place](01_place.ipynb#Who,-and-where?), [all of it](01_place.ipynb) and [that](02_else.ipynb#There)."
    )
    found = page(new_markdown_cell(words), cover=cover).main
    assert [(link["href"], link.get_text()) for link in found.select("a")] == [
        ("notebooks/01_place.html#Who,-and-where?", "01_place"),
        ("notebooks/01_place.html", "all of it"),
    ]
    assert found.p.get_text() == "See 01_place, all of it and that."
    assert page(new_markdown_cell("## Who, and where?")).main.h2["id"] == "Who,-and-where?"


@pytest.mark.parametrize("address", ["https://example.org/01_place.ipynb", "https://example.org/01_place.ipynb#Who"])
def test_a_notebook_of_elsewhere_is_a_link_like_any_other(address):
    """Only a name alone is a page of this report; and no link stands within a link."""
    cover = replace(COVER, links={"notebooks/01_place.html": "Who & where"})
    found = page(new_markdown_cell(f"See [**01_place** and more]({address})."), cover=cover).main
    assert [(link["href"], link.get_text()) for link in found.select("a")] == [(address, "01_place and more")]


def test_code_is_folded_or_absent_and_parameters_are_never_shown():
    """The pack has no code; a notebook's page has it folded away."""
    cell = shown(show(needs()), source="show(place.needs)  # a < b")
    folded = page(cell, cover=Cover("Northby", "2026", illustrative=False, code=True))
    assert [pre.get_text() for pre in folded.select("details.code pre")] == ["show(place.needs)  # a < b"]
    assert "show(place.needs)" not in str(page(cell))
    assert "northby" not in str(folded)


def test_the_head_tells_the_meeting_where_it_is_known():
    """A pack without its date is laid aside with last year's."""
    dated = page(cover=replace(COVER, meeting=date(2026, 12, 3)))
    assert dated.select_one(".edition").get_text() == "Edition 2026, for the meeting of 3 December 2026"
    assert page().select_one(".edition").get_text() == "Edition 2026"


def test_made_up_data_have_a_banner():
    """And real data have none."""
    made_up = page(cover=Cover("Northby", "2026", illustrative=True, code=False))
    assert "made-up numbers" in made_up.select_one("main .banner").get_text()
    assert page().select(".banner") == []


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(1, 6), max_size=8))
def test_headings_never_skip_a_level(levels):
    """Whatever levels a notebook uses, there is one h1 and each heading is at most one below the one before."""
    cells = [new_markdown_cell(f"{'#' * level} Part {place}") for place, level in enumerate(levels)]
    found = [int(heading.name[1]) for heading in page(*cells).select("h1, h2, h3, h4, h5, h6")]
    assert found.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(found, found[1:], strict=False))


@pytest.mark.parametrize(
    "hostile",
    [
        HOSTILE,
        '<img src="https://a.example/x.png" onerror="alert(1)">',
        '<a href="javascript:alert(1)">x</a>',
        '<a href="data:text/html,<script>alert(1)</script>">x</a>',
        "[x](javascript:alert(1))",
        "![x](https://a.example/x.png)",
        '<iframe src="https://a.example"></iframe>',
        '<p style="background:url(https://a.example/x)">x</p>',
        '<svg onload="alert(1)"></svg>',
        "</main></body><script>alert(1)</script>",
        "<style>@import 'https://a.example/x.css'</style>",
        '<base href="https://a.example/">',
        '<meta http-equiv="refresh" content="0;url=https://a.example">',
    ],
)
def test_hostile_content_is_inert(hostile):
    """In prose, in HTML that a cell gives and in plain text, nothing runs and nothing is fetched."""
    html = new_code_cell("x", outputs=[new_output("display_data", data={"text/html": hostile})])
    text = new_code_cell("x", outputs=[new_output("display_data", data={"text/plain": hostile})])
    found = page(new_markdown_cell(f"Before\n\n{hostile}\n\nafter"), html, text)
    assert found.select("main script, main style, main iframe, main svg, main base, main meta, main [style]") == []
    assert [e for e in found.select("main *") if any(name.startswith("on") for name in e.attrs)] == []
    fetched = [e["src"] for e in found.select("main [src]")] + [e["href"] for e in found.select("main [href]")]
    assert not [address for address in fetched if not address.startswith(("#", "data:image/png;base64,"))]
    assert len(found.select("main")) == len(found.select("footer")) == 1


def test_hostile_names_of_place_and_edition_are_inert():
    """The cover escapes what settings say."""
    found = page(cover=Cover(HOSTILE, HOSTILE, illustrative=False, code=False))
    assert found.select("script") == []
    assert HOSTILE in found.select_one(".place").get_text()


def test_cleaning_twice_changes_nothing():
    """What is allowed is allowed as it stands."""
    once = clean(show(burglary())._repr_html_())
    assert clean(once) == once
    assert 'scope="col"' in once
    assert 'class="number"' in once


def test_the_same_notebook_gives_the_same_bytes():
    """No date, no random id."""
    cells = notebook(shown(show(needs())))
    assert to_html(cells, COVER) == to_html(cells, COVER)


def test_a_failed_cell_is_not_published():
    """The message names the cell."""
    failed = new_code_cell("1/0", outputs=[new_output("error", ename="ZeroDivisionError", evalue="", traceback=[])])
    with pytest.raises(PlacelibError, match="Cell 3 of the notebook failed"):
        to_html(notebook(failed), COVER)


def test_a_notebook_without_a_title_is_refused():
    """The title is the page's h1: the message says how to give it."""
    with pytest.raises(PlacelibError, match="has no title"):
        to_html(notebook(title="No heading here"), COVER)
