"""The peer: svy, on as much of the benchmark survey as it does in reasonable time."""

import numpy as np
import polars as pl
import svy
from survey_data import CHARACTERISTICS, QUESTIONS, Survey


def sample(data: Survey) -> svy.Sample:
    """Give the survey as svy takes it: polars, with nulls."""
    columns = {"weight": data.weight, "cluster": data.cluster, "stratum": data.stratum, "ward": data.ward}
    columns |= {f"c{number}": column for number, column in enumerate(data.characteristics.T)}
    columns |= {f"m{number}": column for number, column in enumerate(data.margins.T)}
    frame = pl.DataFrame(columns | {f"q{number}": column for number, column in enumerate(data.answers.T)})
    frame = frame.with_columns(pl.col(f"q{number}").fill_nan(None) for number in range(QUESTIONS))
    return svy.Sample(frame, svy.Design(stratum="stratum", psu="cluster", wgt="weight"))


def _raked(data: Survey, given: svy.Sample) -> svy.Sample:
    controls = {f"m{number}": dict(enumerate(target.tolist())) for number, target in enumerate(data.targets)}
    return given.weighting.rake(controls=controls, tol=1e-8, max_iter=1_000)


def raking(data: Survey) -> tuple:
    """Prepare, and give the call to be timed and the numbers to be compared."""
    given = sample(data)
    return lambda: _raked(data, given), lambda found: found.data["rk_wgt"].to_numpy()


def _proportions(given: svy.Sample, characteristics: int, count: int) -> list[list]:
    questions = [f"q{number}" for number in range(count)]
    every = range(characteristics)
    return [given.estimation.mean(questions, by=["ward", f"c{number}"], drop_nulls=True) for number in every]


def _errors(found: list[list]) -> np.ndarray:
    every = enumerate(found)
    return np.array([[_error(one, f"c{number}") for one in answers] for number, answers in every]).swapaxes(1, 2)


def _error(found: object, characteristic: str) -> np.ndarray:
    return found.to_polars().sort("ward", characteristic)["se"].to_numpy()


def taylor(data: Survey) -> tuple:
    """The same for proportions with Taylor errors (`mean` of 0 and 1: its `prop` is slower); of many people, a part."""
    given, characteristics = sample(data), CHARACTERISTICS if len(data.weight) <= 20_000 else 1
    return lambda: _proportions(given, characteristics, QUESTIONS), _errors


def raked_taylor(data: Survey) -> tuple:
    """The same for a raked design, a smaller part; the raking itself is not timed."""
    given = _raked(data, sample(data))
    return lambda: _proportions(given, 1, 2), _errors


def _replicates(given: svy.Sample) -> list:
    drawn = given.weighting.create_bs_wgts(500, rstate=0)
    return [drawn.estimation.mean("q0", by=["ward", "c0"], drop_nulls=True, method="replication")]


def bootstrap(data: Survey) -> tuple:
    """The same for 500 bootstrap replicates of one question by one characteristic."""
    given = sample(data)
    return lambda: _replicates(given), lambda found: _errors([found])
