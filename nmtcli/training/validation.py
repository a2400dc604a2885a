"""Validation: perplexity of the references, and scores of the translations of `nmt translate`."""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from nmtcli.config import Config
from nmtcli.data.batching import make_arrays, plan_epoch
from nmtcli.metrics.sacrebleu_scores import BleuOptions, ChrfOptions, corpus_scores
from nmtcli.models.weights import set_arrays
from nmtcli.text.special_tokens import PAD_ID
from nmtcli.text.subwords import Subwords
from nmtcli.text.tags import source_tags


@dataclass(frozen=True)
class ValidationResult:
    """The scores of a model; a score that was not measured is None.

    signature, chrf_signature: the signatures of sacrebleu for BLEU and chrF.
    translations: the translations of the validation text, one for each line.
    """

    perplexity: float | None
    bleu: float | None = None
    signature: str | None = None
    chrf: float | None = None
    chrf_signature: str | None = None
    translations: list[str] = field(default_factory=list)

    def scores(self) -> dict:
        """Return scores and signatures by name, as in a line of `metrics.jsonl`."""
        measured = {"perplexity": self.perplexity}
        if self.bleu is not None:
            measured |= {"bleu": self.bleu, "signature": self.signature}
            measured |= {"chrf": self.chrf, "chrf_signature": self.chrf_signature}
        return measured


class Validator:
    """Scores a model on validation data.

    The weights are copied into a float32 model, whatever the precision of the training, because
    `nmt translate` will run the float32 model.

    Args:
        model: that float32 model.
        prepared: the `PreparedData`, with validation text.
        config: the whole `Config`.
    """

    def __init__(self, model, prepared, config: Config):
        from nmtcli.decoding.search import StepwiseSearch
        from nmtcli.engines.keras_engine import KerasEngine
        from nmtcli.inference.translator import Translator

        options = config.validation
        self.engine = KerasEngine(model)
        self.translator = None
        if options.bleu:
            search = replace(config.search, beam=options.beam, nbest=1)
            models, rule = (prepared.source_model, prepared.target_model), config.data.normalization
            subwords = [Subwords(model, rule) for model in models]
            tags = source_tags(config.data.tags, given="")  # the text has its tag already
            self.translator = Translator(StepwiseSearch(self.engine), *subwords, search, tags=tags)
        self.bleu = BleuOptions(tokenize=options.tokenize)
        self.pairs, self.batches = prepared.valid, []
        if len(self.pairs):
            lengths = self.pairs.source_lengths, self.pairs.target_lengths
            budget = config.training.batch_tokens
            self.batches = plan_epoch(*lengths, budget, seed=0, epoch=0)
        limit = options.max_lines or None
        self.sources = prepared.valid_source_lines()[:limit]
        self.references = prepared.valid_target_lines()[:limit]

    def __call__(self, arrays: dict) -> ValidationResult:
        """Score the model with these weights, given as `arrays_of` returns them."""
        set_arrays(self.engine.model, arrays)
        perplexity = self.perplexity()
        if self.translator is None or not self.sources:
            return ValidationResult(perplexity)
        lines = [found.text for found in self.translator.translate_lines(self.sources)]
        bleu, chrf = corpus_scores([self.references], lines, (self.bleu, ChrfOptions()))
        return ValidationResult(
            perplexity, bleu.value, bleu.signature, chrf.value, chrf.signature, lines
        )

    def perplexity(self) -> float | None:
        """Compute exp of the mean -log p per target token, with EOS; None without any pairs."""
        if not self.batches:
            return None
        total, tokens = 0.0, 0
        for batch in self.batches:
            arrays = make_arrays(self.pairs, batch)
            scores = self.engine.score(arrays.source_ids, arrays.targets)
            total -= float(scores.sum(dtype=np.float64))
            tokens += int(np.count_nonzero(arrays.targets != PAD_ID))
        return math.exp(min(total / tokens, 700.0))
