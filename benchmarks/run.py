"""Survey benchmarks, side by side in one run: the library, a floor of plain numpy, and the package svy if it is here.

    python benchmarks/run.py                 all of it, some minutes; the result is benchmarks/RESULTS.md
    python benchmarks/run.py raking          one task: raking, taylor, raked_taylor, bootstrap, raked_bootstrap

svy is not needed. To have it: python -m venv .venv-svy && .venv-svy/bin/pip install svy, then
python benchmarks/run.py --svy .venv-svy/bin/python
"""

import argparse
import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
TASKS = {
    "raking": (20_000, 200_000, 2_000_000),
    "taylor": (20_000, 200_000),
    "raked_taylor": (20_000, 200_000),
    "bootstrap": (20_000,),
    "raked_bootstrap": (20_000,),
}
TITLES = {
    "raking": "Raking to 8 margins",
    "taylor": "32,400 proportions with Taylor errors",
    "raked_taylor": "the same, raked to 8 margins",
    "bootstrap": "500 bootstrap replicates of the 32,400",
    "raked_bootstrap": "the same, each replicate raked",
}
FOREWORD = """# Survey benchmarks

Made by `python benchmarks/run.py` on a machine with 2 cores, one thread each, every contender in a process of its
own; seconds are the best of several rounds, memory is the process's peak with its imports and its data. Other work ran
on the machine, so only ratios of one run mean anything. The floor is the least plain numpy that gives the same numbers
(`survey_floor.py`), with codes for labels and no checks, intervals or diagnostics. "differs" is the greatest relative
difference from the floor's numbers; bootstraps (placelib's is `bootstrap.py` here, on the library's designs and raking)
draw at random, so there it is of the median error. svy's parts are scaled up in its ratio. 20 wards, 9 characteristics
of 6 categories, 30 questions, one answer in twenty missing, 20 strata, clusters of 20 people.

| task | people | contender | seconds | peak MB | time / floor | svy / placelib | differs |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""


def measure(contender: str, task: str, people: int) -> None:
    """Time one contender in this process, and print what it found as JSON."""
    data = importlib.import_module("survey_data").survey(people)
    call, numbers = getattr(importlib.import_module(f"survey_{contender}"), task)(data)
    seconds, rounds = [], 0
    while not seconds or (sum(seconds) < 6 and rounds < 12):
        start = time.perf_counter()
        found = call()
        seconds.append(time.perf_counter() - start)
        rounds += 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    np.save(Path(os.environ["BENCHMARK_NUMBERS"]) / f"{contender}.npy", numbers(found))
    print(json.dumps({"seconds": min(seconds), "peak": peak}))


def run(contender: str, task: str, people: int, *, python: str, numbers: str) -> dict:
    """Measure a contender in a process of its own."""
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "POLARS_MAX_THREADS"), "1")
    environment = os.environ | threads | {"BENCHMARK_NUMBERS": numbers}
    command = [python, str(HERE / "run.py"), "--measure", contender, task, str(people)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{contender} failed at {task} with {people:,} people:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def does(contender: str, task: str) -> bool:
    """Whether a contender does a task, read from its source: its packages may be in another environment."""
    return f"def {task}(" in (HERE / f"survey_{contender}.py").read_text()


def line(task: str, people: int, contender: str, found: dict[str, dict], numbers: Path) -> str:
    """Write a line of the result."""
    mine, (first, other) = found[contender], (np.load(numbers / f"{name}.npy") for name in ("floor", contender))
    whole = first.size / other.size
    part = "" if whole == 1 else f" (1/{whole:.0f} of it)"
    against = f"{whole * mine['seconds'] / found['ours']['seconds']:.0f} ×" if contender == "svy" else ""
    first = first[tuple(map(slice, other.shape))]
    middle = "bootstrap" in task
    differs = np.median(other) / np.median(first) - 1 if middle else np.nanmax(np.abs(other / first - 1))
    name = {"ours": "placelib", "floor": "numpy floor"}.get(contender, contender)
    cells = [TITLES[task], f"{people:,}", name + part, f"{mine['seconds']:.3g}", f"{mine['peak']:.0f}"]
    cells += [f"{whole * mine['seconds'] / found['floor']['seconds']:.2f}", against, f"{abs(differs):.1g}"]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Run what was asked for and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", help=f"of {', '.join(TASKS)}; all if none is named")
    parser.add_argument("--svy", default=sys.executable, metavar="PYTHON", help="the Python that has svy")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        contender, task, people = asked.measure
        measure(contender, task, int(people))
        return
    if unknown := set(asked.tasks) - set(TASKS):
        parser.error(f"no task {', '.join(sorted(unknown))}: there are {', '.join(TASKS)}")
    has_svy = subprocess.run([asked.svy, "-c", "import svy"], capture_output=True, check=False).returncode == 0
    if not has_svy:
        print(
            "svy is not installed here, so the peer is left out (python benchmarks/run.py --help tells how to have it)."
        )
    lines = []
    for task in asked.tasks or TASKS:
        for people in TASKS[task]:
            lines += compare(task, people, asked.svy if has_svy else "")
    if not asked.tasks:
        (HERE / "RESULTS.md").write_text(FOREWORD + "\n".join(lines) + "\n", encoding="utf8")


def compare(task: str, people: int, svy: str) -> list[str]:
    """Measure all contenders at one task, one after the other."""
    with tempfile.TemporaryDirectory() as numbers:
        pythons = {"floor": sys.executable, "ours": sys.executable} | ({"svy": svy} if svy else {})
        found = {
            contender: run(contender, task, people, python=python, numbers=numbers)
            for contender, python in pythons.items()
            if does(contender, task)
        }
        lines = [line(task, people, contender, found, Path(numbers)) for contender in found]
    print("\n".join(lines), flush=True)
    return lines


if __name__ == "__main__":
    main()
