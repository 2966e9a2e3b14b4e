"""Where things are: wards, and the shares by which other areas fall into them."""

from dataclasses import dataclass, field, replace

import geopandas as gpd
import pandas as pd

from placelib.errors import Fault, PlacelibError, some
from placelib.sources import contracts
from placelib.sources.faults import fault

CRS = 27700
ROUNDING = 1e-6  # shares given to six decimal places
Area = tuple[str, str]  # a type of area and its vintage, such as ("lsoa", "2011")
WAYS = "add a source of kind 'boundaries' or 'lookup' for {0} {1}, or ask for the file by LSOA 2011 or ward"
NOWHERE = {"point": "no_point", "postcode": "no_postcode"}
POLYGONS = ["Polygon", "MultiPolygon"]
WARDS = ("ward", "2025")  # the wards of an assessment: place.toml allows no others yet
OUTPUT_AREAS, LSOAS = ("output area", "2011"), ("lsoa", "2011")
LISTED = {WARDS: "ward_code", OUTPUT_AREAS: "oa_code", LSOAS: "lsoa_code", ("postcode", ""): "postcode"}


@dataclass(frozen=True, eq=False)
class Geography:
    """The wards of a place, its live postcodes, and what is known of other areas.

    Parameters
    ----------
    wards : GeoDataFrame
        ward_code, ward_name, geometry; British National Grid, metres.
    postcodes : DataFrame
        postcode, oa_code, lsoa_code, ward_code, easting, northing, weight; the weight is the residents that the
        postcode stands for where the place has a population by small area, else 1 (an address count it is not).
    approximate : bool
        Whether the ward outlines are approximate.
    areas : dict of Area to DataFrame
        Other areas that the place brings: outlines (area_code, geometry), or a lookup (area_code, ward_code, share).
    shipped : dict of Area to DataFrame
        Areas that the geography folder lists by the LSOAs of 2011 that they are made of, or a part of: area_code,
        lsoa_code. What the place brings comes before them.
    """

    wards: gpd.GeoDataFrame
    postcodes: pd.DataFrame
    approximate: bool
    areas: dict[Area, pd.DataFrame]
    shipped: dict[Area, pd.DataFrame] = field(default_factory=dict)

    @property
    def ward_names(self) -> dict[str, str]:
        """Name of each ward by its code."""
        return dict(zip(self.wards["ward_code"], self.wards["ward_name"], strict=True))

    def weighted(self, residents: pd.Series, area: Area = OUTPUT_AREAS) -> "Geography":
        """Share the residents of each area equally among its live postcodes.

        Parameters
        ----------
        residents : Series
            People by area code.
        area : Area
            What the codes are; the smaller the areas, the better the weights.
        """
        placed = self.placed(area)["area_code"]
        each = placed.map(residents).fillna(0) / placed.groupby(placed).transform("size")
        weight = each.groupby(level=0).sum().reindex(self.postcodes.index, fill_value=0)
        return replace(self, postcodes=self.postcodes.assign(weight=weight))

    def codes(self, area_type: str) -> dict[str, set[str]]:
        """Codes of this place that are known for areas of a type, by vintage."""
        lists = {area: table["area_code"] for area, table in (self.areas | self.shipped).items()}
        lists |= {area: self.postcodes[name].dropna() for area, name in LISTED.items()}
        return {area[1]: set(codes) for area, codes in lists.items() if area[0] == area_type}

    def expected(self, rule: contracts.Geography) -> set[str]:
        """Codes of this place that a file may have."""
        return self.codes(rule.type).get(self._area(rule)[1], set())

    def _area(self, rule: contracts.Geography) -> Area:
        """The areas of a file; a ward of a year that nothing lists is one of today's."""
        today = rule.type == "ward" and rule.vintage not in self.codes("ward")
        return rule.type, WARDS[1] if today else rule.vintage

    def placed(self, area: Area) -> pd.DataFrame:
        """Live postcodes with the `area_code` that each is in; each stands in every part of an LSOA that was split.

        Raises
        ------
        PlacelibError
            If neither the place nor its geography folder says which postcodes are in areas of this kind.
        """
        column = LISTED.get(area)
        if column:
            return self.postcodes.assign(area_code=self.postcodes[column]).dropna(subset="area_code")
        table = self.areas.get(area, self.shipped.get(area, pd.DataFrame()))
        if "geometry" in table:
            return within(_points(self.postcodes, CRS), table)
        if "lsoa_code" in table:
            return self.postcodes.join(table.set_index("lsoa_code")["area_code"], on="lsoa_code", how="inner")
        raise PlacelibError(f"There is no way from {' '.join(area)} to wards: {WAYS.format(*area)}.")

    def shares(self, area: Area, to: Area | None = None) -> pd.DataFrame:
        """Share of each area's people that live in each of another set of areas: of the wards, if none is given.

        A lookup that the place brings is taken as it stands. Otherwise the people are those of the live postcodes
        that lie in both areas; an area where nobody is known to live is shared by the number of postcodes.

        Returns
        -------
        DataFrame
            area_code, to_code, share; the shares of an area sum to 1. Areas without a live postcode are absent.

        Raises
        ------
        PlacelibError
            If there is no way between the two: for parts of a split LSOA to share it out, their outlines are needed.
        """
        table = self.areas.get(area, pd.DataFrame())
        if "share" in table and to is None:
            ours = table[table["ward_code"].isin(self.wards["ward_code"])]
            return ours.rename(columns={"ward_code": "to_code"})[["area_code", "to_code", "share"]]
        target = self.placed(to or WARDS)["area_code"].rename("to_code")
        if target.index.has_duplicates:
            raise PlacelibError(f"Nothing says where in a split LSOA its parts are: {WAYS.format(*to)}.")
        located = self.placed(area).join(target, how="inner").groupby(["area_code", "to_code"])["weight"]
        people = located.sum()
        empty = people.groupby("area_code").transform("sum") == 0
        people = people.mask(empty, located.size())
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
        keys = pd.DataFrame({"row": frame.index, "area_code": given_codes(frame, rule).to_numpy()})
        table = self.shares(self._area(rule)).rename(columns={"to_code": "ward_code"})
        return keys.merge(table, on="area_code")[["row", "ward_code", "share"]]


