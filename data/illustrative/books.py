"""The books of an illustrative place: money, services, decisions and risks, with the truth that is planted in them.

What is written by hand stands in books/*.csv, and what differs between places and files in books/plan.toml. Here it is
scaled to the place, tied to the place's own figures, and spread over years, wards and lines.
"""

import tomllib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from illustrative.people import HERE
from placelib.sources.terms import read_vocabulary

FOLDER = HERE / "books"
PLAN = tomllib.loads((FOLDER / "plan.toml").read_text(encoding="utf8"))
BOOKS = read_vocabulary(HERE.parent / "vocabulary").books
LEDGER = PLAN["ledger"]
YEARS = list(LEDGER["years"])


@dataclass(frozen=True)
class Desk:
    """What one place's books are made from: its name, its own stream of chance, and the truth of its indicators.

    `level` holds the place's rate by indicator; `wards` people at risk and rate by indicator and ward.
    """

    slug: str
    random: np.random.Generator
    level: pd.Series
    wards: pd.DataFrame

    @property
    def place(self) -> dict[str, Any]:
        """What books/plan.toml says of the place."""
        return PLAN["places"][self.slug]

    def table(self, kind: str) -> pd.DataFrame:
        """Rows of books/<kind>.csv as they are in this place: words filled in, thousands as pounds of its size."""
        table = pd.read_csv(FOLDER / f"{kind}.csv", dtype=str, keep_default_na=False)
        for word, meaning in self.place["words"].items():
            table = table.apply(lambda cells, word=word, meaning=meaning: cells.str.replace(f"{{{word}}}", meaning))
        other = pd.read_csv(FOLDER / "differences.csv", dtype=str)
        for each in other[(other["place"] == self.slug) & (other["book"] == kind)].itertuples():
            table.loc[table.iloc[:, 0] == each.row, each.column] = each.value
        for name in table:
            numbers = pd.to_numeric(table[name], errors="coerce")
            if name.endswith("_k"):
                pounds = (numbers * 1000 * self.place["scale"]).round(-3).astype("Int64")
                table = table.rename(columns={name: name.removesuffix("_k")}).assign(
                    **{name.removesuffix("_k"): pounds}
                )
            elif name != "cofog" and (numbers.notna() | (table[name] == "")).all() and numbers.notna().any():
                table[name] = numbers.convert_dtypes()
        return table

    def shares(self, indicator: str, follows: float) -> pd.Series:
        """Share of each ward: people at risk times its rate to a power: 1 follows need, 0 does not."""
        ward = self.wards.loc[indicator]
        weight = ward["people"] * (ward["value"] / ward["value"].mean()) ** follows
        return weight / weight.sum()

    @cached_property
    def services(self) -> pd.DataFrame:
        """Services with what has been measured of them: `effect` is not yet adjusted for whom they serve."""
        table = self.table("services")
        for column, times in self.place["odds"].items():
            odds = times * table[column] / (1 - table[column])
            table[column] = (odds / (1 + odds)).astype(float).round(2)
        error = table["effect_evidence"].map(PLAN["evidence"]).to_numpy()
        noise = error * self.random.normal(size=len(table)).clip(-1.5, 1.5)
        measured = table["true_effect"] / table["case_mix"] * np.exp(noise)
        limits = {"effect": 0, "effect_lower": -1.96, "effect_upper": 1.96}
        cost = table["annual_cost"]
        return table.assign(
            people_served=(table["people_served"] * self.place["scale"]).round().astype(int),
            minimum_cost=(cost * table["floor"]).round(-3).astype(int),
            maximum_cost=(cost * table["ceiling"]).round(-3).astype(int),
            **{name: (measured * np.exp(width * error)).astype(float).round(4) for name, width in limits.items()},
        )


def parted(total: float, shares: pd.Series) -> np.ndarray:
    """Whole numbers in these shares that add up to the total, to the last pound."""
    return np.diff(np.round(np.cumsum(shares) * total), prepend=0).astype(int)


