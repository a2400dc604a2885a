"""The default tokenizer of BLEU for a text, chosen by its script.

BLEU counts words. 13a splits at spaces and punctuation. Chinese and Japanese text has too few of
them, and Korean text has none before particles, so that a word with another particle counts as
another word. sacrebleu recommends `zh`, `ja-mecab` and `ko-mecab`.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from nmtcli.metrics.sacrebleu_scores import has_packages, looks_tokenized
from nmtcli.text.scripts import SYMBOLS, script_of

USUAL = "13a"
LINES = 500  # lines that are examined
SHARE = 0.2  # the share of letters that decides; it is low because such texts quote much Latin
# Japanese comes first, since much of it is Han. Korean often quotes Han; Chinese has no Hangul.
SCRIPTS = {
    "kana": ("Japanese", "ja-mecab", "ja"),
    "Hangul": ("Korean", "ko-mecab", "ko"),
    "Han": ("Chinese", "zh", None),
}


class TokenizerChoice(NamedTuple):
    """A tokenizer and why it was chosen.

    name: the name of the tokenizer.
    reason: the reason, in a few words.
    language: the language that the script shows, or an empty text.
    """

    name: str
    reason: str
    language: str = ""


def choose_tokenizer(references: Sequence[str]) -> TokenizerChoice:
    """Choose the tokenizer for references; if its package is missing, 13a, as the reason says."""
    references = references[:LINES]
    scripts = Counter(map(script_of, filter(str.isalpha, "".join(references))))
    scripts.pop(SYMBOLS, None)
    for script, (language, name, extra) in SCRIPTS.items():
        if scripts[script] > SHARE * scripts.total():
            if has_packages(name):
                return TokenizerChoice(name, f"the references are {language}", language)
            remedy = f"{name} needs pip install 'nmtcli[{extra}]'"
            return TokenizerChoice(USUAL, f"the references are {language}, but {remedy}", language)
    if looks_tokenized(references):
        return TokenizerChoice("none", "the references are tokenised already")
    return TokenizerChoice(USUAL, "")
