"""Where things are: wards, and the shares by which other areas fall into them."""

from dataclasses import dataclass, replace

import geopandas as gpd
import pandas as pd

from placelib.errors import PlacelibError
from placelib.sources import contracts

CRS = 27700


@dataclass(frozen=True, eq=False)
class Geography:
    """The wards of a place and its live postcodes.

    Parameters
    ----------
    wards : GeoDataFrame
        ward_code, ward_name, geometry; British National Grid, metres.
    postcodes : DataFrame
        postcode, oa_code, lsoa_code, ward_code, easting, northing, weight; the weight is the residents that the
        postcode stands for where the place has a population by output area, else 1 (an address count it is not).
    approximate : bool
        Whether the ward outlines are approximate.
    areas : dict of (str, str) to GeoDataFrame
        Outlines of other areas that the place brings, by type and vintage: area_code, geometry.
    """

    wards: gpd.GeoDataFrame
    postcodes: pd.DataFrame
    approximate: bool
    areas: dict[tuple[str, str], gpd.GeoDataFrame]

    def weighted(self, residents: pd.Series) -> "Geography":
        """Share the residents of each output area equally among its live postcodes.

        Parameters
        ----------
        residents : Series
            People by output area code.
        """
        each = self.postcodes.groupby("oa_code")["postcode"].transform("size")
        weight = self.postcodes["oa_code"].map(residents).fillna(0) / each
        return replace(self, postcodes=self.postcodes.assign(weight=weight))

    def shares(self, area_type: str, vintage: str) -> pd.DataFrame:
        """Share of each area's people that live in each ward.

        Returns
        -------
        DataFrame
            area_code, ward_code, share; the shares of an area sum to 1. Areas without a live postcode are absent.

        Raises
        ------
        PlacelibError
            If the place has neither a postcode column nor outlines for this type and vintage.
        """
        column = {("output area", "2011"): "oa_code", ("lsoa", "2011"): "lsoa_code"}.get((area_type, vintage))
        if column:
            located = self.postcodes.rename(columns={column: "area_code"})
        elif (area_type, vintage) in self.areas:
            located = within(_points(self.postcodes, CRS), self.areas[area_type, vintage])
        else:
            raise PlacelibError(
                f"There is no way from {area_type} {vintage} to wards: add a source of kind 'boundaries' "
                f"for {area_type} {vintage}, or ask for the file by LSOA 2011 or ward."
            )
        people = located.groupby(["area_code", "ward_code"])["weight"].sum()
        fallback = located.groupby(["area_code", "ward_code"])["weight"].size()
        empty = people.groupby("area_code").transform("sum") == 0
        people = people.mask(empty, fallback)
        share = people / people.groupby("area_code").transform("sum")
        return share[share > 0].rename("share").reset_index()

    def locate(self, frame: pd.DataFrame, rule: contracts.Geography) -> pd.DataFrame:
        """Find the ward, or shares of wards, of each row.

        Parameters
        ----------
        frame : DataFrame
            Rows of a source.
        rule : contracts.Geography
            The columns that place a row.

        Returns
        -------
        DataFrame
            row (index label of `frame`), ward_code, share. A row that matches nothing is absent: it belongs in the
            ledger.
        """
        if rule.type == "point":
            points = _points(frame.dropna(subset=list(rule.columns)), rule.crs, *rule.columns)
            found = within(points, self.wards.rename(columns={"ward_code": "area_code"}))
            return pd.DataFrame({"row": found.index, "ward_code": found["area_code"].to_numpy(), "share": 1.0})
        keys = pd.DataFrame({"row": frame.index, "area_code": frame[rule.columns[0]].to_numpy()})
        if rule.type == "postcode":
            keys["area_code"] = tidy_postcode(keys["area_code"])
            table = self.postcodes.rename(columns={"postcode": "area_code"}).assign(share=1.0)
        elif rule.type == "ward":
            table = self.wards.assign(area_code=self.wards["ward_code"], share=1.0)
        else:
            table = self.shares(rule.type, rule.vintage)
        table = table[["area_code", "ward_code", "share"]]
        return keys.merge(table, on="area_code", how="inner")[["row", "ward_code", "share"]]


def tidy_postcode(postcodes: pd.Series) -> pd.Series:
    """Write postcodes in capitals with one space before the last three characters.

    Examples
    --------
    >>> tidy_postcode(pd.Series(["bn11aa", " E1  6AN"])).tolist()
    ['BN1 1AA', 'E1 6AN']
    """
    packed = postcodes.str.upper().str.replace(r"\s+", "", regex=True)
    return packed.str[:-3] + " " + packed.str[-3:]


def within(points: gpd.GeoDataFrame, areas: gpd.GeoDataFrame) -> pd.DataFrame:
    """Rows of `points` with the `area_code` they fall in; those in none are left out, none is counted twice."""
    joined = points.sjoin(areas[["area_code", "geometry"]], predicate="intersects")
    return pd.DataFrame(joined[~joined.index.duplicated()]).drop(columns=["geometry", "index_right"])


def _points(frame: pd.DataFrame, crs: int, x: str = "easting", y: str = "northing") -> gpd.GeoDataFrame:
    geometry = gpd.points_from_xy(frame[x].astype(float), frame[y].astype(float), crs=crs)
    return gpd.GeoDataFrame(frame, geometry=geometry).to_crs(CRS)
