"""Reports without a screen: for each place all its notebooks and tables, appearing whole or not at all."""

import io
import json
import shutil
import sqlite3
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import nbformat
import pandas as pd

from placelib.errors import PlacelibError
from placelib.gate import Table
from placelib.kept import hashes
from placelib.place import Place, open_place
from placelib.publish.report import Cover, title, to_html
from placelib.publish.tables import csv_text, geojson_text
from placelib.run.engine import Executed, execute
from placelib.sources.readers import SHIPPED

HERE = Path(__file__).parents[1]
NOTEBOOKS = SHIPPED.parent / "notebooks"
PACK, PAGE, MANIFEST = "10_lsp_pack", "lsp-pack.html", "manifest.json"
INDICATOR_COLUMNS = [
    "indicator_id", "indicator", "ward_code", "ward_name", "period", "characteristic", "category", "value",
    "lower", "upper", "unit", "method", "basis", "status", "agency", "agency_term", "source",
]  # fmt: skip
NEED_COLUMNS = ["ward_code", "ward_name", "score", "rank", "rank_lower", "rank_upper"]
Say = Callable[[str], object]


@dataclass(frozen=True)
class Order:
    """What is asked of a run.

    Parameters
    ----------
    data : str
        The data folder; empty for the one that comes with placelib. Given to the notebooks as it stands.
    edition : str
        Label of the edition; empty for each place's own.
    reports : Path
        Where reports go: `<reports>/<slug>/<edition>/`.
    workers : int
        How many notebooks to run at a time.
    force : bool
        Make the report anew even where nothing has changed.
    notebooks : Path
        Folder of the notebooks, `10_lsp_pack.ipynb` among them.
    """

    data: str = ""
    edition: str = ""
    reports: Path = Path("reports")
    workers: int = 2
    force: bool = False
    notebooks: Path = NOTEBOOKS


@dataclass(frozen=True)
class Outcome:
    """How a place's run ended, with what to tell the reader in a line (a line a fault where it failed)."""

    slug: str
    status: Literal["published", "unchanged", "failed"]
    message: str


def run_places(slugs: Iterable[str], order: Order, say: Say = print) -> list[Outcome]:
    """Make the report of each place; one that fails stops no other and leaves its earlier report as it was.

    Parameters
    ----------
    slugs : iterable of str
        Places in the data folder.
    order : Order
        What is asked.
    say : callable
        Told in a line what is being done.

    Returns
    -------
    list of Outcome
        One a place, in order. No fault of a place is raised.
    """
    return [_run_place(slug, order, say) for slug in slugs]


def _run_place(slug: str, order: Order, say: Say) -> Outcome:
    try:
        return _Job(open_place(slug, order.edition, order.data), order, lambda words: say(f"{slug}: {words}")).run()
    except PlacelibError as error:
        return Outcome(slug, "failed", str(error))
    except Exception as error:  # whatever is wrong with one place, the others go on
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if Path(frame.filename).is_relative_to(HERE)][-1]
        where = f"{Path(ours.filename).relative_to(HERE.parent).as_posix()}, line {ours.lineno}"
        return Outcome(slug, "failed", f"Unexpected {type(error).__name__} in {where}: {error}")


