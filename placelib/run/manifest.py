"""manifest.json: what a report was made from, what it consists of, and whether both still hold."""

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

NAME = "manifest.json"


def hashes(files: Iterable[Path], *roots: Path) -> dict[str, str]:
    """Give the sha256 of files by their path below the first of the roots that holds them.

    Parameters
    ----------
    files : iterable of Path
        Existing files.
    *roots : Path
        Folders; every file lies below at least one.

    Returns
    -------
    dict of str to str
        Relative paths with forward slashes, in alphabetical order.
    """
    named = {
        path.relative_to(next(root for root in roots if path.is_relative_to(root))).as_posix(): path for path in files
    }
    return {name: hashlib.sha256(named[name].read_bytes()).hexdigest() for name in sorted(named)}


def outputs(folder: Path) -> dict[str, str]:
    """Give the sha256 of every file of a report but the manifest itself."""
    return hashes((path for path in folder.rglob("*") if path.is_file() and path != folder / NAME), folder)


def code() -> str:
    """Give one sha256 over the files of placelib, the report's template included."""
    root = Path(__file__).parents[1]
    files = (path for path in root.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return hashlib.sha256(json.dumps(hashes(files, root)).encode()).hexdigest()


def packages() -> dict[str, str]:
    """Give the versions of Python and of every package installed beside it: all that a number may stand on."""
    return {"python": platform.python_version()} | dict(sorted((each.name, each.version) for each in distributions()))


def write(folder: Path, contents: Mapping[str, Any]) -> None:
    """Write the manifest of a finished report, with the sha256 of every file in it."""
    text = json.dumps({**contents, "outputs": outputs(folder)}, indent=2, ensure_ascii=False)
    (folder / NAME).write_text(text + "\n", encoding="utf8")


def holds(folder: Path, made_from: Mapping[str, Any]) -> bool:
    """Whether a report was made from exactly this and all its files are as they were written.

    Parameters
    ----------
    folder : Path
        Folder of the report; need not exist.
    made_from : mapping
        What the manifest must say, key by key.
    """
    try:
        kept = json.loads((folder / NAME).read_text(encoding="utf8"))
    except (OSError, ValueError):
        return False
    return all(kept.get(key) == value for key, value in made_from.items()) and kept["outputs"] == outputs(folder)
