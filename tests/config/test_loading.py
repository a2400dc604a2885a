"""The configuration: precedence, checks, and messages that say what to do."""

import dataclasses
import subprocess
import sys
from dataclasses import fields

import pytest
import yaml

from nmtcli import config
from nmtcli.cli.main import run as nmt
from nmtcli.config.attention import Mechanism
from nmtcli.config.loading import SECTIONS, Settings, load
from nmtcli.errors import UsageError


def test_a_file_beats_defaults_and_set_beats_the_file_and_options_beat_both(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("model: {cell: lstm, dropout: 0.5, encoder_size: 64}\n")
    merged = config.load(
        file, ["model.dropout=0.4", "model.encoder_size=32"], {"model": {"encoder_size": 16}}
    )
    assert (merged.model.cell, merged.model.dropout, merged.model.encoder_size) == ("lstm", 0.4, 16)
    assert merged.model.attention == "bahdanau"


def test_an_option_that_was_not_given_changes_nothing():
    assert config.load(overrides={"model": {"cell": None}}) == config.Config()


def test_the_dumped_configuration_reads_back_the_same(tmp_path):
    changed = config.load(assignments=["model.cell=lstm", "data.train_source=텍스트.ko"])
    (tmp_path / "c.yaml").write_text(config.dump(changed), encoding="utf-8")
    assert config.load(tmp_path / "c.yaml") == changed


def test_every_option_has_help_and_a_default_that_passes_its_own_check():
    for section in dataclasses.fields(config.Config):
        for option in dataclasses.fields(section.type):
            text = option.metadata["help"]
            assert text[0].isupper() and text.endswith(".") and len(text) <= 110, option.name
    assert config.from_dict(config.as_dict(config.Config())) == config.Config()


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("model.atention=none", "unknown key 'model.atention'; did you mean 'attention'?"),
        ("modle.attention=none", "unknown section 'modle'; did you mean 'model'?"),
        ("model.attention=soft", "model.attention must be one of none, bahdanau, luong-dot"),
        ("model.dropout=1.5", "model.dropout must be between 0.0 and 0.95, not 1.5"),
        ("model.dropout=.nan", "model.dropout must be a number, not nan"),
        ("training.seed=-1", "training.seed must be between 0"),
        ("search.beam=0", "search.beam must be between 1 and 100, not 0"),
        ("training.max_steps=ten", "training.max_steps must be a whole number, not 'ten'"),
        ("training.max_steps=1.5", "training.max_steps must be a whole number, not 1.5"),
        ("training.max_steps=true", "training.max_steps must be a whole number, not True"),
        ("model.bidirectional=1", "model.bidirectional must be true or false, not 1"),
        ("model.cell=", "model.cell must be text, not None"),
        ("model.cell", "write section.key=value"),
        ("cell=lstm", "write section.key=value"),
        ("model.cell=[", "is not a YAML value"),
    ],
)
def test_a_wrong_assignment_says_what_is_wrong(assignment, message):
    with pytest.raises(UsageError) as caught:
        config.load(assignments=[assignment])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("model:\n  cell: [\n", "c.yaml:3: "),
        ("- a\n", "'section:' blocks"),
        ("model: 3\n", "section 'model' must hold 'key: value' lines"),
        ("model:\n  cels: gru\n", "unknown key 'model.cels'; did you mean 'cell'?"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(tmp_path, content, message):
    (tmp_path / "c.yaml").write_text(content)
    with pytest.raises(UsageError) as caught:
        config.load(tmp_path / "c.yaml")
    assert "c.yaml" in str(caught.value) and message in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UsageError, match="no such configuration file"):
        config.load(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match="is a directory"):
        config.load(tmp_path)
    (tmp_path / "latin").write_bytes(b"model: \xff\n")
    with pytest.raises(UsageError, match="not UTF-8"):
        config.load(tmp_path / "latin")


# What the axes of attention cannot compose, one case for each message.
IMPOSSIBLE = [
    (
        {"attention": "none", "coverage": True},
        "attention none has no weights that a window, heads, input feeding or coverage could"
        " change; choose another attention",
    ),
    (
        {"attention": "none", "attention_score": "general"},
        "attention none has no score to be general; choose another attention",
    ),
    (
        {"attention": "luong-location", "attention_scope": "local-p"},
        "scope local-p needs a score that sees the source: location scores positions by the query"
        " alone, and a window would be a second rule for the same positions",
    ),
    (
        {"attention_heads": 4},
        "several heads are defined for the score scaled-dot, not for additive",
    ),
    (
        {"attention": "multi-head", "attention_scope": "local-m"},
        "scope local-m has one window, which several heads cannot share",
    ),
    (
        {"attention": "luong-general", "coverage": True},
        "coverage is a term inside the tanh of the scores additive and concat; general has no such"
        " place",
    ),
    (
        {"input_feeding": True},
        "input feeding is for attention after the cell: before it, the context is an input of the"
        " cell already",
    ),
    (
        {"attention": "luong-dot", "decoder_size": 96, "encoder_size": 64},
        "the dot score needs a decoder_size like the encoder_size, not 96 and 64; general has a"
        " matrix between them",
    ),
    (
        {"attention": "scaled-dot", "encoder_size": 64},
        "the scaled-dot score needs a decoder_size like the encoder_size, not 512 and 64; general"
        " has a matrix between them",
    ),
    (
        {"attention": "multi-head", "attention_size": 30},
        "attention_size 30 cannot be shared by 4 heads; give a multiple of the heads",
    ),
]


