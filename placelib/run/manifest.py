"""manifest.json: what a report was made from, what it consists of, and whether both still hold."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from placelib.kept import hashes

NAME = "manifest.json"


def outputs(folder: Path) -> dict[str, str]:
    """Give the sha256 of every file of a report but the manifest itself."""
    return hashes((path for path in folder.rglob("*") if path.is_file() and path != folder / NAME), folder)


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
