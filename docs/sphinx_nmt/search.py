"""A search that finds the stems of Korean words."""

import re

from sphinx.search.en import SearchEnglish

HANGUL = re.compile("[가-힣]{3,}")
SHORTEST = 2  # syllables of a stem


class Search(SearchEnglish):
    """English search that also finds Korean words without their endings.

    A Korean word ends in particles: 번역기를 is found by 번역 and by 번역기 too.
    """

    def split(self, input: str) -> list[str]:
        words = super().split(input)
        stems = [
            word[:length]
            for word in words
            if HANGUL.fullmatch(word)
            for length in range(SHORTEST, len(word))
        ]
        return words + stems
