"""Every letter gets a font that has it, or a line that says what to install."""

import logging
import subprocess
import sys
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

font_manager = pytest.importorskip("matplotlib.font_manager")

from helpers.log import silently, warnings_logged  # noqa: E402
from nmtcli.plots import font_files, fonts  # noqa: E402
from nmtcli.plots.fonts import font_families, quiet_fonts  # noqa: E402
from nmtcli.text.scripts import script_of  # noqa: E402


@pytest.fixture
def only_latin(monkeypatch):
    """A machine with matplotlib's own fonts and nothing else."""
    own = [
        entry
        for entry in font_manager.fontManager.ttflist
        if entry.name.startswith(("DejaVu", "cm", "STIX", "Last Resort"))
    ]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda *args, **kwargs: [])
    monkeypatch.setattr(font_files, "find_spec", lambda name: None)
    forget()
    yield
    monkeypatch.undo()
    forget()


def forget():
    font_files.fresh_system_families.cache_clear()
    for name in ("_findfont_cached",):  # matplotlib's memory of what a family is
        cached = getattr(font_manager.fontManager, name, None)
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()


def glyphs(families):
    """All characters of the fonts that matplotlib takes for `families`, by matplotlib alone."""
    found = set()
    for family in families:
        wanted = font_manager.FontProperties(family=[family])
        path = font_manager.findfont(wanted, fallback_to_default=False)
        found |= font_manager.get_font(path).get_charmap().keys()
    return found


def one_line(texts):
    with warnings_logged() as messages:
        families = font_families(texts)
    assert len(messages) == 1 and "\n" not in messages[0]
    return families, messages[0]


def test_latin_needs_no_other_font_and_no_search(monkeypatch):
    monkeypatch.setattr(fonts, "system_families", lambda: pytest.fail("searched the system"))
    assert silently(font_families, ["Straße", "œuvre", "→", "Привет"]) == ["DejaVu Sans"]


def test_hangul_comes_from_a_font_that_has_it():
    families = silently(font_families, ["한국어", "ㅋㅋ", "hello"])
    assert families[0] == "DejaVu Sans" and len(families) == 2
    assert {ord(letter) for letter in "한국어ㅋhello"} <= glyphs(families)


@given(st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), min_size=1))
def test_every_hangul_syllable_has_a_glyph(text):
    assert {ord(letter) for letter in text} <= glyphs(silently(font_families, [text]))


@given(st.lists(st.text()))
def test_what_is_neither_warned_of_nor_invisible_has_a_glyph(texts):
    with warnings_logged() as messages:
        families = font_families(texts)
    drawn = {letter for text in texts for letter in text if letter.isalnum()}
    if not messages:
        assert {ord(letter) for letter in drawn} <= glyphs(families)


def test_spaces_controls_and_joiners_need_no_font(only_latin):
    assert silently(font_families, ["\u3000\t\x07", "a\u200d\ufe0fb", ""]) == ["DejaVu Sans"]


def test_a_text_with_kana_takes_its_kanji_from_a_japanese_font(monkeypatch):
    have = {"IPAexGothic": "日本です", "NanumGothic": "日本가", "Noto Sans CJK SC": "日本です가"}
    monkeypatch.setattr(fonts, "having", lambda family, some: some & set(have.get(family, "")))
    assert font_families(["日本", "です"]) == ["DejaVu Sans", "IPAexGothic"]
    assert font_families(["日本", "가"]) == ["DejaVu Sans", "NanumGothic"]
    assert font_families(["日本"]) == ["DejaVu Sans", "Noto Sans CJK SC"]
    assert font_families(["日本", "です", "가"]) == ["DejaVu Sans", "IPAexGothic", "NanumGothic"]
    have = {"IPAexGothic": "です", "Noto Sans CJK JP": "日本です가", "NanumGothic": "日本가"}
    assert font_families(["日本", "です", "가"]) == ["DejaVu Sans", "Noto Sans CJK JP"]


