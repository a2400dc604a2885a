"""CTranslate2 by itself: lines on stdin, translations on stdout.

    python ctranslate2_translate.py RUN float32|int8 < in.txt

RUN is a run with an export for CTranslate2; nothing of nmtcli is imported.
"""

import os
import sys
from pathlib import Path

import ctranslate2
import sentencepiece


def main() -> None:
    run, precision = Path(sys.argv[1]), sys.argv[2]
    source, target = (
        sentencepiece.SentencePieceProcessor(model_file=str(run / f"subwords.{side}.model"))
        for side in ("source", "target")
    )
    translator = ctranslate2.Translator(
        str(run / "export" / "ctranslate2" / "model"), compute_type=precision,
        inter_threads=len(os.sched_getaffinity(0)), intra_threads=1,
    )  # fmt: skip
    lines = sys.stdin.read().splitlines()
    results = translator.translate_batch(
        source.encode(lines, out_type=str), beam_size=5, max_batch_size=32, length_penalty=1.0
    )
    for result in results:
        print(target.decode(result.hypotheses[0]))


if __name__ == "__main__":
    main()
