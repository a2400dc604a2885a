"""A trained run for ONNX Runtime: written, compared with Keras, and only then accepted.

    export/onnx/{nmt.json, float32/{encode,step,forced,...}.onnx, float32/weights.bin, int8/...,
                 shortlist/pieces.npz}

float32 must translate as Keras does. int8, and float32 with the shortlist, must not be more than
0.2 BLEU below float32 on the validation text; else their files are not kept, and why is written
down. Where int8 loses more, the encoder, which runs but once, is left in float32 before it is given
up.
"""

import functools
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nmtcli import backend
from nmtcli.config import SearchConfig
from nmtcli.decoding.search import StepwiseSearch
from nmtcli.engines.load import load_model
from nmtcli.errors import NmtError
from nmtcli.exports.checks import (
    Validation,
    compare_bleu,
    require_packages,
    validation_of,
    versions,
)
from nmtcli.inference.results import Translation
from nmtcli.inference.translator import Translator
from nmtcli.runs.atomic import whole_folder
from nmtcli.runs.directory import RunDirectory
from nmtcli.runs.exports import (
    DESCRIPTION,
    GRAPHS,
    SHORTLIST,
    check_place,
    checkpoint_hash,
    file_sizes,
    require_tensorflow,
)
from nmtcli.text.subwords import load_sides

PACKAGES = ("onnx", "onnxruntime", "tf2onnx")
COMPARED = 200  # lines that both engines translate
# Programs that add in another order may choose differently between equals: that changes a text now
# and then, but no score by more than this.
TOLERANCE = 1e-3
PRECISE = ((), ("encode",))  # graphs that stay in float32, of which the first that is good is kept
NO_SHORTLIST = "the run has none: nmt preprocess learns it, and nmt train copies it"


def export_onnx(
    run: RunDirectory,
    checkpoint: str,
    search: SearchConfig,
    output,
) -> dict:
    """Write an export and check it; an older one at `output` stays until the new one is whole.

    Args:
        run: a trained run.
        checkpoint: `best`, `last` or `step-N`.
        search: what the export is checked with.
        output: the folder to make, or an older export.

    Returns:
        what `nmt.json` in the folder says.

    Raises:
        UsageError: not on TensorFlow, a package is missing, or `output` is something else.
        NmtError: the checkpoint is damaged, or the export could not be written, or translates
            otherwise than the run does.
    """
    require_tensorflow("an export for ONNX Runtime")
    require_packages("the export", PACKAGES)
    output = Path(output)
    check_place(output)
    from nmtcli.engines.keras_engine import KerasEngine
    from nmtcli.engines.onnx_engine import OnnxEngine
    from nmtcli.exports.onnx_files import write_float32, write_int8
    from nmtcli.exports.onnx_graphs import build_graphs, count_parts

    step, model = load_model(run, checkpoint, fall_back=False)
    engine = KerasEngine(model)
    with backend.quiet_stderr():
        graphs = build_graphs(model, run.shortlist.exists())
    facts = {
        "format": "onnx",
        "graphs": GRAPHS,
        "checkpoint": checkpoint,
        "step": step,
        "weights": checkpoint_hash(run, checkpoint),
        "vocabulary": engine.vocabulary_size,
        "source_vocabulary": model.sizes.source_vocabulary,
        "has_attention": engine.has_attention,
        "has_window": engine.has_window,
        "parts": {name: count_parts(graphs["encode"], name) for name in ("source", "decoder")},
        "opset": graphs["encode"].opset_import[0].version,
        "versions": versions(PACKAGES),
    }
    subwords = load_sides(run.source_subwords, run.target_subwords)
    search = replace(search, nbest=1, sample=False)

    def translate(engine, lines: Sequence[str]) -> list[Translation]:
        translator = Translator(StepwiseSearch(engine), *subwords, search)
        return list(translator.translate_lines(lines))

    def texts(engine) -> list[str]:
        return [found.text for found in translate(engine, validation.sources)]

    @functools.cache
    def usual() -> list[str]:
        return texts(float32)

    validation = validation_of(run, subwords[0])
    with whole_folder(output, replace=True) as folder:
        _describe(folder, facts)
        write_float32(graphs, folder / "float32")
        float32 = OnnxEngine(folder)
        facts["float32"] = _check_float32(engine, float32, validation, translate)
        output_layer = [np.array(x) for x in model.output_layer()]
        for precise in PRECISE:
            with backend.quiet_stderr():
                arguments = list(graphs), folder / "float32", folder / "int8", output_layer
                write_int8(*arguments, precise)
            int8 = OnnxEngine(folder, "int8")
            found = compare_bleu(validation, "int8", lambda engine=int8: texts(engine), usual)
            facts["int8"] = {**found, "in_float32": list(precise)}
            if found["accepted"]:
                break
            shutil.rmtree(folder / "int8")
            if not validation.references:
                break
        facts["shortlist"] = {"accepted": False, "reason": NO_SHORTLIST}
        if run.shortlist.exists():
            (folder / SHORTLIST).parent.mkdir()
            shutil.copyfile(run.shortlist, folder / SHORTLIST)
            short = OnnxEngine(folder, has_shortlist=True)
            facts["shortlist"] = compare_bleu(validation, "shortlist", lambda: texts(short), usual)
            if not facts["shortlist"]["accepted"]:
                shutil.rmtree((folder / SHORTLIST).parent)
        facts["files"] = file_sizes(folder)
        _describe(folder, facts)
    return facts


def _check_float32(keras, exported, validation: Validation, translate) -> dict:
    """
    Raises:
        NmtError: the export translates otherwise than Keras.
    """
    every = max(1, len(validation.sources) // COMPARED)
    lines = validation.sources[::every][:COMPARED]
    for line, one, other in zip(lines, translate(keras, lines), translate(exported, lines)):
        if one.text != other.text and abs(one.score - other.score) > TOLERANCE:
            raise NmtError(
                f"the export translates {line!r} as {other.text!r}, the run as {one.text!r};"
                " nothing was written"
            )
    return {"accepted": True, "lines": len(lines)}


def _describe(folder: Path, facts: dict) -> None:
    (folder / DESCRIPTION).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
