"""SentencePiece models of users: other ids of the special tokens, the same segmentation."""

import io

import pytest
import sentencepiece
from sentencepiece import sentencepiece_model_pb2

from helpers.subword_cases import _corpus
from nmtcli.errors import UsageError
from nmtcli.text.own_models import read_own_models
from nmtcli.text.special_tokens import BOS_ID, EOS_ID, PAD_ID, UNK_ID
from nmtcli.text.subwords import Subwords

LINES = [
    *_corpus()[:150],
    "",
    "   ",
    "  한국어   의가  ",
    "ㅋㅋㅋ ｆｕｌｌ ﬁne ① ½ Ⅳ ㎏ é e\u0301 가\u1100\u1161",
    "<s> </s> <pad> <unk> <x> a<x>b <s>a</s>",
    "a\tb\u3000c\u00a0d\u200be\ufeff",
    "\u2581 a\u2581b \u2047",
    "漢字 日本語 😀👍🏽 العربية ✈",
    "Hello, World! 123 4567 HELLO",
    "\x00\x01 \x7f",
]
# As `spm_train` takes them; by default it numbers unk 0, bos 1 and eos 2, and has no pad.
MODELS = {
    "default": {},
    "unigram-bytes": {"vocab_size": 450, "byte_fallback": True},
    "bpe": {"model_type": "bpe"},
    "llama": {
        "model_type": "bpe",
        "vocab_size": 450,
        "byte_fallback": True,
        "split_digits": True,
        "normalization_rule_name": "identity",
        "remove_extra_whitespaces": False,
    },
    "t5": {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1},
    "moved": {"unk_id": 5, "bos_id": 9, "eos_id": 7, "pad_id": 3, "unk_piece": "[UNK]"},
    "renamed": {"bos_piece": "[CLS]", "eos_piece": "[SEP]", "pad_id": 3, "pad_piece": "[PAD]"},
    "nothing": {"bos_id": -1, "eos_id": -1},
    "symbols": {"user_defined_symbols": ["<x>", "abc", "한국"], "control_symbols": ["<c>"]},
    "names-of-text": {"bos_id": -1, "eos_id": -1, "user_defined_symbols": ["<s>", "</s>", "<pad>"]},
    "control-pad": {"control_symbols": ["<pad>"]},
    "nfkc-lower": {"normalization_rule_name": "nmt_nfkc_cf"},
    "suffix": {"treat_whitespace_as_suffix": True},
    "bare": {"add_dummy_prefix": False, "split_by_whitespace": False},
    "word": {"model_type": "word"},
    "char": {"model_type": "char"},
}


def read_own(path):
    (own,) = read_own_models([path])
    return own


def own_model(**options) -> bytes:
    """A model as a user learns it with SentencePiece alone."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(_corpus()),
        model_writer=model,
        **{"vocab_size": 200, "hard_vocab_limit": False, "minloglevel": 2, **options},
    )
    return model.getvalue()


@pytest.fixture(scope="module", params=MODELS)
def pair(request, tmp_path_factory):
    """SentencePiece's processor of a user's model, and that of the model made from it."""
    path = tmp_path_factory.mktemp("own") / "my.model"
    path.write_bytes(own_model(**MODELS[request.param]))
    own = read_own(path)
    Subwords(own.model)  # refuses other ids of the special tokens
    load = sentencepiece.SentencePieceProcessor
    return load(model_proto=path.read_bytes()), load(model_proto=own.model)


def test_every_line_is_split_as_before(pair):
    before, after = pair
    for line in LINES:
        assert after.encode(line, out_type=str) == before.encode(line, out_type=str), line
        assert after.decode(after.encode(line)) == before.decode(before.encode(line))
        assert {PAD_ID, BOS_ID, EOS_ID}.isdisjoint(after.encode(line)), line


def test_no_token_is_lost_and_scores_stay(pair):
    before, after = pair
    special = {before.pad_id(), before.unk_id(), before.bos_id(), before.eos_id()}
    ids = [i for i in range(before.get_piece_size()) if i not in special]
    expected = [(before.id_to_piece(i), before.get_score(i)) for i in ids]
    found = [(after.id_to_piece(i), after.get_score(i)) for i in range(after.get_piece_size())]
    assert [one for one in found[4:] if one in expected] == expected
    assert len(found) - len(expected) in (4, 3)  # a model may have a pad that it does not use
    special = [after.pad_id(), after.unk_id(), after.bos_id(), after.eos_id()]
    assert special == [PAD_ID, UNK_ID, BOS_ID, EOS_ID]


def test_special_tokens_get_the_same_texts_in_both_models(tmp_path):
    def texts(*names):
        for name in names:
            (tmp_path / name).write_bytes(own_model(**MODELS[name]))
        models = read_own_models([tmp_path / name for name in names])
        return [Subwords(one.model).tokens(range(4)) for one in models]

    usual = ["<pad>", "<unk>", "<s>", "</s>"]
    assert texts("renamed", "moved") == texts("t5", "control-pad") == [usual, usual]
    # In one of these, they are words of the text.
    assert texts("renamed", "names-of-text") == [["<<pad>>", "<unk>", "<<s>>", "<</s>>"]] * 2


def test_one_token_cannot_both_begin_and_end(tmp_path):
    proto = sentencepiece_model_pb2.ModelProto.FromString(own_model())
    proto.trainer_spec.bos_piece = proto.trainer_spec.eos_piece
    (tmp_path / "my.model").write_bytes(proto.SerializeToString())
    model = Subwords(read_own(tmp_path / "my.model").model)
    assert len(set(model.tokens(range(4)))) == 4


def test_what_is_known_of_a_model(tmp_path):
    path = tmp_path / "my.model"
    path.write_bytes(own_model(character_coverage=0.9995, **MODELS["llama"]))
    own = read_own(path)
    assert (own.kind, own.character_coverage, own.byte_fallback) == ("bpe", 0.9995, True)
    assert (
        own.size
        == Subwords(own.model).size - 1
        == len(sentencepiece_model_pb2.ModelProto.FromString(path.read_bytes()).pieces)
    )  # pad was missing


def test_a_model_with_these_ids_stays_as_it_is(tmp_path):
    ids = {"pad_id": PAD_ID, "unk_id": UNK_ID, "bos_id": BOS_ID, "eos_id": EOS_ID}
    (tmp_path / "my.model").write_bytes(model := own_model(**ids))
    before, after = Subwords(model), Subwords(read_own(tmp_path / "my.model").model)
    assert before.tokens(range(before.size)) == after.tokens(range(after.size))


@pytest.mark.parametrize("content", [b"", b"the 5\na 3\n", b'{"version": "1.0"}', bytes(99)])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "my.model").write_bytes(content)
    with pytest.raises(UsageError, match=r"my\.model: is not a SentencePiece model; give the file"):
        read_own(tmp_path / "my.model")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"no\.model: there is no such subword model"):
        read_own(tmp_path / "no.model")
