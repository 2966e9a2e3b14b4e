"""A notebook as a report: one self-contained page, clean, accessible and made for print."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nh3
from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from traitlets.config import Config

from placelib.errors import PlacelibError
from placelib.publish.figure import TABLE_MIME
from placelib.publish.tables import Shown

SHOWN_FIRST = ["image/png", "text/html", "text/markdown", "text/plain"]
TAGS = set(
    "a blockquote br caption code dd details div dl dt em figure h1 h2 h3 h4 h5 h6 hr img li ol p pre "
    "section strong sub summary sup table tbody td th thead tr ul".split()
)
ATTRIBUTES = {"a": {"href"}, "div": {"role", "tabindex", "aria-label"}, "img": {"src", "alt"}, "th": {"scope"}}
CLASSES = dict.fromkeys(("div", "th", "td", "p", "section", "details"), {"scroll", "number", "note", "card", "code"})
SCHEMES = {"https", "mailto", "data"}
ALLOWED = {"tags": TAGS, "attributes": ATTRIBUTES, "allowed_classes": CLASSES, "url_schemes": SCHEMES}
PAGES = re.compile(r"\b(\d\d_\w+)")  # as notebooks are named
LEADS = re.compile(r"^(\d\d_\w+)\.ipynb(#.+)?\Z")  # to a notebook or a heading of it, as links of JupyterLab do
ADDRESSES = {"src": "data:image/png;base64,", "href": rf"#|https:|mailto:|{LEADS.pattern}"}  # how they begin


@dataclass(frozen=True)
class Cover:
    """What a report says of itself.

    Parameters
    ----------
    place : str
        Name of the place.
    edition : str
        Label of the edition.
    illustrative : bool
        Whether any of its data are made up: a banner says so.
    code : bool
        Whether the notebook's code is there, folded away.
    meeting : date
        For which meeting it is made, if that is known.
    links : mapping of str to str
        Other pages of the report by their address from this one: what each is called. They stand at the foot, and
        wherever the page names one of them, such as 03_needs, or has a link to a heading of its notebook, such as
        03_needs.ipynb#What-makes-up-the-need?, that leads there.
    """

    place: str
    edition: str
    illustrative: bool
    code: bool
    meeting: date | None = None
    links: Mapping[str, str] = field(default_factory=dict)


def to_html(notebook: NotebookNode, cover: Cover) -> str:
    """Turn an executed notebook into a page that needs nothing from outside and runs nothing.

    The notebook's first heading becomes the page's title and its only h1; other headings follow in order with no
    level left out. Cells tagged `parameters`, `injected-parameters` or `hidden` are left out. Everything that the
    notebook holds passes an allow-list of HTML.

    Parameters
    ----------
    notebook : NotebookNode
        Executed, without errors.
    cover : Cover
        Place, edition, whether illustrative, and whether code is shown.

    Returns
    -------
    str
        HTML; the same notebook gives the same bytes.

    Raises
    ------
    PlacelibError
        A cell of the notebook failed, or the notebook has no heading to be its title.
    """
    for place, cell in enumerate(notebook.cells, 1):
        if any(output.output_type == "error" for output in cell.get("outputs", [])):
            raise PlacelibError(f"Cell {place} of the notebook failed: mend it and run the notebook again.")
    page = asdict(cover) | {"title": title(notebook), "version": version("placelib")}
    exporter = HTMLExporter(
        config=Config({"NbConvertBase": {"display_data_priority": SHOWN_FIRST}}),
        extra_template_basedirs=[str(Path(__file__).parent)],
        template_name="template",
        exclude_anchor_links=True,
        filters={"clean": clean, "numbers": _numbers},
    )
    exporter.environment.globals["page"] = page
    html, _ = exporter.from_notebook_node(notebook)
    return _outlined(html, cover.links)


def clean(html: str) -> str:
    """Keep only what the allow-list has: no script, style, form or frame, nothing fetched, pictures only inline.

    Examples
    --------
    >>> clean('<p onclick="x()">Wish<script>alert(1)</script><img src="https://a.example/b.png" alt="map"></p>')
    '<p>Wish<img alt="map"></p>'
    """
    return nh3.clean(html, attribute_filter=_safe, link_rel=None, **ALLOWED)


def _safe(_: str, attribute: str, value: str) -> str | None:
    return value if re.match(ADDRESSES.get(attribute, ""), value) else None


def title(notebook: NotebookNode) -> str:
    """Give the first heading of a notebook, which is the title of its page.

    Raises
    ------
    PlacelibError
        It has none.
    """
    words = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    found = re.search(r"^# (.+)", words, re.MULTILINE)
    if not found:
        raise PlacelibError("The notebook has no title: begin its first text cell with a line like '# What we need'.")
    return found[1].strip()


def _numbers(data: dict[str, Any]) -> str:
    return Shown(**data[TABLE_MIME])._repr_html_() if TABLE_MIME in data else ""


def _outlined(html: str, links: Mapping[str, str]) -> str:
    """Drop the notebook's own first heading, close up the others' levels, list the sections, lead to other pages."""
    soup, pages = BeautifulSoup(html, "html.parser"), {Path(address).stem: address for address in links}
    soup.main.find("h1").decompose()
    for link in soup.main.find_all("a", href=LEADS):
        page, heading = LEADS.match(link["href"]).groups("")
        if page in pages:
            link["href"] = pages[page] + heading
        else:
            link.unwrap()
    for text in (each for each in soup.main.find_all(string=PAGES) if not each.find_parent("a")):
        parts = PAGES.split(text)
        text.replace_with(*(soup.new_tag("a", href=pages[at], string=at) if at in pages else at for at in parts))
    level, contents = 1, soup.new_tag("ol")
    for heading in soup.main.find_all(re.compile("^h[1-6]$")):
        level = min(max(int(heading.name[1]), 2), level + 1)
        heading.name, heading["id"] = f"h{level}", heading.get_text(strip=True).replace(" ", "-")  # as JupyterLab's
        if level == 2:
            entry = soup.new_tag("li")
            entry.append(soup.new_tag("a", href=f"#{heading['id']}", string=heading.get_text()))
            contents.append(entry)
    if contents.contents:
        soup.nav.append(contents)
    return str(soup)
