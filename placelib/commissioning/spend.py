"""The total-place ledger: all agencies' money in one year's prices, netted once, beside need; and their payments."""

import numpy as np
import pandas as pd
from rapidfuzz import fuzz, process
from scipy import stats

from placelib.errors import PlacelibError, some

# money planned and spent, with and without income, or of two years, is never added together
APART = ["status", "net_or_gross", "year", "prices"]
BY_WARD, BY_PEOPLE, BY_RESIDENTS = "known by ward", "by people served", "by residents"
LESS, MORE, UNCLEAR = "clearly less than its need", "clearly more than its need", "no clear difference"
CONFIDENCE, NEAR = 0.95, 0.1
SAME_NAME = 92  # of 100: measured on two published files of payments, see tests/real/test_payments.py
SPELLINGS = {r"&": " AND ", r"['’.]": "", r"[\W_]+": " ", r"\bLTD\b": "LIMITED", r"^ | $|^ ?THE (?=.)": ""}
AGAIN, REFUND, UNNAMED, UNDATED = "same line again", "refund", "payee not named", "not dated"
REPEATED, PAID, UNLISTED = "same payee, day and sum as another", "paid", ("in none that we have", "in a register")


def ledger(spend: pd.DataFrame, deflators: pd.DataFrame, prices: str) -> pd.DataFrame:
    """Put every agency's lines into one year's prices, transfers inside the partnership told apart.

    Parameters
    ----------
    spend : DataFrame
        The book of spend: a line a sum, in pounds of its `price_year`.
    deflators : DataFrame
        year, index: the price level.
    prices : str
        Financial year in whose prices all is to be.

    Returns
    -------
    DataFrame
        The same lines with `prices` and, in £ million, `paid_gbp_m` = amount × index of `prices` / index of
        `price_year`; `passed_on_gbp_m`, what of it goes to another partner and is spent again in that partner's ledger
        (0 or all of it); `spent_gbp_m`, the rest: total place is its sum. `net_or_gross` is the book's `basis`. Blank
        outcomes and services become "".

    Raises
    ------
    PlacelibError
        A price year that the deflators do not have, where there are several.
    """
    index, years = deflators.set_index("year")["index"], {*spend["price_year"], *([prices] if len(spend) else [])}
    if len(years) == 1:  # no prices to bring together
        index = pd.Series(1.0, list(years))
    if unknown := sorted(years - set(index.index)):
        raise PlacelibError(f"No price level is given for {some(unknown)}: add it to a file of the kind 'deflators'.")
    paid = spend["amount"] * index.get(prices, np.nan) / spend["price_year"].map(index) / 1e6
    passed = paid.where(spend["counterparty"].notna(), 0.0)
    lines = spend.assign(prices=prices, paid_gbp_m=paid, passed_on_gbp_m=passed, spent_gbp_m=paid - passed)
    return lines.fillna({"outcome_id": "", "service_id": ""}).rename(columns={"basis": "net_or_gross"})


def totals(lines: pd.DataFrame, *by: str) -> pd.DataFrame:
    """Add up a ledger: never outturn with budget, gross with net, or one year with another.

    Parameters
    ----------
    lines : DataFrame
        From `ledger`.
    by : str
        More columns to keep apart: agency, cofog, outcome_id, economic_type.

    Returns
    -------
    DataFrame
        status, net_or_gross, year, prices and `by`, with paid_gbp_m = passed_on_gbp_m + spent_gbp_m.
    """
    return lines.groupby([*APART, *by], as_index=False)[["paid_gbp_m", "passed_on_gbp_m", "spent_gbp_m"]].sum()


