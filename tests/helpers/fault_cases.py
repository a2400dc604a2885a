"""Commands whose file operations are broken one by one: what they start from, and what is right.

The commands are real, in a forked process without a framework: a copy of a process costs
milliseconds, the start of one with TensorFlow seconds, and TensorFlow may hang in a copy. So
the update, the validation and the graphs of the export are replaced by small functions of NumPy;
all that writes files is the code of the commands.
"""

import contextlib
import json
import sys
import types
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

import nmtcli
from nmtcli.cli.main import run as nmt
from nmtcli.runs.atomic import PARTIAL

WORDS = "ga na da ra ma ba sa a ja cha kha tha pha ha".split()
NEVER_THE_SAME = ("tensorboard", ".lock")
INPUT, OUTPUT = "in.txt", "out.txt"


class Case(NamedTuple):
    """A command, and how its result is judged; all of it runs in the folder of the case.

    prepare: makes what the command starts from.
    command: does the work and returns the status; a second time it goes on or changes nothing.
    problem: says what a reader finds wrong after a fault, or nothing.
    """

    prepare: Callable[[], None]
    command: Callable[[], int]
    problem: Callable[[], str | None]


def install() -> None:
    """Replace, in this process, what needs a framework or starts a process."""
    from nmtcli.data import learn_subwords, vocabulary

    vocabulary.learn_in_child = learn_subwords.learn
    keras = types.ModuleType("keras")
    keras.__version__, keras.backend = "0", types.SimpleNamespace(backend=lambda: "tensorflow")
    sys.modules["keras"] = keras
    models = types.ModuleType("nmtcli.models")  # the package itself imports Keras
    models.__path__ = [str(Path(nmtcli.__file__).parent / "models")]
    sys.modules["nmtcli.models"] = models
    _install_training()
    _install_export()


def _install_training() -> None:
    from nmtcli import backend
    from nmtcli.training import defaults, run, trainer, validation

    step = types.ModuleType("nmtcli.training.train_step")
    step.TrainStep = TrainStep
    sys.modules["nmtcli.training.train_step"] = step
    backend.deterministic, backend.version = contextlib.nullcontext, lambda: "tensorflow 0"
    run.build_models = lambda config, prepared: ("float32", [None, None])
    facts = {"device": "none", "precision": "float32", "parameters": 1, "attention": "none"}
    facts |= {"pairs": 1, "version": "0", "backend": "none"}
    run.describe_training = lambda *arguments: types.SimpleNamespace(**facts)
    run.parameters_by_part, run.describe_hardware = (lambda model: {}), (lambda: {})
    defaults._recommended = lambda settings, prepared: []
    validation.Validator = Validator
    trainer.time = types.SimpleNamespace(monotonic=lambda: 0.0)


class TrainStep:
    """An update that is a function of the weights, the batch and the step."""

    groups = ("model", "optimizer")

    def __init__(self, model, options):
        self.state = {"model": {"w": np.zeros(50, "float32")}, "optimizer": {"m": np.zeros(50)}}

    def __call__(self, batches, rate, step):
        total = sum(int(batch.source_ids.sum()) for batch in batches)
        self.state["model"]["w"] = self.state["model"]["w"] * 0.9 + np.float32(total % 97 + step)
        self.state["optimizer"]["m"] = self.state["optimizer"]["m"] + total
        result = {"loss": float(total), "nll": 1.0, "tokens": 10, "gradient_norm": 1.0}
        return types.SimpleNamespace(finite=True, **result)

    def arrays(self):
        return self.state

    def weights(self):
        return self.state["model"]

    def set_arrays(self, arrays):
        self.state = arrays


class Validator:
    """Scores that are a function of the weights, and neither rise nor fall for long."""

    sources, references = ["a", "b"], ["A", "B"]

    def __init__(self, model, prepared, config):
        pass

    def __call__(self, arrays):
        from nmtcli.training.validation import ValidationResult

        score = zlib.crc32(arrays["w"].tobytes()) % 1000 / 10
        return ValidationResult(100 - score, score, "s", score, "s", [f"{score}", "x"])