def spend(desk: Desk) -> pd.DataFrame:
    """Ledger lines: each sum by kind of spending, by ward where it truly is so, and by year."""
    given = desk.table("spend").assign(service_id="", year=LEDGER["now"])
    given["amount"] = given[desk.place["ledger"]] * 1000
    own = desk.services.assign(basis="gross", counterparty="", year=LEDGER["planned"])
    own["amount"] = own["annual_cost"]
    own["types"] = own["provider_kind"].eq("public").map({True: "staff:0.7 revenue:0.3", False: "revenue:1"})
    own.loc[own["wards"] != "", "types"] = "staff:1"
    columns = ["service_id", "service", "cofog", "outcome_id", "types", "basis", "counterparty", "growth", "wards"]
    own = own.rename(columns={"commissioner": "agency"})
    sums = pd.concat([given, own], ignore_index=True)[["agency", *columns, "year", "amount"]]
    sums = sums.rename(columns={"year": "known"}).sort_values("agency", kind="stable")
    lines = [line for row in sums.to_dict("records") for line in _lines(desk, row)]
    ledger = pd.DataFrame(lines).sort_values(["agency", "year"], kind="stable", ignore_index=True)
    number = ledger.groupby(["agency", "year"]).cumcount() + 1
    period = ledger["year"].str[2:].str.replace("-", "")
    ledger["line_id"] = ledger["agency"].str[:3].str.upper() + "-" + period + "-" + number.astype(str).str.zfill(3)
    moved = ledger["counterparty"] != ""
    ledger["transfer_id"] = ("T-" + ledger["line_id"]).where(moved, "")
    ledger["status"] = ledger["year"].map(LEDGER["years"])
    old = ledger["agency"].isin(LEDGER["old_prices"]) & (ledger["status"] == "budget")
    ledger["price_year"] = ledger["year"].mask(old, LEDGER["now"])
    return ledger


