"""Subwords: what is cut comes together again, and nothing in a text is taken for a control id."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.subword_cases import ALPHABET, _corpus, _learn
from nmtcli.config import SubwordConfig
from nmtcli.data.learn_subwords import learn, learn_in_child
from nmtcli.errors import NmtError, UsageError
from nmtcli.text.normalization import normalise
from nmtcli.text.subwords import BOS_ID, EOS_ID, PAD_ID, UNK_ID, Subwords, load_sides

KINDS = ("unigram", "bpe", "char", "word")


@pytest.fixture(scope="module")
def models():
    return {kind: Subwords(_learn(kind)) for kind in KINDS}


@given(text=st.text(ALPHABET, max_size=60))
@pytest.mark.parametrize("kind", ["unigram", "bpe", "char"])
def test_decoding_gives_back_the_text_with_its_spaces_tidied(models, kind, text):
    model = models[kind]
    tidy = normalise(text)
    tidy = " ".join(filter(None, tidy.split(" ")))
    ids = model.encode(text)
    assert model.decode(ids) == tidy
    assert not {PAD_ID, UNK_ID, BOS_ID, EOS_ID} & set(ids)


@given(st.lists(st.text(max_size=30), max_size=5))
def test_a_batch_is_cut_as_its_lines_are(models, lines):
    model = models["unigram"]
    assert model.encode_batch(lines) == [model.encode(line) for line in lines]


@given(st.text())
def test_bytes_let_any_text_come_back(bytes_model, text):
    for special in "\u2581\u2047":
        text = text.replace(special, "")
    tidy = " ".join(filter(None, normalise(text).split(" ")))
    assert bytes_model.decode(bytes_model.encode(text)) == tidy


@pytest.fixture(scope="module")
def bytes_model():
    return Subwords(_learn(size=400, byte_fallback=True))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "symbol", ["<s>", "</s>", "<pad>", "<unk>", "\u2581", "a\u2581b", "<s></s>"]
)
def test_symbols_in_a_text_are_no_control_ids(models, kind, symbol):
    ids = models[kind].encode(f"a {symbol} b {symbol}")
    assert not {PAD_ID, BOS_ID, EOS_ID} & set(ids)


@pytest.mark.parametrize("kind", KINDS)
def test_control_ids_are_the_first_four_pieces(models, kind):
    pieces = models[kind].tokens([PAD_ID, UNK_ID, BOS_ID, EOS_ID])
    assert pieces == ["<pad>", "<unk>", "<s>", "</s>"]


def test_control_ids_are_dropped_from_decoded_text(models):
    model = models["unigram"]
    ids = [BOS_ID, *model.encode("한국어 abc"), EOS_ID, PAD_ID, PAD_ID]
    assert model.decode(np.array(ids, dtype=np.int32)) == "한국어 abc"


def test_pieces_are_one_for_one_with_ids(models):
    ids = models["unigram"].encode("abc 한국어")
    pieces = models["unigram"].tokens(ids)
    assert len(pieces) == len(ids)
    assert "".join(pieces).replace("\u2581", " ").strip() == "abc 한국어"


def test_decomposed_korean_is_cut_as_composed_korean(models):
    text = "한국어 의가"
    apart = unicodedata.normalize("NFD", text)
    assert apart != text
    assert models["unigram"].encode(apart) == models["unigram"].encode(text)


def test_learning_from_decomposed_text_gives_the_same_model():
    apart = [unicodedata.normalize("NFD", line) for line in _corpus()]
    assert learn(apart, SubwordConfig(vocabulary_size=200)) == _learn()


def test_a_model_of_an_older_run_reads_what_it_was_trained_on():
    model = Subwords(_learn(size=400, byte_fallback=True), rule="nfc")
    for text in ("a\u00a0b", "a\u200bb", "\u3000", "\u200d"):
        assert model.decode(model.encode(text)) == text
    assert model.encode("\u1112\u1161\u11ab") == model.encode("한")


@pytest.mark.parametrize("kind", KINDS)
def test_whole_words_are_told_from_parts_of_words(models, kind):
    assert models[kind].has_whole_words == (kind == "word")


def test_compatibility_jamo_are_left_as_they_are(models):
    assert models["unigram"].decode(models["unigram"].encode("ㅋㅋㅋ")) == "ㅋㅋㅋ"


def test_an_unknown_character_is_unk_and_shows():
    model = Subwords(_learn())
    assert UNK_ID in model.encode("abc ✈")
    assert "\u2047" in model.decode(model.encode("abc ✈"))


def test_a_long_line_is_learnt_from():
    long_line = " ".join(_corpus()[:400]) + " " + "z" * 30
    model = Subwords(learn([long_line, *_corpus()], SubwordConfig(vocabulary_size=200)))
    assert len(long_line.encode()) > 5000
    assert UNK_ID not in model.encode("z")


def test_the_same_text_gives_the_same_model_also_in_a_child():
    options = SubwordConfig(vocabulary_size=200)
    assert learn_in_child(_corpus(), options, "text") == _learn() == _learn()


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_the_size_is_exact_and_the_largest_one_that_is_named_works(kind):
    with pytest.raises(UsageError, match=r"^train\.ko: there is too little text") as caught:
        learn(_corpus(), SubwordConfig(type=kind, vocabulary_size=50_000), "train.ko")
    largest = int(str(caught.value).split("--vocab-size ")[1].split()[0])
    assert Subwords(_learn(kind, largest)).size == largest
    with pytest.raises(UsageError, match=f"--vocab-size {largest} or smaller"):
        _learn(kind, largest + 1)


@pytest.mark.parametrize("kind", ["char", "word"])
def test_the_size_is_a_ceiling_for_characters_and_words(kind):
    assert 20 < Subwords(_learn(kind, 50_000)).size < 1000


def test_too_few_pieces_for_the_characters_names_the_smallest_size():
    text = [chr(0xAC00 + i) * 3 for i in range(300)]
    with pytest.raises(UsageError, match="cannot hold every character") as caught:
        learn(text, SubwordConfig(vocabulary_size=100))
    smallest = int(str(caught.value).split("--vocab-size ")[1].split()[0])
    assert 300 <= smallest <= 310


@pytest.mark.parametrize("kind", ["char", "word"])
def test_too_few_pieces_for_all_bytes_is_explained(kind):
    with pytest.raises(UsageError, match="256 bytes; use --vocab-size 300"):
        _learn(kind, 100, byte_fallback=True)


@pytest.mark.parametrize("lines", [[], [""], ["  "]])
def test_no_text_at_all_is_explained(lines):
    with pytest.raises(UsageError, match="text: there is no text to learn subwords from"):
        learn(lines, SubwordConfig(vocabulary_size=8000), "text")


def test_a_text_too_small_for_any_model_points_to_characters():
    with pytest.raises(UsageError, match="--subwords char"):
        learn(["ab"], SubwordConfig(vocabulary_size=8000))


def test_a_refusal_in_the_child_is_the_same_line():
    with pytest.raises(UsageError, match=r"^x\.en: .* 8000 tokens; use --vocab-size"):
        learn_in_child(_corpus(), SubwordConfig(vocabulary_size=8000), "x.en")


def test_a_child_that_dies_is_reported(monkeypatch):
    monkeypatch.setattr("nmtcli.data.learn_subwords.sys.executable", "/bin/false")
    with pytest.raises(NmtError, match="stopped with status 1"):
        learn_in_child(["a line"] * 100_000, SubwordConfig(vocabulary_size=8000), "x.en")


def test_a_model_file_is_read_and_bad_ones_are_named(tmp_path):
    path = tmp_path / "good.model"
    path.write_bytes(_learn())
    assert Subwords(path).model_proto == path.read_bytes()
    (tmp_path / "bad.model").write_bytes(b"no model at all")
    with pytest.raises(NmtError, match=r"bad\.model: is not a SentencePiece model"):
        Subwords(tmp_path / "bad.model")
    with pytest.raises(UsageError, match=r"none\.model"):
        Subwords(tmp_path / "none.model")


def test_a_model_with_other_control_ids_is_refused():
    import io

    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(_corpus()), model_writer=model, vocab_size=100, minloglevel=2
    )
    with pytest.raises(NmtError, match="must have the ids 0, 1, 2 and 3"):
        Subwords(model.getvalue())


def test_pieces_and_ids_are_told_one_for_one(models):
    model = models["bpe"]
    everything = range(model.size)
    pieces = model.tokens(everything)
    assert pieces[:4] == ["<pad>", "<unk>", "<s>", "</s>"] and len(set(pieces)) == model.size
    assert (
        model.token_ids(pieces)
        == list(everything)
        == model.token_ids(model.tokens(np.arange(model.size)))
    )
    assert model.token_ids(["no such piece"]) == [UNK_ID]


def test_joint_subwords_are_one_model(models, tmp_path):
    source, target = tmp_path / "source.model", tmp_path / "target.model"
    source.write_bytes(models["bpe"].model_proto)
    with pytest.raises(UsageError, match=r"target\.model: there is no such"):
        load_sides(source, target)
    target.write_bytes(models["bpe"].model_proto)
    first, second = load_sides(source, target)
    assert first is second
    target.write_bytes(models["char"].model_proto)
    sizes = [side.size for side in load_sides(source, target)]
    assert sizes == [models["bpe"].size, models["char"].size]
