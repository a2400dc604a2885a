"""Drop pairs in other languages than asked for, with the language identifier py3langid.

The identifier (Lui and Baldwin (2012), langid.py) is a small file that comes with the package. It
is often wrong about short lines, and says so: only a line of which it is sure is dropped.
"""

from collections.abc import Sequence

from nmtcli.config.loading import nearest
from nmtcli.errors import UsageError

OTHER_LANGUAGE = "other language"
SURE = 0.8  # the probability of another language at which a line is dropped


class LanguageFilter:
    """The filter rule that needs the languages of both sides.

    Args:
        languages: the codes of source and target, such as `("ko", "en")`.

    Raises:
        UsageError: py3langid is not installed, or there are not two languages that it knows.
    """

    def __init__(self, languages: Sequence[str]):
        if len(languages) != 2:
            raise UsageError(
                f"data.languages has {len(languages)} values; give the languages of source and"
                " target, such as ko en"
            )
        try:
            from py3langid.langid import MODEL_FILE, LanguageIdentifier
        except ImportError:
            raise UsageError(
                "data.languages needs py3langid: pip install 'nmtcli[languages]'"
            ) from None
        self._identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        for language in languages:
            if language not in self._identifier.labels:
                what = f"data.languages has '{language}', which py3langid does not know"
                raise UsageError(f"{what}{nearest(language, self._identifier.labels)}")
        self._languages = tuple(languages)

    def problem(self, source: str, target: str) -> str | None:
        """Return the rule if a side is surely in another language, else None."""
        for text, wanted in zip((source, target), self._languages):
            found, probability = self._identifier.classify(text)
            if found != wanted and probability >= SURE:
                return OTHER_LANGUAGE
        return None