def _install_export() -> None:
    import onnx

    from nmtcli import backend
    from nmtcli.exports import onnx as export
    from nmtcli.exports import onnx_files

    engines = {"keras_engine": "KerasEngine", "onnx_engine": "OnnxEngine"}
    for module, name in engines.items():
        stub = types.ModuleType(f"nmtcli.engines.{module}")
        setattr(stub, name, _Engine)
        sys.modules[f"nmtcli.engines.{module}"] = stub
    graphs = types.ModuleType("nmtcli.exports.onnx_graphs")
    graphs.build_graphs, graphs.count_parts = _graphs, lambda graph, name: 1
    sys.modules["nmtcli.exports.onnx_graphs"] = graphs
    onnx_files.write_float32 = onnx_files._write
    onnx_files.write_int8 = lambda names, float32, folder, *more: onnx_files._write(
        {name: onnx.load(float32 / f"{name}.onnx") for name in names}, folder
    )
    backend.quiet_stderr = contextlib.nullcontext
    export.load_model, export._Check = _load_model, _Check


class _Engine:
    vocabulary_size, has_attention, has_window = 9, True, False

    def __init__(self, *arguments, **options):
        self.arguments = arguments


class _Check:
    validation = types.SimpleNamespace(references=True)

    def __init__(self, *arguments):
        pass

    def compare_with(self, keras):
        return {"accepted": True, "lines": 1}

    def bleu(self, name, engine):
        return {"accepted": True, "lines": 1, "bleu": {"float32": 1.0, name: 1.0}}


def _load_model(run, checkpoint, fall_back):
    from nmtcli.data import shortlist
    from nmtcli.exports import onnx as export
    from nmtcli.runs import checkpoints

    export.load_shortlist = lambda *arguments: shortlist
    step, arrays, _ = checkpoints.load(run.checkpoints, checkpoint, fall_back=fall_back)
    output = [arrays["model"]["w"]] * 2
    sizes = {"source_vocabulary_size": 9, "target_vocabulary_size": 9}
    return step, types.SimpleNamespace(w=output[0], output_layer=lambda: output, **sizes)


def _graphs(model, has_shortlist):
    """Two graphs that share a weight, which is large enough to be in the file of weights."""
    from onnx import TensorProto, helper, numpy_helper

    weight = numpy_helper.from_array(np.tile(model.w, 8), "w")
    value = helper.make_tensor_value_info("y", TensorProto.FLOAT, [400])
    node = helper.make_node("Identity", ["w"], ["y"])
    graph = helper.make_graph([node], "g", [], [value], [weight])
    return {name: helper.make_model(graph) for name in ("encode", "step")}


# -- preprocess ----------------------------------------------------------------------------------


def write_corpus(lines: int) -> None:
    random = np.random.default_rng(1)
    for name, count in (("t", lines), ("v", 4)):
        rows = [random.choice(WORDS, random.integers(2, 7)) for _ in range(count)]
        for side, change in (("ko", str.lower), ("en", str.upper)):
            text = "".join(change(" ".join(row)) + "\n" for row in rows)
            Path(f"{name}.{side}").write_text(text)


def preprocess(*more: str) -> int:
    texts = ["--train", "t.ko", "t.en", "--valid", "v.ko", "v.en"]
    return nmt(["preprocess", *texts, "--out", "p", "--vocab-size", "40", *more])


def prepared_problem(*allowed: str) -> str | None:
    """The prepared data are whole, and of the allowed options, or they are not there."""
    from nmtcli.data.prepared import PreparedData
    from nmtcli.runs.atomic import restore

    restore(Path("p"))
    if not Path("p").exists():
        return None if "missing" in allowed else "p is missing"
    prepared = PreparedData("p")
    prepared.check()
    found = str(prepared.facts["config"]["data"]["max_words"])
    return None if found in allowed else f"p has max_words {found}"


def _prepare_again() -> None:
    write_corpus(60)
    assert preprocess("--set", "data.max_words=90") == 0


# -- train, average, export ----------------------------------------------------------------------

TRAINING = {"max_steps": 8, "save_every": 2, "keep_checkpoints": 2, "average_last": 2,
            "batch_tokens": 100, "log_every": 2, "max_epochs": 0}  # fmt: skip


def train(**changed) -> int:
    options = {f"training.{name}": value for name, value in (TRAINING | changed).items()}
    options |= {"validation.every": 2}
    settings = [word for name, value in options.items() for word in ("--set", f"{name}={value}")]
    return nmt(["train", "--data", "p", "--run", "r", *settings])


