"""What cannot be is refused as Keras refuses it: the rule, and what was received."""

import numpy as np
import pytest

from nmtcli import layers

B, T, S, D = 2, 3, 5, 8
QUERY, VALUE = np.ones((B, T, D), "float32"), np.ones((B, S, D), "float32")
IDS = np.ones((B, S), "int32")


def attention(*inputs, score="dot", **call):
    return layers.Attention(score, units=4)(*inputs, **call)


@pytest.mark.parametrize(
    ("use", "rule", "received"),
    [
        # arguments
        (lambda: layers.Attention("cosine"), "`score` must be one of", "score='cosine'"),
        (lambda: layers.Attention("dot", "local-x"), "`scope` must be one of", "scope='local-x'"),
        (lambda: layers.Attention("dot", "local-m", 0), "`width` must be a positive", "width=0"),
        (lambda: layers.Attention("dot", coverage=True), "additive or concat", "score='dot'"),
        (lambda: layers.Attention(dropout=1.5), "at least 0 and below 1", "dropout=1.5"),
        (lambda: layers.AdditiveAttention(score="dot"), "has the additive score", "score='dot'"),
        (lambda: layers.AdditiveScore("64"), "`units` must be a positive integer", "units='64'"),
        (lambda: layers.AdditiveScore(2.5), "`units` must be a positive integer", "units=2.5"),
        (lambda: layers.LocationScore(0), "`positions` must be a positive", "positions=0"),
        (lambda: layers.MultiHeadAttention(3, 8), "multiple of the heads", "units=8, heads=3"),
        (lambda: layers.SelfAttention(0), "`heads` must be a positive integer", "heads=0"),
        (lambda: layers.Readout(4, "softmax"), "`kind` must be one of tanh, maxout", "'softmax'"),
        (lambda: layers.FeedForward(0), "`size` must be a positive integer", "size=0"),
        (lambda: layers.FeedForward(4, "elu"), "`kind` must be one of relu", "kind='elu'"),
        (lambda: layers.EncoderLayer(2, 4, normalization="mid"), "one of pre, post", "'mid'"),
        (lambda: layers.GRUCell(0), "`units` must be a positive integer", "units=0"),
        (lambda: layers.LSTMCell(-3), "`units` must be a positive integer", "units=-3"),
        (lambda: layers.PredictiveWindow(1, 0), "`units` must be a positive integer", "units=0"),
        # ranks and shapes
        (lambda: attention(QUERY[0], VALUE), r"shape \(batch, time, size\)", r"shape \(3, 8\)"),
        (lambda: attention(QUERY, VALUE[:, 0]), r"`value` of Attention must", r"shape \(2, 8\)"),
        (lambda: attention(QUERY, VALUE[:1]), "one batch size", r"value of shape \(1, 5, 8\)"),
        (lambda: attention(QUERY, VALUE, VALUE[:, :2]), "a key for each", r"key of .*\(2, 2, 8\)"),
        (lambda: attention(QUERY, VALUE[..., :6]), "of one size", "query size 8, key size 6"),
        (lambda: layers.SelfAttention(3)(VALUE), "multiple of the heads", "size=8, heads=3"),
        (lambda: layers.SelfAttention(8, rotary=True)(VALUE), "must be even", "size=8, heads=8"),
        (lambda: layers.CrossAttention(2)(QUERY, VALUE[0]), "`value` of Cross", r"\(5, 8\)"),
        (lambda: layers.DecoderLayer(2, 4)(QUERY, VALUE[0]), "`memory` of Dec", r"\(5, 8\)"),
        (lambda: layers.PositionalEncoding()(VALUE[..., :7]), "an even size", r"\(2, 5, 7\)"),
        (lambda: layers.Readout(4)(QUERY, VALUE[0]), "`contexts` of Readout", r"shape \(5, 8\)"),
        (lambda: layers.MonotonicWindow(1)(QUERY[0], VALUE), "`query` of Mono", r"shape \(3, 8\)"),
        # types
        (lambda: attention(QUERY, IDS[..., None], score="general"), "embed token ids", "int32"),
        (lambda: layers.EncoderLayer(2, 4)(IDS), r"shape \(batch, time, size\)", r"\(2, 5\)"),
        (lambda: layers.FeedForward(4)(IDS), "embed token ids first", "inputs of type int32"),
        # masks, and what is missing
        (lambda: attention(QUERY, VALUE, value_mask=IDS[:, :3] == 1), "of `value`", r"\(2, 3\)"),
        (lambda: attention(QUERY, VALUE, query_mask=IDS == 1), "of `query`", r"shape \(2, 5\)"),
        (lambda: attention(QUERY, VALUE, value_mask=IDS[0] == 1), "`value_mask` of", r"\(5,\)"),
        (lambda: layers.SelfAttention(2)(VALUE, mask=IDS[:, :2] == 1), "`mask` of", r"\(2, 2\)"),
        (lambda: layers.AdditiveScore(4, True)(QUERY, VALUE), "needs `coverage`", "coverage=None"),
        (lambda: layers.Readout(4, "maxout")(QUERY, QUERY), "needs `embedded`", "embedded=None"),
        (lambda: attention([QUERY]), r"\[query, value\] or \[query, value, key\]", "1 of them"),
        (lambda: attention(QUERY), r"\[query, value\] or \[query, value, key\]", "1 of them"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_the_rule_and_what_was_received(use, rule, received):
    with pytest.raises(ValueError, match=f"(?s){rule}.*Received: .*{received}"):
        use()


def test_names_of_scores_and_scopes_are_those_of_the_configuration():
    from nmtcli.config import attention as names
    from nmtcli.layers import local_attention, scores

    assert (scores.SCORES, local_attention.SCOPES) == (names.SCORES, names.SCOPES)
