"""Prepared data: the folder that `nmt preprocess` writes and `nmt train` reads.

prepared.json                    the options, inputs and counts; written last
subwords.{source,target}.model   the subword models; the same bytes if they are joint
shortlist.npz                    the target tokens that each source token allows
train/  valid/                   the token ids of the kept pairs, see `shards`
valid.{source,target}.txt        all validation lines, normalised, for BLEU
rejected.tsv                     the dropped pairs, with --keep-rejected
"""

from functools import cached_property
from pathlib import Path

from nmtcli import __version__
from nmtcli.data.batching import CorpusShare
from nmtcli.data.corpora import LARGEST_WEIGHT
from nmtcli.data.shards import Pairs
from nmtcli.errors import NmtError, UsageError
from nmtcli.runs.atomic import restore
from nmtcli.runs.reading import check_folder, read_json
from nmtcli.runs.shape import misfit
from nmtcli.text.lines import read_lines
from nmtcli.text.normalization import NFC

FORMAT = 1  # of the folder; raised when an older program could not read it
FACTS, REJECTED = "prepared.json", "rejected.tsv"
SOURCE_MODEL, TARGET_MODEL = "subwords.source.model", "subwords.target.model"
SHORTLIST = "shortlist.npz"
TRAIN, VALID = "train", "valid"
VALID_TEXTS = VALID_SOURCE, VALID_TARGET = "valid.source.txt", "valid.target.txt"
NEEDED_FACTS = frozenset(("config", "counts", "inputs", "keep_rejected", "vocabulary"))
_COUNTS = {
    "read": int, "rejected": {...: int}, "kept": int,
    "characters": (int, int), "pieces": (int, int), "unknown": (int, int),
}  # fmt: skip
SHAPE = {  # of `prepared.json`
    "config": {"data": {}, "subwords": {"joint": bool}},
    "inputs": {...: [str]},
    "keep_rejected": bool,
    "counts": {TRAIN: _COUNTS, VALID: _COUNTS},
    "lines": int,
    "vocabulary": {"source": int, "target": int},
    "choice": str,
    "models": [str],
    "corpora": [{"source": str, "target": str, "weight": float, "tag": str, "counts": _COUNTS}],
    "command": [str],
}
CONTENTS = frozenset(
    (FACTS, REJECTED, SOURCE_MODEL, TARGET_MODEL, SHORTLIST, TRAIN, VALID, *VALID_TEXTS)
)


class PreparedData:
    """Reads a folder of prepared data.

    Args:
        path: the folder.

    Raises:
        UsageError: the folder does not exist, is not prepared data, is incomplete, or has another
            format.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        restore(self.path)
        self.facts = self._read_facts()  # older ones name no normalisation: it was NFC
        self.source_model = self.path / SOURCE_MODEL
        self.target_model = self.path / TARGET_MODEL
        self.shortlist = self.path / SHORTLIST  # missing in older prepared data
        for model in (self.source_model, self.target_model):
            if not model.is_file():
                raise UsageError(
                    f"{model}: the file is missing, so the prepared data are incomplete; {_REMEDY}"
                )

    @cached_property
    def train(self) -> Pairs:
        """The token ids of the training pairs, with the share of each corpus in an epoch."""
        pairs = Pairs(self.path / TRAIN, self._shares)
        if self._shares and sum(share.pairs for share in self._shares) != len(pairs):
            raise NmtError(f"{self.path / FACTS}: counts other pairs than there are; {_REMEDY}")
        return pairs

    @cached_property
    def valid(self) -> Pairs | None:
        """The token ids of the validation pairs for perplexity: neither empty nor too long."""
        return Pairs(self.path / VALID) if self.has_valid else None

    @property
    def has_valid(self) -> bool:
        """Whether there is validation text."""
        return self.facts["counts"].get("valid") is not None

    def valid_source_lines(self) -> list[str]:
        """Return all source lines of the validation text, normalised; an empty list without it."""
        return self._lines(VALID_SOURCE) if self.has_valid else []

    def valid_target_lines(self) -> list[str]:
        """Return all target lines of the validation text; line i belongs to source line i."""
        return self._lines(VALID_TARGET) if self.has_valid else []

    def check(self) -> None:
        """Read every file once, to find damage early.

        Raises:
            NmtError: a file is missing or damaged.
        """
        sizes = [self.facts["vocabulary"][side] for side in ("source", "target")]
        for pairs in filter(None, (self.train, self.valid)):
            pairs.check(*sizes)
        if len(self.valid_source_lines()) != len(self.valid_target_lines()):
            raise NmtError(f"{self.path / VALID_TARGET}: the file is damaged; {_REMEDY}")

    def _lines(self, name: str) -> list[str]:
        path = self.path / name
        try:
            with open(path, "rb") as stream:
                return list(read_lines(stream, on_invalid=lambda number: None))
        except FileNotFoundError:
            raise NmtError(f"{path}: the file is missing; {_REMEDY}") from None

    def _read_facts(self) -> dict:
        if not self.path.exists():
            raise UsageError(
                f"{self.path}: there is no such folder; make prepared data with nmt preprocess"
            )
        if not self.path.is_dir():
            raise UsageError(f"{self.path}: is a file; give the folder of prepared data")
        path = self.path / FACTS
        check_folder(self.path)
        try:
            facts = read_json(path)
            found = f"format {facts['format']}, made by nmt {facts['version']}"
            if facts["format"] == FORMAT and misfit(facts, SHAPE, tuple(NEEDED_FACTS)):
                raise ValueError
            if facts["format"] == FORMAT:
                facts["config"]["data"] = {"normalization": NFC} | facts["config"]["data"]
                self.joint = facts["config"]["subwords"]["joint"]
                self._shares = _shares(facts)
        except FileNotFoundError:
            if any((self.path / name).exists() for name in (TRAIN, SOURCE_MODEL)):
                problem = f"the prepared data are incomplete (no {FACTS}); {_REMEDY}"
            else:
                problem = f"is not prepared data (no {FACTS}); make it with nmt preprocess"
            raise UsageError(f"{self.path}: {problem}") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise UsageError(f"{path}: the file is damaged; {_REMEDY}") from None
        if facts["format"] != FORMAT:
            raise UsageError(
                f"{self.path}: the prepared data have {found}, but nmt {__version__} reads format"
                f" {FORMAT}; use that version, or run nmt preprocess again"
            )
        return facts


def _shares(facts: dict) -> list[CorpusShare]:
    """Return the share of each corpus; raise ValueError if counts, sizes or weights are wrong."""
    corpora = facts.get("corpora") or []  # missing in older prepared data
    weights = [corpus["weight"] for corpus in corpora]
    counts = [facts["counts"]["train"], *(corpus["counts"] for corpus in corpora)]
    kept = [of_text["kept"] for of_text in counts]
    sizes = [facts["vocabulary"][side] for side in ("source", "target")]
    if not all(0 < weight <= LARGEST_WEIGHT for weight in weights) or min(*sizes, *kept, 0) < 0:
        raise ValueError
    return list(map(CorpusShare, kept[1:], weights))


_REMEDY = "remove the folder and run nmt preprocess again"
