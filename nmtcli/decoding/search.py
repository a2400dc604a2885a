"""Turn a `StepEngine` into a `SearchEngine` with beam search, greedy search or sampling."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nmtcli.decoding.batching import pad
from nmtcli.decoding.beam import beam_search
from nmtcli.decoding.constraints import max_translation_length
from nmtcli.decoding.engine import NBests, Sentence, StepEngine
from nmtcli.decoding.greedy import greedy_search
from nmtcli.decoding.sampling import Sampling, sample_search
from nmtcli.decoding.scoring import Scoring
from nmtcli.errors import UsageError
from nmtcli.text.special_tokens import EOS_ID


class StepwiseSearch:
    """A `SearchEngine` that gets the next tokens from a `StepEngine`.

    Args:
        engine: the engine that runs the model.
    """

    def __init__(self, engine: StepEngine):
        self.engine = engine
        self.has_attention, self.has_window = engine.has_attention, engine.has_window
        self.parallel, self.batch_tokens = engine.parallel, engine.batch_tokens

    def check(self, options: Any) -> None:
        """Check the options against the model.

        Raises:
            UsageError: there is a coverage penalty, but the model has no attention.
        """
        if options.coverage_penalty and not self.has_attention:
            raise UsageError(
                "search.coverage_penalty needs attention, and this model has none: leave it out"
            )

    def search(self, batch: Sequence[Sentence], options: Any) -> NBests:
        """Find the n-best list of each sentence with the search that the options choose."""
        source_ids = pad([[*sentence.ids, EOS_ID] for sentence in batch])
        lengths = [max_translation_length(options, len(sentence.ids)) for sentence in batch]
        common = {
            "scoring": Scoring.from_options(options),
            "max_lengths": np.array(lengths),
            "prefixes": [sentence.prefix for sentence in batch],
            "no_repeat_ngram": options.no_repeat_ngram,
        }
        if options.sample:
            sampling = Sampling(options.temperature, options.top_k, options.top_p, options.seed)
            streams = [sentence.place for sentence in batch]
            return sample_search(
                self.engine, source_ids, sampling, streams=streams, samples=options.nbest, **common
            )
        if options.beam == 1 and self.engine.run_beam is None:
            return [[best] for best in greedy_search(self.engine, source_ids, **common)]
        return beam_search(self.engine, source_ids, options.beam, nbest=options.nbest, **common)
