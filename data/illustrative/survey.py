"""The survey of an illustrative place: what everyone would answer, whom the sample reached, and what they told it."""

import tomllib
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from illustrative.people import HERE, World
from illustrative.themes import aspirations, theme_answers, theme_questions, theme_rows

CHARACTERISTICS = [
    "age_band", "sex", "gender_identity", "ethnic_group", "disability", "religion", "sexual_orientation",
    "marital_status", "pregnancy_maternity", "carer", "care_experience", "armed_forces", "socio_economic",
]  # fmt: skip
ASKED_OF = {"care_needs": ("care_needs", ["yes"]), "carer": ("carer", ["carer_20_plus", "carer_under_20"])}
STRATA, AREAS_PER_WARD = 7, 19
LABELLED, NUMBERED = ("No answer", "Prefer not to say", ""), ("-9", "-8", "-1")  # skipped, refused, not asked


@cache
def questions() -> dict[str, dict[str, Any]]:
    """The questions that the survey asks, by name (questions.toml)."""
    return tomllib.loads((HERE / "questions.toml").read_text(encoding="utf8"))


def grade(scores: np.ndarray, shares: list[float]) -> np.ndarray:
    """Cut scores into ordered answers so that each has its exact share; the highest scores give the first answer.

    Examples
    --------
    >>> grade(np.array([0.1, 5.0, 2.0, 3.0]), [25, 75]).tolist()
    [1, 0, 1, 1]
    """
    rank = np.empty(len(scores))
    rank[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return np.searchsorted(np.cumsum(shares) / np.sum(shares), (rank + 0.5) / len(scores))


def everyone_answers(world: World) -> pd.DataFrame:
    """What each adult would answer to each question if asked; missing where the question is not for them."""
    adults = np.flatnonzero(world.adult)
    answers = pd.DataFrame({"person": adults})
    for name, question in questions().items():
        asked = np.ones(len(adults), bool)
        if "asked_of" in question:
            source, categories = ASKED_OF[question["asked_of"]]
            known = answers[source] if source in answers else world.people[source].iloc[adults]
            asked = known.isin(categories).to_numpy()
        codes = np.full(len(adults), -1)
        codes[asked] = grade(_score(world, question["score"])[adults[asked]], question[world.slug]["shares"])
        answers[name] = pd.Categorical.from_codes(codes, categories=question["levels"])
    return answers


def _score(world: World, effects: dict[str, float]) -> np.ndarray:
    """Latent score of each resident: groups, frailty, a gamma remainder of areas, an interaction of age and tenure."""
    random, skew = world.random, effects.get("skew", 0)
    area = random.gamma(0.7, 1.2, len(world.areas)) - 0.84
    young_renter = world.feature("private_rented") * (world.feature("18_24") + world.feature("25_34"))
    score = world.score({name: effect for name, effect in effects.items() if name != "skew"})
    score += skew * (area[world.people["area"]] + young_renter)
    return score + random.logistic(size=len(score))


def draw_sample(world: World) -> pd.DataFrame:
    """Who answered the survey.

    Strata are groups of wards of like deprivation; output areas are drawn within them; in each, adults are drawn with
    chances that fall with the number of adults in the home (one adult answers for each).

    Returns
    -------
    DataFrame
        person, stratum, cluster, weight (one over the chance of selection, before response).
    """
    random, areas = world.random, world.areas
    ward = world.postcodes.groupby("area")["ward_code"].agg(lambda codes: codes.mode()[0]).to_numpy()
    order = areas.groupby(ward)["deprivation"].mean().sort_values()
    stratum_of = pd.Series(np.arange(len(order)) * STRATA // len(order), index=order.index)
    frame = pd.DataFrame({"area": areas.index, "ward": ward, "stratum": stratum_of.loc[ward].to_numpy()})
    adults = pd.DataFrame({"person": np.flatnonzero(world.adult)})
    adults["area"] = world.people["area"].to_numpy()[adults["person"]]
    adults["chance"] = 1 / world.people["adults_in_home"].iloc[adults["person"]].astype(float).to_numpy()
    members = {area: group for area, group in adults.groupby("area")}
    drawn = []
    for stratum, group in frame.groupby("stratum"):
        taken = min(AREAS_PER_WARD * group["ward"].nunique(), len(group))
        steps = ((np.arange(taken) + random.random()) * len(group) / taken).astype(int)
        issued = 15 + 2 * (stratum % 3)
        for area in group.sort_values(["ward", "area"])["area"].iloc[steps]:
            drawn.append(_issue(random, members[area], issued).assign(stratum=stratum, share=taken / len(group)))
    issued_sample = pd.concat(drawn, ignore_index=True)
    issued_sample["weight"] = 1 / (issued_sample["chance"] * issued_sample.pop("share"))
    answered = issued_sample[_responds(world, issued_sample["person"].to_numpy())]
    return answered.rename(columns={"area": "cluster"}).drop(columns="chance").reset_index(drop=True)


def _issue(random: np.random.Generator, group: pd.DataFrame, issued: int) -> pd.DataFrame:
    """Adults of one area to be approached, by systematic sampling with unequal chances."""
    chance = (issued * group["chance"] / group["chance"].sum()).to_numpy()
    points = random.random() + np.arange(issued)
    picked = np.unique(np.searchsorted(np.cumsum(chance), points[points < chance.sum()]))
    return group.iloc[picked].assign(chance=np.minimum(chance[picked], 1))


def _responds(world: World, person: np.ndarray) -> np.ndarray:
    ward = world.postcodes["ward_code"].astype("category").cat.codes.to_numpy()[world.people["postcode"]]
    of_ward = world.random.normal(0, 0.2, ward.max() + 1)
    score = world.plan["response_level"] + world.score(world.plan["response"]) + of_ward[ward]
    return world.random.random(len(person)) < 1 / (1 + np.exp(-score[person]))


def survey_rows(world: World, answers: pd.DataFrame) -> pd.DataFrame:
    """One row a respondent, in the library's own words: design, weighting columns, characteristics, answers.

    Missing values: "refused" and "skipped" are written out; a question that was not for this person is missing.
    """
    sample, random = draw_sample(world), world.random
    people = world.people.iloc[sample["person"]].reset_index(drop=True)
    rows = pd.DataFrame({"respondent": random.permutation(len(sample)) + 10001, "person": sample["person"]})
    rows["interviewed"] = pd.Timestamp("2026-04-20") + pd.to_timedelta(random.integers(0, 70, len(sample)), "D")
    rows["stratum"] = sample["stratum"] + 1
    rows["cluster"] = pd.factorize(sample["cluster"], sort=True)[0] + 101
    rows["weight"] = sample["weight"].round(2)
    rows["ward"] = world.postcodes["ward_code"].to_numpy()[people["postcode"]]
    rows["weighting_age_band"], rows["weighting_sex"] = people["age_band"].astype(object), people["sex"].astype(object)
    rows["weighting_disability"] = people["disability"].astype(object)
    for name in CHARACTERISTICS:
        rows[name] = people[name].astype(object).mask(random.random(len(rows)) < 0.012, "prefer_not_to_say")
        rows[name] = rows[name].mask(random.random(len(rows)) < 0.008, "skipped")
    rows["age_band"] = rows["age_band"].replace("prefer_not_to_say", "skipped")
    told = answers.set_index("person").loc[sample["person"]].astype(object).reset_index(drop=True)
    skips = 0.985 - 0.01 * people["age_band"].isin(["75_84", "85_plus"])
    for name in told:
        reluctance = random.random(len(told))
        rows[name] = told[name].mask((reluctance > skips) & told[name].notna(), "skipped")
        rows[name] = rows[name].mask((reluctance < 0.006) & told[name].notna(), "refused")
    return rows.sort_values("respondent", ignore_index=True)


def survey_truth(world: World, answers: pd.DataFrame) -> pd.DataFrame:
    """The true percentage behind each indicator that the survey feeds.

    Returns
    -------
    DataFrame
        indicator_id, area_code, characteristic, category, people (the adults asked), value (per cent): for the place
        and each ward, everyone ("all") and each category of each characteristic.
    """
    people = world.people.iloc[answers["person"]].reset_index(drop=True)
    kinds = people[CHARACTERISTICS].assign(all=pd.Categorical(["all"] * len(people)))
    fed = {name: question for name, question in questions().items() if "indicator" in question}
    yes = pd.DataFrame(
        {
            question["indicator"]: answers[name]
            .isin(question["levels"][: question["yes"]])
            .where(answers[name].notna())
            for name, question in fed.items()
        }
    ).astype(float)
    ward = pd.Categorical(world.postcodes["ward_code"].to_numpy()[people["postcode"]])
    tables = []
    for area in (ward, pd.Categorical([world.plan["area_code"]] * len(people))):
        for kind in kinds:
            groups = yes.groupby([area, kinds[kind].to_numpy()], observed=True)
            table = pd.concat({"people": groups.count(), "value": groups.mean()}, axis=1, names=["", "indicator_id"])
            table = table.rename_axis(["area_code", "category"]).stack("indicator_id").reset_index()
            tables.append(table[table["people"] > 0].assign(characteristic=kind))
    truth = pd.concat(tables, ignore_index=True)
    columns = ["indicator_id", "area_code", "characteristic", "category", "people", "value"]
    return truth.assign(people=truth["people"].astype(int), value=(100 * truth["value"]).round(4))[columns]


def survey_file(world: World, source: dict[str, Any], answers: pd.DataFrame) -> pd.DataFrame:
    """What the survey company delivers, in the library's words; adds the questions to the contract's keys."""
    fed = {name: question for name, question in questions().items() if "indicator" in question}
    asked = questions() | theme_questions(world.slug)
    source["columns"] |= {question[world.slug]["column"]: {"from": name} for name, question in asked.items()}
    source["indicators"] = [
        {
            "id": question["indicator"],
            "term": question[world.slug]["label"],
            "column": question[world.slug]["column"],
            "yes": question["levels"][: question["yes"]],
        }
        for question in fed.values()
    ]
    source["aspirations"] = aspirations(world.slug) + [
        {"id": name, "column": question[world.slug]["column"], "yes": question["levels"][slice(*question["wanted"])]}
        for name, question in questions().items()
        if "wanted" in question
    ]
    rows = survey_rows(world, answers)
    return rows.join(theme_rows(world, theme_answers(world), rows["person"]))


def coded(world: World, name: str, make: dict[str, Any]) -> dict[str, Any]:
    """How the contract describes a coded column: what each code stands for, and the marks for no answer.

    Numbered files count the answers to a question from the other end.
    """
    question, numbered = (questions() | theme_questions(world.slug)).get(name), make.get("numbered")
    skipped, refused, not_asked = NUMBERED if numbered else LABELLED
    if question:
        levels = question["levels"]
        written = range(len(levels), 0, -1) if numbered and not levels[0].isdigit() else map(label, levels)
        codes = dict(zip(map(str, written), levels, strict=True))
        column = {"type": "category", "label": question[world.slug]["label"], "codes": codes}
        column["missing"] = [skipped, refused]
        return column | ({"not_applicable": [not_asked]} if "asked_of" in question else {})
    characteristic = name.removeprefix("weighting_")
    levels = world.people[characteristic].cat.categories.drop("prefer_not_to_say", errors="ignore")
    codes = {str(number) if numbered else label(level): level for number, level in enumerate(levels, 1)}
    column = {"type": "category", "characteristic": characteristic, "codes": codes}
    if make["layout"] == "survey" and name == characteristic:
        codes |= {refused: "prefer_not_to_say"} if name != "age_band" else {}
        column["missing"] = [skipped]
    return column


def written(values: pd.Series, column: dict[str, Any], make: dict[str, Any]) -> pd.Series:
    """Values of a coded column as the file writes them."""
    skipped, refused, not_asked = NUMBERED if make.get("numbered") else LABELLED
    words = {"skipped": skipped, "refused": refused} | {value: code for code, value in column["codes"].items()}
    codes = values.astype(object).map(words).fillna(not_asked)
    return codes.astype(int) if make.get("numbered") else codes


def label(category: str) -> str:
    """Words of a category in a file that writes labels.

    Examples
    --------
    >>> label("not_disabled"), label("85_plus")
    ('Not disabled', '85+')
    """
    words = category.replace("_plus", "+")
    return words.replace("_", "-") if words[0].isdigit() else words.replace("_", " ").capitalize()
