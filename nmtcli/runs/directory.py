"""The folder of a run, which has everything that the other commands need.

config.yaml  run.json  subwords.{source,target}.model  shortlist.npz  metrics.jsonl
checkpoints/{step-N,best,last,average}  samples/  export/  MODEL_CARD.md
"""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from nmtcli import __version__
from nmtcli.errors import NmtError, UsageError
from nmtcli.runs.atomic import write_atomically

if TYPE_CHECKING:
    from nmtcli.text.subwords import Subwords

FORMAT = 2  # of the folder; raised when an older program could not read it


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
        """Return whether the folder has a `run.json`."""
        return self.facts.is_file()

    def create(self, facts: dict) -> None:
        """Make the folder and its `run.json`.

        Args:
            facts: the entries of `run.json`, which record how the run was made.

        Raises:
            UsageError: the folder cannot be made.
        """
        try:
            for folder in (self.path, self.checkpoints, self.samples):
                folder.mkdir(parents=True, exist_ok=True)
        except (NotADirectoryError, FileExistsError):
            raise UsageError(f"{self.path}: a file is in the way; choose another folder") from None
        except OSError as error:
            raise UsageError(
                f"{self.path}: the folder cannot be made ({error.strerror}); choose another folder"
            ) from None
        self.write_facts({"format": FORMAT, "version": __version__, **facts})

    def write_facts(self, facts: dict) -> None:
        """Write `run.json`."""
        write_atomically(self.facts, json.dumps(facts, indent=2, ensure_ascii=False) + "\n")

    def read_facts(self) -> dict:
        """Read `run.json` of an existing run.

        Raises:
            UsageError: the folder does not exist, is not a run, or has another format.
            NmtError: `run.json` is damaged.
        """
        if not self.path.exists():
            raise UsageError(
                f"{self.path}: there is no such run; make one with nmt train --run {self.path}"
            )
        if not self.path.is_dir():
            raise UsageError(f"{self.path}: is a file; give the folder of a run")
        try:
            facts = json.loads(self.facts.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UsageError(
                f"{self.path}: is not a run, since it has no run.json; give the folder of a run"
            ) from None
        except ValueError as error:
            raise NmtError(
                f"{self.facts}: the file is damaged ({error}); restore it from a copy"
            ) from None
        facts = facts if isinstance(facts, dict) else {}
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
                f"{self.path}: is not a run, since it has no config.yaml; give the folder of a run"
            )
        return config.read_settings(self.config, base=config.settings_made_before())


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