def run_problem() -> str | None:
    """All checkpoints that names stand for are whole, and so is an export that is there."""
    from nmtcli.runs import checkpoints
    from nmtcli.runs.directory import RunDirectory
    from nmtcli.runs.exports import file_sizes, read_description
    from nmtcli.runs.metrics_log import read_metrics

    run = RunDirectory("r")
    if run.facts.exists():
        run.read_facts()
        run.read_config()
    saved = checkpoints.steps(run.checkpoints)
    for name in [f"step-{step}" for step in saved] + checkpoints.averages(run.checkpoints):
        if problem := checkpoints.find_problem(run.checkpoints / name):
            return f"{name} is {problem}"
    if saved:
        for name in ("best", "last"):
            checkpoints.load(run.checkpoints, name, fall_back=False)
        steps = {line["step"] for line in read_metrics(run.metrics) if line["kind"] == "train"}
        newest = checkpoints.load(run.checkpoints, "last")[0]
        if missing := set(range(2, newest + 1, 2)) - steps:
            return f"metrics lack the steps {missing}"
    elif any(run.checkpoints.glob("best")):
        return "best names nothing"
    folder = run.export / "onnx"
    if folder.exists():
        facts = read_description(folder)
        if facts is None or facts["files"] != file_sizes(folder):
            return "the export is damaged"
    return None


def _prepare_train() -> None:
    write_corpus(60)
    assert preprocess() == 0


def _prepare_run() -> None:
    _prepare_train()
    assert train() == 0


def _prepare_average() -> None:
    _prepare_run()
    assert train(keep_checkpoints=4, max_steps=12) == 0
    assert nmt(["average", "--run", "r", "--last", "3"]) == 0


# -- translate -----------------------------------------------------------------------------------


def _prepare_translate() -> None:
    from helpers.fake_engine import make_run

    make_run(Path("r"), beam=2)
    Path(INPUT).write_text("".join(f"{n} {n}\n" for n in range(40)))
    Path(OUTPUT).write_text("old\n")


def translate() -> int:
    import pytest

    from helpers.fake_engine import fake_engine, install

    with pytest.MonkeyPatch.context() as patch:
        install(patch, fake_engine())
        words = ["translate", "--run", "r", "-i", INPUT, "-o", OUTPUT, "--set", "search.window=4"]
        return nmt(words)


def output_problem() -> str | None:
    """The file is the old one, or it has what was translated."""
    whole = Path("../expected.txt")
    text = Path(OUTPUT).read_text()
    if text == "old\n" or not whole.exists() or whole.read_text().startswith(text):
        return None
    return "the output is neither old nor the beginning of the translation"


CASES = {
    "preprocess": Case(
        lambda: write_corpus(60), preprocess, lambda: prepared_problem("missing", "200")
    ),
    "preprocess --force": Case(
        _prepare_again, lambda: preprocess("--force"), lambda: prepared_problem("90", "200")
    ),
    "train": Case(_prepare_train, train, run_problem),
    "train, going on": Case(_prepare_run, lambda: train(max_steps=12), run_problem),
    "average": Case(_prepare_average, lambda: nmt(["average", "--run", "r"]), run_problem),
    "export": Case(
        _prepare_run, lambda: nmt(["export", "--run", "r", "--checkpoint", "last"]), run_problem
    ),
    "translate -o": Case(_prepare_translate, translate, output_problem),
}


def everything() -> dict[str, bytes | str]:
    """The content of all files of the case that are the same each time, and all links."""
    found = {}
    for path in sorted(Path().rglob("*")):
        if any(part in NEVER_THE_SAME for part in path.parts):
            continue
        if path.is_symlink():
            found[str(path)] = str(path.readlink())
        elif path.is_file():
            found[str(path)] = path.read_bytes()
        else:
            found[str(path)] = "folder"
    return found


def leftovers() -> list[str]:
    """Temporary files and folders that nobody has removed."""
    return [str(path) for path in Path().rglob(".*") if path.name.endswith((PARTIAL, ".old"))]


def difference(one: dict, other: dict) -> str | None:
    """Say how two results of `everything` differ."""
    for name in sorted(one.keys() | other.keys()):
        if one.get(name) != other.get(name):
            if name.endswith("metrics.jsonl"):
                return f"{name}: {_lines(one[name])} != {_lines(other.get(name, b''))}"
            return name
    return None


def _lines(content: bytes) -> list:
    return [(line["kind"], line["step"]) for line in map(json.loads, content.splitlines())]
