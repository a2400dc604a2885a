"""What parts of the training's recipe need of model and data."""

from dataclasses import fields

from nmtcli.errors import UsageError


def check_recipe(config, model, pairs) -> None:
    """Refuse what could not act.

    Args:
        config: the whole `Config`.
        model: to be trained.
        pairs: training ids on disk, `Pairs`.

    Raises:
        UsageError: R-Drop without anything random, guided alignment without attention or without
            alignments.
    """
    options = config.training
    if options.guided_alignment and model.mechanism.score is None:
        raise UsageError(
            "training.guided_alignment: attention none has no weights that alignments could guide;"
            " choose another attention"
        )
    if options.guided_alignment and not pairs.has_links:
        raise UsageError(
            f"{pairs.folder}: no alignments, which training.guided_alignment needs; prepare the"
            " data again with nmt preprocess --alignments FILE"
        )
    rates = [getattr(config.model, f.name) for f in fields(config.model) if "dropout" in f.name]
    rates += [options.source_word_dropout, options.target_word_dropout]
    if options.r_drop and not any(rates):
        raise UsageError(
            "training.r_drop: both passes are the same without dropout; set model.dropout"
        )
