"""Whatever a text, an alignment or a gold alignment has, it is read or refused with one line."""

import gzip
import io

from hypothesis import example, given
from hypothesis import strategies as st

from helpers.fuzzing import damaged, fuzzed, is_read_or_refused
from nmtcli.alignment.pharaoh import read_gold, read_links
from nmtcli.data.corpora import Corpus, read_corpus
from nmtcli.text.lines import read_lines

SOURCE = "그는 공항에 도착했어요.\n\n\ufeff첫 줄\r\n한\u2028줄\n".encode()
TARGET = b"He arrived.\n\nA line.\r\nA\x0bline.\n"
PACKED = gzip.compress(SOURCE, mtime=0)


@fuzzed
@given(source=damaged(SOURCE, PACKED), target=damaged(TARGET), packed=st.booleans())
def test_pairs_of_any_bytes(tmp_path_factory, source, target, packed):
    folder = tmp_path_factory.getbasetemp()
    paths = folder / ("s.gz" if packed else "s"), folder / "t"
    for path, data in zip(paths, (source, target)):
        path.write_bytes(data)

    def read():
        corpus = Corpus(*paths)
        surveys = corpus.surveys
        assert len(list(read_corpus(corpus))) == surveys[0].lines == surveys[1].lines

    is_read_or_refused(read)


@fuzzed
@given(damaged(SOURCE, TARGET))
def test_lines_of_any_bytes(data):
    wrong = []
    lines = list(read_lines(io.BytesIO(data), wrong.append))
    assert len(lines) == data.count(b"\n") + (not data.endswith(b"\n") and data != b"")


@fuzzed
@given(st.one_of(st.text(), st.from_regex(r"(\d{1,12}[-?]\d{1,3}[ \t]?)*")), st.booleans())
@example("1-2 \u0663-\u0663", False)
@example("9" * 5000 + "-1", True)
@example("1-\n2", False)
def test_links_of_any_text(line, is_gold):
    read = read_gold if is_gold else read_links
    is_read_or_refused(lambda: read(line, "file:1", (5, 6)))
