"""From a run's folder to what runs its model. Nothing heavy is imported before it is needed."""

from nmtcli import backend
from nmtcli import checkpoint as checkpoints
from nmtcli.search.interface import Engine


def load_engine(run, checkpoint: str = "best", on_warning=lambda message: None) -> Engine:
    """The engine of a trained run.

    Args:
        run: a `RunDirectory`.
        checkpoint: `best`, `last` or `step-N`.
        on_warning: called with one line when a damaged checkpoint was passed over.
    """
    model = load_model(run, checkpoint, on_warning)[1]
    from nmtcli.engines.keras_engine import KerasEngine

    return KerasEngine(model)


def load_model(run, checkpoint: str = "best", on_warning=lambda message: None):
    """The step of a run's checkpoint and its model, in float32; arguments as of `load_engine`."""
    backend.choose()
    from nmtcli.models.build import build_model
    from nmtcli.models.weights import set_arrays

    facts, config = run.read_facts(), run.read_config()
    step, arrays, _ = checkpoints.load(run.checkpoints, checkpoint, on_warning=on_warning)
    vocabulary = facts["vocabulary"]
    model = build_model(config.model, vocabulary["source"], vocabulary["target"], dtype="float32")
    set_arrays(model, arrays["model"])
    return step, model
