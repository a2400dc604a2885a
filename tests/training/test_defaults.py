"""What nobody set is chosen, said, remembered; and a dry run leaves nothing behind."""

import json
import shutil

import pytest
import yaml

from nmtcli import config as configuration
from nmtcli.cli.main import run as nmt
from nmtcli.config import Settings
from nmtcli.config.auto import recommend
from nmtcli.runs.directory import RunDirectory
from nmtcli.training.defaults import resolve_config


def complete(values, data, run_path):
    return resolve_config(Settings().update(values), data, run_path)


SMALL = ["model.embedding_size=8", "model.encoder_size=8", "model.decoder_size=8"]
SMALL += ["model.attention_size=8"]


def test_what_is_set_wins_and_the_rest_is_chosen(prepared, tmp_path):
    values = {"model": {"embedding_size": 24}, "training": {"learning_rate": 0.5}}
    found = complete(values, prepared, tmp_path / "run")
    assert found.config.model.embedding_size == 24 and found.config.training.learning_rate == 0.5
    assert "embedding_size" not in found.values["model"]
    facts = json.loads((prepared / "prepared.json").read_text())
    counts = facts["counts"]["train"]
    expected = recommend(
        counts["kept"], counts["pieces"][1] / counts["kept"], facts["vocabulary"]["target"], "CPU"
    )
    for choice in expected:
        for section, keys in choice.values.items():
            for key, value in keys.items():
                if (section, key) not in [
                    ("model", "embedding_size"),
                    ("training", "learning_rate"),
                ]:
                    assert getattr(getattr(found.config, section), key) == value
    assert len(found.lines) == len(expected) and all("\n" not in line for line in found.lines)


@pytest.mark.parametrize("limit", ["max_steps", "max_minutes"])
def test_who_says_how_long_is_not_cut_short_by_a_chosen_limit(limit, prepared, tmp_path):
    found = complete({"training": {limit: 100_000}}, prepared, tmp_path / "run")
    assert found.config.training.max_epochs == 0
    assert any(f"training.{limit} says how long" in line for line in found.lines)


def test_who_trained_on_sentences_translates_by_sentence(prepared, tmp_path):
    assert not complete({}, prepared, tmp_path / "run").config.search.by_sentence
    shutil.copytree(prepared, tmp_path / "cut")
    path = tmp_path / "cut" / "prepared.json"
    facts = json.loads(path.read_text())
    facts["config"]["data"]["by_sentence"] = True
    path.write_text(json.dumps(facts))
    found = complete({}, tmp_path / "cut", tmp_path / "run")
    assert found.config.search.by_sentence
    assert "search.by_sentence=True: the training text was cut into sentences" in found.lines
    values = {"search": {"by_sentence": False}}
    assert not complete(values, tmp_path / "cut", tmp_path / "run").config.search.by_sentence


def test_choices_are_for_the_architecture(prepared, tmp_path):
    values = {"model": {"architecture": "transformer"}}
    found = complete(values, prepared, tmp_path / "run")
    assert found.config.model.feed_forward_size > 0
    assert "encoder_size" not in found.values["model"]


def test_a_run_keeps_its_choices_when_it_goes_on(prepared, tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.create({"chosen": {"training": {"batch_tokens": 777}}})
    run.config.write_text("{}")
    found = complete({"training": {"seed": 5}}, prepared, run.path)
    assert found.config.training.batch_tokens == 777 and found.lines == []
    assert found.config.model == configuration.ModelConfig()
    assert complete({"training": {"batch_tokens": 9}}, prepared, run.path).config.training == (
        configuration.TrainingConfig(batch_tokens=9)
    )


def arguments(prepared, run):
    given = [part for text in SMALL for part in ("--set", text)]
    return ["train", "--data", str(prepared), "--run", str(run), *given]


def test_each_choice_is_a_line_and_the_dumped_config_has_it(prepared, tmp_path, capsys):
    assert nmt([*arguments(prepared, tmp_path / "run"), "--dump-config"]) == 0
    shown = capsys.readouterr()
    dumped = yaml.safe_load(shown.out)
    lines = [line for line in shown.err.splitlines() if line.startswith("chosen: ")]
    assert len(lines) >= 4
    batch = dumped["training"]["batch_tokens"]
    assert any(f"training.batch_tokens={batch}: " in line for line in lines)
    assert not any("embedding_size" in line for line in lines)


def test_a_training_with_choices_starts_and_goes_on_by_the_same_command(prepared, tmp_path, capsys):
    command = [*arguments(prepared, tmp_path / "run"), "--no-export", "--steps", "1"]
    assert nmt(command) == 0
    first = capsys.readouterr().err
    assert "chosen: " in first and "done (1 steps)" in first
    facts = RunDirectory(tmp_path / "run").read_facts()
    assert facts["chosen"]["training"]["max_epochs"] == 0
    assert nmt([*command[:-1], "2"]) == 0
    again = capsys.readouterr().err
    assert "chosen: " not in again and "going on from step 1" in again and "done (2 steps)" in again


def test_a_dry_run_says_what_a_training_takes_and_writes_nothing(prepared, tmp_path, capsys):
    before = sorted(path.name for path in prepared.rglob("*"))
    command = [*arguments(prepared, tmp_path / "run"), "--epochs", "3", "--dry-run"]
    assert nmt([*command, "--set", "training.batch_tokens=200"]) == 0
    shown = capsys.readouterr().out
    rows = dict(line.split(None, 1) for line in shown.splitlines()[1:])
    assert {"parameters", "updates", "time"} <= rows.keys()
    assert "largest batch" in shown and "peak memory" in shown and "nothing was written" in shown
    assert not (tmp_path / "run").exists()
    assert sorted(path.name for path in prepared.rglob("*")) == before
    counts = [int(part.split()[1].replace(",", "")) for part in rows["parameters"].split(", ")]
    headline = shown.splitlines()[0]
    assert f"{sum(counts):,} parameters" in headline
    from nmtcli.data.batching import plan_epoch
    from nmtcli.data.prepared import PreparedData

    pairs = PreparedData(prepared).train
    plan = plan_epoch(pairs.source_lengths, pairs.target_lengths, 200, 1, 0)
    assert rows["updates"].startswith(f"{len(plan):,} in an epoch, {3 * len(plan):,} in all")
    largest = max(batch.rows * (batch.source_length + batch.target_length) for batch in plan)
    found = next(line for line in shown.splitlines() if line.startswith("largest batch"))
    rows_, source, target = [int(word) for word in found.split() if word.isdigit()]
    assert rows_ * (source + target) == largest