@pytest.mark.parametrize(("options", "message"), IMPOSSIBLE)
def test_an_attention_that_cannot_be_is_refused_before_anything_is_made(
    options, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({"model": options}))
    assert nmt(["train", "--config", "c.yaml", "--run", "run"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert f"c.yaml: model: {message}" in captured.err
    assert [path.name for path in tmp_path.iterdir()] == ["c.yaml"]


@pytest.mark.parametrize(
    ("architecture", "option", "value", "default"),
    [
        ("transformer", "attention", "luong-dot", "bahdanau"),
        ("transformer", "attention_score", "general", "preset"),
        ("transformer", "input_feeding", True, False),
        ("transformer", "cell", "lstm", "gru"),
        ("transformer", "encoder_size", 64, 512),
        ("transformer", "bidirectional", False, True),
        ("transformer", "recurrent_dropout", 0.1, 0.0),
        ("rnn", "feed_forward_size", 64, 0),
        ("rnn", "feed_forward", "gelu", "relu"),
        ("rnn", "normalization", "post", "pre"),
        ("rnn", "positions", "rotary", "sinusoidal"),
        ("rnn", "alignment_layer", 1, 0),
        ("rnn", "feed_forward_dropout", 0.1, 0.0),
    ],
)
def test_an_option_of_the_other_architecture_is_refused(architecture, option, value, default):
    other = {"rnn": "transformer", "transformer": "rnn"}[architecture]
    with pytest.raises(UsageError) as caught:
        config.load(overrides={"model": {"architecture": architecture, option: value}})
    assert f"model: {option} is an option of architecture {other}; " in str(caught.value)
    assert str(caught.value).endswith(f"so leave it at {default}")
    kept = config.load(overrides={"model": {"architecture": architecture, option: default}})
    assert getattr(kept.model, option) == default


@pytest.mark.parametrize("option", ["embedding_size", "decoder_layers", "attention_dropout"])
def test_options_of_both_architectures_are_options_of_each(option):
    for architecture in ("rnn", "transformer"):
        options = {"architecture": architecture, option: 0.5 if "dropout" in option else 8}
        assert getattr(config.load(overrides={"model": options}).model, option) == options[option]


def test_the_attention_of_a_transformer_has_a_head_for_64_units():
    for size, heads in ((32, 1), (64, 1), (256, 4), (512, 8)):
        model = config.ModelConfig(architecture="transformer", embedding_size=size)
        assert config.mechanism_of(model) == Mechanism("scaled-dot", "after", heads=heads)
    model = config.ModelConfig(architecture="transformer", attention_heads=2)
    assert config.mechanism_of(model).heads == 2


def test_a_dot_score_with_heads_needs_no_equal_sizes():
    """Each head has a matrix for the queries and one for the keys."""
    model = config.load(assignments=["model.attention=multi-head", "model.decoder_size=96"]).model
    assert config.mechanism_of(model).heads == 4


def test_the_axes_of_attention_are_options():
    options = {
        "attention": "luong-local-p", "attention_score": "concat", "attention_window": 4,
        "input_feeding": True, "coverage": True,
    }  # fmt: skip
    model = config.load(overrides={"model": options}).model
    expected = Mechanism("concat", "after", "local-p", 4, input_feeding=True, coverage=True)
    assert config.mechanism_of(model) == expected
    assert config.mechanism_of(config.ModelConfig()) == Mechanism("additive", "before")


@pytest.mark.parametrize(
    ("assignments", "options"),
    [
        (["model.input_feeding=true", "model.attention=luong-dot"], {}),
        (["model.attention=luong-dot", "model.input_feeding=true"], {}),
        (["model.input_feeding=true"], {"attention": "luong-dot"}),
        (["model.attention_heads=2", "model.attention=multi-head"], {}),
        (["model.attention=none", "model.attention=bahdanau", "model.coverage=true"], {}),
    ],
)
def test_options_are_composed_when_all_of_them_are_known(assignments, options, tmp_path):
    """Not each with the defaults of the others, which it need not fit."""
    merged = config.load(assignments=assignments, overrides={"model": options}).model
    assert config.mechanism_of(merged).problem() is None
    if not options:
        return
    (tmp_path / "c.yaml").write_text("model: {input_feeding: true}\n")
    assert config.load(tmp_path / "c.yaml", overrides={"model": options}).model == merged


def test_an_empty_file_or_section_is_the_defaults(tmp_path):
    (tmp_path / "c.yaml").write_text("model:\n")
    assert config.load(tmp_path / "c.yaml") == config.Config()
    (tmp_path / "c.yaml").write_text("")
    assert config.load(tmp_path / "c.yaml") == config.Config()


@pytest.mark.parametrize(
    ("section", "options", "names"),
    [
        ("training", {"average_last": 1}, ["training.average_last", "not 1"]),
        ("training", {"average_last": 5}, ["average_last=5", "training.keep_checkpoints is 3"]),
        ("search", {"nbest": 7, "beam": 6}, ["search.nbest is 7", "search.beam is 6"]),
        ("search", {"sample": True, "beam": 6}, ["search.sample", "search.beam is 6"]),
        ("search", {"top_p": 0.0, "sample": True}, ["search.top_p"]),
        ("search", {"top_k": 3}, ["search.top_k", "search.sample"]),
    ],
)
def test_options_that_do_not_go_together_are_refused_with_the_file(
    section, options, names, tmp_path
):
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({section: options}))
    with pytest.raises(UsageError) as caught:
        config.load(tmp_path / "c.yaml")
    assert all(name in str(caught.value) for name in ["c.yaml: ", *names])
    with pytest.raises(UsageError) as caught:
        config.from_dict({section: options})
    assert str(caught.value).startswith(f"{section}.")


def test_a_text_that_is_wrong_is_named_and_not_the_file(tmp_path):
    (tmp_path / "c.yaml").write_text("search: {beam: 3}\n")
    with pytest.raises(UsageError, match=r"^search\.beam=0: search\.beam must be .*not 0$"):
        config.load(tmp_path / "c.yaml", ["search.beam=0"])


def test_sampling_has_no_beam_unless_one_is_set():
    assert config.load(assignments=["search.sample=true"]).search.beam == 1
    assert config.load(assignments=["search.sample=false"]).search.beam == 5


def test_settings_lie_over_others_and_leave_them_as_they_are():
    low = config.Settings().update({"model": {"cell": "lstm", "dropout": 0.1}})
    high = config.Settings().update({"model": {"cell": "gru"}, "search": {"beam": 2}})
    merged = low.below(high)
    assert merged.as_dict() == {"model": {"cell": "gru", "dropout": 0.1}, "search": {"beam": 2}}
    assert merged.only("search").as_dict() == {"search": {"beam": 2}}
    assert not merged.without("search", "beam").has("search", "beam")
    assert merged.get("search", "beam") == 2 and merged.get("search", "nbest") is None
    assert low.get("model", "cell") == "lstm" and not low.has("search", "beam")


def test_the_configuration_needs_no_command_line():
    program = "import sys, nmtcli.config; print({'typer', 'click', 'yaml'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "set()\n"


def test_differences_are_shown_key_by_key():
    old, new = ({"model": {"cell": cell, "dropout": 0.1}} for cell in ("gru", "lstm"))
    (found,) = config.differences(old, new)
    assert found == ("model", "cell", "gru", "lstm") and str(found) == "model.cell: gru -> lstm"


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("training.learning_rate=5e-4", 5e-4),
        ("training.learning_rate=5E-4", 5e-4),
        ("training.learning_rate=.5e-3", 5e-4),
        ("training.max_steps=1e4", 10_000),
        ("training.max_steps=1.0e+4", 10_000),
        ("data.weights=1e-1", (0.1,)),
        ("data.weights=[1e-1, 2, 3e0]", (0.1, 2.0, 3.0)),
    ],
)
def test_numbers_have_exponents_wherever_a_number_goes(tmp_path, assignment, value):
    name, _, text = assignment.partition("=")
    section, _, key = name.partition(".")
    (tmp_path / "options.yaml").write_text(f"{section}:\n  {key}: {text}\n")
    for merged in (load(None, [assignment]), load(tmp_path / "options.yaml")):
        found = getattr(getattr(merged, section), key)
        assert found == value and type(found) is type(value)


def test_every_number_option_takes_an_exponent():
    for section, kind in SECTIONS.items():
        for spec in fields(kind):
            if spec.type in (int, float) and spec.default:
                number = f"{spec.default:e}"
                found = Settings().update({section: {spec.name: number}}).get(section, spec.name)
                assert found == pytest.approx(spec.default) and type(found) is spec.type


@pytest.mark.parametrize("text", ["5e", "e5", "1e-3x", "1e999", "1e4.5", "1.5e0", "1e-3"])
def test_what_is_no_whole_number_stays_refused(text):
    with pytest.raises(UsageError, match="training.max_steps must be a whole number"):
        load(None, [f"training.max_steps={text}"])
