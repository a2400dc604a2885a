"""`nmt preprocess --subwords-from` with SentencePiece models of the user."""

import io
import json
from pathlib import Path

import pytest
import sentencepiece

from helpers.preprocess_case import corpus_of, fails
from helpers.tiny_run import make_tiny_run
from nmtcli.cli.main import run
from nmtcli.data.prepared import PreparedData
from nmtcli.text.own_models import read_own_models
from nmtcli.text.special_tokens import UNK_ID
from nmtcli.text.subwords import Subwords

TEXT = ["preprocess", "--train", "s", "t", "--valid", "vs", "vt"]


def learn(name, lines, **options):
    """Learn a model with SentencePiece's own defaults."""
    model = io.BytesIO()
    options = {"vocab_size": 70, "model_type": "bpe", "minloglevel": 2, **options}
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, **options
    )
    Path(name).write_bytes(model.getvalue())


@pytest.fixture
def models(here):
    """A joint model `my.model`, and the models `s.model` and `t.model` of each side."""
    sources, targets = corpus_of(100)
    learn("my.model", [*sources, *targets])
    learn("s.model", sources, byte_fallback=True, vocab_size=320)
    learn("t.model", targets)
    return here


def test_text_is_encoded_by_the_users_joint_model(models):
    assert run([*TEXT, "--subwords-from", "my.model"]) == 0
    data = PreparedData("prepared")
    known = data.facts["config"]["subwords"]
    assert known["taken_from"] == "my.model" and data.joint
    assert (known["type"], known["vocabulary_size"]) == ("bpe", 70)
    assert data.facts["vocabulary"] == {"source": 71, "target": 71}  # pad was missing
    own = sentencepiece.SentencePieceProcessor(model_file="my.model")
    ours = Subwords(data.source_model)
    for i, (source, target) in enumerate(zip(*corpus_of(100))):
        assert ours.tokens(data.train.source(i)) == own.encode(source, out_type=str)
        assert ours.tokens(data.train.target(i)) == own.encode(target, out_type=str)


def test_two_models_are_those_of_source_and_target(models):
    assert run([*TEXT, "--subwords-from", "s.model", "--subwords-from", "t.model"]) == 0
    data = PreparedData("prepared")
    assert data.facts["config"]["subwords"]["taken_from"] == ["s.model", "t.model"]
    assert data.facts["vocabulary"] == {"source": 321, "target": 71} and not data.joint


def test_a_configuration_names_them_too(models):
    Path("c.yaml").write_text("subwords: {taken_from: [s.model, t.model]}\n")
    assert run([*TEXT, "--config", "c.yaml"]) == 0
    assert not PreparedData("prepared").joint
    Path("c.yaml").write_text("subwords: {taken_from: my.model}\n")
    assert run([*TEXT, "--config", "c.yaml", "--out", "joint"]) == 0
    assert PreparedData("joint").joint


def test_a_model_given_twice_is_joint(models):
    assert run([*TEXT, "--subwords-from", "my.model", "--subwords-from", "my.model"]) == 0
    assert PreparedData("prepared").joint


def test_prepared_data_are_known_again_by_the_bytes_of_the_model(models, capsys):
    run([*TEXT, "--subwords-from", "my.model"])
    Path("my.model").rename("moved.model")
    capsys.readouterr()
    assert run([*TEXT, "--subwords-from", "moved.model"]) == 0
    assert "already prepared" in capsys.readouterr().err
    learn("moved.model", corpus_of(100)[0] + corpus_of(100)[1], vocab_size=71)
    fails(capsys, [*TEXT[1:], "--subwords-from", "moved.model"], 2, "(subwords.", "other subwords")


def test_prepared_data_hand_the_model_on(models):
    run([*TEXT, "--subwords-from", "my.model"])
    assert run([*TEXT, "--subwords-from", "prepared", "--out", "second"]) == 0
    first, second = PreparedData("prepared"), PreparedData("second")
    assert first.source_model.read_bytes() == second.target_model.read_bytes()


def test_translations_are_text_without_marks(models):
    own = read_own_models([Path("s.model"), Path("t.model")])
    make_tiny_run("run", subwords=tuple(one.model for one in own))
    assert run(["translate", "--run", "run", "--json", "-i", "vs", "-o", "out"]) == 0
    lines = [json.loads(line) for line in Path("out").read_text().splitlines()]
    processor = sentencepiece.SentencePieceProcessor(model_file="t.model")
    assert len(lines) == 10 and any(" " in line["translation"] for line in lines)
    for line in lines:
        tokens = [token for token in line["tokens"] if token != "</s>"]
        assert line["translation"] == processor.decode_pieces(tokens)


def test_a_tag_may_be_a_symbol_of_the_user(models, capsys):
    learn("tag.model", corpus_of(100)[0], user_defined_symbols=["<2x>"])
    taken = [*TEXT, "--subwords-from", "tag.model", "--subwords-from", "t.model", "--tags"]
    assert run([*taken, "<2x>"]) == 0
    data = PreparedData("prepared")
    assert "<2x>" in Subwords(data.source_model).tokens(data.train.source(0))
    capsys.readouterr()
    fails(capsys, [*taken[1:], "<2y>", "--force"], 2, "the tag <2y> is not a token")


def test_what_cannot_work_is_refused(models, capsys):
    def refused(names, *words):
        taken = [word for name in names.split() for word in ("--subwords-from", name)]
        fails(capsys, [*TEXT[1:], *taken], 2, *words)

    learn("unigram.model", corpus_of(100)[1], model_type="unigram")
    capsys.readouterr()
    refused("s", "s: is not a SentencePiece model; give the file NAME.model that spm_train writes")
    refused("no.model", "no.model: there is no such subword model")
    refused("my.model no.model", "no.model: there is no such subword model")
    refused("my.model .", ".: is a folder, which has the models of both sides; give it alone")
    refused("s.model t.model s.model", "subwords.taken_from has 3 models; give one for both")
    refused("s.model unigram.model", "s.model is a bpe model, but unigram.model is a unigram model")
    refused("t.model s.model", "s: 100% of the characters have no token in t.model; give")
    more = [*TEXT[1:], "--subwords-from"]
    fails(capsys, [*more, "my.model", "--separate"], 2, "my.model is one model for both sides")
    fails(capsys, [*more, "my.model", "--vocab-size", "90"], 2, "is 90, but", "my.model have 70")
    fails(capsys, [*more, "my.model", "--subwords", "char"], 2, "type is char", "have bpe")
    fails(
        capsys,
        [*more, "s.model", *more[-1:], "t.model", "--vocab-size", "90"],
        2,
        "is 90, but the subwords of s.model and t.model have 70 and 320",
    )


def test_a_few_unknown_characters_are_no_obstacle(models):
    text = Path("s").read_text().splitlines()
    Path("s").write_text("".join(f"{line} 가나\n" for line in text))
    assert run([*TEXT, "--subwords-from", "my.model"]) == 0
    data = PreparedData("prepared")
    assert UNK_ID in data.train.source(0)
