"""The command line: `placelib check` and `placelib run`."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from placelib.errors import PlacelibError
from placelib.place import open_place
from placelib.run.runner import Order, Outcome, run_places
from placelib.sources.readers import SHIPPED, known_places

app = typer.Typer(
    help="One shared needs assessment for each partnership, from its own sources.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Slugs = Annotated[list[str] | None, typer.Argument(metavar="PLACE", help="Places, as their folders are named.")]
All = Annotated[bool, typer.Option("--all", help="Every place in the data folder.")]
Data = Annotated[str, typer.Option(metavar="FOLDER", help="The data folder, where it is not placelib's own.")]
Edition = Annotated[str, typer.Option(metavar="LABEL", help="Label of the edition, where not that of place.toml.")]
Reports = Annotated[Path, typer.Option(metavar="FOLDER", help="Where the reports go.")]
Workers = Annotated[int, typer.Option(min=1, help="Notebooks to run at a time.")]
Force = Annotated[bool, typer.Option("--force", help="Make the report anew even if nothing has changed.")]


@app.command()
def check(places: Slugs = None, every: All = False, data: Data = "") -> None:
    """Check every source of the places and print all that is wrong."""
    _finish([_checked(slug, data) for slug in _chosen(places, every, data)])


@app.command()
def run(
    places: Slugs = None,
    every: All = False,
    data: Data = "",
    edition: Edition = "",
    reports: Reports = Path("reports"),
    workers: Workers = 2,
    force: Force = False,
) -> None:
    """Write the report of each place to <reports>/<place>/<edition>/."""
    order = Order(data=data, edition=edition, reports=reports, workers=workers, force=force)
    console = Console()
    with console.status("starting") as status:
        say = (lambda words: status.update(Text(words))) if console.is_terminal else typer.echo
        ends = run_places(_chosen(places, every, data), order, say)
    _finish(ends)


def main() -> None:
    """Run the command line: what placelib refuses is told in one message, with exit status 1."""
    try:
        app()
    except PlacelibError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(1)


def _chosen(places: list[str] | None, every: bool, data: str) -> list[str]:
    if bool(places) == every:
        raise PlacelibError("Name the places, or say --all for every place in the data folder.")
    found = places or known_places(Path(data or SHIPPED))
    if not found:
        raise PlacelibError(f"There is no place in the data folder '{data}': a place is a folder with a place.toml.")
    return list(dict.fromkeys(found))


def _checked(slug: str, data: str) -> Outcome:
    try:
        place = open_place(slug, data=data)
        inputs = place.inputs
        _ = place.needs, place.options, place.reprofile, place.total_spend  # what files lack together shows only here
    except PlacelibError as error:
        return Outcome(slug, "failed", str(error))
    said = [f"{len(inputs.sources)} sources, no fault found", *inputs.warnings]
    return Outcome(slug, "unchanged", "\n  warning: ".join(said))


def _finish(ends: list[Outcome]) -> None:
    """Tell how each place ended, and leave with status 1 if any failed."""
    for end in ends:
        failed = end.status == "failed"
        typer.echo(f"{end.slug}: {'FAILED: ' if failed else ''}{end.message}", err=failed)
    if any(end.status == "failed" for end in ends):
        sys.exit(1)