@dataclass
class _Job:
    """One place's report in the making."""

    place: Place
    order: Order
    tell: Say

    def run(self) -> Outcome:
        """Make the report unless the one that is there holds; a transaction of SQLite is the lock of its folder.

        The lock ends with this process, however it ends, and is one on every system.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._beside("lock"), timeout=0)) as lock:
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError:
                raise PlacelibError("Another run is making this report: wait until it ends, then run again.") from None
            self._clear_up()
            report = self.folder / PAGE
            if self.folder.exists() and not (self.folder / MANIFEST).exists():
                raise PlacelibError(f"'{self.folder}' is there and is not a report of placelib: move it away first.")
            if not self.order.force and _holds(self.folder, self.made_from):
                return Outcome(self.place.slug, "unchanged", f"nothing has changed since {report} was made")
            try:
                self._publish()
            finally:
                self._clear_up()
            return Outcome(self.place.slug, "published", str(report))

    @property
    def folder(self) -> Path:
        """Where the report appears when it is complete."""
        return self.order.reports / self.place.slug / self.place.edition

    @cached_property
    def notebooks(self) -> list[Path]:
        """The notebooks in their order."""
        found = sorted(self.order.notebooks.glob("[0-9][0-9]_*.ipynb"))
        if PACK not in [path.stem for path in found]:
            raise PlacelibError(f"There is no {PACK}.ipynb in the folder '{self.order.notebooks}'.")
        return found

    @cached_property
    def made_from(self) -> dict[str, Any]:
        """All that decides what the report says; the same again gives the same bytes."""
        return {
            "place": self.place.settings.name,
            "parameters": {"place": self.place.slug, "edition": self.place.edition, "data": self.order.data},
            **self.place.rests_on,
            "notebooks": hashes(self.notebooks, self.order.notebooks),
        }

    def _publish(self) -> None:
        started = time.perf_counter()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            tables = self._tables()
        seconds = {"tables": time.perf_counter() - started}
        executed = self._execute()
        now = replace(self, place=open_place(self.place.slug, self.order.edition, self.order.data))
        if now.made_from != self.made_from:  # its parts may rest on different inputs, notebooks or code
            raise PlacelibError("A file that the report rests on changed while it was being made: run it again.")
        settings, edition = self.place.settings, self.place.edition
        meeting = settings.meeting if edition == settings.edition else None
        cover = Cover(settings.name, edition, self.place.illustrative, code=True, meeting=meeting)
        aside = self._beside("partial")
        for name, text in {**_tables_as_text(tables), **_notebooks_as_text(executed, cover)}.items():
            (aside / name).parent.mkdir(parents=True, exist_ok=True)
            (aside / name).write_text(text, encoding="utf8", newline="\n")
        seconds |= {name: done.seconds for name, done in executed.items()}
        spoken = [f"{name}: {words}" for name, done in executed.items() for words in done.warnings]
        facts = {
            "illustrative": self.place.illustrative,
            "notebook_status": dict.fromkeys(executed, "finished"),
            "seconds": {name: round(taken, 2) for name, taken in seconds.items()},
            "warnings": [*self.place.inputs.warnings, *(str(item.message) for item in caught), *spoken],
        }
        text = json.dumps(self.made_from | facts | {"outputs": outputs(aside)}, indent=2, ensure_ascii=False)
        (aside / MANIFEST).write_text(text + "\n", encoding="utf8")
        if self.folder.exists():
            self.folder.rename(self._beside("old"))
        aside.rename(self.folder)

    def _tables(self) -> dict[str, Table]:
        """Every stage of the place, once all its inputs have been checked."""
        self.tell("checking the sources")
        _ = self.place.inputs
        tables = {}
        for name in self.place.stage_names():
            self.tell(f"making the table '{name}'")
            tables[name] = getattr(self.place, name)
        return tables

    def _execute(self) -> dict[str, Executed]:
        """Every notebook's outcome by its name; all that fail are told together."""
        pool, given = ThreadPoolExecutor(self.order.workers), self.made_from["parameters"]
        futures = {path.stem: pool.submit(execute, path, given) for path in self.notebooks}
        try:
            for number, _ in enumerate(as_completed(futures.values()), 1):
                self.tell(f"{number} of {len(futures)} notebooks run")
        finally:  # where the reader has pressed Ctrl-C, start no further notebook
            pool.shutdown(cancel_futures=True)
        faults = [str(each.exception()) for each in futures.values() if each.exception()]
        if faults:
            raise PlacelibError("\n".join(faults))
        return {name: each.result() for name, each in futures.items()}

    def _clear_up(self) -> None:
        """Bring the old report back where the new one did not arrive, and remove what a run left beside it."""
        old = self._beside("old")
        if old.exists() and not self.folder.exists():
            old.rename(self.folder)
        for left in (old, self._beside("partial")):
            shutil.rmtree(left, ignore_errors=True)

    def _beside(self, ending: str) -> Path:
        return self.folder.with_name(f".{self.folder.name}.{ending}")


def outputs(folder: Path) -> dict[str, str]:
    """Give the sha256 of every file of a report but the manifest itself."""
    return hashes((path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST), folder)


def _holds(folder: Path, made_from: Mapping[str, Any]) -> bool:
    """Whether a report, if there is one, was made from exactly this and all its files are as they were written."""
    try:
        kept = json.loads((folder / MANIFEST).read_text(encoding="utf8"))
    except (OSError, ValueError):
        return False
    return all(kept.get(key) == value for key, value in made_from.items()) and kept["outputs"] == outputs(folder)


def _notebooks_as_text(executed: dict[str, Executed], cover: Cover) -> dict[str, str]:
    """The notebooks as they are, and as pages that lead to each other, by file name; the pack has no code."""
    pages = {f"{name}.html": title(done.notebook) for name, done in executed.items()}
    below = {f"notebooks/{address}": words for address, words in pages.items()}
    files = {PAGE: to_html(executed[PACK].notebook, replace(cover, code=False, links=below))}
    beside = replace(cover, links={f"../{PAGE}": title(executed[PACK].notebook)} | pages)
    for name, done in executed.items():
        files[f"notebooks/{name}.ipynb"] = nbformat.writes(done.notebook) + "\n"
        files[f"notebooks/{name}.html"] = to_html(done.notebook, beside)
    return files


def _tables_as_text(tables: dict[str, Table]) -> dict[str, str]:
    """Every published table by file name; wards, indicators and needs with the columns that others rely on."""
    files = {f"tables/{name}.csv": csv_text(tables[name]) for name in tables.keys() - {"wards", "needs"}}
    needs, places = _cells(tables["needs"]), _cells(tables["indicators"].only(area_type=["ward", "place"]))
    files["wards.geojson"] = geojson_text(tables["wards"], tables["needs"])
    # without the words that notebooks show beside the index and its domains
    needs = needs[[*NEED_COLUMNS, *needs.filter(regex="_score$")]]
    # the whole place has no ward code, so that nobody sums it with the wards
    places["ward_code"] = places["area_code"].where(places["area_type"] == "ward", "")
    places = places.assign(ward_name=places["area_name"], agency=places["agency_name"])[INDICATOR_COLUMNS]
    for name, cells in {"need_index": needs, "indicators": places}.items():
        files[f"tables/{name}.csv"] = cells.to_csv(index=False, lineterminator="\n")
    return files


def _cells(table: Table) -> pd.DataFrame:
    """The cells of a table as they are published: text, from which columns can be chosen without opening the gate."""
    return pd.read_csv(io.StringIO(csv_text(table)), dtype=str, keep_default_na=False)
