"""Validation: perplexity of the references, and scores of what `nmt translate` would print."""

import math

import numpy as np

from nmtcli.data.batching import make_arrays, plan_epoch
from nmtcli.metrics.sacrebleu_scores import BleuOptions, ChrfOptions, corpus_scores
from nmtcli.models.weights import set_arrays
from nmtcli.text.special_tokens import PAD_ID


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

    def __call__(self, arrays: dict) -> dict:
        """Of weights as `arrays_of` gives them: {"perplexity", "translations"}, and where lines are
        translated {"bleu", "signature", "chrf", "chrf_signature"}."""
        set_arrays(self.engine.model, arrays)
        found = {"perplexity": self.perplexity(), "translations": []}
        if self.translate is not None and self.sources:
            found["translations"] = self.translate(self.sources)
            scored = [self.references], found["translations"]
            bleu, chrf = corpus_scores(*scored, (self.bleu, ChrfOptions()))
            found |= {"bleu": bleu.value, "signature": bleu.signature}
            found |= {"chrf": chrf.value, "chrf_signature": chrf.signature}
        return found

    def perplexity(self) -> float | None:
        """exp of the mean -log p per target piece, EOS included."""
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
