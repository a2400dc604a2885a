"""A complete run of a tiny model with random weights, made in a second without training."""

import numpy as np

from nmtcli import backend, config
from nmtcli.data.learn_subwords import learn
from nmtcli.runs import checkpoints
from nmtcli.runs.directory import RunDirectory
from nmtcli.text.special_tokens import EOS_ID
from nmtcli.text.subwords import Subwords

KOREAN = "가나다라마바사아자차카타파하고노도로모보"
ENGLISH = "ka na da ra ma ba sa a ja cha kha tha pha ha go no do ro mo bo".split()


def tiny_corpus(lines: int = 300, seed: int = 1) -> list[tuple[str, str]]:
    """Lines of 2 to 7 made-up words in Korean and in Latin letters, the same for a seed."""
    random = np.random.default_rng(1)
    words = [random.integers(len(KOREAN), size=random.integers(1, 4)) for _ in range(80)]
    random = np.random.default_rng(seed)
    corpus = []
    for _ in range(lines):
        line = [words[i] for i in random.integers(len(words), size=random.integers(2, 8))]
        korean = " ".join("".join(KOREAN[i] for i in word) for word in line)
        english = " ".join("".join(ENGLISH[i] for i in word) for word in line)
        corpus.append((korean + ".", english + "."))
    return corpus


def make_tiny_run(
    folder,
    *,
    attention: str = "bahdanau",
    cell: str = "gru",
    layers: int = 1,
    joint: bool = False,
    byte_fallback: bool = False,
    end_bias: float = 4.0,
    seed: int = 1,
    step: int = 7,
    model: dict | None = None,
    subwords: tuple[bytes, bytes] | None = None,
    data: dict | None = None,
    **search,
) -> RunDirectory:
    """Make a run that the commands take for a trained one.

    The weights are larger than fresh ones, so that the model is decisive and translations are not
    nearly equal; they mean nothing.

    Args:
        folder: of the run.
        attention: a preset; like `cell`, of the recurrent architecture.
        cell: `gru` or `lstm`.
        layers: of the encoder and of the decoder.
        joint: one subword model for both sides.
        byte_fallback: of the subword models.
        end_bias: of EOS in the output layer; with the default some translations end by
            themselves and some at their longest.
        seed: of the weights.
        step: of its one checkpoint, which is `last` and `best`.
        model: further options of `ModelConfig`, such as the axes of the attention, or
            `architecture: transformer`.
        subwords: the models of source and target, if they are not to be learned here.
        data: options of `DataConfig`.
        search: options of `SearchConfig`.
    """
    options = config.from_dict(
        {
            "subwords": {
                "vocabulary_size": 330 if byte_fallback else 80,
                "joint": joint,
                "byte_fallback": byte_fallback,
            },
            "model": {
                "embedding_size": 16,
                "encoder_layers": layers,
                "decoder_layers": layers,
                "tied_embeddings": "all" if joint else "target",
                **_options_of_one_architecture(attention, cell, model or {}),
            },
            "search": search,
            "data": data or {},
        }
    )
    run = RunDirectory(folder)
    source, target = subwords or _learn(options.subwords)
    vocabulary = {"source": Subwords(source).size, "target": Subwords(target).size}
    run.create({"vocabulary": vocabulary, "data": {}})
    run.config.write_text(config.dump(options), encoding="utf-8")
    run.source_subwords.write_bytes(source)
    run.target_subwords.write_bytes(target)
    weights = _weights(options.model, vocabulary, seed, end_bias)
    checkpoints.save(run.checkpoints, step, {"model": weights}, {})
    checkpoints.point(run.checkpoints, "best", step)
    return run


def _options_of_one_architecture(attention: str, cell: str, model: dict) -> dict:
    """What `model` says, and small sizes where it says nothing."""
    if model.get("architecture") == "transformer":
        return {"attention_heads": 2, "feed_forward_size": 24, **model}
    sizes = {"encoder_size": 24, "decoder_size": 24, "attention_size": 12}
    return {"attention": attention, "cell": cell, **sizes, **model}


def _learn(options: config.SubwordConfig) -> tuple[bytes, bytes]:
    """The subword models of source and target."""
    korean, english = zip(*tiny_corpus())
    if options.joint:
        model = learn([*korean, *english], options)
        return model, model
    return learn(korean, options), learn(english, options)


def _weights(
    options: config.ModelConfig, vocabulary: dict, seed: int, end_bias: float
) -> dict[str, np.ndarray]:
    """Random weights, larger than fresh ones, by the names of a checkpoint."""
    backend.choose()
    from nmtcli.models.factory import build_model
    from nmtcli.models.weights import arrays_of

    model = build_model(
        options, vocabulary["source"], vocabulary["target"], dtype="float32", seed=seed
    )
    arrays = {}
    for path, array in arrays_of(model).items():
        arrays[path] = array * 2.5
        if path.endswith("output_bias"):
            arrays[path][EOS_ID] = end_bias
        if path.endswith("coverage_vector"):  # zero at first, and so without any effect
            arrays[path] = np.random.default_rng(seed).normal(size=array.shape).astype(array.dtype)
    return arrays