def planned_for(lines: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Give for each indicator what all partners plan to spend, before income, on the outcome that it stands for.

    Parameters
    ----------
    lines : DataFrame
        From `ledger`.
    outcomes : DataFrame
        The book of outcomes. Money for a performance outcome counts for the population outcome that it serves.

    Returns
    -------
    DataFrame
        By indicator_id: outcome_id, outcome (the population outcome), year (the latest that is planned),
        spent_gbp_m (missing where the ledgers name no such outcome).
    """
    served = outcomes["parent"].fillna(outcomes["outcome_id"])
    root = dict(zip(outcomes["outcome_id"], served, strict=True))
    planned = lines[lines["status"].eq("budget") & lines["net_or_gross"].eq("gross")]
    latest = planned[planned["year"] == planned["year"].max()]
    pounds = latest["spent_gbp_m"].groupby(latest["outcome_id"].map(root)).sum()
    words = outcomes.set_index("outcome_id")["outcome"]
    found = {"outcome_id": served, "outcome": served.map(words), "spent_gbp_m": served.map(pounds).astype(float)}
    found = pd.DataFrame(found).assign(year=planned["year"].max()).set_axis(outcomes["indicator_id"])
    return found[~found.index.duplicated()]


def by_ward(lines: pd.DataFrame, residents: pd.Series, service_wards: pd.DataFrame) -> pd.DataFrame:
    """Spend by ward: what is known by ward, and the rest shared out and marked so.

    A line without a ward is shared out by the people whom its service serves, by ward of home, where that is known;
    otherwise by residents, which makes it the same a head in every ward.

    Parameters
    ----------
    lines : DataFrame
        From `ledger`; transfers are left out, as they are spent in the receiver's lines.
    residents : Series
        Residents by ward_code.
    service_wards : DataFrame
        service_id, ward_code, people_served.

    Returns
    -------
    DataFrame
        status, net_or_gross, year, prices, ward_code, method, basis ("direct" or "apportioned"), spent_gbp_m: it adds
        up to the ledger.
    """
    people = service_wards.groupby("service_id")["people_served"].transform("sum")
    served = service_wards.assign(share=service_wards["people_served"] / people)[people > 0]
    everyone = (residents / residents.sum()).rename("share").rename_axis("ward_code").reset_index()
    shares = pd.concat([served, everyone.assign(service_id="")])[["service_id", "ward_code", "share"]]
    known = lines[lines["ward_code"].notna()].assign(method=BY_WARD, basis="direct")
    loose = lines[lines["ward_code"].isna()].drop(columns="ward_code")
    loose["service_id"] = loose["service_id"].where(loose["service_id"].isin(served["service_id"]), "")
    loose = totals(loose, "service_id").merge(shares, on="service_id")
    method = np.where(loose["service_id"] == "", BY_RESIDENTS, BY_PEOPLE)
    shared = loose["spent_gbp_m"] * loose["share"]
    both = pd.concat([known, loose.assign(spent_gbp_m=shared, method=method, basis="apportioned")])
    return both.groupby([*APART, "ward_code", "method", "basis"], as_index=False)["spent_gbp_m"].sum()


def against_need(money: pd.DataFrame, people: pd.Series, need: pd.DataFrame, error: pd.DataFrame) -> pd.DataFrame:
    """Set what is spent on each kind of need in each ward beside what its share of that need would bring.

    Were money to follow need, a ward with a tenth of the need would have a tenth of the money: what is due to it is
    all the money × its residents × its level of need / the sum of these over wards. It is clearly above or below where
    the difference of the two is beyond chance, all wards and kinds of need allowed for together (Bonferroni, at 95%),
    and at least a tenth. The money is taken as it is known, with no chance in it.

    Parameters
    ----------
    money : DataFrame, wards by domains
        Pounds of one year: only what truly is known by ward. A domain without any is left out.
    people : Series
        Residents by ward_code.
    need : DataFrame, wards by domains
        Logarithm of each ward's ratio to a reference, higher being worse.
    error : DataFrame, wards by domains
        Standard error of `need`. That of the need of all wards together is small beside it, and left out.

    Returns
    -------
    DataFrame
        domain_id, ward_code, gbp (of the money) and, in pounds a head, spent_per_head_gbp, due_per_head_gbp, gap_gbp
        (the first less the second) with gap_gbp_lower and gap_gbp_upper, and verdict; the widest gap below nought of
        each domain first.

    Examples
    --------
    >>> money, people = pd.DataFrame({"work": {"A": 300.0, "B": 100.0}}), pd.Series({"A": 10, "B": 10})
    >>> need = np.log(pd.DataFrame({"work": {"A": 1.0, "B": 3.0}}))
    >>> against_need(money, people, need, need * 0 + 0.01)[["ward_code", "verdict"]].to_numpy().tolist()
    [['B', 'clearly less than its need'], ['A', 'clearly more than its need']]
    """
    frames = {"gbp": money.reindex_like(need).fillna(0.0), "amount": np.exp(need).mul(people, axis=0), "error": error}
    rows = pd.concat({name: each.stack() for name, each in frames.items()}, axis=1).astype(float)
    rows = rows.rename_axis(["ward_code", "domain_id"]).reset_index()
    whole, each = rows.groupby("domain_id")[["gbp", "amount"]].transform("sum"), rows["ward_code"].map(people)
    head, due = rows["gbp"] / each, rows["amount"] * whole["gbp"] / whole["amount"] / each
    margin = np.exp(stats.norm.isf((1 - CONFIDENCE) / 2 / max((due > 0).sum(), 1)) * rows["error"])
    least = margin.clip(lower=1 + NEAR)
    table = rows.assign(spent_per_head_gbp=head, due_per_head_gbp=due, gap_gbp=head - due)
    table = table.assign(gap_gbp_lower=head - due * margin, gap_gbp_upper=head - due / margin)
    table["verdict"] = np.select([head * least < due, head > due * least], [LESS, MORE], UNCLEAR)
    return table[due > 0].sort_values(["domain_id", "gap_gbp"], ignore_index=True)


def clean_names(names: pd.Series) -> pd.Series:
    """Write names alike: capitals, no punctuation, LIMITED for LTD; "" where there is none.

    Examples
    --------
    >>> clean_names(pd.Series(["The A.B. Care Co Ltd", "A B CARE & CO. LIMITED  ", None])).tolist()
    ['AB CARE CO LIMITED', 'A B CARE AND CO LIMITED', '']
    """
    return names.astype(object).fillna("").str.upper().replace(SPELLINGS, regex=True).str.strip()


def matched(names: pd.Series, known: pd.Series) -> pd.DataFrame:
    """Find for each name the likeliest of the known ones: a suggestion, for someone who knows the names to confirm.

    Parameters
    ----------
    names, known : Series of str
        Payees and suppliers, or an agency's categories and shared ones.

    Returns
    -------
    DataFrame
        A row a name, in its index: `match` (as `known` has it; "" where none is as like as 92 of 100) and
        `likeness`, the token sort ratio of the cleaned names. Names whose figures differ never match.
    """
    words, listed = clean_names(names), pd.Series([*known.dropna().unique(), ""])  # the last: none of them
    ours, theirs = words.drop_duplicates(), clean_names(listed)
    like = process.cdist(ours.tolist(), theirs.tolist(), scorer=fuzz.token_sort_ratio)
    figures = [each.str.replace(r"\D+", " ", regex=True).str.strip().to_numpy() for each in (ours, theirs)]
    like = np.where(figures[0][:, None] == figures[1], like, 0.0)
    match = np.where(like.max(axis=1) >= SAME_NAME, listed.to_numpy()[like.argmax(axis=1)], "")
    return pd.DataFrame({"match": match, "likeness": like.max(axis=1)}, ours).reindex(words).set_axis(names.index)


def told_apart(payments: pd.DataFrame) -> pd.DataFrame:
    """Say of every published payment what it is: nothing is dropped.

    Parameters
    ----------
    payments : DataFrame
        The book of payments.

    Returns
    -------
    DataFrame
        The same rows with `payee` cleaned and `standing`, the first that holds of: the same line again (reference,
        payee, day, sum and category alike: not to be counted twice); a refund (below zero); payee not named; not
        dated; same payee, day and sum as another (a question for the body: two real payments can be alike); paid.
    """
    named, like = payments.assign(payee=clean_names(payments["payee"])), ["payee", "paid_on", "amount"]
    again = named.duplicated([*like, "category", "reference"]) & named["reference"].notna()
    rules = [again, named["amount"] < 0, named["payee"] == "", named["paid_on"].isna(), named.duplicated(like)]
    return named.assign(standing=np.select(rules, [AGAIN, REFUND, UNNAMED, UNDATED, REPEATED], PAID))


def reconciled(payments: pd.DataFrame, contracts: pd.DataFrame) -> pd.DataFrame:
    """Count payments and their pounds by what they are, and whether the payee is in a contracts register.

    Parameters
    ----------
    payments, contracts : DataFrame
        The books. A payee who is in none may have a contract that is too small to list, or need none.

    Returns
    -------
    DataFrame
        standing, register, payments, amount_gbp; together they are the file.
    """
    told = told_apart(payments)
    register = np.where(matched(told["payee"], contracts["supplier"])["match"] == "", *UNLISTED)
    counted = told.groupby(["standing", register])["amount"].agg(payments="size", amount_gbp="sum")
    return counted.rename_axis(["standing", "register"]).sort_values("payments", ascending=False).reset_index()
