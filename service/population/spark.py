"""A screening on Apache Spark: the same reading and judging, in executors, with the same outputs row by row.

Files are read whole by one task each, so that an error names its line; their lines are shuffled to the part of their
patient, shared resources beside them; results come back part by part. Every executor needs this package and its
`parquet` extra in the Python it runs.
"""

import atexit
import importlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from service import __version__
from service.errors import SettingsError, SourceError
from service.population.files import Input, is_archive, kind_of
from service.population.judging import Judged
from service.population.ledger import Ledger, mark, write_whole
from service.population.records import MAX_DEPTH
from service.population.run import Run
from service.population.spark_tasks import (
    JUDGED,
    MEMBERS,
    ROWS,
    WANTED,
    Installation,
    Judging,
    Sorting,
    judge_parts,
    list_archives,
    references_of,
    sort_files,
    sort_rows,
)
from service.population.spill import Gap, Sorted
from service.settings import Settings

BATCH_BYTES = 32 << 20
TASKS_PER_CORE = 4
LINE = "value"  # the column of a Parquet source that holds the lines


def session(master: str = "") -> Any:
    """The Spark session: a new one on `master`, or where spark-submit or the settings of Spark say.

    SettingsError without the extra that brings Spark.
    """
    try:
        sql = importlib.import_module("pyspark.sql")
    except ImportError as problem:
        raise SettingsError("--engine spark needs the extra `spark`: pip install 'trialhook[spark]'") from problem
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # a setting of the session does not reach executors
    was_there = sql.SparkSession.getActiveSession() is not None
    builder = sql.SparkSession.builder.appName("trialhook")
    if master:
        builder = builder.master(master)
    made = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
    if not was_there:
        atexit.register(made.stop)
    made.conf.set("spark.sql.execution.arrow.maxBytesPerBatch", str(BATCH_BYTES))
    made.conf.set("spark.sql.shuffle.partitions", str(TASKS_PER_CORE * made.sparkContext.defaultParallelism))
    made.conf.set("spark.sql.files.maxPartitionBytes", str(BATCH_BYTES))  # tasks of few files, and none is moved first
    return made


class SparkEngine:
    """Sorts and judges one source on a cluster: a `service.population.run.Engine`. `inputs` are its files."""

    def __init__(self, spark: Any, source: str, settings: Settings, out: Path) -> None:
        self._spark = spark
        self._installation = Installation.of(settings)
        self._is_parquet = _is_parquet(source)
        self.inputs = _listed(spark, source, self._is_parquet, f"{out.resolve()}/")
        self._numbers: dict[str, tuple[int, ...]] = {}
        for number, made in enumerate(self.inputs):
            self._numbers[made.path] = (*self._numbers.get(made.path, ()), number)
        self._rows: Any = None

    def sort(self, run: Run, ledger: Ledger, work: Path) -> None:
        """Read all inputs; the report of each is left in the folder of work."""
        work.mkdir(parents=True, exist_ok=True)
        found: dict[int, Sorted] = {number: Sorted("") for number in range(len(self.inputs))}
        for row in self._sorted(run, ledger).where("kind = 'report'").select("file", "json").collect():
            found[row.file].merge(msgspec.json.decode(bytes(row.json), type=Sorted))
        for number, report in found.items():
            report.finish(self.inputs[number].name)
            write_whole(mark(work, "sorted", number), msgspec.json.encode(report))

    def _sorted(self, run: Run, ledger: Ledger) -> Any:
        """The rows of all inputs."""
        if self._rows is None:
            task = Sorting(tuple(self.inputs), self._numbers, ledger.parts, run.only)
            if self._is_parquet:
                columns = [LINE, "_metadata.file_path as path", "_metadata.row_index as number"]
                lines = self._spark.read.parquet(*self._numbers).selectExpr(*columns)
                rows = lines.mapInArrow(partial(sort_rows, task), ROWS)
            else:
                found = self._spark.read.format("binaryFile").load(list(self._numbers)).select("path", "content")
                rows = found.mapInArrow(partial(sort_files, task), ROWS)
            self._rows = self._kept(rows)
        return self._rows

    def judge(self, run: Run, ledger: Ledger, gaps: Mapping[str, Sequence[Gap]], out: Path) -> Iterator[Judged]:
        """Judge the parts that are not judged yet; what a part gave is told once its files are there."""
        context = self._spark.sparkContext
        done = [n for n in range(ledger.parts) if mark(out, "judged", n).exists()]
        rows = self._rows_of_patients(self._sorted(run, ledger)).where(~_functions().col("part").isin(done))
        number = max(1, min(ledger.parts, TASKS_PER_CORE * context.defaultParallelism))
        order = ["part", "patient", "kind", "file", "line", "name"]
        told = context.broadcast(dict(gaps))
        trials = tuple(trial.id for trial in run.trials.trials)
        names = tuple(made.name for made in self.inputs)
        task = Judging(self._installation, trials, run.day, names, told, __version__, run.brief)
        placed = rows.repartition(number, "part").sortWithinPartitions(*order)
        judged = self._kept(placed.mapInArrow(partial(judge_parts, task), JUDGED))
        judged.count()  # all partitions at once; the iterator below would have them made one by one
        yield from _written(judged.toLocalIterator(), out)
        judged.unpersist()
        told.unpersist()

    def _rows_of_patients(self, rows: Any) -> Any:
        """The lines of patients, and beside them the shared resources that they lead to."""
        f = _functions()
        shared = self._kept(rows.where("kind = 'shared'").select("name", "json").distinct())
        wanted = rows.where("kind = 'wanted'").select("part", "patient", "name").distinct()
        found = more = self._kept(wanted.join(shared, "name"))
        for _ in range(MAX_DEPTH - 1):
            wanted = more.mapInArrow(references_of, WANTED).distinct()
            more = self._kept(wanted.join(shared, "name"))
            found = found.unionByName(more)
        found = found.distinct().withColumn("kind", f.lit("shared"))
        found = found.withColumns({"file": f.lit(0), "line": f.lit(0)})
        return rows.where("kind = 'entry'").unionByName(found)

    def _kept(self, rows: Any) -> Any:
        """Rows that are looked at more than once, on the executors' disks."""
        return rows.persist(_level().DISK_ONLY)


