"""Font files: which characters a font has, and where fonts are found.

Fonts that Python packages carry are used without importing the package, since these packages
change matplotlib's settings when they are imported:

| family           | package              | for             | licence of the font               |
|------------------|----------------------|-----------------|-----------------------------------|
| NanumGothic      | koreanize-matplotlib | Hangul, hanja   | SIL Open Font License 1.1         |
| IPAexGothic      | matplotlib-fontja    | kana, kanji     | IPA Font License Agreement 1.0    |
| Noto Sans CJK SC | mplfonts             | Han; all of CJK | SIL Open Font License 1.1         |

DejaVu Sans comes with matplotlib (Bitstream Vera's licence). mplfonts also carries SimHei, whose
file says "all rights reserved": it is not used from there.
"""

import logging
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

PACKAGE_FONTS = {  # family: package, file in its folder `fonts`
    "NanumGothic": ("koreanize_matplotlib", "NanumGothic.ttf"),
    "IPAexGothic": ("matplotlib_fontja", "ipaexg.ttf"),
    "Noto Sans CJK SC": ("mplfonts", "NotoSansCJKsc-Regular.otf"),
}

# These show a box, or nothing in one colour, where a letter should be.
NO_REAL_GLYPHS = ("Last Resort", ".LastResort", "LastResort", "Adobe Blank", "Noto Color Emoji")


def having(family: str, characters: set[str]) -> set[str]:
    """Return the characters that a font family has; none if there is no such family."""
    path = _font_of(family) if characters else None
    if path is None:
        return set()
    covers = _coverage(path)
    return {each for each in characters if ord(each) < len(covers) and covers[ord(each)]}


def _font_of(family: str):
    """The font that matplotlib draws with for a family; a package's font is made known to it."""
    from matplotlib.font_manager import FontProperties, fontManager

    wanted = FontProperties(family=[family])
    try:
        return fontManager.findfont(wanted, fallback_to_default=False)
    except ValueError:
        path = _package_font(family)
    if path is None:
        return None
    fontManager.addfont(path)
    return fontManager.findfont(wanted, fallback_to_default=False)


def _package_font(family: str) -> Path | None:
    """The font file of an installed package; the package is found, not imported."""
    package, file = PACKAGE_FONTS.get(family, (None, None))
    spec = find_spec(package) if package else None
    folders = spec.submodule_search_locations if spec else None
    paths = [Path(folder) / "fonts" / file for folder in folders or ()]
    return next((path for path in paths if path.is_file()), None)


@lru_cache(maxsize=256)
def _coverage(path) -> np.ndarray:
    """Whether a font has each code point, bool, as far as the last one that it has."""
    from matplotlib.font_manager import get_font

    try:
        points = np.fromiter(get_font(path).get_charmap(), dtype=np.int64)
    except (OSError, RuntimeError):  # a damaged font
        points = np.zeros(0, np.int64)
    covers = np.zeros(points.max(initial=-1) + 1, bool)
    covers[points] = True
    return covers


def system_families() -> list[str]:
    """Return the families that matplotlib knows, without its own fonts for formulas."""
    import matplotlib
    from matplotlib.font_manager import fontManager

    own = matplotlib.get_data_path()
    return sorted(
        {
            entry.name
            for entry in fontManager.ttflist
            if not entry.name.startswith(NO_REAL_GLYPHS)
            and (not entry.fname.startswith(own) or entry.name.startswith(("DejaVu", "STIXGen")))
        }
    )


@lru_cache(maxsize=1)
def fresh_system_families() -> list[str]:
    """Add the fonts that were installed after matplotlib cached its list; return their families.

    Without this, users who install a font as the warning says would get the same warning again.
    """
    from matplotlib.font_manager import findSystemFonts, fontManager

    known = {entry.fname for entry in fontManager.ttflist}
    before = len(fontManager.ttflist)
    for path in sorted(set(findSystemFonts()) - known):
        try:
            fontManager.addfont(path)
        except Exception:  # matplotlib itself passes over any font that it cannot read
            logging.getLogger(__name__).debug("%s cannot be read", path)
    fresh = {entry.name for entry in fontManager.ttflist[before:]}
    return sorted(name for name in fresh if not name.startswith(NO_REAL_GLYPHS))
