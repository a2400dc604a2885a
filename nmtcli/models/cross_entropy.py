"""The loss of `fit`: cross-entropy with label smoothing over the real tokens."""

import keras
from keras import ops

from nmtcli.text.special_tokens import PAD_ID


@keras.saving.register_keras_serializable(package="nmtcli")
class MaskedCrossEntropy(keras.losses.Loss):
    """Cross-entropy with label smoothing, the mean over real target tokens; padding counts nothing.

        q(v) = (1 - e) [v = target] + e / V
        loss = mean over real tokens of - sum over v of q(v) log p(v)

    It is the loss that `nmt train` minimises on the same batch, computed from the logits.

    Reference: Szegedy et al. (2016), arXiv:1512.00567, section 7.

    Args:
        label_smoothing: e, at least 0 and below 1.
        name: the name of the loss.

    Call arguments:
        y_true: token ids, (B, T), padded with PAD, which is 0.
        y_pred: logits, (B, T, V).
        sample_weight: None, or weights that multiply the losses, (B,) or (B, T).

    Returns:
        a float32 scalar.

    Raises:
        ValueError: `label_smoothing` is out of range.

    Example:
        >>> import numpy as np
        >>> loss = MaskedCrossEntropy(label_smoothing=0.0)
        >>> round(float(loss(np.array([[2, 0]]), np.zeros((1, 2, 4)))), 4)  # log 4
        1.3863
    """

    def __init__(self, label_smoothing=0.1, name="masked_cross_entropy", **kwargs):
        super().__init__(name=name, **kwargs)
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                "`label_smoothing` must be at least 0 and below 1. Received:"
                f" label_smoothing={label_smoothing!r}"
            )
        self.label_smoothing = label_smoothing

    def __call__(self, y_true, y_pred, sample_weight=None):
        targets = ops.cast(y_true, "int32")
        weights = ops.cast(ops.not_equal(targets, PAD_ID), "float32")
        losses = self.call(targets, y_pred)
        tokens = ops.maximum(ops.sum(weights), 1.0)
        if sample_weight is not None:
            given = ops.cast(sample_weight, "float32")
            weights = weights * (given if len(given.shape) == 2 else given[:, None])
        return ops.sum(losses * weights) / tokens

    def call(self, y_true, y_pred):
        """Compute the loss of each position, float32, (B, T)."""
        logits = ops.cast(y_pred, "float32")
        total = ops.logsumexp(logits, axis=-1)
        target = ops.take_along_axis(logits, y_true[..., None], axis=-1)[..., 0]
        smoothing = self.label_smoothing
        return total - (1.0 - smoothing) * target - smoothing * ops.mean(logits, axis=-1)

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}
