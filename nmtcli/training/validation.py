"""Validation: perplexity of the references, and scores of what `nmt translate` would print."""

import math
from dataclasses import dataclass, field

import numpy as np

from nmtcli.data.batching import make_arrays, plan_epoch
from nmtcli.metrics.sacrebleu_scores import BleuOptions, ChrfOptions, corpus_scores
from nmtcli.models.weights import set_arrays
from nmtcli.text.special_tokens import PAD_ID


@dataclass(frozen=True)
class ValidationResult:
    """Scores of a model; None is a score that was not measured, as where nothing is translated.

    signature, chrf_signature: of sacrebleu, for BLEU and chrF.
    translations: of the validation text, a line each.
    """

    perplexity: float | None
    bleu: float | None = None
    signature: str | None = None
    chrf: float | None = None
    chrf_signature: str | None = None
    translations: list[str] = field(default_factory=list)

    def scores(self) -> dict:
        """Scores and signatures by name, as a line of `metrics.jsonl` has them."""
        measured = {"perplexity": self.perplexity}
        if self.bleu is not None:
            measured |= {"bleu": self.bleu, "signature": self.signature}
            measured |= {"chrf": self.chrf, "chrf_signature": self.chrf_signature}
        return measured


class Validator:
    """Scores a model on validation data.

    The weights are copied into a float32 model, whatever the precision of the training, because
    that is the model that `nmt translate` will run.

    Args:
        engine: a `KerasEngine` over that float32 model.
        prepared: the `PreparedData`.
        translate: function from source lines to translated lines, that of `nmt translate`; None
            leaves BLEU and chrF out.
        options: the `validation` section.
        batch_tokens: of the batches for perplexity.
    """

    def __init__(self, engine, prepared, translate, options, batch_tokens):
        self.engine, self.translate = engine, translate
        self.bleu = BleuOptions(tokenize=options.tokenize)
        self.pairs, self.batches = prepared.valid, []
        if len(self.pairs):
            lengths = self.pairs.source_lengths, self.pairs.target_lengths
            self.batches = plan_epoch(*lengths, batch_tokens, seed=0, epoch=0)
        limit = options.max_lines or None
        self.sources = prepared.valid_source_lines()[:limit]
        self.references = prepared.valid_target_lines()[:limit]

    def __call__(self, arrays: dict) -> ValidationResult:
        """Score the model with these weights, given as `arrays_of` returns them."""
        set_arrays(self.engine.model, arrays)
        perplexity = self.perplexity()
        if self.translate is None or not self.sources:
            return ValidationResult(perplexity)
        lines = self.translate(self.sources)
        bleu, chrf = corpus_scores([self.references], lines, (self.bleu, ChrfOptions()))
        return ValidationResult(
            perplexity, bleu.value, bleu.signature, chrf.value, chrf.signature, lines
        )

    def perplexity(self) -> float | None:
        """exp of the mean -log p per target token, EOS included; None without validation pairs."""
        if not self.batches:
            return None
        total, tokens = 0.0, 0
        for batch in self.batches:
            arrays = make_arrays(self.pairs, batch)
            total -= float(
                self.engine.score(arrays.source_ids, arrays.targets).sum(dtype=np.float64)
            )
            tokens += int(np.count_nonzero(arrays.targets != PAD_ID))
        return math.exp(min(total / tokens, 700.0))
