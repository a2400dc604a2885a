"""A model and subwords without any framework: what search, translate and score are tested with."""

import re
import sys
import types
import zlib

import numpy as np

from nmtcli import config
from nmtcli.decoding.engine import StepResult
from nmtcli.runs.directory import RunDirectory
from nmtcli.text.normalization import normalise
from nmtcli.text.spans import Span, TokenSpans
from nmtcli.text.special_tokens import BOS_ID, EOS_ID, PAD_ID

# What a translation is made of; some of it would break a line if it were printed as it is.
ALPHABET = "\n\r\u2028\u0085\v\fabcdefghij"


class FakeEngine:
    """An `Engine` whose next token depends on the source and all earlier pieces through a hash.

    Args:
        vocabulary_size: V.
        seed: another seed is another model.
        end_bias: added to EOS's logit; it grows with the length, so that translations end.
        levels: round the logits to so many steps per unit, which makes ties; None is not at all.
    """

    has_attention = True
    has_window = False
    run_beam = None
    parallel = 1
    batch_tokens = 4096

    def __init__(self, vocabulary_size=12, seed=0, end_bias=0.0, levels=None):
        self.vocabulary_size = vocabulary_size
        self.seed, self.end_bias, self.levels = seed, end_bias, levels
        self.shapes = []  # (rows, k) of every step
        self._known = {}

    def distribution(self, source, prefix):
        """log p(next | source, prefix): (V,), and attention over the source: (len(source),)."""
        key = (source, prefix)
        if key not in self._known:
            words = np.array([self.seed, *source, -1, *prefix], dtype=np.int32)
            random = np.random.default_rng(zlib.crc32(words.tobytes()))
            logits = 2.0 * random.normal(size=self.vocabulary_size)
            if self.levels is not None:
                logits = np.round(logits * self.levels) / self.levels
            logits[EOS_ID] += self.end_bias + 0.2 * len(prefix)
            log_probs = logits - np.log(np.exp(logits).sum())
            weights = np.exp(random.normal(size=len(source)))
            self._known[key] = log_probs.astype(np.float32), weights / weights.sum()
        return self._known[key]

    def start(self, source_ids):
        rows = [(tuple(int(i) for i in row[row != PAD_ID]), ()) for row in source_ids]
        return source_ids.shape[1], rows

    def step(self, state, parents, previous_ids, k):
        assert k is None or 1 <= k <= self.vocabulary_size
        assert len(parents) == len(previous_ids)
        self.shapes.append((len(parents), k))
        length, before = state
        rows, log_probs, ids = [], [], []
        attention = np.zeros((len(parents), length), dtype=np.float32)
        for r, (parent, previous) in enumerate(zip(parents, previous_ids)):
            source, prefix = before[parent]
            if previous != BOS_ID:
                prefix = (*prefix, int(previous))
            rows.append((source, prefix))
            all_log_probs, weights = self.distribution(source, prefix)
            best = np.arange(self.vocabulary_size)
            if k is not None:
                best = np.argsort(-all_log_probs, kind="stable")[:k]
            ids.append(best)
            log_probs.append(all_log_probs[best])
            attention[r, : len(source)] = weights
        return StepResult(
            np.array(log_probs, dtype=np.float32),
            np.array(ids, dtype=np.int32),
            attention,
            (length, rows),
        )

    def score(self, source_ids, target_ids):
        result = np.zeros(target_ids.shape, dtype=np.float32)
        for b, (source, target) in enumerate(zip(source_ids, target_ids)):
            source = tuple(int(i) for i in source[source != PAD_ID])
            target = [int(i) for i in target[target != PAD_ID]]
            for t, piece in enumerate(target):
                result[b, t] = self.distribution(source, tuple(target[:t]))[0][piece]
        return result

    def align(self, source_ids, target_ids):
        result = np.zeros((*target_ids.shape, source_ids.shape[1]), dtype=np.float32)
        for b, (source, target) in enumerate(zip(source_ids, target_ids)):
            source = tuple(int(i) for i in source[source != PAD_ID])
            target = [int(i) for i in target[target != PAD_ID]]
            for t in range(len(target)):
                result[b, t, : len(source)] = self.distribution(source, tuple(target[:t]))[1]
        return result


class FakeSubwords:
    """One piece for a character; spaces are folded as SentencePiece folds them."""

    size = 4 + len(ALPHABET)

    def __init__(self, path=None):
        self.path = path

    has_whole_words = False
    normalise = staticmethod(normalise)

    def encode(self, text):
        return [4 + ord(c) % len(ALPHABET) for c in " ".join(normalise(text).split())]

    def encode_batch(self, texts):
        return [self.encode(text) for text in texts]

    def encode_batch_with_spans(self, texts):
        placed = []
        for text in map(normalise, texts):
            tidy = [m.start() for m in re.finditer(r"\S|(?<=\S)\s+(?=\S)", text)]
            spans = [Span(place, place + 1) for place in tidy]
            placed.append(TokenSpans(text, self.encode(text), spans))
        return placed

    def decode_with_spans(self, ids):
        spans = [Span(place, place + 1) for place in range(len(ids))]
        return TokenSpans(self.decode(ids), list(ids), spans)

    def decode(self, ids):
        return "".join(ALPHABET[i - 4] for i in ids)

    def tokens(self, ids):
        return [ALPHABET[i - 4] for i in ids]


def fake_engine(**options):
    """A `FakeEngine` for `FakeSubwords`, with short translations."""
    return FakeEngine(FakeSubwords.size, end_bias=1.5, **options)


def padded(rows):
    """Lists of ids -> (B, S) int32 with PAD."""
    ids = np.full((len(rows), max(len(row) for row in rows)), PAD_ID, dtype=np.int32)
    for b, row in enumerate(rows):
        ids[b, : len(row)] = row
    return ids


def install(patch, engine):
    """Let the commands load `engine` and `FakeSubwords` whatever the run; `patch`: MonkeyPatch."""
    module = types.ModuleType("nmtcli.engines.load")

    def load_engine(run, checkpoint, layer=None, head=None, runtime=None):
        return engine

    module.load_engine = load_engine
    patch.setitem(sys.modules, "nmtcli.engines.load", module)
    subwords = FakeSubwords(), FakeSubwords()
    patch.setattr(RunDirectory, "load_subwords", lambda run: subwords)


def make_run(path, **search):
    """A run's folder with a configuration and no model."""
    run = RunDirectory(path)
    run.create({"command": ["nmt", "train"], "parameters": 1234})
    run.config.write_text(config.dump(config.from_dict({"search": search})), encoding="utf-8")
    return run
