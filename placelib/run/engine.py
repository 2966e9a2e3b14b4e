"""One notebook, executed by papermill in a kernel of its own: it ends finished or clearly failed."""

import logging
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import nbformat
import papermill
from jupyter_core.utils import ensure_event_loop
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from placelib.errors import PlacelibError, meant

CELL_SECONDS = 600
OPTIONS = {
    "progress_bar": False,
    "coalesce_streams": True,  # how a stream falls into pieces depends on time
    "record_timing": False,
    "extra_arguments": ["--log-level=CRITICAL"],  # what a kernel says as it dies is told in our own words
}
# what papermill logs goes where the caller's logging sends it, and not to the terminal of its own accord
logging.getLogger("papermill").addHandler(logging.NullHandler())


class NotebookError(click.ClickException, PlacelibError):
    """A notebook that cannot run or did not finish; papermill's command prints it as one line."""


class PlaceEngine(NBClientEngine):
    """Papermill's own engine, made strict.

    A parameter that the notebook does not declare is an error before the kernel starts. What placelib refuses
    is told in its own words, without a traceback. The kernel speaks through sockets in a private folder, so
    that kernels which start together never take each other's address.
    """

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        **options: Any,  # noqa: ANN401 - papermill's options, passed on
    ) -> None:
        """Execute the notebook that papermill manages; see `papermill.engines.Engine`."""
        notebook = nb_man.nb
        check_parameters(notebook, notebook.metadata.papermill["parameters"])
        with tempfile.TemporaryDirectory(prefix="placelib-", ignore_cleanup_errors=True) as folder:
            options["config"] = _private_sockets(Path(folder))
            super().execute_managed_notebook(nb_man, kernel_name, **options)
        refusals = {kind.__name__ for kind in (PlacelibError, *PlacelibError.__subclasses__())}
        for output in _outputs(notebook):
            if output.get("ename") in refusals:
                raise NotebookError(output.evalue)


# papermill names no engine unless it is told to, so the plug-in takes the place of the nameless one
papermill_engines.register(None, PlaceEngine)


@dataclass(frozen=True)
class Executed:
    """A notebook that finished, the same for the same inputs, and what was only true of this run."""

    notebook: NotebookNode
    seconds: float
    warnings: tuple[str, ...]


def check_parameters(notebook: NotebookNode, given: Mapping[str, object]) -> None:
    """Check that a notebook declares every parameter it is given.

    Parameters
    ----------
    notebook : NotebookNode
        The notebook; its parameters are the names set in its cell tagged `parameters`.
    given : mapping
        Parameters by name.

    Raises
    ------
    NotebookError
        Naming the parameter and those that the notebook has.
    """
    known = list(papermill.inspect_notebook(notebook))
    for name in [each for each in given if each not in known]:
        has = ", ".join(known) or "none"
        raise NotebookError(f"The notebook has no parameter '{name}'.{meant(name, known)} Its parameters: {has}.")


def execute(path: Path, parameters: Mapping[str, object], *, cell_seconds: int = CELL_SECONDS) -> Executed:
    """Execute a notebook; the file itself is left alone.

    Parameters
    ----------
    path : Path
        The notebook.
    parameters : mapping
        Values for its parameters cell; none means that its own hold.
    cell_seconds : int, default 600
        Longest that one cell may take.

    Returns
    -------
    Executed
        The notebook with its outputs.

    Raises
    ------
    NotebookError
        One line that names the notebook and what went wrong: a fault that placelib found, an error in a cell,
        a cell over its time, a kernel that died, or numbers that have not passed the gate.
    """
    try:
        done = papermill.execute_notebook(path, None, dict(parameters), execution_timeout=cell_seconds, **OPTIONS)
    except NotebookError as error:
        raise NotebookError(f"{path.name}: {error.message}") from None
    except CellTimeoutError:
        raise NotebookError(f"{path.name}: a cell took longer than {cell_seconds} seconds.") from None
    except DeadKernelError:
        raise NotebookError(f"{path.name}: its kernel died, often for want of memory.") from None
    except PapermillExecutionError as error:
        where = f"{path.name}, cell {error.exec_count} ({error.source.splitlines()[-1]})"
        raise NotebookError(f"{where}: {error.ename}: {error.evalue}") from error
    finally:
        ensure_event_loop().close()  # each thread is given a loop, which nobody else closes
    if any(output.get("metadata", {}).get("placelib", {}).get("unprotected") for output in _outputs(done)):
        rule = "uses numbers that have not passed the gate (place.unprotected), so it is not published"
        raise NotebookError(f"{path.name} {rule}.")
    return _settled(done)


def refresh(folder: Path) -> None:
    """Execute every notebook of a folder with its own parameters, and store the outputs in it."""
    for path in sorted(folder.glob("*.ipynb")):
        done = execute(path, {})
        nbformat.write(done.notebook, path)
        click.echo("\n".join([f"{path.name}: outputs stored ({done.seconds:.1f} s)", *done.warnings]))


def _private_sockets(folder: Path) -> Config:
    """Kernel settings: Unix sockets by absolute path where the system has them."""
    connection = {"connection_file": str(folder / "kernel.json")}
    if os.name == "posix":
        connection |= {"transport": "ipc", "ip": str(folder / "socket")}
    return Config(ConnectionFileMixin=connection)


def _outputs(notebook: NotebookNode) -> list[NotebookNode]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def _settled(notebook: NotebookNode) -> Executed:
    """Take from an executed notebook what differs between equal runs."""
    seconds, warnings = notebook.metadata.pop("papermill")["duration"], []
    notebook.metadata.get("language_info", {}).pop("version", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill")
        if "injected-parameters" in cell.metadata.tags:
            cell.id = "injected-parameters"
        if not cell.metadata.tags:
            del cell.metadata["tags"]
        if cell.cell_type == "code":
            spoken = [output for output in cell.outputs if output.get("name") == "stderr"]
            warnings += [output.text.strip() for output in spoken]
            cell.outputs = [output for output in cell.outputs if output not in spoken]
    return Executed(notebook, seconds, tuple(warnings))
