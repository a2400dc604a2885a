"""The lines that `nmt train` prints."""

from pathlib import Path

import pytest

from nmtcli.cli.train_report import describe_event
from nmtcli.training import events
from nmtcli.training.setup import TrainingDescription
from nmtcli.training.validation import ValidationResult

DESCRIPTION = {
    "version": "1.0", "backend": "tensorflow 2.18", "device": "CPU", "precision": "float32",
    "parameters": 1234567, "pairs": 8000,
}  # fmt: skip
HEADLINE = "nmt 1.0 on tensorflow 2.18, CPU, float32, {}, 1,234,567 parameters, 8,000 pairs -> r/1"
MEASURED = {
    "epoch": 1.25, "loss": 3.4567, "perplexity": 12.346, "learning_rate": 0.00123,
    "gradient_norm": 1.5, "tokens_per_second": 12345.6, "seconds": 60.0, "tokens": 99,
}  # fmt: skip
STEP = "step 50  epoch 1.25  loss 3.457  perplexity 12.35  rate 1.23e-03  12,346 tokens/s  left "
SCORED = ValidationResult(5.678, 12.3, "one", 45.6, "two", ["a b"])
SAMPLE = events.SampleTranslation("가", "a", "a b")
NAMES = ["step-10", "step-20"]


def started(attention):
    description = TrainingDescription(attention=attention, **DESCRIPTION)
    return events.TrainingStarted(Path("r/1"), description)


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (started("transformer"), HEADLINE.format("transformer")),
        (started("bahdanau"), HEADLINE.format("attention bahdanau")),
        (events.WeightsInitialized("began with 3 of 4"), "began with 3 of 4"),
        (events.Resumed(step=7, finished=""), "going on from step 7"),
        (events.StepLogged(50, **MEASURED, seconds_left=3725.4), STEP + "1:02:05"),
        (events.StepLogged(50, **MEASURED, seconds_left=65.4), STEP + "1:05"),
        (events.StepLogged(50, **MEASURED, seconds_left=None), STEP + "unknown"),
        (
            events.Validated(50, SCORED, True, [SAMPLE]),
            "step 50  validation  perplexity 5.68  BLEU 12.30  chrF 45.60  best so far\n"
            "    source      가\n    reference   a\n    translation a b",
        ),
        (
            events.Validated(50, ValidationResult(5.678), False, []),
            "step 50  validation  perplexity 5.68",
        ),
        (events.CheckpointsAveraged(50, NAMES, False), "average of step-10, step-20"),
        (
            events.CheckpointsAveraged(50, NAMES, True, SCORED, "bleu", 11.0),
            "average of step-10, step-20: validation BLEU 12.30, best of the training BLEU 11.00;"
            " the average is best now",
        ),
        (
            events.CheckpointsAveraged(50, NAMES, False, SCORED, "perplexity", None),
            "average of step-10, step-20: validation perplexity 5.68; best stays",
        ),
    ],
)
def test_each_event_has_its_lines(event, lines):
    assert describe_event(event) == lines


def test_what_is_no_event_has_no_line():
    with pytest.raises(TypeError, match="Unknown event. Received: 'x'"):
        describe_event("x")
