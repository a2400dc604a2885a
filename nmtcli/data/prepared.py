"""Prepared data: the folder that `nmt preprocess` writes and `nmt train` reads.

prepared.json                    what it was made from, and how; written last
subwords.{source,target}.model   the same bytes when joint
shortlist.npz                    the target pieces that each source piece allows
train/  valid/                   ids of the kept pairs, see `shards`
valid.{source,target}.txt        all validation lines, for BLEU
rejected.tsv                     on request
"""

import json
from functools import cached_property
from pathlib import Path

from nmtcli import __version__
from nmtcli.data.batching import CorpusShare
from nmtcli.data.shards import Pairs
from nmtcli.errors import NmtError, UsageError
from nmtcli.text.lines import read_lines

FORMAT = 1  # of the folder; raised when an older program could not read it
FACTS, REJECTED = "prepared.json", "rejected.tsv"
SOURCE_MODEL, TARGET_MODEL = "subwords.source.model", "subwords.target.model"
SHORTLIST = "shortlist.npz"
TRAIN, VALID = "train", "valid"
VALID_SOURCE, VALID_TARGET = "valid.source.txt", "valid.target.txt"
NEEDED_FACTS = frozenset(("config", "counts", "inputs", "keep_rejected", "vocabulary"))
VALID_TEXTS = VALID_SOURCE, VALID_TARGET
CONTENTS = frozenset(
    (FACTS, REJECTED, SOURCE_MODEL, TARGET_MODEL, SHORTLIST, TRAIN, VALID, *VALID_TEXTS)
)


class PreparedData:
    """Prepared data at a path.

    Args:
        path: the folder.

    Raises:
        UsageError: there is no such folder, it is not prepared data, it is only half there, or
            another format wrote it.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.facts = self._read_facts()
        self.source_model = self.path / SOURCE_MODEL
        self.target_model = self.path / TARGET_MODEL
        self.shortlist = self.path / SHORTLIST  # older prepared data have none
        self.joint: bool = self.facts["config"]["subwords"]["joint"]
        for model in (self.source_model, self.target_model):
            if not model.is_file():
                raise UsageError(f"{model}: missing, so the folder is only half there; {_REMEDY}")

    @cached_property
    def train(self) -> Pairs:
        """The training pairs, as ids, with the share that each corpus has in an epoch."""
        corpora = self.facts.get("corpora", ())  # older prepared data know but one
        shares = [CorpusShare(corpus["counts"]["kept"], corpus["weight"]) for corpus in corpora]
        return Pairs(self.path / TRAIN, shares)

    @cached_property
    def valid(self) -> Pairs | None:
        """Validation pairs for perplexity, as ids: those with text on both sides, not too long."""
        return Pairs(self.path / VALID) if self.has_valid else None

    @property
    def has_valid(self) -> bool:
        return self.facts["counts"].get("valid") is not None

    def valid_source_lines(self) -> list[str]:
        """All validation lines as they came, source side; empty without validation text."""
        return self._lines(VALID_SOURCE) if self.has_valid else []

    def valid_target_lines(self) -> list[str]:
        """All validation lines as they came, target side; line i belongs to source line i."""
        return self._lines(VALID_TARGET) if self.has_valid else []

    def check(self) -> None:
        """Open everything once.

        Raises:
            NmtError: a file is missing or damaged; it is named.
        """
        for pairs in filter(None, (self.train, self.valid)):
            pairs.check()
        if len(self.valid_source_lines()) != len(self.valid_target_lines()):
            raise NmtError(f"{self.path / VALID_TARGET}: damaged; {_REMEDY}")

    def _lines(self, name: str) -> list[str]:
        path = self.path / name
        try:
            with open(path, "rb") as stream:
                return list(read_lines(stream, on_invalid=lambda number: None))
        except FileNotFoundError:
            raise NmtError(f"{path}: missing; {_REMEDY}") from None

    def _read_facts(self) -> dict:
        if not self.path.exists():
            raise UsageError(f"{self.path}: no such folder; nmt preprocess makes prepared data")
        if not self.path.is_dir():
            raise UsageError(f"{self.path}: is a file; give the folder of prepared data")
        path = self.path / FACTS
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            wrote = f"format {facts['format']}, made by nmt {facts['version']}"
            is_damaged = facts["format"] == FORMAT and not facts.keys() >= NEEDED_FACTS
        except FileNotFoundError:
            if any((self.path / name).exists() for name in (TRAIN, SOURCE_MODEL)):
                what = f"only half there (no {FACTS}); {_REMEDY}"
            else:
                what = f"not prepared data (no {FACTS}); nmt preprocess makes it"
            raise UsageError(f"{self.path}: {what}") from None
        except (OSError, ValueError, KeyError, TypeError):
            raise UsageError(f"{path}: damaged; {_REMEDY}") from None
        if is_damaged:
            raise UsageError(f"{path}: damaged; {_REMEDY}")
        if facts["format"] != FORMAT:
            raise UsageError(
                f"{self.path}: prepared data of {wrote}; this is nmt {__version__}, which reads"
                f" format {FORMAT}: use that version, or run nmt preprocess again"
            )
        return facts


_REMEDY = "remove the folder and run nmt preprocess again"
