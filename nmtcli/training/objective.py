"""What an update minimises, put together from its parts."""

from dataclasses import dataclass

from keras import ops

from nmtcli.text.special_tokens import PAD_ID
from nmtcli.training.guided_alignment import guided_alignment_loss
from nmtcli.training.losses import coverage_loss, smoothed_cross_entropy
from nmtcli.training.r_drop import paired_cross_entropy


@dataclass(frozen=True)
class Objective:
    """The loss of a batch. A part whose weight is zero is not computed at all.

    smoothing: of the labels.
    coverage: weight of the coverage loss. coverage_from: updates before it acts; See et al. (2017),
        section 5, add it when the model is nearly trained, since from the beginning it disturbs
        the main loss.
    r_drop: alpha of R-Drop; each sentence is then there twice, see `paired_cross_entropy`. Of both
        passes the mean counts, half of the paper's loss, so that a loss and the largest norm of a
        gradient mean the same with R-Drop and without it.
    guided: weight of the guided alignment. guided_until: updates during which it acts; 0 is all.
    """

    smoothing: float
    coverage: float = 0.0
    coverage_from: int = 0
    r_drop: float = 0.0
    guided: float = 0.0
    guided_until: int = 0

    def weights_at(self, step: int) -> tuple[float, float]:
        """Of coverage loss and guided alignment in update `step`."""
        guides = not self.guided_until or step <= self.guided_until
        return self.coverage * (step > self.coverage_from), self.guided * guides

    def __call__(self, outputs, layer, targets, alignment, coverage, guided):
        """Sums over the real targets.

        Args:
            outputs: of the model's `decode`, (B, T, R) and attention (B, T, S).
            layer: of the model's `output_layer`, (R, V) and (V,).
            targets: (B, T).
            alignment: (B, T, S), or None without guided alignment.
            coverage: weight of the coverage loss at this update, a float32 scalar.
            guided: weight of the guided alignment, likewise.

        Returns:
            loss, nll and how many real targets there are, float32 scalars.
        """
        hidden, attention = outputs
        output = hidden, *layer, targets
        real = ops.cast(ops.not_equal(targets, PAD_ID), "float32")
        if self.r_drop:
            real = 0.5 * real
            loss, nll = paired_cross_entropy(*output, real, self.smoothing, self.r_drop)
        else:
            loss, nll = smoothed_cross_entropy(*output, real, self.smoothing)
        if self.coverage:
            loss = loss + coverage * coverage_loss(attention, real)
        if self.guided:
            loss = loss + guided * guided_alignment_loss(attention, alignment, real)
        return loss, nll, ops.sum(real)
