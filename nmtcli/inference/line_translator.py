"""What every translator has in common: a call for a text, and a call for a list of lines."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator

from nmtcli.config import SearchConfig
from nmtcli.decoding.engine import SearchEngine
from nmtcli.errors import UsageError
from nmtcli.inference.loading import change_search
from nmtcli.inference.results import Translation
from nmtcli.text.lines import check_lines

OF_LOADING = ("ensemble",)  # the options whose effect ends when the models are loaded


class LineTranslator(ABC):
    """Translates lines: a model, an ensemble, or either of them with reranking.

    engine: the engine that runs the model.
    search: the options of the search.

    Example:
        >>> translator = nmtcli.load("runs/one")
        >>> translator("어제 비가 왔어요.")
        'It rained yesterday.'
        >>> translator.translate(["어제 비가 왔어요."], beam=8)
        [Translation('It rained yesterday.', score=-0.21)]
    """

    engine: SearchEngine
    search: SearchConfig

    @abstractmethod
    def translate_lines(
        self,
        lines: Iterable[str],
        prefixes: Iterable[str] | None = None,
        pauses: Callable[[], bool] = lambda: False,
    ) -> Iterator[Translation]:
        """Yield the translation of each line of a stream, in order."""

    @abstractmethod
    def with_search(self, search: SearchConfig) -> "LineTranslator":
        """Return a translator with the same models and other options of the search."""

    @property
    def reranks(self) -> bool:
        """Whether another model reranks the translations."""
        return False

    def __call__(self, text: str) -> str:
        """Translate a text, line by line.

        Example:
            >>> translator("어제 비가 왔어요.")
            'It rained yesterday.'
        """
        if not isinstance(text, str):
            raise UsageError(f"text must be one text, not {text!r}; translate(lines) takes a list")
        return "\n".join(found.text for found in self.translate(text.split("\n")))

    def translate(
        self, lines: Iterable[str], prefixes: Iterable[str] | None = None, **options: object
    ) -> list[Translation]:
        """Translate lines and return a result for each of them, in order.

        Args:
            lines: the lines.
            prefixes: for each line the text with which its translation begins.
            options: options of the search by their names, for this call only, such as `beam=8`,
                `nbest=3` or `sample=True`.

        Raises:
            UsageError: an option is wrong or has no effect, or lines and prefixes do not match.

        Example:
            >>> translator.translate(["어제 비가 왔어요."], nbest=2)[0].nbest[1].text
            'It was raining yesterday.'
        """
        texts = check_lines("lines", lines)
        beginnings = None if prefixes is None else check_lines("prefixes", prefixes)
        translator = self.with_options(**options) if options else self
        return list(translator.translate_lines(texts, beginnings))

    def with_options(self, **options: object) -> "LineTranslator":
        """Return a translator with the same models and some options of the search changed.

        Args:
            options: options of the search by their names.

        Raises:
            UsageError: an option is wrong or has no effect.

        Example:
            >>> greedy = translator.with_options(beam=1)
        """
        for name in OF_LOADING:
            if options.get(name) is not None:
                raise UsageError(f"search.{name} has an effect on loading only: give it to load")
        if options.get("rerank_weight") is not None and not self.reranks:
            raise UsageError("rerank_weight needs a run that reranks: load with rerank too")
        return self.with_search(change_search(self.search, options))
