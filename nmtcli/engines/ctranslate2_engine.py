"""The engine of an export for CTranslate2, which runs the search itself, in C++.

Its beam search differs from `nmtcli.decoding.beam` in details that no caller can set, so it finds
the same translations except in close cases. Log-probabilities are normalised over the tokens that
a translation may have. It returns no attention: version 4.8.5 mixes up the rows of hypotheses that
end before others of their beam.
"""

from collections.abc import Sequence
from pathlib import Path

import ctranslate2
import numpy as np

from nmtcli.decoding.constraints import max_translation_length
from nmtcli.decoding.engine import Hypothesis, NBests, Sentence
from nmtcli.decoding.scoring import Scoring
from nmtcli.errors import NmtError, UsageError
from nmtcli.text.special_tokens import EOS_ID
from nmtcli.text.subwords import Subwords

MODEL = "model"


class CTranslate2Engine:
    """Translates with a model that `nmtcli.exports.ctranslate2_files` wrote.

    It is a `SearchEngine` without single steps, so it cannot be a member of an ensemble.

    Args:
        folder: the folder of the export.
        source_subwords, target_subwords: the subwords of the model's vocabularies.
        precision: `float32` or `int8`.
        threads: how many batches to translate at once.
    """

    has_attention = has_window = False
    batch_tokens = 2048  # see `OnnxEngine`

    def __init__(
        self,
        folder,
        source_subwords: Subwords,
        target_subwords: Subwords,
        precision: str = "float32",
        threads: int = 1,
    ):
        self.precision = precision
        self.parallel = threads + 1  # one search waits, so that no thread is idle
        self.vocabulary_size = target_subwords.size
        self._source_subwords, self._target_subwords = source_subwords, target_subwords
        (self._end,) = target_subwords.tokens([EOS_ID])
        try:
            self._translator = ctranslate2.Translator(
                str(Path(folder) / MODEL), device="cpu", compute_type=precision,
                inter_threads=threads, intra_threads=1,
            )  # fmt: skip
        except (RuntimeError, ValueError, OSError, MemoryError) as error:
            raise NmtError(
                f"{folder}: CTranslate2 cannot read it ({' '.join(str(error).split())}); make the"
                " export again with nmt export --format ctranslate2"
            ) from None

    def search(self, batch: Sequence[Sentence], options) -> NBests:
        """Find the n-best list of each sentence of a batch.

        Args:
            options: a `SearchConfig` that passes `check`.
        """
        results = self._translate(batch, options)
        return [self._hypotheses(*of_one, options) for of_one in zip(batch, results)]

    @staticmethod
    def check(options) -> None:
        """Check that CTranslate2 supports the options.

        Raises:
            UsageError: CTranslate2 lacks an option of the search, or gives it another meaning.
        """
        for name, usual in (
            ("sample", False),
            ("coverage_penalty", 0.0),
            ("length_penalty_kind", "average"),
        ):
            if getattr(options, name) != usual:
                raise UsageError(
                    f"search.{name} is not of CTranslate2: leave it out, or use engine onnx"
                )

    def _translate(self, batch: Sequence[Sentence], options) -> list:
        prefixes = [self._target_subwords.tokens(sentence.prefix) for sentence in batch]
        return self._translator.translate_batch(
            [self._source(sentence) for sentence in batch],
            target_prefix=prefixes if any(prefixes) else None,
            beam_size=options.beam,
            num_hypotheses=options.nbest,
            length_penalty=options.length_penalty,
            no_repeat_ngram_size=options.no_repeat_ngram,
            max_input_length=0,
            min_decoding_length=0,
            max_decoding_length=max(_max_length(sentence, options) for sentence in batch),
            return_scores=True,
            return_end_token=True,
        )

    def _hypotheses(self, sentence: Sentence, result, options) -> list[Hypothesis]:
        longest = _max_length(sentence, options)
        lengths = [len(pieces) - (pieces[-1:] == [self._end]) for pieces in result.hypotheses]
        if any(length > longest for length in lengths):
            # The whole batch has the limit of its longest sentence, which may exceed this one's.
            (result,) = self._translate([sentence], options)
        parts = zip(result.hypotheses, result.scores)
        found = [self._hypothesis(sentence, *part, options) for part in parts]
        return sorted(found, key=lambda hypothesis: -hypothesis.score)

    def _hypothesis(self, sentence: Sentence, pieces, score, options) -> Hypothesis:
        log_prob = score * len(pieces) ** options.length_penalty
        is_whole = pieces[-1:] == [self._end]
        if not is_whole:
            pieces = [*pieces, self._end]
        if sentence.prefix or not is_whole:
            # Forced tokens, a prefix or EOS, count in the score, as in the other engines.
            (scored,) = self._translator.score_batch([self._source(sentence)], [pieces[:-1]])
            log_prob = float(sum(scored.log_probs))
        ids = self._target_subwords.token_ids(pieces[:-1])
        score = Scoring.from_options(options).score(log_prob, len(pieces))
        nothing = np.zeros((len(pieces), len(sentence.ids) + 1), dtype=np.float32)
        return Hypothesis(ids, log_prob, score, nothing)

    def _source(self, sentence: Sentence) -> list[str]:
        return self._source_subwords.tokens(sentence.ids)


def _max_length(sentence: Sentence, options) -> int:
    """Compute the most tokens without EOS; at least one, or nothing could be returned."""
    return max(1, max_translation_length(options, len(sentence.ids)) - 1)
