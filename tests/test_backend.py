"""Which backend is chosen, and what is said where TensorFlow is missing."""

import os
import sys

import pytest

from helpers.training_case import warnings_of
from nmtcli import backend
from nmtcli.cli.train import _export
from nmtcli.errors import UsageError
from nmtcli.runs.directory import RunDirectory


@pytest.fixture
def no_keras(monkeypatch):
    """A process that has not imported Keras and has no KERAS_BACKEND."""
    monkeypatch.setenv("KERAS_BACKEND", "")
    monkeypatch.delitem(sys.modules, "keras", raising=False)


@pytest.mark.parametrize(
    ("installed", "chosen"),
    [(("tensorflow", "jax"), "tensorflow"), (("tensorflow",), "tensorflow"), (("jax",), "jax")],
)
def test_tensorflow_is_the_default_and_jax_where_it_is_missing(monkeypatch, installed, chosen):
    monkeypatch.setattr(backend, "is_installed", installed.__contains__)
    assert backend._default() == chosen


def test_with_no_backend_at_all_the_remedy_is_told(monkeypatch, no_keras):
    monkeypatch.setattr(backend, "is_installed", lambda name: False)
    with pytest.raises(UsageError, match="neither TensorFlow nor JAX is installed: pip install"):
        backend.choose()
    assert os.environ["KERAS_BACKEND"] == ""


def test_a_backend_that_nmt_does_not_have_is_refused(monkeypatch, no_keras):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with pytest.raises(UsageError, match="KERAS_BACKEND is torch, but nmt runs on tensorflow or"):
        backend.choose()


def test_the_export_after_a_training_is_left_out_with_one_line(
    monkeypatch, tmp_path, caplog, capsys
):
    run = RunDirectory(tmp_path / "run")
    run.create({})
    monkeypatch.setattr(backend, "choose", lambda: "jax")
    monkeypatch.setattr(backend, "is_installed", lambda name: name == "jax")
    _export(run.path)
    (warning,) = warnings_of(caplog)
    assert warning.startswith(
        "not exported, so Keras will translate: an export for ONNX Runtime is"
    )
    assert "which is not installed: pip install tensorflow" in warning
    assert "exporting it" not in capsys.readouterr().err
    assert not run.export.exists()


def test_operations_are_deterministic_inside_the_context_alone():
    """Otherwise `fit` could not shuffle after a training in the same process."""
    config = pytest.importorskip("tensorflow.python.framework.config")
    before = config.is_op_determinism_enabled()
    with backend.deterministic():
        assert config.is_op_determinism_enabled()
    assert config.is_op_determinism_enabled() == before
