"""Export a trained Transformer to CTranslate2, and compare it with Keras before accepting it.

    export/ctranslate2/{nmt.json, model/...}

The export is stored in float32; it becomes int8 when it is loaded as int8. Neither may be more
than 0.2 BLEU below Keras on the validation text.
"""

from collections.abc import Sequence
from dataclasses import replace

from nmtcli.config import SearchConfig
from nmtcli.decoding.batching import pad
from nmtcli.decoding.search import StepwiseSearch
from nmtcli.engines.load import load_model
from nmtcli.errors import NmtError
from nmtcli.exports.checks import (
    check_possible,
    compare_bleu,
    validation_of,
    versions,
    write_description,
)
from nmtcli.inference.loading import find_tags
from nmtcli.inference.translator import Translator
from nmtcli.runs.atomic import atomic_directory
from nmtcli.runs.directory import RunDirectory
from nmtcli.runs.exports import checkpoint_hash, file_sizes
from nmtcli.text.special_tokens import EOS_ID

PACKAGES = ("ctranslate2",)
COMPARED = 50  # lines whose probabilities are compared
# Of a token's log-probability: here, tokens that no translation may have get no probability.
LARGEST_DIFFERENCE = 1e-2


def export_ctranslate2(run: RunDirectory, checkpoint: str, search: SearchConfig, output) -> dict:
    """Write an export and check it; for arguments see `nmtcli.exports.onnx.export_onnx`.

    Raises:
        UsageError: CTranslate2 does not support the model or an option of the search.
    """
    output = check_possible(
        "an export for CTranslate2", output, PACKAGES, needs_tensorflow=False, run=run
    )
    from nmtcli.engines.ctranslate2_engine import MODEL, CTranslate2Engine
    from nmtcli.engines.keras_engine import KerasEngine
    from nmtcli.exports.ctranslate2_files import check_model, write_model

    search = replace(search, nbest=1)
    check_model(run.read_config().model)
    CTranslate2Engine.check(search)
    step, model = load_model(run, checkpoint, fall_back=False)
    keras = KerasEngine(model)
    subwords = run.load_subwords()
    pieces = [side.tokens(range(side.size)) for side in subwords]
    facts = {
        "format": "ctranslate2",
        "checkpoint": checkpoint,
        "step": step,
        "weights": checkpoint_hash(run, checkpoint),
        "versions": versions(PACKAGES),
    }
    validation = validation_of(run, subwords[0])

    tags = find_tags(run)

    def texts(engine, lines: Sequence[str] = validation.sources) -> list[str]:
        found = Translator(engine, *subwords, search, tags=tags).translate_lines(lines)
        return [translation.text for translation in found]

    with atomic_directory(output, replace=True) as folder:
        write_model(model, *pieces, folder / MODEL)
        engines = {name: CTranslate2Engine(folder, *subwords, name) for name in ("float32", "int8")}
        _check_probabilities(keras, engines["float32"], subwords, search, validation.sources)
        usual = texts(StepwiseSearch(keras)) if validation.references else []
        for name, engine in engines.items():
            facts[name] = compare_bleu(
                validation, name, lambda engine=engine: texts(engine), lambda: usual, "keras"
            )
        if not validation.references:  # the probabilities were compared
            facts["float32"] = {"accepted": True, "lines": COMPARED}
        if not facts["float32"]["accepted"]:
            raise NmtError(f"the export is refused, since {facts['float32']['reason']}")
        facts["files"] = file_sizes(folder)
        write_description(folder, facts)
    return facts


def _check_probabilities(keras, exported, subwords, search, lines) -> None:
    """Check that Keras and the export give translations the same probability.

    Raises:
        NmtError: the probabilities of a translation differ.
    """
    lines = [line for line in lines[:COMPARED] if line.strip()]
    source, target = subwords
    numbers = {piece: number for number, piece in enumerate(target.tokens(range(target.size)))}
    for line, found in zip(lines, Translator(exported, *subwords, search).translate_lines(lines)):
        ids = source.encode(line), [numbers[token] for token in found.tokens[:-1]]
        if len(ids[0]) > search.max_source_pieces:
            continue  # translated in segments
        expected = keras.score(*(pad([[*side, EOS_ID]]) for side in ids)).sum()
        if abs(float(expected) - found.log_prob) > LARGEST_DIFFERENCE * len(found.tokens):
            raise NmtError(
                f"the export gives {found.text!r} a log-probability of {found.log_prob:.3f}, the"
                f" run {expected:.3f}; nothing was written"
            )
