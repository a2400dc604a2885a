"""What a training does at its beginning and at its end: initial weights, averages, the card."""

import json
import shutil

import numpy as np
import pytest

from helpers import training_case
from nmtcli import config as configuration
from nmtcli.cli.main import run as nmt
from nmtcli.errors import UsageError
from nmtcli.runs import checkpoints
from nmtcli.runs.directory import RunDirectory
from nmtcli.runs.model_card import model_card
from nmtcli.training.averaging import made_of, mean_of
from nmtcli.training.events import (
    CheckpointsAveraged,
    Resumed,
    StepLogged,
    TrainingStarted,
    Validated,
    WeightsInitialized,
)

options, run_training = training_case.options, training_case.run_training


@pytest.fixture(scope="module")
def averaged(prepared, tmp_path_factory):
    """A training of 16 updates, the last three of whose checkpoints are averaged; its events."""
    run = RunDirectory(tmp_path_factory.mktemp("averaged") / "run")
    _, events = run_training(options(16, average_last=3, log_every=1), prepared, run.path)
    return run, events


def test_the_last_checkpoints_are_averaged_and_scored(averaged):
    run, events = averaged
    (told,) = [event for event in events if isinstance(event, CheckpointsAveraged)]
    assert told.made_of == ["step-8", "step-12", "step-16"] == made_of(run)
    assert told.metric == "bleu" and {"bleu", "chrf", "perplexity"} <= told.result.scores().keys()
    arrays = checkpoints.load(run.checkpoints, "average")[1]["model"]
    for name, mean in mean_of(run, made_of(run)).items():
        assert mean.tobytes() == arrays[name].tobytes()
    validated = [event.result for event in events if isinstance(event, Validated)]
    best = max((result.bleu, -result.perplexity) for result in validated)
    better = (told.result.bleu, -told.result.perplexity) > best
    assert told.is_best == better and told.best_before == best[0]
    assert (checkpoints.target(run.checkpoints, "best") == "average") == better
    lines = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    averages = [line["perplexity"] for line in lines if line["kind"] == "average"]
    assert averages == [told.result.perplexity]


def test_a_validations_scores_are_those_of_sacrebleu(averaged, prepared):
    from sacrebleu.metrics import BLEU, CHRF

    run, _ = averaged
    lines = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    found = next(x for x in lines if x["kind"] == "validation" and x["step"] == 16)
    translated = (run.samples / "step-16.txt").read_text(encoding="utf-8").splitlines()
    reference = (prepared / "valid.target.txt").read_text(encoding="utf-8").splitlines()
    for name, metric in (("bleu", BLEU()), ("chrf", CHRF())):
        assert found[name] == pytest.approx(metric.corpus_score(translated, [reference]).score)
    assert found["chrf_signature"].startswith("nrefs:1|case:mixed")


def test_a_finished_training_started_again_averages_nothing_anew(averaged, prepared):
    run, _ = averaged
    before = (run.checkpoints / "average" / "manifest.json").stat().st_mtime_ns
    _, events = run_training(options(16, average_last=3, log_every=1), prepared, run.path)
    assert [type(event) for event in events] == [TrainingStarted, Resumed]
    assert (run.checkpoints / "average" / "manifest.json").stat().st_mtime_ns == before


