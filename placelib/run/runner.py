"""Reports without a screen: for each place all its notebooks and tables, appearing whole or not at all."""

import io
import shutil
import sqlite3
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import nbformat
import pandas as pd

from placelib.errors import PlacelibError
from placelib.gate import Table
from placelib.place import Place, open_place
from placelib.publish.report import Cover, to_html
from placelib.publish.tables import csv_text, geojson_text
from placelib.run import manifest
from placelib.run.engine import Executed, execute
from placelib.sources.readers import SHIPPED, input_files

HERE = Path(__file__).parents[1]
NOTEBOOKS = SHIPPED.parent / "notebooks"
PACK = "10_lsp_pack"
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


def known_places(data: str) -> list[str]:
    """Slugs of the places in a data folder (empty for the one that comes with placelib)."""
    return sorted(path.parent.name for path in Path(data or SHIPPED).glob("*/place.toml"))


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
        where = f"placelib/{Path(ours.filename).relative_to(HERE).as_posix()}, line {ours.lineno}"
        return Outcome(slug, "failed", f"Unexpected {type(error).__name__} in {where}: {error}")


@dataclass
class _Job:
    """One place's report in the making."""

    place: Place
    order: Order
    tell: Say
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self) -> Outcome:
        """Make the report under the lock of its folder, unless the one that is there holds."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(self._beside("lock")):
            self._make_room()
            report = self.folder / "lsp-pack.html"
            if not self.order.force and manifest.holds(self.folder, self.made_from):
                return Outcome(self.place.slug, "unchanged", f"nothing has changed since {report} was made")
            self._publish()
            return Outcome(self.place.slug, "published", str(report))

    @property
    def folder(self) -> Path:
        """Where the report appears when it is complete."""
        return self.order.reports / self.place.slug / self.place.edition

    @property
    def parameters(self) -> dict[str, str]:
        """What every notebook is given."""
        return {"place": self.place.slug, "edition": self.place.edition, "data": self.order.data}

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
            "parameters": self.parameters,
            "fingerprint": self.place.fingerprint,
            "code": manifest.code(),
            "packages": manifest.packages(),
            "inputs": manifest.hashes(input_files(self.place.slug, self.place.data), self.place.data, SHIPPED),
            "notebooks": manifest.hashes(self.notebooks, self.order.notebooks),
        }

    def _publish(self) -> None:
        aside = self._beside("partial")
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("default")
                tables = self._tables()
            executed = self._execute()
            self._check_nothing_moved()
            cover = Cover(self.place.settings.name, self.place.edition, self.place.illustrative, code=True)
            for name, text in {**_tables_as_text(tables), **_notebooks_as_text(executed, cover)}.items():
                (aside / name).parent.mkdir(parents=True, exist_ok=True)
                (aside / name).write_text(text, encoding="utf8", newline="\n")
            spoken = [f"{name}: {words}" for name, done in executed.items() for words in done.warnings]
            facts = {
                "illustrative": self.place.illustrative,
                "notebook_status": dict.fromkeys(executed, "finished"),
                "seconds": {name: round(taken, 2) for name, taken in self.seconds.items()},
                "warnings": [*self.place.inputs.warnings, *(str(item.message) for item in caught), *spoken],
            }
            manifest.write(aside, self.made_from | facts)
            self._swap(aside)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def _tables(self) -> dict[str, Table]:
        """Every stage of the place, once all its inputs have been checked."""
        with self._step("inputs", "checking the sources"):
            _ = self.place.inputs
        tables = {}
        for name in self.place.stage_names():
            with self._step(f"table {name}", f"making the table '{name}'"):
                tables[name] = getattr(self.place, name)
        return tables

    def _execute(self) -> dict[str, Executed]:
        """Every notebook's outcome by its name; all that fail are told together."""
        with ThreadPoolExecutor(self.order.workers) as pool:
            futures = {pool.submit(execute, path, self.parameters): path.stem for path in self.notebooks}
            try:
                for number, _ in enumerate(as_completed(futures), 1):
                    self.tell(f"{number} of {len(futures)} notebooks run")
            except BaseException:  # the reader has pressed Ctrl-C: start no further notebook
                pool.shutdown(cancel_futures=True)
                raise
        faults = sorted(str(future.exception()) for future in futures if future.exception())
        if faults:
            raise PlacelibError("\n".join(faults))
        executed = {name: future.result() for future, name in futures.items()}
        self.seconds |= {name: done.seconds for name, done in executed.items()}
        return executed

    def _check_nothing_moved(self) -> None:
        """Refuse a report whose parts may have been made from different inputs, notebooks or code."""
        now = replace(self, place=open_place(self.place.slug, self.order.edition, self.order.data))
        if now.made_from != self.made_from:
            raise PlacelibError("A file that the report rests on changed while it was being made: run it again.")

    def _make_room(self) -> None:
        """Clear up after a run that was cut off, and refuse a folder that is not a report."""
        old = self._beside("old")
        if old.exists() and not self.folder.exists():
            old.rename(self.folder)
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(self._beside("partial"), ignore_errors=True)
        if self.folder.exists() and not (self.folder / manifest.NAME).exists():
            raise PlacelibError(f"'{self.folder}' is there and is not a report of placelib: move it away first.")

    def _swap(self, aside: Path) -> None:
        """Put the finished report in the place of the old one."""
        old = self._beside("old")
        if self.folder.exists():
            self.folder.rename(old)
        aside.rename(self.folder)
        shutil.rmtree(old, ignore_errors=True)

    def _beside(self, ending: str) -> Path:
        return self.folder.with_name(f".{self.folder.name}.{ending}")

    @contextmanager
    def _step(self, name: str, words: str) -> Iterator[None]:
        """Say what is being done, and keep how long it took."""
        self.tell(words)
        started = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - started