def vintage_faults(frame: pd.DataFrame, contract: contracts.Contract, geography: Geography) -> list[Fault]:
    """Faults in the codes of a file's areas: of another vintage than declared, or of none that can be placed.

    Codes that are known in no vintage are of other districts, and left to the ledger. Wards keep their code until
    their boundary changes, so a ward of today is one of today's whatever year the contract gives.

    Parameters
    ----------
    frame : DataFrame
        Rows of the source.
    contract : Contract
        What it says of them.
    geography : Geography
        The place's, with what its sources bring.
    """
    rule = contract.geography
    if rule is None or rule.type == "place":
        return []
    if rule.type in NOWHERE:
        lost = frame[list(rule.columns)].notna().all(axis=1).any() and geography.locate(frame, rule).empty
        return [fault(NOWHERE[rule.type], contract.file, ", ".join(rule.columns))] if lost else []
    known, right = geography.codes(rule.type), geography.expected(rule)
    given = set(frame[rule.columns[0]].dropna())
    others = [vintage for vintage, codes in known.items() if codes & given - right]
    theirs = set().union(*(known[vintage] for vintage in others))
    if others:
        kind, codes = f"{rule.type} {' or '.join(sorted(others))}", some(sorted(given & theirs - right))
        name = "mixed_vintages" if given & right - theirs else "other_vintage"
        return [fault(name, contract.file, rule.columns[0], rule=rule, kind=kind, codes=codes, last=max(others))]
    if given and not given & right:
        ways, codes = WAYS.format(rule.type, rule.vintage), some(sorted(given))
        return [fault("no_code", contract.file, rule.columns[0], rule=rule, codes=codes, ways=ways)]
    return _brought_faults(contract, geography) if contract.kind in ("boundaries", "lookup") else []


def _brought_faults(contract: contracts.Contract, geography: Geography) -> list[Fault]:
    """Faults in outlines or a lookup of the place's own that would lose people, count them twice or misplace them."""
    area = contract.geography.type, contract.geography.vintage
    table = geography.areas.get(area, geography.wards.rename(columns={"ward_code": "area_code"}))
    codes = table["area_code"]
    if contract.kind == "lookup":
        wrong = {"shares": codes[(table.groupby("area_code")["share"].transform("sum") - 1).abs() > ROUNDING]}
    else:
        sound = table.geom_type.isin(POLYGONS) & table.is_valid & table.get("ward_name", codes).notna()
        given = set(codes.dropna())
        wrong = {"outlines": codes[~sound | codes.isna() | codes.duplicated()].fillna("no code")}
        wrong["other_wards"] = given ^ set(geography.postcodes["ward_code"]) if area == WARDS else ()
        wrong["no_outline"] = () if len(within(_points(geography.postcodes, CRS), table)) else given
    at = contract.geography.columns[0]
    return [fault(name, contract.file, at, codes=some(sorted(set(each)))) for name, each in wrong.items() if len(each)]


def given_codes(frame: pd.DataFrame, rule: contracts.Geography) -> pd.Series:
    """Code of the area of each row; a postcode in one way of writing."""
    codes = frame[rule.columns[0]]
    return tidy_postcode(codes) if rule.type == "postcode" else codes


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
