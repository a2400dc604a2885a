"""The script to which a character belongs."""

import unicodedata

HAN_PUNCTUATION = ((0x3001, 0x303F), (0xFF01, 0xFF60), (0xFFE0, 0xFFE6))
SYMBOLS = "symbols"


def script_of(character: str) -> str:
    """Return the script of a character, such as `Latin`, `Hangul`, `kana`, `Han` or `symbols`.

    Han includes CJK punctuation and full-width forms.
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
