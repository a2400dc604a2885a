"""A tiny corpus, its prepared data, and short trainings on it."""

import random
import shutil

import pytest

from nmtcli import config as configuration
from nmtcli.data.preprocess import preprocess
from nmtcli.runs import checkpoints
from nmtcli.runs.directory import RunDirectory

SUBJECTS = "나는 너는 그는 우리는 민수는 수진은".split()


OBJECTS = "책을 빵을 사과를 물을 노래를 편지를".split()


VERBS = "봐요 먹어요 사요 마셔요 불러요 써요".split()


ENGLISH = {
    **dict(zip(SUBJECTS, "I You He We Minsu Sujin".split())),
    **dict(zip(OBJECTS, "book bread apple water song letter".split())),
    **dict(zip(VERBS, "see eat buy drink sing write".split())),
}


MODEL = {
    "embedding_size": 16,
    "encoder_size": 16,
    "decoder_size": 16,
    "attention_size": 16,
    "dropout": 0.2,
}


def write_corpus(folder):
    pairs = [
        (f"{s} {o} {v}", f"{ENGLISH[s]} {ENGLISH[v]} {ENGLISH[o]}")
        for s in SUBJECTS
        for o in OBJECTS
        for v in VERBS
    ]
    random.Random(1).shuffle(pairs)
    for split, chosen in (("train", pairs[:190]), ("valid", pairs[190:])):
        for side in (0, 1):
            lines = "".join(pair[side] + "\n" for pair in chosen)
            (folder / f"{split}.{('ko', 'en')[side]}").write_text(lines, encoding="utf-8")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resume")
    write_corpus(folder)
    data = {}
    for split in ("train", "valid"):
        data[f"{split}_source"] = str(folder / f"{split}.ko")
        data[f"{split}_target"] = str(folder / f"{split}.en")
    values = {"data": data, "subwords": {"vocabulary_size": 70}}
    preprocess(configuration.from_dict(values), folder / "prepared")
    return folder / "prepared"


def options(steps, every=8, **training):
    training = {"batch_tokens": 200, "precision": "float32", "max_steps": steps, "max_epochs": 0,
                "save_every": 4, "warmup_steps": 5, "log_every": 3, **training}  # fmt: skip
    values = {"model": MODEL, "training": training, "validation": {"every": every, "patience": 99}}
    return configuration.from_dict(values)


def run_training(config, prepared, run, events=None):
    from nmtcli.training.run import train

    events = [] if events is None else events
    return train(config, prepared, run, events.append), events


def killed_after(step, run, copy):
    """Copy a run as it was when its checkpoint of a step was the newest one."""
    shutil.copytree(run, copy, symlinks=True)
    folder = RunDirectory(copy).checkpoints
    for later in checkpoints.steps(folder):
        if later > step:
            shutil.rmtree(folder / f"step-{later}")
    checkpoints.point(folder, "last", step)
    state = checkpoints.load(folder, "last")[2]
    if state["best"] is not None:
        checkpoints.point(folder, "best", state["best_step"])


def warnings_of(caplog):
    """What the project's own code warned of."""
    return [r.getMessage() for r in caplog.records if r.name.startswith("nmtcli")]


def everything(run):
    """All that the last checkpoint holds."""
    _, arrays, state = checkpoints.load(
        RunDirectory(run).checkpoints, groups=("model", "optimizer")
    )
    return arrays, state


def assert_same_bits(one, other):
    (arrays, state), (again, state_again) = everything(one), everything(other)
    for group in arrays:
        assert arrays[group].keys() == again[group].keys()
        for name, array in arrays[group].items():
            assert array.tobytes() == again[group][name].tobytes(), (group, name)
    for key in ("step", "epoch", "batch", "best", "best_step", "loss", "nll", "tokens"):
        assert state[key] == state_again[key], key


@pytest.fixture(scope="session")
def whole(prepared, tmp_path_factory):
    """A training of 18 updates that nothing interrupted."""
    run = tmp_path_factory.mktemp("whole") / "run"
    run_training(options(18), prepared, run)
    return run