def _written(rows: Iterator[Any], out: Path) -> Iterator[Judged]:
    """Results and errors of parts as files that are there wholly or not: the mark of a part comes last."""
    for row in rows:
        drafts = {kind: out / f".{kind}-{row.part:05}.ndjson.part" for kind in ("results", "errors")}
        if row.kind == "begin":
            for draft in drafts.values():
                draft.write_bytes(b"")
        elif row.kind in drafts:
            with drafts[row.kind].open("ab") as file:
                file.write(row.data)
        else:
            for kind, draft in drafts.items():
                draft.replace(out / f"{kind}-{row.part:05}.ndjson")
            data = bytes(row.data)
            write_whole(mark(out, "judged", row.part), data)
            yield msgspec.json.decode(data, type=Judged)


# -- finding the files


def _is_parquet(source: str) -> bool:
    return source.rstrip("/").endswith(".parquet")


def _listed(spark: Any, source: str, is_parquet: bool, outputs: str) -> list[Input]:
    """The files of a source, in the order of their names, those in archives in the archive's; none of the outputs.
    `path` is as Spark has it. SourceError where there are none that can be read here."""
    errors = importlib.import_module("pyspark.errors")
    try:
        rows = _found(spark, source, is_parquet)
    except errors.AnalysisException:
        raise SourceError(f"Spark finds nothing to read in {source}") from None
    names = _names(source, [row.path for row in rows])
    found = [
        Input(name, row.path, ("lines" if is_parquet else kind_of(name)) or "bundle", row.size, modified=_millis(row))
        for name, row in zip(names, rows, strict=True)
        if (is_parquet or kind_of(name) or is_archive(name)) and outputs not in row.path
    ]
    found.sort(key=lambda made: made.name)
    packed = {} if is_parquet else _packed(spark, [made for made in found if is_archive(made.name)])
    listed = [each for made in found for each in packed.get(made.path, [made])]
    if not listed:
        raise SourceError(f"{source} holds no .ndjson, .json or archive of them")
    return listed


def _packed(spark: Any, archives: Sequence[Input]) -> dict[str, list[Input]]:
    """The inputs in archives, by the archive's path. SourceError where one is broken."""
    if not archives:
        return {}
    by_path = {archive.path: archive for archive in archives}
    names = {path: archive.name for path, archive in by_path.items()}
    read = spark.read.format("binaryFile").load(list(by_path)).select("path", "content")
    rows = read.mapInArrow(partial(list_archives, names), MEMBERS).collect()
    packed: dict[str, list[Input]] = {path: [] for path in by_path}
    for row in sorted(rows, key=lambda row: (row.path, row.place)):
        archive = by_path[row.path]
        if not row.member:
            raise SourceError(f"{archive.name} is no whole archive")
        name = f"{archive.name}!{row.member}"
        packed[row.path].append(Input(name, row.path, row.kind, row.size, row.member, archive.modified))
    return packed


def _millis(row: Any) -> int:
    return int(row.at.timestamp() * 1000)


def _found(spark: Any, source: str, is_parquet: bool) -> list[Any]:
    """Path, size and time of change of every file."""
    if is_parquet:
        told = {"path": "file_path", "size": "file_size", "at": "file_modification_time"}
        found = spark.read.parquet(source).selectExpr(*[f"_metadata.{of} as {name}" for name, of in told.items()])
        return list(found.distinct().collect())
    found = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(source)
    return list(found.selectExpr("path", "length as size", "modificationTime as at").collect())


def _names(source: str, paths: Sequence[str]) -> list[str]:
    """Paths below the source; of a single file or a pattern, below the folder that all are in."""
    root = source.split("://", 1)[-1].removeprefix("file:").rstrip("/")
    if not root.startswith("/"):
        root = os.path.abspath(root)
    plain = [path.split(":", 1)[-1] for path in paths]
    plain = [f"/{path.lstrip('/')}" for path in plain]
    inside = f"{root}/"
    if all(inside in path for path in plain):
        return [path.split(inside, 1)[1] for path in plain]
    common = os.path.commonpath([str(PurePosixPath(path).parent) for path in plain]) if plain else ""
    return [path.removeprefix(common).lstrip("/") for path in plain]


def _functions() -> Any:
    return importlib.import_module("pyspark.sql.functions")


def _level() -> Any:
    return importlib.import_module("pyspark").StorageLevel
