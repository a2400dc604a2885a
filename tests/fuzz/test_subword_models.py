"""Whatever a subword model has, it is loaded or refused with one line."""

from pathlib import Path

from hypothesis import example, given

from helpers.fuzzing import damaged, fuzzed, is_read_or_refused
from nmtcli.text.own_models import read_own_models
from nmtcli.text.subwords import Subwords

RUN = Path(__file__).parents[1] / "end_to_end" / "runs" / "rnn"
MODEL = (RUN / "subwords.source.model").read_bytes()
NOT_UTF8 = MODEL.replace("\u2581".encode(), b"\xe2\xff\x81", 1)  # the text of a token
# SentencePiece reads it, and its own module for Python does not.
OVERLOOKED = MODEL[:844] + b"\x80\x80\x80\x10\x00\x80" + MODEL[844:]


def use(data: bytes) -> None:
    """Do with a model what the commands do with it."""
    model = Subwords(data)
    ids = range(model.size)
    assert len(model.tokens(ids)) == len(model.scores()) == model.size
    model.decode(model.encode("그는 도착 abc"))
    model.encode_batch_with_spans(["그는 도착", ""])
    model.indivisible_ids()


@fuzzed
@given(damaged(MODEL))
@example(NOT_UTF8)
@example(OVERLOOKED)
@example(b"")
def test_a_model_of_any_bytes(data):
    is_read_or_refused(lambda: use(data))


def test_models_that_were_found_are_refused():
    assert is_read_or_refused(lambda: use(MODEL))
    assert not is_read_or_refused(lambda: use(NOT_UTF8))
    assert not is_read_or_refused(lambda: use(OVERLOOKED))


@fuzzed
@given(damaged(MODEL))
@example(NOT_UTF8)
def test_a_model_of_the_user_of_any_bytes(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "own.model"
    path.write_bytes(data)
    is_read_or_refused(lambda: use(read_own_models([path])[0].model))
