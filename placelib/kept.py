"""Publishable tables, made once, kept as Parquet under the fingerprint of all they rest on, and read back."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import geopandas as gpd
import pandas as pd

from placelib import gate


class Keeper(Protocol):
    """Whose tables are kept: a place."""

    cache: Path
    fingerprint: str
    opened: dict[str, gate.Table]


class Stage:
    """One publishable table of a place: computed once, kept as Parquet, and always read back from it."""

    def __init__(self, make: Callable[..., gate.Table]) -> None:
        self.make, self.__doc__ = make, make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, place: Keeper | None, owner: type) -> gate.Table:
        if place is None:
            return self
        if self.name not in place.opened:
            frame, particulars = _kept(place, self)
            place.opened[self.name] = gate.restore(frame, particulars)
        return place.opened[self.name]


def _kept(place: Keeper, stage: Stage) -> tuple[pd.DataFrame, dict]:
    """Read a stage from its file, making it first if inputs, code or libraries have changed since."""
    stem = place.cache / f"{stage.name}.{place.fingerprint[:16]}"
    words, rows = stem.with_suffix(f"{stem.suffix}.json"), stem.with_suffix(f"{stem.suffix}.parquet")
    if not (words.exists() and rows.exists()):
        table = stage.make(place)
        place.cache.mkdir(parents=True, exist_ok=True)
        particulars = table.particulars() | {"map": isinstance(table.frame, gpd.GeoDataFrame)}
        _write(rows, lambda path: table.frame.to_parquet(path, index=False))
        _write(words, lambda path: path.write_text(json.dumps(particulars), encoding="utf8"))
        for old in place.cache.glob(f"{stage.name}.*"):
            if place.fingerprint[:16] not in old.name:
                old.unlink(missing_ok=True)
    particulars = json.loads(words.read_text(encoding="utf8"))
    return (gpd if particulars["map"] else pd).read_parquet(rows), particulars


def _write(path: Path, write: Callable[[Path], object]) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    write(aside)
    aside.replace(path)