def _lines(desk: Desk, row: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines of one sum in every year."""
    types = pd.Series({name: float(share) for name, share in (each.split(":") for each in row.pop("types").split())})
    pattern, known, growth, amount = (row.pop(name) for name in ("wards", "known", "growth", "amount"))
    wards = pd.Series([1.0], [""])
    if pattern == "even":
        codes = desk.wards.loc["violence"].index
        wards = pd.Series(1 / len(codes), codes)
    elif pattern:
        indicator, follows = pattern.split(":")
        wards = desk.shares(indicator, float(follows))
    lines = []
    for year in YEARS if amount > 0 else LEDGER["refunded"]:
        away = YEARS.index(year) - YEARS.index(known)
        total = float(amount) * (1 + growth) ** away * np.exp(desk.random.normal(0, 0.012) * (away != 0))
        total = total if away == 0 else round(total, -3)
        for kind, each in zip(types.index, parted(total, types), strict=True):
            for ward, pounds in zip(wards.index, parted(each, wards), strict=True):
                lines.append(row | {"economic_type": kind, "ward_code": ward, "year": year, "amount": pounds})
    return lines


def service_wards(desk: Desk) -> pd.DataFrame:
    """People served by ward: most services go where need is, some less than they should, one where it is least."""
    parts = []
    for row in desk.services.itertuples():
        shares = desk.shares(row.need_indicator, row.follows_need)
        shares = shares * np.exp(desk.random.normal(0, 0.12, len(shares)))
        people = parted(row.people_served, shares / shares.sum())
        parts.append(pd.DataFrame({"service_id": row.service_id, "ward_code": shares.index, "people_served": people}))
    return pd.concat(parts, ignore_index=True)


def funds(desk: Desk) -> pd.DataFrame:
    """Funds with each partner's share of what is put in, and what the whole fund is forecast to spend."""
    table = desk.table("funds").assign(year=LEDGER["planned"])
    total = table.groupby("fund_id")["contribution"].transform("sum").astype(float)
    table["forecast_spend"] = (total * table["forecast_ratio"]).round(-3).astype(int)
    table["contribution_share"] = (table["contribution"] / total).astype(float).round(5)
    return table


def who_pays(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """What each partner pays (or gets back, below zero) at the forecast, worked fund by fund without the library."""
    paid: dict[str, dict[str, float]] = {}
    for fund, rows in table.groupby("fund_id"):
        over = float(rows["forecast_spend"].iloc[0] - rows["contribution"].sum())
        share = dict(zip(rows["partner"], rows["overspend_share" if over > 0 else "underspend_share"], strict=True))
        part = {partner: over * float(each) for partner, each in share.items()}
        caps = dict(zip(rows["partner"], rows["overspend_cap"], strict=True))
        part |= {partner: min(part[partner], float(cap)) for partner, cap in caps.items() if pd.notna(cap)}
        if host := rows["host"].iloc[0]:
            part[host] += over - sum(part.values())
        paid[str(fund)] = {partner: round(each, 2) for partner, each in part.items()}
    return paid


def outcomes(desk: Desk) -> pd.DataFrame:
    """The framework, its baselines and targets set from the place's own rates."""
    table = desk.table("outcomes")
    level = table["indicator_id"].map(desk.level)
    return table.assign(**{name: _told(level * table[f"{name}_ratio"]) for name in ("baseline", "target")})


def _told(values: pd.Series) -> pd.Series:
    """A figure as a report would give it: one decimal place, two where it is small."""
    return values.astype(float).round(1).where(values > 10, values.astype(float).round(2))


def decisions(desk: Desk) -> pd.DataFrame:
    """Decisions of the last edition, with the indicator as it was and the change that was expected."""
    table, indicator = desk.table("decisions"), desk.table("outcomes").set_index("outcome_id")["indicator_id"]
    level = table["outcome_id"].map(indicator).map(desk.level)
    change = (level * table["change_ratio"]).astype(float).round(2)
    return table.assign(indicator_then=_told(level * table["then_ratio"]), expected_change=change)


def contracts(desk: Desk) -> pd.DataFrame:
    """Contracts registers, as many units as the place's size asks for."""
    table = desk.table("contracts")
    table["units"] = (table["units"] * desk.place["scale"]).astype(float).round().astype(int)
    return table.assign(annual_value=(table["unit_price"] * table["units"]).astype(float).round().astype(int))


def option_flows(desk: Desk) -> pd.DataFrame:
    """Costs and benefits of each option, a line a year."""
    table = desk.table("option_flows")
    table["year"] = [list(range(first, last + 1)) for first, last in zip(table["first"], table["last"], strict=True)]
    return table.explode("year")


def option_weights(desk: Desk) -> pd.DataFrame:
    """What each partner thinks a criterion is worth: a line for each of the two."""
    return desk.table("option_weights").melt("partner", var_name="criterion", value_name="weight")


def rights(desk: Desk) -> pd.DataFrame:
    """Who may do what: a line for each outcome, partner and right."""
    table = desk.table("rights").melt("outcome_id", var_name="right", value_name="agency")
    table["agency"] = table["agency"].str.split("+")
    return table.explode("agency").query("agency != ''")


def regimes(desk: Desk) -> pd.DataFrame:
    """Regimes: a line for each partner that is inspected."""
    table = desk.table("regimes")
    return table.assign(inspects=table["inspects"].str.split("+")).explode("inspects")


def capability(desk: Desk) -> pd.DataFrame:
    """Skills as partners see themselves; two of them were looked at by a peer."""
    table = desk.table("capability").melt("agency", var_name="skill", value_name="said")
    table[["level", "importance"]] = table["said"].str.split("/", expand=True).astype(int)
    peer = table["agency"].isin(PLAN["peers"])
    table["assessor"] = peer.map({True: "peer", False: "self"})
    return table.assign(evidence=table["level"].map(dict(enumerate(PLAN["levels"], 1))), assessed_on="2026-07-15")


def themes(desk: Desk) -> pd.DataFrame:
    """The place standard as businesses and community groups scored it, with the error of so few answers."""
    table = desk.table("themes")
    who = {"business": ("businesses", (70, 130)), "community": ("community_groups", (25, 50))}
    for name, (counted, (fewest, most)) in who.items():
        answered = desk.random.integers(fewest, most, len(table))
        table[f"{name}_score"] = table[f"{desk.place['ledger']}_{name}"]
        table[f"{name}_error"], table[counted] = (1.35 / np.sqrt(answered)).round(3), answered
    return table


def panel(desk: Desk) -> pd.DataFrame:
    """One indicator in the place and its donors: common shocks that each feels more or less, and the planted effect."""
    plan, random = PLAN["panel"], desk.random
    years = np.arange(plan["years"][0], plan["years"][1] + 1)
    shocks = random.normal(0, 0.025, (3, len(years))).cumsum(axis=1)
    felt = random.uniform(0, 1, (plan["donors"], 3))
    like = random.dirichlet(np.ones(4) * 3)  # the place is like a mix of the first four donors
    base = random.normal(0, 0.12, plan["donors"])
    felt, base = np.vstack([like @ felt[:4], felt]), np.append(like @ base[:4], base)
    logged = base[:, None] + felt @ shocks + random.normal(0, 0.012, (len(base), len(years)))
    effect = np.zeros(len(years))
    effect[years >= plan["from"]] = plan["effect"]
    logged[0] += np.log1p(effect)
    value = np.exp(logged - logged[0, -1]) * desk.level[plan["indicator_id"]]
    names = [
        desk.slug.replace("-", " ").title().replace(" And ", " and "),
        *(f"Other place {i + 1}" for i in range(len(base) - 1)),
    ]
    table = pd.DataFrame(value.round(2), names, years).rename_axis("area_name").reset_index()
    table = table.melt("area_name", var_name="year", value_name="value").sort_values(
        ["area_name", "year"], kind="stable"
    )
    own = table["area_name"] == names[0]
    table["role"] = own.map({True: "place", False: "donor"})
    table["intervention_year"] = pd.Series(plan["from"], table.index).where(own).astype("Int64")
    table["intervention"] = own.map({True: plan["intervention"], False: ""})
    return table.assign(indicator_id=plan["indicator_id"])


def payments(desk: Desk) -> pd.DataFrame:
    """Payments as published: payees spelt as they come, some paid twice, some refunded; `planted` says which."""
    plan, random = PLAN["payments"], desk.random
    bought = desk.table("contracts")[["supplier", "category"]]
    other = pd.DataFrame({"supplier": plan["others"], "category": "Other"})
    known = pd.concat([bought, other], ignore_index=True)
    days = pd.bdate_range(*plan["days"])
    picked = random.integers(0, len(known), plan["rows"])
    table = known.iloc[picked].reset_index(drop=True).rename(columns={"supplier": "payee"})
    table["paid_on"] = days[np.sort(random.integers(0, len(days), len(table)))]
    table["amount"] = np.exp(random.normal(8.1, 1.2, len(table))).clip(500.01, 400_000).round(2)
    table["planted"] = ""
    early = table[table["paid_on"] < days[-15]]
    again = early.sample(plan["duplicates"] + plan["refunds"], random_state=random)
    twice, back = again[: plan["duplicates"]], again[plan["duplicates"] :]
    back = back.assign(amount=-back["amount"], paid_on=back["paid_on"] + pd.offsets.BDay(9), planted="refund")
    table = pd.concat([table, twice.assign(planted="duplicate"), back]).sort_values("paid_on", kind="stable")
    blank = random.random(len(table)) < 0.03
    table["reference"] = [str(5_100_000 + number) for number in range(len(table))]
    return table.assign(category=table["category"].mask(blank, "")).reset_index(drop=True)


MADE = [spend, outcomes, service_wards, funds, contracts, option_flows, rights, regimes, capability, decisions, panel]
MADE += [themes, payments, option_weights]


def make_books(slug: str, seed: int, truth: pd.DataFrame) -> tuple[dict[str, tuple], dict[str, Any]]:
    """All books of a place.

    Parameters
    ----------
    slug : str
        The place.
    seed : int
        Its seed: books draw from a stream of their own, so that no other file changes with them.
    truth : DataFrame
        The truth of the place's indicators, by ward and for the place.

    Returns
    -------
    files : dict of str to (DataFrame, dict)
        By name of contract: what the file holds, and what its contract says.
    truth : dict
        What is planted: totals, effects, who pays, which suppliers are the same.
    """
    everyone = truth[truth["characteristic"] == "all"].set_index(["indicator_id", "area_code"])[["people", "value"]]
    of_wards = everyone.index.get_level_values("area_code").str.startswith("E05")
    level = everyone.loc[~of_wards, "value"].droplevel("area_code")
    desk = Desk(slug, np.random.default_rng([seed, 4]), level, everyone[of_wards].sort_index())
    frames = {"services": desk.services} | {make.__name__: make(desk) for make in MADE}
    for kind in {source["kind"] for source in PLAN["files"].values()} - set(frames):
        frames[kind] = desk.table(kind)
    files = {name: _file(frames[source["kind"]], name, source) for name, source in PLAN["files"].items()}
    return files, planted(frames)


def _file(rows: pd.DataFrame, name: str, source: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """One file as its agency writes it, and its contract."""
    usual = {"file": f"{name}.csv", "release": "open", "period": ["2023-04-01", "2027-03-31"], "columns": {}}
    source = usual | {key: value for key, value in source.items() if key != "ledgers"} | {"make": {}}
    if "ledgers" in PLAN["files"][name]:
        rows = rows[rows["agency"].isin(PLAN["files"][name]["ledgers"])]
    frame, called = rows[list(BOOKS[source["kind"]].columns)].copy(), {}
    for own, column in source["columns"].items():
        called[column["label"]] = own
        if "codes" in column:
            frame[column["label"]] = frame[column["label"]].map(
                {meant: code for code, meant in column["codes"].items()}
            )
        if column["type"] == "date":
            frame[column["label"]] = frame[column["label"]].dt.strftime(column["date_format"])
    return frame.rename(columns=called), source


def planted(frames: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """The truth that tests compare with."""
    ledger, services, paid = frames["spend"], frames["services"], frames["payments"]
    moved = ledger[ledger["counterparty"] != ""]
    links = frames["service_links"].merge(services, on="service_id")
    links["cost"] = links["knock_on_share"] * links["people_served"] * links["unit_cost"]
    effect = dict(
        zip(range(PLAN["panel"]["from"], PLAN["panel"]["years"][1] + 1), PLAN["panel"]["effect"], strict=True)
    )
    return {
        "gross": _nested(ledger.groupby(["year", "agency"])["amount"].sum()),
        "transfers_out": _nested(moved.groupby(["year", "agency"])["amount"].sum()),
        "total_place": _plain(ledger.groupby("year")["amount"].sum() - moved.groupby("year")["amount"].sum()),
        "overspend": who_pays(frames["funds"]),
        "effects": _plain(services.set_index("service_id")["true_effect"]),
        "shunted_first_round": _plain(links.groupby("service_id")["cost"].sum().round(2)),
        "suppliers": dict(zip(frames["contracts"]["supplier"], frames["contracts"]["true_supplier"], strict=True)),
        "payments": {name: list(rows["reference"]) for name, rows in paid[paid["planted"] != ""].groupby("planted")},
        "panel": {"year": PLAN["panel"]["from"], "effect": {str(year): each for year, each in effect.items()}},
        "found": PLAN["found"],
    }


def _plain(values: pd.Series) -> dict[str, float]:
    return {str(key): value for key, value in values.astype(float).items()}


def _nested(values: pd.Series) -> dict[str, dict[str, float]]:
    return {str(year): _plain(part.droplevel(0)) for year, part in values.groupby(level=0)}
