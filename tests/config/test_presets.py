"""Presets: each can be built, has the sizes of its paper, and stands below what the user sets."""

import re

import pytest
import yaml

from nmtcli import config as configuration
from nmtcli.cli.main import run as nmt
from nmtcli.config import Settings, from_dict, heads_of, mechanism_of, read_settings
from nmtcli.config.presets import FOLDER, preset_names, preset_values
from nmtcli.errors import UsageError

VOCABULARY = 37000  # of Vaswani et al. (2017), table 3
NAMES = ["gnmt", "luong", "rnn-small", "rnnsearch"]
NAMES += [f"transformer-{size}" for size in ("base", "big", "small", "tiny")]


def test_these_are_the_presets():
    assert preset_names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_preset_is_a_model_that_can_be_built_and_called(name):
    """Of its own structure, but with sizes an eighth of the preset's where it is large."""
    import numpy as np

    from nmtcli.models.factory import build_model

    values = preset_values(name)
    model = dict(values["model"])
    while model["embedding_size"] > 256:
        for key in [key for key in model if key.endswith("_size")]:
            model[key] //= 2
    built = build_model(from_dict({"model": model}).model, 12, 12, dtype="float32")
    ids = np.array([[4, 5, 3]])
    assert built((ids, ids)).shape == (1, 3, 12)


@pytest.mark.parametrize("name", NAMES)
def test_each_preset_goes_together_and_says_where_it_is_from(name):
    options = from_dict(preset_values(name))
    assert mechanism_of(options.model)
    assert options.training.average_last <= options.training.keep_checkpoints
    first = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# ")
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    assert name in ("rnn-small", "transformer-small") or re.search(
        r"arXiv:\d{4}\.\d{5}|\d{4}\.", text
    )


def transformer_parameters(model, vocabulary):
    """By hand, from Vaswani et al. (2017): tied tables, no biases in attention counted apart."""
    d, f = model.embedding_size, model.feed_forward_size
    attention, feed_forward = 4 * d * d, 2 * d * f
    encoder = model.encoder_layers * (attention + feed_forward)
    decoder = model.decoder_layers * (2 * attention + feed_forward)
    return vocabulary * d + encoder + decoder


@pytest.mark.parametrize(
    ("name", "millions", "heads", "dropout"),
    [("transformer-base", 65, 8, 0.1), ("transformer-big", 213, 16, 0.3)],
)
def test_base_and_big_have_the_parameters_of_the_papers_table(name, millions, heads, dropout):
    model = from_dict(preset_values(name)).model
    assert transformer_parameters(model, VOCABULARY) / 1e6 == pytest.approx(millions, rel=0.04)
    assert (heads_of(model), model.dropout, model.normalization) == (heads, dropout, "post")


@pytest.mark.parametrize(("name", "size"), [("transformer-base", 512), ("transformer-big", 1024)])
def test_their_rate_is_that_of_equation_3(name, size):
    training = from_dict(preset_values(name)).training
    assert training.learning_rate == pytest.approx((size * 4000) ** -0.5, rel=0.03)


def test_a_preset_is_below_file_assignment_and_option(tmp_path):
    file = tmp_path / "options.yaml"
    file.write_text("model: {dropout: 0.5}\ntraining: {warmup_steps: 7}\n")
    overrides = {"training": {"learning_rate": 0.1}}
    base = Settings().update(preset_values("transformer-tiny"))
    merged = read_settings(file, ["training.warmup_steps=8"], overrides, base).build()
    assert merged.model.dropout == 0.5 and merged.model.encoder_layers == 4
    assert merged.training.warmup_steps == 8 and merged.training.learning_rate == 0.1


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(UsageError, match="no such preset; did you mean 'transformer-big'"):
        preset_values("transformer-bigg")
    with pytest.raises(UsageError, match="there are gnmt, luong"):
        preset_values("xyz")


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def dumped(capsys, *arguments):
    assert nmt(["train", *arguments, "--dump-config"]) == 0
    return yaml.safe_load(capsys.readouterr().out)


@pytest.mark.parametrize("name", NAMES)
def test_the_command_takes_every_preset(name, nowhere, capsys):
    found = dumped(capsys, "--preset", name)
    for section, keys in preset_values(name).items():
        for key, value in keys.items():
            assert found[section][key] == value, key


def test_two_ways_to_ask_for_a_transformer_are_the_same(nowhere, capsys):
    by_attention = dumped(capsys, "--attention", "transformer")
    assert by_attention == dumped(capsys, "--architecture", "transformer")
    assert by_attention["model"]["architecture"] == "transformer"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--preset", "rnnsearch2"], "did you mean 'rnnsearch'"),
        (["--attention", "transformer", "--architecture", "rnn"], "an architecture of its own"),
        (["--attention", "bahdanau", "--architecture", "transformer"], "leave one of them out"),
        (["--attention", "bahdanau", "--preset", "transformer-tiny"], "leave one of them out"),
        (["--architecture", "cnn"], "must be one of rnn, transformer, not 'cnn'"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(given, message, nowhere, capsys):
    assert nmt(["train", *given, "--dump-config"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and message in error


@pytest.mark.parametrize(
    ("given", "preset", "name"),
    [
        ({}, None, "d-bahdanau"),
        ({"attention": "luong-local-p"}, None, "d-luong-local-p"),
        ({"attention": "multi-head"}, None, "d-multi-head"),
        ({"attention": "multi-head", "attention_heads": 8}, None, "d-multi-head-8-heads"),
        ({"coverage": True}, None, "d-bahdanau-coverage"),
        ({"attention_score": "concat"}, None, "d-bahdanau-concat"),
        ({"architecture": "transformer"}, None, "d-transformer"),
        ({}, "transformer-tiny", "d-transformer-tiny"),
        ({}, "luong", "d-luong"),
        ({"input_feeding": False}, "luong", "d-luong-luong-local-p-window-10"),
    ],
)
def test_a_runs_folder_is_named_by_what_it_is(given, preset, name, tmp_path):
    from nmtcli.training.settings import run_name

    settings = Settings().update(preset_values(preset) if preset else {}).update({"model": given})
    assert run_name(tmp_path / "prepared-d", settings.build().model, preset) == name


def test_the_help_names_every_preset(capsys):
    assert nmt(["train", "--help"]) == 0
    shown = "".join(re.sub(r"[│\s]+", "", capsys.readouterr().out))
    assert all(name in shown for name in NAMES)


def test_a_presets_values_are_options(tmp_path):
    for name in NAMES:
        again = Settings().update(preset_values(name)).as_dict()
        assert configuration.as_dict(from_dict(again))["model"].keys() >= again["model"].keys()