def test_an_average_that_was_best_is_not_in_the_way_of_a_training_that_goes_on(
    averaged, whole, prepared, tmp_path
):
    shutil.copytree(averaged[0].path, tmp_path / "run", symlinks=True)
    run, best = RunDirectory(tmp_path / "run"), checkpoints.target(whole / "checkpoints", "best")
    checkpoints.point(run.checkpoints, "best", "average")
    run_training(options(18, log_every=1), prepared, run.path)
    training_case.assert_same_bits(run.path, whole)
    assert checkpoints.target(run.checkpoints, "best") == best


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"average_last": 4}, "average_last=4 .* training.keep_checkpoints is 3"),
        ({"average_last": 1}, "training.average_last .*2.*, not 1"),
    ],
)
def test_averages_that_cannot_be_are_refused_before_anything_is_made(
    chosen, message, prepared, tmp_path
):
    with pytest.raises(UsageError, match=message):
        run_training(options(4, **chosen), prepared, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_plateau_lowers_the_rate_and_resumes_to_the_same_bits(prepared, tmp_path):
    plateau = {"schedule": "plateau", "warmup_steps": 0, "plateau_patience": 1, "save_every": 2}
    plateau |= {"learning_rate": 0.05, "log_every": 1, "keep_checkpoints": 9}  # too high a rate
    _, events = run_training(options(12, every=2, **plateau), prepared, tmp_path / "whole")
    rates = [event.learning_rate for event in events if isinstance(event, StepLogged)]
    assert min(rates) <= 0.025 and max(rates) == 0.05
    training_case.killed_after(6, tmp_path / "whole", tmp_path / "parts")
    _, events = run_training(options(12, every=2, **plateau), prepared, tmp_path / "parts")
    again = [event.learning_rate for event in events if isinstance(event, StepLogged)]
    assert again == rates[6:]
    training_case.assert_same_bits(tmp_path / "whole", tmp_path / "parts")


@pytest.mark.slow
def test_a_training_begins_with_the_weights_of_another_run(averaged, prepared, tmp_path):
    run, _ = averaged
    config = options(1, init_from=f"{run.path}:step-16", learning_rate=0.0)
    _, events = run_training(config, prepared, tmp_path / "run")
    told = [event.text for event in events if isinstance(event, WeightsInitialized)]
    assert len(told) == 1 and "step 16" in told[0] and "fresh" not in told[0]
    first = checkpoints.load(run.checkpoints, "step-16")[1]["model"]
    second = checkpoints.load(RunDirectory(tmp_path / "run").checkpoints)[1]["model"]
    for name, array in first.items():
        np.testing.assert_array_equal(second[name], array)
    facts = RunDirectory(tmp_path / "run").read_facts()["init_from"]
    assert facts["step"] == 16 and facts["taken"] == len(first) and facts["fresh"] == []


def test_the_card_is_there_with_what_it_promises(averaged, prepared, capsys):
    run, _ = averaged
    card = run.card.read_text(encoding="utf-8")
    assert card == model_card(run)
    facts = prepared.parent / "prepared" / "prepared.json"
    inputs = json.loads(facts.read_text(encoding="utf-8"))
    for digest in (*inputs["inputs"]["train"], *inputs["models"]):
        assert digest in card
    pieces = inputs["counts"]["train"]["pieces"]
    assert f"{pieces[0]:,} pieces" in card and f"{run.read_facts()['parameters']:,}" in card
    lines = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    scored = next(line for line in lines if line["kind"] == "validation")
    assert scored["signature"].replace("|", "\\|") in card
    assert "`training.average_last` | 3" in card and "`training.seed`" not in card
    assert "GiB" in card and "minutes for 16 updates" in card and "tensorflow" in card
    assert nmt(["inspect", str(run.path), "--card"]) == 0
    assert capsys.readouterr().out == card


def test_the_parts_of_the_parameters_add_up(averaged):
    facts = averaged[0].read_facts()
    assert sum(facts["parameters_by_part"].values()) == facts["parameters"]
    assert all(facts["parameters_by_part"][part] for part in ("embedding", "encoder", "decoder"))


@pytest.mark.parametrize("name", ["rnn-small", "luong", "transformer-tiny"])
def test_the_parts_of_other_models_add_up_too(name):
    from nmtcli.config.presets import preset_values
    from nmtcli.models.factory import build_model, count_parameters
    from nmtcli.training.setup import parameters_by_part

    sizes = {"embedding_size": 8, "encoder_size": 8, "decoder_size": 8, "attention_size": 8}
    sizes |= {"readout_size": 8, "encoder_layers": 2, "decoder_layers": 1, "attention_heads": 0}
    values = preset_values(name)["model"]
    chosen = {key: sizes.get(key, value) for key, value in values.items()} | {"encoder_layers": 2}
    model = build_model(configuration.ModelConfig(**chosen), 12, 12, dtype="float32")
    parts = parameters_by_part(model)
    assert sum(parts.values()) == count_parameters(model) and all(parts.values())
    once = build_model(
        configuration.ModelConfig(**{**chosen, "encoder_layers": 1}), 12, 12, dtype="float32"
    )
    fewer = parameters_by_part(once)
    assert fewer["encoder"] < parts["encoder"]
    assert all(fewer[part] == parts[part] for part in ("embedding", "decoder", "output"))


def test_the_card_of_the_shown_settings_gives_them_again(averaged):
    """Every option that the card shows, and no other, differs from the defaults."""
    run, _ = averaged
    here = configuration.as_dict(run.read_config())
    usual = configuration.as_dict(configuration.Config())
    card = run.card.read_text(encoding="utf-8")
    for section, keys in here.items():
        for key, value in keys.items():
            if not key.startswith(("train_", "valid_")):
                assert (f"`{section}.{key}`" in card) == (value != usual[section][key]), key
