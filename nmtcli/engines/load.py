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
    backend.choose()
    from nmtcli.engines.keras_engine import KerasEngine
    from nmtcli.models.build import build_model
    from nmtcli.models.weights import set_arrays

    facts, config = run.read_facts(), run.read_config()
    _, arrays, _ = checkpoints.load(run.checkpoints, checkpoint, on_warning=on_warning)
    vocabulary = facts["vocabulary"]
    model = build_model(config.model, vocabulary["source"], vocabulary["target"], dtype="float32")
    set_arrays(model, arrays["model"])
    return KerasEngine(model)
