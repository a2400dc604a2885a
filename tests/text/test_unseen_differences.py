"""Lines that differ in what cannot be seen are found, and other differences are not."""

import unicodedata

import pytest

from nmtcli.text.unseen_differences import unseen_differences

LINES = ["그는 공항에 도착했어요.", "A cat sat on the mat.", "café au lait", "漢字かな"]
OTHERS = ["그녀는 공항에 갔어요.", "A cat sat there.", "thé au lait", "漢字です"]


@pytest.mark.parametrize(
    ("change", "lines", "kind"),
    [
        (lambda line: unicodedata.normalize("NFD", line), 2, "composed and decomposed characters"),
        (lambda line: line.replace(" ", "\u00a0"), 3, "kinds of spaces"),
        (lambda line: line.replace(" ", "\u3000"), 3, "kinds of spaces"),
        (lambda line: "\ufeff" + line, 4, "byte order marks"),
        (lambda line: line[0] + "\u200b" + line[1:], 4, "characters that are ignored"),
    ],
)
def test_lines_that_normalisation_would_bring_together_are_counted(change, lines, kind):
    changed = [change(line) for line in LINES]
    assert unseen_differences(changed, LINES)[::2] == (lines, [kind])
    assert unseen_differences(LINES, changed)[::2] == (lines, [kind])
    found = unseen_differences(changed, OTHERS)  # other translations, not the same text
    assert 2 <= found.lines <= lines and found.kinds == [kind]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_texts_of_the_same_form_differ_in_what_can_be_seen(form):
    sides = [[unicodedata.normalize(form, line) for line in text] for text in (LINES, OTHERS)]
    assert unseen_differences(*sides) == (0, 0, [])
    assert unseen_differences(sides[0], sides[0]) == (0, 0, [])
