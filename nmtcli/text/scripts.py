"""Which script a letter is of."""

import unicodedata

HAN_PUNCTUATION = ((0x3001, 0x303F), (0xFF01, 0xFF60), (0xFFE0, 0xFFE6))
SYMBOLS = "symbols"


def script_of(character: str) -> str:
    """The script of a character, for example `Latin`, `Hangul`, `kana`, `Han`; else `symbols`.

    Han includes the punctuation and the full-width forms that are set with it.
    """
    if any(first <= ord(character) <= last for first, last in HAN_PUNCTUATION):
        return "Han"
    if unicodedata.category(character)[0] not in "LM":
        return SYMBOLS
    name = unicodedata.name(character, "unnamed").removeprefix("HALFWIDTH ")
    first = name.replace("-", " ").split()[0]
    if first in ("HIRAGANA", "KATAKANA"):
        return "kana"
    return "Han" if first == "CJK" else first.title()
