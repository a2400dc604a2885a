"""Export a trained run to ONNX Runtime, and compare it with Keras before accepting it.

    export/onnx/{nmt.json, float32/{encode,step,forced,...}.onnx, float32/weights.bin, int8/...,
                 shortlist/pieces.npz}

float32 must translate as Keras does. int8, and float32 with the shortlist, may not be more than
0.2 BLEU below float32 on the validation text; otherwise their files are not kept, and `nmt.json`
says why. If int8 loses more, it is tried again with the encoder, which runs only once, in float32.
"""

import functools
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nmtcli import backend
from nmtcli.config import SearchConfig
from nmtcli.data.shortlist import load_shortlist
from nmtcli.decoding.engine import Engine
from nmtcli.decoding.search import StepwiseSearch
from nmtcli.engines.load import load_model
from nmtcli.errors import NmtError
from nmtcli.exports.checks import (
    TOLERANCE,
    Validation,
    check_possible,
    compare_bleu,
    validation_of,
    versions,
    write_description,
)
from nmtcli.inference.loading import find_tags
from nmtcli.inference.results import Translation
from nmtcli.inference.translator import Translator
from nmtcli.runs.atomic import atomic_directory
from nmtcli.runs.directory import RunDirectory
from nmtcli.runs.exports import GRAPHS, SHORTLIST, checkpoint_hash, file_sizes
from nmtcli.text.subwords import Subwords
from nmtcli.text.tags import SourceTags

PACKAGES = ("onnx", "onnxruntime", "tf2onnx")
COMPARED = 200  # how many lines both engines translate
PRECISE = ((), ("encode",))  # graphs that stay in float32; the first good choice is kept
NO_SHORTLIST = "the run has none: nmt preprocess learns it, and nmt train copies it"


def check_onnx(output, run: RunDirectory | None = None) -> Path:
    """Check that an export for ONNX Runtime can be made; see `nmtcli.exports.checks`."""
    return check_possible("an export for ONNX Runtime", output, PACKAGES, run=run)


def export_onnx(run: RunDirectory, checkpoint: str, search: SearchConfig, output) -> dict:
    """Write an export and check it; an older one at `output` stays until the new one is complete.

    Args:
        run: a trained run.
        checkpoint: `best`, `last` or `step-N`.
        search: the options of the search that checks the export.
        output: the folder to make, or an older export.

    Returns:
        the content of `nmt.json` in the folder.

    Raises:
        UsageError: not on TensorFlow, a package is missing, or `output` is something else.
        NmtError: the checkpoint is damaged, or the export could not be written, or it translates
            differently from the run.
    """
    output = check_onnx(output, run)
    from nmtcli.engines.keras_engine import KerasEngine
    from nmtcli.engines.onnx_engine import OnnxEngine
    from nmtcli.exports.onnx_files import write_float32
    from nmtcli.exports.onnx_graphs import build_graphs, count_parts

    step, model = load_model(run, checkpoint, fall_back=False)
    keras = KerasEngine(model)
    if has_shortlist := run.shortlist.exists():  # checked before the work
        load_shortlist(run.shortlist, model.source_vocabulary_size, model.target_vocabulary_size)
    with backend.quiet_stderr():
        graphs = build_graphs(model, has_shortlist)
    facts = {
        "format": "onnx",
        "graphs": GRAPHS,
        "checkpoint": checkpoint,
        "step": step,
        "weights": checkpoint_hash(run, checkpoint),
        "vocabulary": keras.vocabulary_size,
        "source_vocabulary": model.source_vocabulary_size,
        "has_attention": keras.has_attention,
        "has_window": keras.has_window,
        "parts": {name: count_parts(graphs["encode"], name) for name in ("source", "decoder")},
        "opset": graphs["encode"].opset_import[0].version,
        "versions": versions(PACKAGES),
    }
    subwords = run.load_subwords()
    search = replace(search, nbest=1, sample=False)
    validation = validation_of(run, subwords[0])
    with atomic_directory(output, replace=True) as folder:
        write_description(folder, facts)
        write_float32(graphs, folder / "float32")
        check = _Check(subwords, search, validation, OnnxEngine(folder), find_tags(run))
        facts["float32"] = check.compare_with(keras)
        facts["int8"] = _write_good_int8(model, list(graphs), folder, check)
        facts["shortlist"] = _copy_good_shortlist(run.shortlist, folder, check)
        facts["files"] = file_sizes(folder)
        write_description(folder, facts)
    return facts


@dataclass
class _Check:
    """Translates the validation text with an export that was written.

    subwords: the subwords of source and target.
    search: the options of the search.
    validation: the result of `validation_of`.
    float32: the engine of the export in float32.
    tags: the tags of the run.
    """

    subwords: Sequence[Subwords]
    search: SearchConfig
    validation: Validation
    float32: Engine
    tags: SourceTags

    def compare_with(self, keras) -> dict:
        """Check that the export in float32 translates as Keras does.

        Raises:
            NmtError: it does not.
        """
        every = max(1, len(self.validation.sources) // COMPARED)
        lines = self.validation.sources[::every][:COMPARED]
        pairs = zip(self._translate(keras, lines), self._translate(self.float32, lines))
        for line, (one, other) in zip(lines, pairs):
            if one.text != other.text and abs(one.score - other.score) > TOLERANCE:
                raise NmtError(
                    f"the export translates {line!r} as {other.text!r}, the run as {one.text!r};"
                    " nothing was written"
                )
        return {"accepted": True, "lines": len(lines)}

    def bleu(self, name: str, engine) -> dict:
        """Compare the BLEU of an engine with the BLEU of float32; see `compare_bleu`."""
        return compare_bleu(
            self.validation, name, lambda: self._texts(engine), lambda: self._float32_texts
        )

    @functools.cached_property
    def _float32_texts(self) -> list[str]:
        return self._texts(self.float32)

    def _texts(self, engine) -> list[str]:
        return [found.text for found in self._translate(engine, self.validation.sources)]

    def _translate(self, engine, lines: Sequence[str]) -> list[Translation]:
        translator = Translator(StepwiseSearch(engine), *self.subwords, self.search, tags=self.tags)
        return list(translator.translate_lines(lines))


def _write_good_int8(model, names: list[str], folder: Path, check: _Check) -> dict:
    """Write int8 and keep it if it is good enough; return its entry in `nmt.json`."""
    from nmtcli.engines.onnx_engine import OnnxEngine
    from nmtcli.exports.onnx_files import write_int8

    output_layer = [np.array(x) for x in model.output_layer()]
    for precise in PRECISE:
        with backend.quiet_stderr():
            write_int8(names, folder / "float32", folder / "int8", output_layer, precise)
        found = check.bleu("int8", OnnxEngine(folder, "int8")) | {"in_float32": list(precise)}
        if found["accepted"]:
            break
        shutil.rmtree(folder / "int8")
        if not check.validation.references:
            break
    return found


def _copy_good_shortlist(shortlist: Path, folder: Path, check: _Check) -> dict:
    """Copy the shortlist and keep it if it is good enough; return its entry in `nmt.json`."""
    from nmtcli.engines.onnx_engine import OnnxEngine

    if not shortlist.exists():
        return {"accepted": False, "reason": NO_SHORTLIST}
    place = folder / SHORTLIST
    place.parent.mkdir()
    shutil.copyfile(shortlist, place)
    found = check.bleu("shortlist", OnnxEngine(folder, has_shortlist=True))
    if not found["accepted"]:
        shutil.rmtree(place.parent)
    return found