def _notebooks_as_text(executed: dict[str, Executed], cover: Cover) -> dict[str, str]:
    """The notebooks as they are, and as pages, by file name; the pack once more without its code."""
    files = {"lsp-pack.html": to_html(executed[PACK].notebook, replace(cover, code=False))}
    for name, done in executed.items():
        files[f"notebooks/{name}.ipynb"] = nbformat.writes(done.notebook) + "\n"
        files[f"notebooks/{name}.html"] = to_html(done.notebook, cover)
    return files


def _tables_as_text(tables: dict[str, Table]) -> dict[str, str]:
    """Every published table by file name; wards, indicators and needs with the columns that others rely on."""
    fixed = {
        "wards.geojson": geojson_text(tables.pop("wards"), tables["needs"]),
        "tables/indicators.csv": _indicators(tables.pop("indicators")),
        "tables/need_index.csv": _need_index(tables.pop("needs")),
    }
    return fixed | {f"tables/{name}.csv": csv_text(table) for name, table in tables.items()}


def _indicators(table: Table) -> str:
    """Ward and whole-place rows; the place's have no ward code, so that nobody sums them with the wards."""
    rows = _cells(table.only(area_type=["ward", "place"]))
    codes = rows["area_code"].where(rows["area_type"] == "ward", "")
    named = rows.assign(ward_code=codes, ward_name=rows["area_name"], agency=rows["agency_name"])
    return named[INDICATOR_COLUMNS].to_csv(index=False, lineterminator="\n")


def _need_index(table: Table) -> str:
    """The index and its domains, without the words that notebooks show beside them."""
    rows = _cells(table)
    return rows[[*NEED_COLUMNS, *rows.filter(regex="_score$")]].to_csv(index=False, lineterminator="\n")


def _cells(table: Table) -> pd.DataFrame:
    """The cells of a table as they are published: text, from which columns can be chosen without opening the gate."""
    return pd.read_csv(io.StringIO(csv_text(table)), dtype=str, keep_default_na=False)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock that ends with this process, however it ends: a transaction of SQLite is one on every system.

    Raises
    ------
    PlacelibError
        Another process holds it.
    """
    with closing(sqlite3.connect(path, timeout=0)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            raise PlacelibError("Another run is making this report: wait until it ends, then run again.") from None
        yield
