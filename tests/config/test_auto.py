"""What is chosen for a corpus and a machine."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmtcli import config
from nmtcli.config import Settings
from nmtcli.config.auto import Recommendation, fill_unset, recommend

CPU, GPU = "CPU (2 threads)", "1 GPU"


def chosen(*arguments):
    return fill_unset(Settings(), recommend(*arguments))[1]


@pytest.mark.parametrize("architecture", ["rnn", "transformer"])
@given(
    st.integers(1, 200_000_000),
    st.floats(1, 200),
    st.integers(16, 300_000),
    st.sampled_from([CPU, GPU, "4 TPU", "1 NVIDIA H100"]),
)
def test_every_choice_is_a_configuration_that_can_be(
    architecture, pairs, pieces, vocabulary, device
):
    values = chosen(pairs, pieces, vocabulary, device, architecture)
    values["model"]["architecture"] = architecture
    built = config.from_dict(values)
    heads = built.model.attention_heads or 1
    assert built.model.embedding_size % heads == 0
    assert built.training.warmup_steps >= 50 and built.training.max_epochs >= 3
    assert built.training.batch_tokens * vocabulary <= max(4e8, 1000 * vocabulary)


def test_multi30k_gets_what_is_known_to_suit_it():
    rnn = chosen(29_000, 14.0, 8000, CPU)
    assert (rnn["model"]["embedding_size"], rnn["model"]["decoder_size"]) == (256, 512)
    assert 0.3 <= rnn["model"]["dropout"] <= 0.5
    on_cpu = chosen(29_000, 14.0, 8000, CPU, "transformer")["model"]
    assert (on_cpu["embedding_size"], on_cpu["feed_forward_size"]) == (128, 256)  # arXiv:2105.14462
    transformer = chosen(29_000, 14.0, 8000, GPU, "transformer")["model"]
    assert transformer["encoder_layers"] == transformer["decoder_layers"] == 4
    assert (transformer["attention_heads"], transformer["dropout"]) == (4, 0.3)


def test_millions_of_pairs_get_the_base_model_of_the_paper():
    values = chosen(4_500_000, 28.0, 37_000, GPU, "transformer")
    model, training = values["model"], values["training"]
    table_3 = {"embedding_size": 512, "feed_forward_size": 2048, "attention_heads": 8}
    table_3 |= {"encoder_layers": 6, "decoder_layers": 6, "dropout": 0.1}
    assert model == table_3
    assert 24_000 <= training["batch_tokens"] * training["accumulate"] <= 25_000
    # Equation 3 of the paper, with its 4000 updates of warm-up.
    assert training["warmup_steps"] == 4000
    assert math.isclose(training["learning_rate"], 512**-0.5 * 4000**-0.5, rel_tol=0.01)


@pytest.mark.parametrize("architecture", ["rnn", "transformer"])
def test_a_processor_never_gets_a_wider_model_than_a_gpu(architecture):
    for pairs in (500, 30_000, 400_000, 10_000_000):
        on_cpu, on_gpu = (chosen(pairs, 20, 8000, d, architecture)["model"] for d in (CPU, GPU))
        assert on_cpu["embedding_size"] <= on_gpu["embedding_size"]


@pytest.mark.parametrize("architecture", ["rnn", "transformer"])
def test_more_text_means_fewer_epochs_and_no_smaller_batches(architecture):
    values = [chosen(10**n, 20, 8000, GPU, architecture)["training"] for n in range(2, 8)]
    epochs = [v["max_epochs"] for v in values]
    positions = [v["batch_tokens"] * v.get("accumulate", 1) for v in values]
    assert epochs == sorted(epochs, reverse=True) and positions == sorted(positions)


def test_what_the_user_set_wins_and_is_not_spoken_of():
    found = recommend(29_000, 14.0, 8000, CPU)
    values = {"model": {"dropout": 0.1, "cell": "lstm"}, "training": {"batch_tokens": 500}}
    settings = Settings().update(values)
    merged, taken, lines = fill_unset(settings, found)
    filled = merged.as_dict()
    assert "dropout" not in taken["model"] and taken["model"]["decoder_size"] == 512
    assert filled["model"]["dropout"] == 0.1 and filled["model"]["cell"] == "lstm"
    assert filled["training"]["batch_tokens"] == 500
    assert filled["model"]["decoder_size"] == 512
    said = "\n".join(lines)
    assert "dropout" not in said and "batch_tokens" not in said
    assert "model.decoder_size=512" in said and "29,000 pairs" in said
    assert settings.as_dict() == values


def test_rate_and_warm_up_go_by_the_size_and_the_updates_that_were_set():
    values = chosen(29_000, 14.0, 8000, GPU, "transformer", 64, 2000)["training"]
    assert values["warmup_steps"] == 200
    assert values["learning_rate"] == 0.003  # the most: the paper's would be 0.0088
    values = chosen(29_000, 14.0, 8000, GPU, "transformer", 512, 40_000)["training"]
    assert values["warmup_steps"] == 4000
    assert math.isclose(values["learning_rate"], (512 * 4000) ** -0.5, rel_tol=0.01)


def test_a_choice_of_which_nothing_is_left_has_no_line():
    settings = Settings().update({"model": {"dropout": 0.2}})
    filled, taken, lines = fill_unset(
        settings, [Recommendation({"model": {"dropout": 0.1}}, "why")]
    )
    assert filled.as_dict() == settings.as_dict() and (taken, lines) == ({}, [])


def test_no_pairs_and_unknown_architectures_are_refused():
    for arguments in ((0, 10.0, 100, CPU), (10, 10.0, 100, CPU, "cnn")):
        with pytest.raises(ValueError, match="no defaults"):
            recommend(*arguments)


def test_the_values_that_were_set_are_told_from_the_defaults(tmp_path):
    (tmp_path / "c.yaml").write_text("model: {dropout: 0.3}\n")
    overrides = {"training": {"seed": 5, "max_steps": None}}
    settings = config.read_settings(tmp_path / "c.yaml", ["model.cell=lstm"], overrides)
    assert settings.as_dict() == {
        "model": {"dropout": 0.3, "cell": "lstm"},
        "training": {"seed": 5},
    }
    # 0.3 is the default as well, and still the user's own.
    assert "dropout" not in fill_unset(settings, recommend(29_000, 14, 8000, CPU))[2][0]