def test_one_font_for_a_script_is_better_than_two(monkeypatch):
    have = {"NanumGothic": "가나", "Malgun Gothic": "다", "Big": "가나다"}
    monkeypatch.setattr(fonts, "having", lambda family, some: some & set(have.get(family, "")))
    monkeypatch.setattr(fonts, "system_families", lambda: ["Big"])
    monkeypatch.setattr(fonts, "fresh_system_families", lambda: [])
    assert silently(font_families, ["가나다"]) == ["DejaVu Sans", "Big"]
    monkeypatch.setattr(fonts, "system_families", lambda: [])
    assert silently(font_families, ["가나다"]) == ["DejaVu Sans", "NanumGothic", "Malgun Gothic"]


@pytest.mark.parametrize(
    "text, said",
    [
        (
            "가다",
            "no font has the glyphs of Hangul (가 다): boxes are drawn; one comes with"
            " `pip install koreanize-matplotlib` or Debian's fonts-nanum",
        ),
        (
            "食べる",
            "no font has the glyphs of kana and kanji (べ る 食): boxes are drawn; one comes with"
            " `pip install 'nmtcli[ja]'` or Debian's fonts-noto-cjk",
        ),
        (
            "北京",
            "no font has the glyphs of Han (京 北): boxes are drawn; one comes with"
            " `pip install 'nmtcli[zh]'` or Debian's fonts-noto-cjk",
        ),
        (
            "ก",
            "no font has the glyphs of Thai (ก): boxes are drawn;"
            " one comes with the system's fonts-noto",
        ),
        (
            "🤔",
            "no font has the glyphs of symbols (🤔): boxes are drawn; one comes with"
            " Debian's fonts-symbola",
        ),
    ],
)
def test_letters_without_a_font_are_named_with_what_brings_one(only_latin, text, said):
    assert one_line([text, "Latin"]) == (["DejaVu Sans"], said)


def test_several_scripts_without_a_font_are_one_line_too(only_latin):
    _, said = one_line(["가나다라마바사", "กข"])
    assert "Thai (ก ข), Hangul (가 나 다 라 마 and 2 more)" in said
    assert "fonts-noto (Thai)" in said and "fonts-nanum (Hangul)" in said


def test_a_font_installed_after_matplotlib_made_its_list_is_found(only_latin, monkeypatch):
    from importlib.util import find_spec

    folder = find_spec("koreanize_matplotlib").submodule_search_locations[0]
    path = f"{folder}/fonts/NanumGothic.ttf"
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda *args, **kwargs: [path, "/none"])
    assert silently(font_families, ["한국어"]) == ["DejaVu Sans", "NanumGothic"]


def test_the_packages_of_fonts_are_not_imported():
    code = (
        "import sys; from nmtcli.plots.fonts import font_families\n"
        "assert 'matplotlib' not in sys.modules\n"
        "assert font_families(['한국어']) == ['DejaVu Sans', 'NanumGothic']\n"
        "assert not {'koreanize_matplotlib', 'matplotlib.pyplot'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_matplotlib_is_quiet_inside_and_as_before_after(caplog):
    logger = logging.getLogger("matplotlib.font_manager")
    level = logger.level
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with quiet_fonts():
            logger.warning("findfont: Font family 'X' not found.")
            warnings.warn("Glyph 44032 (HANGUL) missing from font(s) DejaVu Sans.", stacklevel=1)
    assert not caplog.records and logger.level == level


@pytest.mark.parametrize(
    "letters, script",
    [
        ("aß", "Latin"),
        ("가ㅋￂ", "Hangul"),
        ("のノﾉー", "kana"),
        ("漢々。「Ａ！", "Han"),
        ("7→🤔", "symbols"),
    ],
)
def test_the_script_of_a_letter(letters, script):
    assert {script_of(letter) for letter in letters} == {script}
