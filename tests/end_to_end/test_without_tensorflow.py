"""Where TensorFlow is not installed, the commands run on JAX, and say what needs TensorFlow."""

import pytest

from helpers.preprocess_case import write_lines
from helpers.tiny_run import make_tiny_run, tiny_corpus
from helpers.without_tensorflow import run_without_tensorflow

COMMANDS = {
    "preprocess": "--train s t --vocab-size 60",
    "translate": "--run made -i vs -o out",
    "score": "--run made vs vt",
    "align": "--run made vs vt",
    "bleu": "vt out",
    "inspect": "made",
}
REFUSED = {
    "an export for ONNX Runtime": "--run made --format onnx",
    "a SavedModel": "--run made --format savedmodel",
}
SIZES = ("embedding_size", "encoder_size", "decoder_size", "attention_size")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with text and a run `made`, which has no export."""
    folder = tmp_path_factory.mktemp("jax")
    for names, corpus in (("st", tiny_corpus(40)), (("vs", "vt"), tiny_corpus(2, seed=2))):
        for name, lines in zip(names, zip(*corpus)):
            write_lines(folder / name, lines)
    make_tiny_run(folder / "made", beam=1)
    return folder


@pytest.fixture(scope="module")
def results(made):
    """What each command and each refused export did, in one process."""
    commands = [[name, *options.split()] for name, options in COMMANDS.items()]
    commands += [["export", *options.split()] for options in REFUSED.values()]
    return dict(zip((*COMMANDS, *REFUSED), run_without_tensorflow(commands, made)))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_does_its_work(results, name):
    assert results[name]["status"] == 0, results[name]["stderr"]


def test_every_line_has_its_translation_score_and_links(results, made):
    assert len((made / "out").read_text(encoding="utf-8").splitlines()) == 2
    for name in ("score", "align"):
        assert len(results[name]["stdout"].splitlines()) == 2


@pytest.mark.parametrize("what", REFUSED)
def test_an_export_that_needs_tensorflow_says_so_in_one_line(results, what):
    message = f"nmt: {what} is made by TensorFlow, which is not installed: pip install tensorflow"
    assert results[what]["status"] == 2 and results[what]["stderr"].startswith(message)
    assert results[what]["stderr"].count("\n") == 1


def test_a_backend_that_is_asked_for_but_not_installed_is_named(made):
    command = ["translate", "--run", "made", "-i", "vs"]
    (done,) = run_without_tensorflow([command], made, KERAS_BACKEND="tensorflow")
    assert done["status"] == 2 and "No module named 'tensorflow'" in done["stderr"]


@pytest.mark.slow
def test_a_model_is_trained_and_not_exported_and_one_line_says_so(results, made):
    sizes = [word for size in SIZES for word in ("--set", f"model.{size}=4")]
    train = ["train", "--data", "prepared", "--run", "run", "--steps", "1", *sizes]
    (done,) = run_without_tensorflow([train], made)
    assert done["status"] == 0 and " on jax " in done["stderr"], done["stderr"]
    (line,) = [line for line in done["stderr"].splitlines() if "export" in line]
    assert line.startswith(
        "nmt: warning: not exported, so Keras will translate: an export for ONNX"
    )
    assert not (made / "run" / "export").exists()


@pytest.mark.slow
def test_an_export_for_ctranslate2_needs_no_tensorflow(made):
    make_tiny_run(made / "big", model={"architecture": "transformer"}, beam=3)
    (done,) = run_without_tensorflow([["export", "--run", "big", "--format", "ctranslate2"]], made)
    assert done["status"] == 0, done["stderr"]
    assert (made / "big" / "export" / "ctranslate2" / "nmt.json").is_file()
