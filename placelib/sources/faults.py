"""What can be wrong with a place's files, in the words of faults.toml."""

import tomllib
from collections.abc import Sequence
from pkgutil import get_data

from placelib.errors import Fault

WORDS = tomllib.loads(get_data(__package__, "faults.toml").decode())


def fault(name: str, file: str, key: str = "", /, *, rows: Sequence[int] = (), **said: object) -> Fault:
    """Put the fault of this name into words.

    Parameters
    ----------
    name : str
        Of the fault, in faults.toml.
    file : str
        The file at fault.
    key : str
        The column, or the key of a contract.
    rows : sequence of int
        As a spreadsheet counts them.
    said : object
        What stands in the braces of the words.

    Examples
    --------
    >>> print(fault("later", "plans.csv", "end", rows=[7], first="start"))
    plans.csv, column 'end', row 7: is not after 'start'. To mend: correct one of the two dates.
    """
    rule, mend = (words.format(**said) for words in WORDS[name])
    return Fault(file, rule, mend, key, rows)
