"""Publishable tables, made once, kept as Parquet under the fingerprint of all they rest on, and read back."""

import hashlib
import json
import os
import platform
from collections.abc import Callable, Iterable
from importlib.metadata import distributions
from pathlib import Path
from typing import Protocol

import geopandas as gpd
import pandas as pd
from pyarrow.parquet import read_schema

from placelib import gate


class Keeper(Protocol):
    """Whose tables are kept: a place."""

    cache: Path
    fingerprint: str
    opened: dict[str, gate.Table]


class Stage:
    """One publishable table of a place: computed once, kept as Parquet, and always read back from it."""

    def __init__(self, name: str, make: Callable[..., gate.Table]) -> None:
        self.name, self.make = name, make

    def __get__(self, place: Keeper | None, owner: type) -> gate.Table:
        if place is None:
            return self
        if self.name not in place.opened:
            place.opened[self.name] = _kept(place, self)
        held = place.opened[self.name]  # what is done to the frame that is given leaves the one that is kept as it was
        return gate.restore(held.frame.copy(), held.particulars())


def _kept(place: Keeper, stage: Stage) -> gate.Table:
    """Read a stage from its file, making it first if inputs, code or libraries have changed since."""
    path = place.cache / f"{stage.name}.{place.fingerprint[:16]}.parquet"
    if not path.exists():
        table, aside = stage.make(place), path.with_name(f".{path.name}.{os.getpid()}")
        place.cache.mkdir(parents=True, exist_ok=True)
        frame = table.frame.copy()
        frame.attrs = table.particulars()
        frame.to_parquet(aside, index=False)
        aside.replace(path)
        for old in set(place.cache.glob(f"{stage.name}.*")) - {path}:
            old.unlink(missing_ok=True)
    frame = (gpd if b"geo" in read_schema(path).metadata else pd).read_parquet(path)
    return gate.restore(frame, frame.attrs)


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
    held = [(path, next(root for root in roots if path.is_relative_to(root))) for path in files]
    named = {path.relative_to(root).as_posix(): path for path, root in held}
    return {name: hashlib.sha256(named[name].read_bytes()).hexdigest() for name in sorted(named)}


def code() -> str:
    """Give one sha256 over the files of placelib, the report's template included."""
    root = Path(__file__).parent
    files = (path for path in root.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return hashlib.sha256(json.dumps(hashes(files, root)).encode()).hexdigest()


def packages() -> dict[str, str]:
    """Give the versions of Python and of every package installed beside it: all that a number may stand on."""
    return {"python": platform.python_version()} | dict(sorted((each.name, each.version) for each in distributions()))
