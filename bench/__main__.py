"""`python -m bench`: every section, one after the other, with the machine's load. One module a section."""

import argparse
import os
from types import ModuleType

from bench import facts, long_record, memory, one_patient, population
from bench.table import Size, printed

SECTIONS: tuple[ModuleType, ...] = (one_patient, population, long_record, facts, memory)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Ratios, measured in one run.")
    parser.add_argument("--rounds", type=int, default=Size().rounds)
    parser.add_argument("--runs", type=int, default=Size().runs, help="of each measurement within a round")
    parser.add_argument("--patients", type=int, default=Size().patients, help="streamed for the memory section")
    asked = parser.parse_args(arguments)
    size = Size(asked.rounds, asked.runs, asked.patients)
    print(_machine())
    for section in SECTIONS:
        print(f"\n{printed(section.TITLE, section.run(size))}\n  (load {_load()})", flush=True)


def _machine() -> str:
    return f"{os.cpu_count()} processors, load {_load()}; ratios of one run can be compared, times cannot"


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    main()
