"""The reference translator of CQL and two engines, installed on demand: cql-execution (Node) and the Java engine."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.sharing.cql import Cql
from tests.sharing.clean import ENCODE

Json = dict[str, Any]
SOURCES = Path(__file__).parent / "cql"
NEEDED = ("node", "npm", "mvn", "javac", "java")
_INSTALLING = 900  # seconds
_RUNNING = 1800


class Unavailable(Exception):
    """The tools are not here, or a registry cannot be reached; says which."""


@dataclass(frozen=True)
class Ran:
    """What an engine said: values by patient and define, errors by patient, milliseconds of CPU a patient by round."""

    values: Mapping[str, Json]
    errors: Mapping[str, str]
    cpu: tuple[float, ...]


@dataclass(frozen=True)
class Engines:
    """An installation in a folder of its own."""

    folder: Path

    def translate(self, libraries: Iterable[Cql]) -> list[str]:
        """What the translator has to say of some libraries; their ELM is kept. A line that begins with Error is one."""
        files = []
        for cql in libraries:
            files.append(self.folder / f"{cql.name}.cql")
            files[-1].write_text(cql.text, "utf-8")
        (self.folder / "elm").mkdir(exist_ok=True)
        ended = self._run(*self._java, "Translate", self.folder / "elm", *files)
        if ended.returncode not in (0, 1):
            raise AssertionError(ended.stderr[-2000:])
        return ended.stdout.splitlines()

    def node(self, cql: Cql, day: str, patients: Path, expansions: Path, rounds: int = 0) -> Ran:
        """cql-execution, on the translated library."""
        out = self.folder / f"{cql.name}.node.ndjson"
        arguments = (self.folder / "elm", cql.name, patients, expansions, day, out, str(rounds))
        return _read(out, self._run("node", self.folder / "run.cjs", *arguments))

    def java(self, cql: Cql, day: str, patients: Path, expansions: Path, rounds: int = 0) -> Ran:
        """The Java engine, which translates for itself."""
        out = self.folder / f"{cql.name}.java.ndjson"
        source = self.folder / f"{cql.name}.cql"
        source.write_text(cql.text, "utf-8")
        arguments = (source, cql.name, cql.version, patients, expansions, day, out, str(rounds))
        return _read(out, self._run(*self._java, "Run", *arguments))

    def written(self, bundles: Iterable[Json], expanded: Json) -> tuple[Path, Path]:
        """Patients and expansions as the files that engines read."""
        patients, expansions = self.folder / "patients.ndjson", self.folder / "expansions.json"
        patients.write_bytes(b"".join(ENCODE(bundle) + b"\n" for bundle in bundles))
        expansions.write_bytes(ENCODE(expanded))
        return patients, expansions

    @property
    def _java(self) -> tuple[str, ...]:
        libraries = (self.folder / "classpath").read_text().strip()
        return ("java", "-cp", f"{self.folder / 'classes'}{os.pathsep}{libraries}")

    def _run(self, *command: str | Path) -> "subprocess.CompletedProcess[str]":
        own = os.environ | {"TZ": "UTC"}
        arguments = [str(part) for part in command]
        return subprocess.run(arguments, cwd=self.folder, env=own, capture_output=True, text=True, timeout=_RUNNING)


def installed(folder: Path) -> Engines:
    """The tools in a folder. Unavailable where one is missing or cannot be fetched."""
    if missing := [name for name in NEEDED if shutil.which(name) is None]:
        raise Unavailable(f"{', '.join(missing)} not found")
    shutil.copytree(SOURCES, folder, dirs_exist_ok=True)
    _install(folder, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    _install(folder, "mvn", "-q", "-B", "dependency:build-classpath", "-Dmdep.outputFile=classpath")
    sources = sorted(str(path) for path in (folder / "src/main/java").glob("*.java"))
    libraries = (folder / "classpath").read_text().strip()
    subprocess.run(["javac", "-cp", libraries, "-d", str(folder / "classes"), *sources], check=True)
    return Engines(folder)


def _install(folder: Path, *command: str) -> None:
    try:
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_INSTALLING)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{command[0]} did not end in {_INSTALLING} seconds") from None
    if ended.returncode:
        said = (ended.stderr + ended.stdout).strip().splitlines()
        raise Unavailable(f"{command[0]} cannot install: {said[0] if said else ended.returncode}")


def _read(out: Path, ended: "subprocess.CompletedProcess[str]") -> Ran:
    if ended.returncode:
        raise AssertionError(ended.stderr[-2000:])
    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    values = {line["patient"]: line["values"] for line in lines if "values" in line}
    errors = {line["patient"]: line["error"] for line in lines if "error" in line}
    return Ran(values, errors, tuple(map(float, ended.stdout.split())))
