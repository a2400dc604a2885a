"""The normalisation of text: one rule for training, translation, scoring and alignment.

The rule `clean`, in this order:

1. Each character that Unicode calls white space becomes a space (U+0020), and so do the Hangul
   fillers U+3164 and U+FFA0, which look like one.
2. Other control characters go, and so do the characters that Unicode says to ignore by default:
   the soft hyphen, zero-width spaces, word joiners, marks of direction, byte order marks. Those
   that carry meaning stay: the joiners U+200C and U+200D, variation selectors, the tags of emoji,
   and the conjoining fillers U+115F and U+1160.
3. The text is composed (NFC).
4. A text in which nothing can be seen, only spaces and the characters that step 2 keeps, is empty.

The rule `nfc` is that of earlier versions: step 3 alone.

Applying a rule twice changes nothing more. A TensorFlow graph does the same
(`exports/savedmodel_graph.py`), with the ranges of this module.
"""

import re
import unicodedata

CLEAN, NFC = "clean", "nfc"
RULES = (CLEAN, NFC)

Ranges = tuple[tuple[int, int], ...]  # (first, last) code points

# White_Space of Unicode (PropList.txt). Not str.isspace, to which U+001C to U+001F are spaces too.
WHITE_SPACE: Ranges = (
    (0x0009, 0x000D), (0x0020, 0x0020), (0x0085, 0x0085), (0x00A0, 0x00A0), (0x1680, 0x1680),
    (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000),
)  # fmt: skip
HANGUL_FILLERS: Ranges = ((0x3164, 0x3164), (0xFFA0, 0xFFA0))
CONTROLS: Ranges = ((0x0000, 0x001F), (0x007F, 0x009F))  # general category Cc
# Default_Ignorable_Code_Point of Unicode (DerivedCoreProperties.txt), the same from 6.0 to 17.0 but
# for U+180F, which came in 14.0. Python's unicodedata does not have this property.
DEFAULT_IGNORABLE: Ranges = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
# Conjoining fillers, variation selectors of Mongolian, joiners, variation selectors, tags of emoji.
MEANINGFUL: Ranges = (
    (0x115F, 0x1160), (0x180B, 0x180D), (0x180F, 0x180F), (0x200C, 0x200D), (0xFE00, 0xFE0F),
    (0xE0020, 0xE007F), (0xE0100, 0xE01EF),
)  # fmt: skip


def _code_points(*tables: Ranges) -> set[int]:
    return {code for table in tables for first, last in table for code in range(first, last + 1)}


def as_ranges(codes: set[int]) -> Ranges:
    """Return a set of code points as ascending ranges."""
    found: list[tuple[int, int]] = []
    for code in sorted(codes):
        if found and found[-1][1] == code - 1:
            found[-1] = found[-1][0], code
        else:
            found.append((code, code))
    return tuple(found)


_SPACES = _code_points(WHITE_SPACE, HANGUL_FILLERS)
_GONE = _code_points(CONTROLS, DEFAULT_IGNORABLE) - _code_points(MEANINGFUL) - _SPACES
BECOME_SPACE = as_ranges(_SPACES - {0x20})
GO = as_ranges(_GONE)
UNSEEN = as_ranges({0x20} | _code_points(MEANINGFUL))  # what is left of a text that shows nothing


def _class(ranges: Ranges, negated: str = "") -> re.Pattern[str]:
    inside = "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)
    return re.compile(f"[{negated}{inside}]")


_CHANGED = _class(as_ranges((_SPACES | _GONE) - {0x20}))
_SEEN = _class(UNSEEN, negated="^")
_TABLE = {**dict.fromkeys(_SPACES, " "), **dict.fromkeys(_GONE)}


def normalise(text: str, rule: str = CLEAN) -> str:
    """Return `text` as lines are compared, counted and encoded.

    Args:
        text: one line.
        rule: `clean` or `nfc`, see the module.
    """
    if rule == CLEAN:
        if text.isascii() and text.isprintable():  # most lines of some languages; only for speed
            return "" if text.isspace() else text
        if _CHANGED.search(text):
            text = text.translate(_TABLE)
        if not _SEEN.search(text):
            return ""
    return unicodedata.normalize("NFC", text)
