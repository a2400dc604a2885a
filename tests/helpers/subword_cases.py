"""Texts and subword models learnt from them."""

import random

from nmtcli.config import SubwordConfig
from nmtcli.data.learn_subwords import learn

ALPHABET = "abcdefghij<>/_ 의가한국어ㅋé한중\u3000\u2047<s>pdunk"


def _corpus(lines=400):
    draw = random.Random(5)
    words = [
        "".join(draw.choices("abcdefghij의가한국어é", k=draw.randint(1, 6))) for _ in range(800)
    ]
    return [" ".join(draw.choices(words, k=8)) for _ in range(lines)] + list(ALPHABET) * 2


def _learn(kind="unigram", size=200, **options):
    return learn(_corpus(), SubwordConfig(type=kind, vocabulary_size=size, **options))
