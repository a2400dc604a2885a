"""Where the time of translation goes, and how far it is from the time of its products alone.

    python benchmarks/translation_profile.py RUN ... [--data DIR] [--shortlist]

The 1,000 sentences of Multi30k's test2016 are translated by each run's export in ONNX Runtime, beam
5, in one thread, with the runtime's own profiler. The bound is the time that all products would
take at the speed of one large product of the same precision, in the same library, in one thread.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from multi30k import TOKENISED
from onnx import helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from nmtcli.decoding.search import StepwiseSearch
from nmtcli.engines.onnx_engine import CPU, OnnxEngine
from nmtcli.inference.translator import Translator
from nmtcli.runs.directory import RunDirectory
from nmtcli.text.subwords import Subwords

LARGE = 2048  # rows and columns of the large product
KINDS = {
    "products": {
        "Gemm", "MatMul", "FusedMatMul", "DynamicQuantizeMatMul", "MatMulIntegerToFloat",
        "DynamicQuantizeLinear", "MatMulInteger",
    },
    "softmax and best of V": {"LogSoftmax", "TopK"},
    "attention's softmax": {"Softmax"},
    "arrays moved": {
        "Concat", "Gather", "GatherElements", "Transpose", "Reshape", "Slice", "Split", "Expand",
        "Squeeze", "Unsqueeze", "Identity", "Shape",
    },
}  # fmt: skip
OTHER, BETWEEN, PYTHON = "other operations", "between operations", "search and text, in Python"


class ProfiledEngine(OnnxEngine):
    """An engine whose sessions write down what they do, and whose runs are timed."""

    def __init__(self, *arguments, folder_of_profiles: str):
        super().__init__(*arguments)
        self.sessions, self.seconds, self._profiles = [], 0.0, folder_of_profiles

    def _session(self, name: str):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.enable_profiling = True
        options.profile_file_prefix = f"{self._profiles}/{name}"
        path = self.folder / self.precision / f"{name}.onnx"
        session = onnxruntime.InferenceSession(str(path), options, providers=CPU)
        run = session.run_with_ort_values

        def timed(*arguments):
            begun = time.perf_counter()
            try:
                return run(*arguments)
            finally:
                self.seconds += time.perf_counter() - begun

        session.run_with_ort_values = timed
        self.sessions.append(session)
        return session


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/multi30k"))
    parser.add_argument("--shortlist", action="store_true", help="the export's shortlist too")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"{options.data}: no such folder; give the Multi30k folder with --data")
    path = options.data / TOKENISED[0].format(split="test_2016_flickr", side="en")
    lines = path.read_text(encoding="utf-8").splitlines()
    speeds = {precision: product_speed(precision) for precision in ("float32", "int8")}
    for run in options.runs:
        for precision, speed in speeds.items():
            for shortlist in (False, True) if options.shortlist else (False,):
                report(RunDirectory(run), precision, shortlist, lines, speed)


def product_speed(precision: str) -> float:
    """Operations a second of one large product in one thread."""
    weights = np.random.default_rng(1).normal(size=(LARGE, LARGE)).astype(np.float32)
    shape = [LARGE, LARGE]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "product.onnx")
        onnx.save(model, path)
        if precision == "int8":
            quantize_dynamic(path, path, per_channel=True, weight_type=QuantType.QInt8)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(path), options, providers=CPU)
    seconds = []
    for _ in range(8):
        begun = time.perf_counter()
        session.run(None, {"x": weights})
        seconds.append(time.perf_counter() - begun)
    return 2 * LARGE**3 / statistics.median(seconds)


def report(run: RunDirectory, precision: str, shortlist: bool, lines: list[str], speed: float):
    subwords = Subwords(run.source_subwords), Subwords(run.target_subwords)
    search = replace(run.read_config().search, beam=5, nbest=1)
    with tempfile.TemporaryDirectory() as folder:
        arguments = run.export / "onnx", precision, 1, shortlist
        engine = ProfiledEngine(*arguments, folder_of_profiles=folder)
        translator = Translator(StepwiseSearch(engine), *subwords, search)
        begun = time.perf_counter()
        found = list(translator.translate_lines(lines))
        whole = time.perf_counter() - begun
        events = [
            event
            for session in engine.sessions
            for event in json.loads(Path(session.end_profiling()).read_text())
        ]
    pieces = sum(len(translation.nbest[0].tokens) for translation in found)
    seconds, operations = count(events)
    seconds[BETWEEN] = engine.seconds - sum(seconds.values())
    seconds[PYTHON] = whole - engine.seconds
    bound = operations / speed
    title = f"{precision}{' with its shortlist' if shortlist else ''}"
    print(f"{run.path.name}, {title}: {len(lines):,} sentences in {whole:.2f} s,", end=" ")
    print(f"{pieces / whole:,.0f} pieces/s, one thread")
    for kind, part in seconds.most_common():
        print(f"  {kind:<28}{part:7.2f} s {part / whole:6.1%}")
    print(f"  {operations / 1e9:,.0f} G operations in products:", end=" ")
    print(f"{operations / seconds['products'] / 1e9:.0f} G/s; one large product {speed / 1e9:.0f}")
    print(f"  bound {bound:.2f} s; all takes {whole / bound:.1f} times as long", flush=True)


def count(events) -> tuple[Counter, float]:
    """Seconds by kind of operation, and the operations of all products."""
    seconds, operations = Counter(), 0.0
    kinds = {name: kind for kind, names in KINDS.items() for name in names}
    for event in events:
        if event.get("cat") != "Node" or not event["name"].endswith("_kernel_time"):
            continue
        facts = event["args"]
        kind = kinds.get(facts["op_name"], OTHER)
        if facts["op_name"] == "Loop":  # its nodes are listed too
            continue
        seconds[kind] += event["dur"] / 1e6
        if kind == "products" and facts["op_name"] != "DynamicQuantizeLinear":
            first, made = (next(iter(facts[key][0].values())) for key in SHAPES)
            operations += 2.0 * np.prod(made) * first[-1]
    return seconds, operations


SHAPES = "input_type_shape", "output_type_shape"

if __name__ == "__main__":
    main()
