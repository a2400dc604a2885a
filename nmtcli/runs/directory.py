"""A run is a folder: everything that the other commands need, and nothing outside it.

config.yaml  run.json  subwords.{source,target}.model  shortlist.npz  metrics.jsonl
checkpoints/{step-N,best,last,average}  samples/  export/  MODEL_CARD.md
"""

import json
import os
from pathlib import Path

from nmtcli import __version__
from nmtcli.errors import NmtError, UsageError
from nmtcli.runs.atomic import write_atomically

FORMAT = 1  # of the folder; raised when an older program could not read it


class RunDirectory:
    """Paths and small files of one run.

    Args:
        path: the folder; it need not exist yet.
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
        return self.facts.is_file()

    def create(self, facts: dict) -> None:
        """Make the folder with its `run.json`; `facts` is what to remember of how it came about."""
        try:
            for folder in (self.path, self.checkpoints, self.samples):
                folder.mkdir(parents=True, exist_ok=True)
        except (NotADirectoryError, FileExistsError):
            raise UsageError(f"{self.path}: a file is in the way; choose another --run") from None
        except OSError as error:
            raise UsageError(
                f"{self.path}: cannot be made ({error.strerror}); choose another --run"
            ) from None
        self.write_facts({"format": FORMAT, "version": __version__, **facts})

    def write_facts(self, facts: dict) -> None:
        write_atomically(self.facts, json.dumps(facts, indent=2, ensure_ascii=False) + "\n")

    def read_facts(self) -> dict:
        """`run.json` of an existing run.

        Raises:
            UsageError: there is no such folder, it is no run, or another format wrote it.
        """
        if not self.path.exists():
            raise UsageError(f"{self.path}: no such run; `nmt train --run {self.path}` makes one")
        if not self.path.is_dir():
            raise UsageError(f"{self.path}: is a file; give the folder of a run")
        try:
            facts = json.loads(self.facts.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UsageError(f"{self.path}: not a run (it has no run.json)") from None
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise NmtError(f"{self.facts}: damaged ({error}); restore it from a copy") from None
        if not isinstance(facts, dict) or facts.get("format") != FORMAT:
            found = facts.get("format") if isinstance(facts, dict) else None
            wrote = facts.get("version", "unknown") if isinstance(facts, dict) else "unknown"
            raise UsageError(
                f"{self.path}: a run of format {found}, made by nmt {wrote}; this is nmt"
                f" {__version__}, which reads format {FORMAT}: use that version, or train again"
            )
        return facts

    def read_config(self):
        """The resolved `Config` of the run."""
        return self.read_settings().build()

    def read_settings(self):
        """What the run's config.yaml sets, as `Settings`."""
        from nmtcli import config

        if not self.config.is_file():
            raise UsageError(f"{self.path}: not a run (it has no config.yaml)")
        return config.read_settings(self.config)


def newest_run(root=".") -> RunDirectory | None:
    """The run under `root`/runs whose last checkpoint (or start) is the newest, or None."""
    found = []
    for facts in Path(root).glob("runs/*/run.json"):
        last = facts.parent / "checkpoints" / "last"
        found.append((os.stat(last if last.exists() else facts).st_mtime_ns, facts.parent))
    return RunDirectory(max(found)[1]) if found else None


def find_run(path=None, root=".") -> RunDirectory:
    """The run at `path`, or the newest one under `root` when no path is given."""
    if path is not None:
        run = RunDirectory(path)
    else:
        run = newest_run(root)
        if run is None:
            raise UsageError("no run here: give one with --run FOLDER, or train one with nmt train")
    run.read_facts()
    return run
