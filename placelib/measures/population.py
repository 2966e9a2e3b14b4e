"""Who lives here: denominators by ward, residents by characteristic, and the margins that a survey is raked to."""

from collections.abc import Sequence

import pandas as pd

from placelib.sources.contracts import Contract, Denominator
from placelib.sources.geography import Geography
from placelib.sources.readers import Inputs, Source

CHILD_BANDS = ("0_4", "5_10", "11_15")


def weighted(inputs: Inputs) -> Geography:
    """The place's geography, postcodes weighted by residents where a population file counts them by output area."""
    for contract, people in of_residents(inputs):
        if contract.geography.type == "output area":
            by_area = people.groupby(contract.geography.columns[0])[contract.population.count].sum()
            return inputs.geography.weighted(by_area)
    return inputs.geography


def of_residents(inputs: Inputs) -> list[tuple[Contract, pd.DataFrame]]:
    """Files that count residents, each with the rows that are of this place."""
    files = inputs.of_kind("population")
    return [(each.contract, counted(each)) for each in files if each.contract.population.basis == "resident"]


def keep(frame: pd.DataFrame, where: dict[str, tuple[str, ...]]) -> pd.DataFrame:
    """Rows in which each named column has one of the given values."""
    for column, values in where.items():
        frame = frame[as_codes(frame[column]).isin(values)]
    return frame


def as_codes(values: pd.Series) -> pd.Series:
    """Write values as the contract names them: a whole number without the '.0' that a missing cell brings."""
    return values.astype("Int64").astype("string") if pd.api.types.is_numeric_dtype(values) else values


def counted(source: Source) -> pd.DataFrame:
    """Rows of a population file that are of this place."""
    return keep(source.frame, source.contract.population.where)


def denominators(inputs: Inputs) -> list[tuple[Denominator, Contract, pd.DataFrame]]:
    """Every population at risk that the place declares, with its contract and the rows that are of it."""
    return [
        (each, source.contract, keep(source.frame, each.where))
        for source in inputs.of_kind("population")
        for each in source.contract.denominators
    ]


def ward_denominators(inputs: Inputs, geography: Geography) -> pd.DataFrame:
    """Population at risk of each ward, by the name that the vocabulary gives it.

    Returns
    -------
    DataFrame
        Index ward_code, a column a denominator: residents, adults, households … Areas that straddle wards are
        shared out, so the numbers need not be whole.
    """
    found = {each.id: by_ward(rows, each.column, contract, geography) for each, contract, rows in denominators(inputs)}
    return pd.DataFrame(found, index=pd.Index(geography.wards["ward_code"], name="ward_code"))


def by_ward(frame: pd.DataFrame, column: str, contract: Contract, geography: Geography) -> pd.Series:
    """Sum a count over wards, sharing out areas that straddle them."""
    located = geography.locate(frame, contract.geography)
    amount = located["row"].map(frame[column]) * located["share"]
    return amount.groupby(located["ward_code"]).sum()


def characteristics_of(contract: Contract) -> dict[str, str]:
    """Characteristic to column, for the columns of a file that hold one."""
    return {column.characteristic: name for name, column in contract.columns.items() if column.characteristic}


def residents(inputs: Inputs, geography: Geography) -> pd.DataFrame:
    """Residents by ward and by each characteristic that a population file counts.

    Returns
    -------
    DataFrame
        characteristic, ward_code, category, residents.
    """
    found: dict[str, pd.Series] = {}
    for contract, frame in of_residents(inputs):
        if contract.geography.type != "place":
            rows = geography.locate(frame, contract.geography).set_index("row").join(frame)
            people = rows[contract.population.count] * rows["share"]
            for name, column in characteristics_of(contract).items():
                by_category = people.groupby([rows["ward_code"], rows[column].rename("category")]).sum()
                found.setdefault(name, by_category)  # the first file that counts a characteristic
    if not found:
        return pd.DataFrame(columns=["characteristic", "ward_code", "category", "residents"])
    return pd.concat(found, names=["characteristic"]).rename("residents").reset_index()


def adult_margin(inputs: Inputs, geography: Geography, names: Sequence[str]) -> pd.Series:
    """Adults (16 and over) by one characteristic, by the cross of several, or by ward.

    Parameters
    ----------
    inputs : Inputs
        The place.
    geography : Geography
        For the margin by ward.
    names : sequence of str
        Characteristics, or the one name "ward".

    Returns
    -------
    Series
        People, by "category" or "category × category"; empty if no population source of the place counts this
        margin together with age.
    """
    wanted = [name for name in names if name != "ward"]
    for contract, frame in of_residents(inputs):
        columns, count = characteristics_of(contract), contract.population.count
        if {*wanted, "age_band"} <= set(columns):
            adults = frame[~frame[columns["age_band"]].isin(CHILD_BANDS)]
            if not wanted:
                return by_ward(adults, count, contract, geography)
            return adults[count].groupby(crossed([adults[columns[name]] for name in wanted])).sum()
    return pd.Series(dtype=float)


def crossed(keys: Sequence[pd.Series]) -> pd.Series:
    """Join the categories of several columns into one label."""
    first, *others = (key.astype(str) for key in keys)
    return first.str.cat(others, sep=" × ") if others else first


def headline(inputs: Inputs) -> pd.DataFrame:
    """Totals for the whole place: residents, households, workday population and projections.

    Returns
    -------
    DataFrame
        basis, year, people, source_id, illustrative.
    """
    rows = []
    for source in inputs.of_kind("population"):
        contract, frame = source.contract, counted(source)
        year = frame[contract.population.year] if contract.population.year else contract.period_end.year
        totals = frame[contract.population.count].groupby(pd.Series(year, frame.index)).sum()
        facts = (source.name, contract.illustrative)
        rows += [(contract.population.basis, int(key), total, *facts) for key, total in totals.items()]
    table = pd.DataFrame(rows, columns=["basis", "year", "people", "source_id", "illustrative"])
    return table.drop_duplicates(["basis", "year"]).sort_values(["basis", "year"], ignore_index=True)


def by_place_and_ward(residents: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """Residents by category for the place and each ward, with their share of the area's residents.

    Returns
    -------
    DataFrame
        area_type, area_code, area_name, characteristic, category, residents, share_pct.
    """
    wards = residents.rename(columns={"ward_code": "area_code"}).assign(area_type="ward")
    place = residents.groupby(["characteristic", "category"])["residents"].sum().reset_index()
    both = pd.concat([place.assign(area_type="place", area_code=inputs.settings.area_code), wards])
    both["area_name"] = both["area_code"].map(inputs.geography.ward_names).fillna(inputs.settings.name)
    whole = both.groupby(["area_code", "characteristic"])["residents"].transform("sum")
    return both.assign(share_pct=100 * both["residents"] / whole).reset_index(drop=True)
