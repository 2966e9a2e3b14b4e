"""The kinds of error that an analyst can meet, each saying what to do next."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


class PlacelibError(Exception):
    """Anything that placelib refuses to do, in words an analyst can act on."""


class DisclosureError(PlacelibError):
    """A number that has not passed the gate was about to be published."""


def some(items: Sequence[object], few: int = 5) -> str:
    """The first few, and how many more.

    Examples
    --------
    >>> some(range(2, 1002))
    '2, 3, 4, 5, 6 and 995 more'
    """
    more = f" and {len(items) - few:,} more" if len(items) > few else ""
    return ", ".join(map(str, items[:few])) + more


def meant(name: str, known: Iterable[str]) -> str:
    """Ask after the nearest name that is known, capitals aside; nothing where none is near.

    Examples
    --------
    >>> meant("bristol", ["Bristol", "Southampton"])
    " Did you mean 'Bristol'?"
    """
    small = {each.casefold(): each for each in known}
    return "".join(f" Did you mean '{small[near]}'?" for near in get_close_matches(name.casefold(), small, 1))


@dataclass(frozen=True)
class Fault:
    """One thing wrong with an input, and how to mend it; never the value of a person.

    Parameters
    ----------
    file : str
        The file at fault, relative to the place's folder.
    rule : str
        The rule that is broken, in plain words.
    mend : str
        What the analyst can do about it.
    column : str, optional
        The column, or the key of a settings file.
    rows : sequence of int, optional
        Rows of the file as a spreadsheet counts them: the header is row 1.

    Examples
    --------
    >>> print(Fault("fires.csv", "must be 0 or more", "correct the file", "Fires", [7, 9]))
    fires.csv, column 'Fires', rows 7, 9: must be 0 or more. To mend: correct the file.
    """

    file: str
    rule: str
    mend: str
    column: str = ""
    rows: Sequence[int] = ()

    def __str__(self) -> str:
        column = f", {'key' if self.file.endswith('.toml') else 'column'} '{self.column}'" if self.column else ""
        rows = f", row{'s' if len(self.rows) > 1 else ''} {some(self.rows)}" if self.rows else ""
        return f"{self.file}{column}{rows}: {self.rule}. To mend: {self.mend}."


class InputFaults(PlacelibError):
    """Every fault found in a place's files, listed together; a single one stands alone in its line.

    Parameters
    ----------
    faults : sequence of Fault
        At least one.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = list(faults)
        lines = [f"  {number}. {fault}" for number, fault in enumerate(self.faults, 1)]
        heading = f"{len(self.faults)} faults in the input:"
        super().__init__("\n".join([heading, *lines]) if len(lines) > 1 else str(self.faults[0]))
