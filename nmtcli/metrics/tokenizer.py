"""The tokenizer of BLEU that suits a text whose user did not name one.

BLEU counts words. 13a finds them between spaces and punctuation, which a Chinese or Japanese text
has too few of, and a Korean one in other places than where its particles begin: a word with another
particle counts as another word. sacrebleu's own advice is `zh`, `ja-mecab` and `ko-mecab`.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from nmtcli.metrics.sacrebleu_scores import has_packages, looks_tokenized
from nmtcli.text.scripts import SYMBOLS, script_of

USUAL = "13a"
LINES = 500  # that are looked at
SHARE = 0.2  # of the letters: such texts quote much Latin
# Japanese stands first: much of it is Han. Han is often quoted in Korean, but no Hangul in Chinese.
SCRIPTS = {
    "kana": ("Japanese", "ja-mecab", "ja"),
    "Hangul": ("Korean", "ko-mecab", "ko"),
    "Han": ("Chinese", "zh", None),
}


class TokenizerChoice(NamedTuple):
    """name: of the tokenizer; reason: why, a few words; language: that the script tells, if any."""

    name: str
    reason: str
    language: str = ""


def choose_tokenizer(references: Sequence[str]) -> TokenizerChoice:
    """The tokenizer for references; 13a without the package of a better one, as the reason says."""
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
