"""How translations begin, where the user says so.

A prefix is cut into pieces as any text is: spaces at its end are dropped, and the translation goes
on with whatever piece follows. So a prefix ends wherever its text ends, be it in a word: after
"The do" may come "g", after "The dog" a new word or the "s" of "dogs". The pieces of the prefix are
those of the text alone, where the model might have cut the whole translation otherwise.
"""

import logging
from collections.abc import Sequence

from nmtcli.config import SearchConfig
from nmtcli.decoding.constraints import max_translation_length
from nmtcli.decoding.engine import Sentence
from nmtcli.errors import UsageError
from nmtcli.text.special_tokens import UNK_ID
from nmtcli.text.subwords import Subwords

logger = logging.getLogger(__name__)


def prefix_pieces(
    subwords: Subwords,
    prefixes: Sequence[str],
    first: int,
) -> list[list[int]]:
    """The pieces of each prefix; none of one that is empty or only spaces.

    Args:
        subwords: of the target.
        first: number of the first of these lines.
    """
    found = []
    for number, (text, ids) in enumerate(
        zip(prefixes, subwords.encode_batch(list(prefixes))), start=first
    ):
        if UNK_ID in ids:
            logger.warning("prefix %s: has characters that the run has no pieces for", number)
        found.append(list(ids) if text.strip() else [])
    return found


def check_room(sentence: Sentence, number: int, search: SearchConfig) -> None:
    """
    Raises:
        UsageError: the prefix leaves no room for the end of the translation.
    """
    longest = max_translation_length(search, len(sentence.ids))
    if len(sentence.prefix) >= longest:
        raise UsageError(
            f"prefix {number}: {len(sentence.prefix)} pieces, but the longest translation of its"
            f" line has {longest - 1}; give a shorter one, or raise search.max_length_margin"
        )
