"""Whatever a YAML file or `--set` says, it is a configuration or refused with one line."""

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from helpers.fuzzing import VALUES, changed, damaged, fuzzed, is_read_or_refused
from nmtcli import config

YAML = config.dump(config.Config())
SHORT = b"model: {cell: lstm}\ntraining:\n  learning_rate: 1e-3\n  freeze: [a, b]\n# end\n"
OPTIONS = [f"{section}.{key}" for section, keys in yaml.safe_load(YAML).items() for key in keys]
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi")
)
FOUND = [  # each made PyYAML raise another error than its own, or this program show it
    "2020-13-45", "!!timestamp x", "!!int abc", "!!float x", "!!bool foo", "9" * 5000,
    "0x" + "f" * 5000, "!<tag:yaml.org,2002:int> ''", "0b_", "0x_", "2020-01-01T99:99:99Z",
    "1" + "0" * 400, "[" * 300, "- " * 3000, "{" * 300, "&a [*a]", "{<<: [&b {c: 1}, *b]}",
    '"a\\nb"', '"\\e[31m"', "\ud800", "\x00",
]  # fmt: skip


def load(path):
    """Build the configuration of a file, and write it again."""
    config.dump(config.load(path))


@fuzzed
@given(damaged(YAML.encode(), SHORT))
@example(f"model:\n  cell: [{LAUGHS}]".encode())
@example(LAUGHS.encode() + b"model: {embedding_size: *i}\n")
@example(b"\xff\xfem\x00")
@example(b"x: " + b"[" * 100_000)
@example(b"#" * (256 << 10) + b"\nmodel: {cell: lstm}\n")
def test_a_yaml_file_of_any_bytes(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "config.yaml"
    path.write_bytes(data)
    is_read_or_refused(lambda: load(path))


@fuzzed
@given(changed(yaml.safe_load(YAML)))
def test_a_configuration_of_other_values(values):
    is_read_or_refused(lambda: config.dump(config.from_dict(values, "config.yaml")))


@fuzzed
@given(
    st.sampled_from(OPTIONS),
    st.one_of(st.text(max_size=30), st.sampled_from(VALUES).map(repr), st.sampled_from(FOUND)),
)
@example("model.embedding_size", "9" * 5000)
@example("training.learning_rate", "1" + "0" * 400)
@example("training.learning_rate", "-1e400")
@example("data.weights", "[1" + "0" * 400 + "]")
def test_an_assignment_of_any_text(option, value):
    is_read_or_refused(lambda: config.load(None, [f"{option}={value}"]))


@fuzzed
@given(st.text(max_size=30))
def test_an_assignment_to_any_option(text):
    is_read_or_refused(lambda: config.load(None, [text]))


@pytest.mark.parametrize("text", FOUND)
def test_what_was_found(text):
    for option in ("model.cell", "training.learning_rate"):
        is_read_or_refused(lambda option=option: config.load(None, [f"{option}={text}"]))


def test_an_alias_is_refused_before_it_grows(tmp_path):
    (tmp_path / "config.yaml").write_text(LAUGHS)
    assert not is_read_or_refused(lambda: load(tmp_path / "config.yaml"))
