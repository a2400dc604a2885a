"""Exact resume with every part of the recipe that has a state, and after memory was not enough."""

import pytest

from helpers.training_case import killed_after, options, run_training, warnings_of
from nmtcli.data.batching import Arrays, plan_epoch
from nmtcli.data.prepared import PreparedData
from nmtcli.errors import NmtError, UsageError
from nmtcli.runs import checkpoints
from nmtcli.runs.directory import RunDirectory
from nmtcli.training.train_step import TrainStep

RECIPE = {
    "accumulate": 2, "average_decay": 0.9, "r_drop": 1.0, "source_word_dropout": 0.1,
    "target_word_dropout": 0.1, "weight_decay": 0.01, "freeze": ["encoder/encoder_backward/*"],
}  # fmt: skip
ROWS = 9  # of a batch, for which memory is enough in these tests


def everything(run, groups):
    _, arrays, state = checkpoints.load(RunDirectory(run).checkpoints, groups=groups)
    return arrays, state


def assert_same_bits(one, other, *groups):
    (arrays, state), (again, state_again) = (everything(run, groups) for run in (one, other))
    for group in groups:
        assert arrays[group].keys() == again[group].keys()
        for name, array in arrays[group].items():
            assert array.tobytes() == again[group][name].tobytes(), (group, name)
    for key in (
        "step",
        "epoch",
        "batch",
        "loss",
        "nll",
        "tokens",
        "total_tokens",
        "micro_batches_per_batch",
    ):
        assert state[key] == state_again[key], key


def place_after(updates, data, accumulate):
    """Epoch, next batch and target tokens after some updates; the last one of an epoch has fewer
    batches if no more are left."""
    train, epoch, batch, tokens = PreparedData(data).train, 0, 0, 0
    lengths = train.source_lengths, train.target_lengths
    for _ in range(updates):
        plan = plan_epoch(*lengths, 200, 1, epoch)
        for one in plan[batch : batch + accumulate]:
            tokens += int(train.target_lengths[one.pairs].sum()) + len(one.pairs)
        batch += accumulate
        if batch >= len(plan):
            epoch, batch = epoch + 1, 0
    return {"epoch": epoch, "batch": batch, "total_tokens": tokens}


def test_a_training_with_a_whole_recipe_goes_on_to_the_same_bits(prepared, tmp_path):
    config = options(9, every=100, **RECIPE)
    run_training(config, prepared, tmp_path / "whole")
    killed_after(4, tmp_path / "whole", tmp_path / "run")
    run_training(config, prepared, tmp_path / "run")
    groups = ("model", "optimizer", "training")
    assert_same_bits(tmp_path / "whole", tmp_path / "run", *groups)
    arrays, state = everything(tmp_path / "run", groups)
    assert state["step"] == 9 and state.items() >= place_after(9, prepared, accumulate=2).items()
    for name, array in arrays["model"].items():
        is_frozen = name.startswith("encoder/encoder_backward/")
        assert (array.tobytes() == arrays["training"][name].tobytes()) == is_frozen, name


@pytest.fixture
def short_of_memory(monkeypatch):
    """From step 4 on, updates with a larger batch than ROWS run out of memory."""
    real = TrainStep.__call__

    def limited(self, arrays, learning_rate, step):
        batches = [arrays] if isinstance(arrays, Arrays) else arrays
        if step >= 4 and max(len(batch.targets) for batch in batches) > ROWS:
            raise MemoryError
        return real(self, arrays, learning_rate, step)

    monkeypatch.setattr(TrainStep, "__call__", limited)


def test_out_of_memory_halves_batches_and_loses_no_sentence(
    prepared, tmp_path, short_of_memory, caplog
):
    config = options(12, every=100)
    run_training(config, prepared, tmp_path / "whole")
    (warning,) = warnings_of(caplog)
    assert "step 4: out of memory; " in warning
    _, state = everything(tmp_path / "whole", ("model",))
    parts = state["micro_batches_per_batch"]
    assert parts > 1
    assert f"training.batch_tokens={200 // parts} training.accumulate={parts}" in warning
    killed_after(8, tmp_path / "whole", tmp_path / "run")
    caplog.clear()
    run_training(config, prepared, tmp_path / "run")
    assert not warnings_of(caplog)
    assert_same_bits(tmp_path / "whole", tmp_path / "run", "model", "optimizer")
    assert state.items() >= place_after(12, prepared, accumulate=1).items()


def test_a_sentence_that_never_fits_ends_the_training_with_advice(
    prepared,
    tmp_path,
    monkeypatch,
    short_of_memory,
):
    monkeypatch.setitem(globals(), "ROWS", 0)
    with pytest.raises(NmtError, match="one sentence of .* choose a smaller model"):
        run_training(options(12, every=100), prepared, tmp_path / "run")


@pytest.mark.parametrize(
    ("training", "model", "message"),
    [
        ({"guided_alignment": 1.0}, {}, "no alignments, which training.guided_alignment needs"),
        ({"guided_alignment": 1.0}, {"attention": "none"}, "attention none has no weights"),
        ({"r_drop": 5.0}, {"dropout": 0.0}, "both passes are the same without dropout"),
        ({"freeze": ["embedding"]}, {}, "no weight is called 'embedding'; near it are"),
    ],
)
def test_a_recipe_that_could_not_act_is_refused_before_there_is_a_run(
    training,
    model,
    message,
    prepared,
    tmp_path,
):
    from dataclasses import replace

    config = options(5, **training)
    config = replace(config, model=replace(config.model, **model))
    with pytest.raises(UsageError, match=message) as caught:
        run_training(config, prepared, tmp_path / "run")
    assert "\n" not in str(caught.value) and not (tmp_path / "run").exists()
