"""The configuration: precedence, checks, and messages that say what to do."""

import dataclasses

import pytest

from nmtcli import config
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
            assert option.metadata["help"].endswith((".", "...")), option.name
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
        ("model:\n  cell: [\n", "c.yaml:3: not valid YAML"),
        ("- a\n", "a configuration is made of 'section:' blocks"),
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


def test_an_empty_file_or_section_is_the_defaults(tmp_path):
    (tmp_path / "c.yaml").write_text("model:\n")
    assert config.load(tmp_path / "c.yaml") == config.Config()
    (tmp_path / "c.yaml").write_text("")
    assert config.load(tmp_path / "c.yaml") == config.Config()


def test_differences_are_shown_key_by_key():
    old, new = ({"model": {"cell": cell, "dropout": 0.1}} for cell in ("gru", "lstm"))
    assert config.differences(old, new) == ["model.cell: gru -> lstm"]
