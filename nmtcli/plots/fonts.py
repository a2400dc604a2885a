"""Choose fonts that have the characters of the texts in a plot.

matplotlib draws with DejaVu Sans, which has Latin, Greek, Cyrillic, Arabic and Hebrew but no
Hangul, kana or Han. It looks for a missing glyph in each family of a list, in order;
`font_families` makes the list. What a font has is read from its character map, not guessed from
its name.
"""

import logging
import unicodedata
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from nmtcli.plots.font_files import PACKAGE_FONTS, fresh_system_families, having, system_families
from nmtcli.text.scripts import script_of

logger = logging.getLogger(__name__)

LATIN_FAMILY = "DejaVu Sans"

# Each region draws Han characters in its own shape. The first family that has all letters is taken;
# fonts of packages stand first, so that a picture is the same on every machine.
REGION_FAMILIES = {
    "ja": (
        "IPAexGothic, Noto Sans CJK JP, Noto Sans JP, Source Han Sans JP, IPAPGothic, IPAGothic, "
        "TakaoPGothic, VL PGothic, Hiragino Sans, Yu Gothic, Meiryo, MS Gothic"
    ).split(", "),
    "ko": (
        "NanumGothic, Noto Sans CJK KR, Noto Sans KR, Source Han Sans KR, NanumBarunGothic, "
        "UnDotum, Apple SD Gothic Neo, AppleGothic, Malgun Gothic"
    ).split(", "),
    "zh": (
        "Noto Sans CJK SC, Noto Sans SC, Source Han Sans SC, Noto Sans CJK TC, Noto Sans TC, "
        "WenQuanYi Zen Hei, WenQuanYi Micro Hei, PingFang SC, Heiti SC, Microsoft YaHei, SimHei"
    ).split(", "),
}
# Han goes with its neighbours: `_by_region`.
SCRIPT_REGIONS = {"kana": "ja", "Hangul": "ko", "Bopomofo": "zh"}

REMEDIES = {
    "Hangul": "`pip install koreanize-matplotlib` or Debian's fonts-nanum",
    "kana and kanji": "`pip install 'nmtcli[ja]'` or Debian's fonts-noto-cjk",
    "Han": "`pip install 'nmtcli[zh]'` or Debian's fonts-noto-cjk",
    "symbols": "Debian's fonts-symbola",
}
OTHER_REMEDY = "the system's fonts-noto"


def font_families(texts: Iterable[str], warn: bool = True) -> list[str]:
    """Return the matplotlib families that together have the glyphs of all `texts`.

    If no font has some of the characters, a warning names them and what to install; matplotlib
    draws boxes for them.

    Pass the list as `fontfamily=` of a text. One font that has all letters of a script is preferred
    to several. All fonts of the system are read only for letters that no usual font has.

    Args:
        texts: the texts that are drawn together.
        warn: whether to warn about missing glyphs.

    Returns:
        families that `matplotlib.font_manager.fontManager` knows, DejaVu Sans first.
    """
    characters = _drawn_characters(texts)
    with quiet_fonts():
        families = [LATIN_FAMILY]
        missing = characters - having(LATIN_FAMILY, characters)
        for region, group in _by_region(missing).items():
            group &= missing
            for family in _families_for(group, region):
                families.append(family)
                missing -= having(family, missing)
    if missing and warn:
        has_kana = any(script_of(each) == "kana" for each in characters)
        logger.warning(_missing_message(missing, has_kana))
    return families


@contextmanager
def quiet_fonts() -> Iterator[None]:
    """Silence matplotlib's messages about fonts, since `font_families` warns in one line.

    Draw and save figures inside this context, since matplotlib notices missing glyphs then.
    """
    logger = logging.getLogger("matplotlib.font_manager")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            yield
    finally:
        logger.setLevel(level)


def _is_mark(character: str) -> bool:
    """Whether a character joins the one before it: a list of letters then starts with letters."""
    return unicodedata.category(character)[0] == "M"


def _drawn_characters(texts: Iterable[str]) -> set[str]:
    """The characters that need a glyph: no spaces, controls, joiners or variation selectors."""
    return {
        character
        for character in set().union(*texts)
        if unicodedata.category(character)[0] not in "CZ" and not 0xFE00 <= ord(character) <= 0xFE0F
    }


def _by_region(characters: set[str]) -> dict[str, set[str]]:
    """Groups of characters, each of which should come from one font.

    Han and punctuation go with kana if there is any, else with Hangul, else to a Chinese font.
    Japanese stands first, since Korean fonts have some of the kanji, in another shape.
    """
    scripts = {character: script_of(character) for character in characters}
    found = set(scripts.values())
    region_of_han = "ja" if "kana" in found else "ko" if "Hangul" in found else "zh"
    regions = {**SCRIPT_REGIONS, "Han": region_of_han}
    if found & regions.keys():
        regions["symbols"] = region_of_han
    groups: dict[str, set[str]] = {}
    for character, script in scripts.items():
        groups.setdefault(regions.get(script, script), set()).add(character)
    order = list(REGION_FAMILIES)
    return {region: groups[region] for region in [*order, *sorted(groups)] if region in groups}


def _families_for(characters: set[str], region: str) -> list[str]:
    """One family that has all of `characters` if there is one, else as few as can be found."""
    if not characters:
        return []
    families = [*REGION_FAMILIES.get(region, ()), *PACKAGE_FONTS]
    for family in families:
        if having(family, characters) == characters:
            return [family]
    chosen: list[str] = []
    for more in (system_families, fresh_system_families):
        families = list(dict.fromkeys([*families, *more()]))
        while characters:
            covered = {family: having(family, characters) for family in families}
            best = max(families, key=lambda family: len(covered[family]))
            if not covered[best]:
                break
            chosen.append(best)
            characters = characters - covered[best]
    return chosen


def _missing_message(missing: set[str], japanese: bool) -> str:
    """One line: which characters have no glyph, and what to install."""
    scripts: dict[str, list[str]] = {}
    for character in sorted(missing, key=lambda each: (_is_mark(each), each)):
        script = script_of(character)
        if japanese and script in ("kana", "Han"):
            script = "kana and kanji"
        scripts.setdefault(script, []).append(character)
    shown, remedies = [], []
    for script, characters in scripts.items():
        rest = f" and {len(characters) - 5} more" if len(characters) > 5 else ""
        shown.append(f"{script} ({' '.join(characters[:5])}{rest})")
        remedy = REMEDIES.get(script, OTHER_REMEDY)
        remedies.append(f"{remedy} ({script})" if len(scripts) > 1 else remedy)
    return (
        f"no font has the glyphs of {', '.join(shown)}: boxes are drawn; "
        f"one comes with {', '.join(remedies)}"
    )
