"""The folder of a run, which has everything that the other commands need.

config.yaml  run.json  subwords.{source,target}.model  shortlist.npz  metrics.jsonl
checkpoints/{step-N,best,last,average}  samples/  export/  MODEL_CARD.md  .lock

A new run's `run.json` is written last. A folder without it is a run that was only begun.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nmtcli import __version__
from nmtcli.errors import NmtError, UsageError
from nmtcli.runs.atomic import PARTIAL, make_folder, reason, remove_partial, write_atomically
from nmtcli.runs.locks import LOCK, locked
from nmtcli.runs.reading import check_folder, read_json
from nmtcli.runs.shape import misfit

if TYPE_CHECKING:
    from nmtcli.text.subwords import Subwords

FORMAT = 2  # of the folder; raised when an older program could not read it
LOGS = ("sampled", "tensorboard")  # folders of a training

_COUNTS = {
    "read": int, "rejected": {...: int}, "kept": int,
    "characters": (int, int), "pieces": (int, int), "unknown": (int, int),
}  # fmt: skip
SHAPE = {  # of `run.json`
    "version": str,
    "command": [str],
    "chosen": {...: {}},
    "vocabulary": {"source": int, "target": int},
    "versions": {...: str},
    "data": {
        "prepared": str,
        "sha256": {"text": {...: [str]}, "subwords": [str]},
        "pairs": int,
        "counts": {"train": _COUNTS, "valid": _COUNTS},
        "command": [str],
    },
    "init_from": {"text": str},
    "device": str,
    "precision": str,
    "attention": str,
    "parameters": int,
    "parameters_by_part": {...: int},
    "hardware": {"processor": str, "cores": int, "memory_bytes": int, "gpus": [str]},
}


class RunDirectory:
    """The paths and the small files of one run.

    Args:
        path: the folder, which may not exist yet.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.config = self.path / "config.yaml"
        self.facts = self.path / "run.json"
        self.metrics = self.path / "metrics.jsonl"
        self.checkpoints = self.path / "checkpoints"
        self.card = self.path / "MODEL_CARD.md"
        self.samples = self.path / "samples"
        self.export = self.path / "export"
        self.source_subwords = self.path / "subwords.source.model"
        self.target_subwords = self.path / "subwords.target.model"
        self.shortlist = self.path / "shortlist.npz"

    def exists(self) -> bool:
        """Return whether the folder is a run: it has a `run.json` and a `config.yaml`."""
        return self.facts.is_file() and self.config.is_file()

    def check_free(self) -> None:
        """Check that a new run can be made here: in no folder, an empty one, or one half made.

        A folder is half made if a process ended there before the first checkpoint, and left nothing
        but a run's own files.

        Raises:
            UsageError: the folder has other contents, or a run that lacks a file.
        """
        if not os.path.lexists(self.path):
            return
        if not self.path.is_dir():
            raise UsageError(f"{self.path}: exists and is not a run; choose another folder")
        names = {entry.name for entry in self.path.iterdir()}
        names -= {name for name in names if name.startswith(".") and name.endswith(PARTIAL)}
        if self.checkpoints.is_dir() and any(self.checkpoints.glob("[a-z]*")):
            missing = self.config if self.facts.is_file() else self.facts
            raise UsageError(
                f"{missing}: the file is missing, but there are checkpoints; restore it from a"
                " copy, or choose another folder"
            )
        own = {path.name for path in vars(self).values()} | {LOCK, *LOGS}
        begun = names & {LOCK, self.facts.name} or names <= {"checkpoints", "samples"}
        if names and (not begun or names - own):
            raise UsageError(f"{self.path}: exists and is not a run; choose another folder")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the run, and first remove what killed processes left half written.

        Raises:
            UsageError: another process is working in the run.
            NmtError: the system fails.
        """
        with locked(self.path) as is_alone:
            if is_alone:
                self._tidy()
            yield

    def _tidy(self) -> None:
        for folder in (self.path, self.checkpoints, self.samples, self.export):
            try:
                remove_partial(folder)
            except OSError as error:
                raise NmtError(f"{folder}: the folder cannot be written {reason(error)}") from None

    def make(self) -> None:
        """Make the folder, with nothing in it.

        Raises:
            UsageError: the folder cannot be made.
        """
        self._make(self.path)

    def create(self, facts: dict) -> None:
        """Make the folder, those in it, and `run.json`.

        Args:
            facts: the entries of `run.json`, which record how the run was made.

        Raises:
            UsageError: a folder cannot be made.
        """
        self._make(self.path, self.checkpoints, self.samples)
        self.write_facts({"format": FORMAT, "version": __version__, **facts})

    def _make(self, *folders: Path) -> None:
        try:
            for folder in folders:
                make_folder(folder)
        except (NotADirectoryError, FileExistsError):
            raise UsageError(f"{self.path}: a file is in the way; choose another folder") from None
        except OSError as error:
            raise UsageError(
                f"{self.path}: the folder cannot be made ({error.strerror}); choose another folder"
            ) from None

    def write_facts(self, facts: dict) -> None:
        """Write `run.json`."""
        write_atomically(self.facts, json.dumps(facts, indent=2, ensure_ascii=False) + "\n")

    def note_export(self, kind: str) -> None:
        """Record in `run.json` that an export was made, so that its absence is noticed."""
        facts = self.read_facts()
        if kind not in (kinds := _exports(facts)):
            self.write_facts(facts | {"exports": [*kinds, kind]})

    def had_export(self, kind: str) -> bool:
        """Return whether an export was made in the run, which may be missing now."""
        return kind in _exports(self.read_facts())

    def read_facts(self) -> dict:
        """Read `run.json` of an existing run.

        Raises:
            UsageError: the folder does not exist, is not a run, has another format, or leads out of
                itself by a link.
            NmtError: `run.json` is damaged.
        """
        if not self.path.exists():
            raise UsageError(
                f"{self.path}: there is no such run; make one with nmt train --run {self.path}"
            )
        if not self.path.is_dir():
            raise UsageError(f"{self.path}: is a file; give the folder of a run")
        if not self.facts.is_file():
            if (self.path / LOCK).exists():
                raise UsageError(
                    f"{self.path}: the run was only begun, and has no run.json; give the command"
                    " that began it again"
                )
            raise UsageError(
                f"{self.path}: is not a run, since it has no run.json; give the folder of a run"
            )
        check_folder(self.path)
        try:
            facts = read_json(self.facts)
        except ValueError as error:
            raise NmtError(
                f"{self.facts}: the file is damaged ({error}); restore it from a copy"
            ) from None
        facts = facts if isinstance(facts, dict) else {}
        if facts.get("format") == FORMAT and (found := misfit(facts, SHAPE)):
            raise NmtError(f"{self.facts}: the file is damaged ({found}); restore it from a copy")
        if facts.get("format") != FORMAT:
            raise UsageError(
                f"{self.path}: the run has format {facts.get('format')}, made by nmt"
                f" {facts.get('version', 'unknown')}, but nmt {__version__} reads format {FORMAT};"
                " use that version, or train again"
            )
        return facts

    def read_config(self):
        """Read the resolved `Config` of the run; errors as `read_settings`."""
        return self.read_settings().build()

    def load_subwords(self) -> "tuple[Subwords, Subwords]":
        """Load the subword models of source and target, which normalise text as in the training.

        Raises:
            UsageError, NmtError: a file is missing or damaged.
        """
        from nmtcli.text.subwords import load_sides

        rule = self.read_config().data.normalization
        return load_sides(self.source_subwords, self.target_subwords, rule)

    def read_settings(self):
        """Read what the run's `config.yaml` sets, as `Settings`; older runs have fewer options.

        Raises:
            UsageError: the run has no `config.yaml`.
        """
        from nmtcli import config

        if not self.config.is_file():
            raise UsageError(
                f"{self.config}: the file is missing; restore it from a copy, or train again"
            )
        return config.read_settings(self.config, base=config.settings_made_before())


def _exports(facts: dict) -> list[str]:
    kinds = facts.get("exports")
    return kinds if isinstance(kinds, list) else []


def newest_run(root=".") -> RunDirectory | None:
    """Return the run in `root`/runs with the newest last checkpoint (or start), or None."""
    runs = []
    for facts in Path(root).glob("runs/*/run.json"):
        last = facts.parent / "checkpoints" / "last"
        runs.append((os.stat(last if last.exists() else facts).st_mtime_ns, facts.parent))
    return RunDirectory(max(runs)[1]) if runs else None


def find_run(path=None, root=".") -> RunDirectory:
    """Return the run at `path`, or the newest one in `root`/runs if no path is given.

    Raises:
        UsageError: there is no such run, or none in `root`/runs.
    """
    run = newest_run(root) if path is None else RunDirectory(path)
    if run is None:
        raise UsageError(
            "there is no run in the folder runs; give the folder of one, or train one with"
            " nmt train"
        )
    run.read_facts()
    return run
