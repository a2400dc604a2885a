"""Read the folder of an export without the packages that run it."""

import hashlib
from pathlib import Path

from nmtcli.runs import checkpoints
from nmtcli.runs.shape import misfit

DESCRIPTION = "nmt.json"
SHORTLIST = "shortlist/pieces.npz"
# All that an export has at its top: of ONNX Runtime, of CTranslate2, and of TensorFlow.
PARTS = {DESCRIPTION, "float32", "int8", "shortlist", "model"}
PARTS |= {"saved_model.pb", "fingerprint.pb", "variables", "assets", "assets.extra"}
_CHECK = {"accepted": bool, "reason": str, "bleu": {...: float}}
SHAPE = {  # of `nmt.json`
    "step": int, "files": {...: int}, "float32": _CHECK, "int8": _CHECK, "shortlist": _CHECK,
}  # fmt: skip
GRAPHS = 2  # what the graphs for ONNX Runtime take and give; other numbers cannot be run


def checkpoint_hash(run, name: str) -> str | None:
    """A hash that identifies a checkpoint's weights; None if there is no such checkpoint."""
    target = checkpoints.target(run.checkpoints, name)
    if target is None:
        return None
    manifest = Path(run.checkpoints, target, "manifest.json")
    try:
        return hashlib.sha256(manifest.read_bytes()).hexdigest()
    except OSError:
        return None


def read_description(folder: Path) -> dict | None:
    """What `nmt.json` says; None where there is none or it is damaged."""
    facts = checkpoints.read_json(folder / DESCRIPTION)
    if misfit(facts, SHAPE, ("step", "files", "float32", "int8")):
        return None
    for name in ("float32", "int8", "shortlist"):
        found = facts.get(name)
        if name in facts and (misfit(found, _CHECK, ("accepted",)) or not _is_whole(name, found)):
            return None
    return facts


def _is_whole(name: str, found: dict) -> bool:
    """Whether a check has what is said of it."""
    if not found["accepted"]:
        return bool(found.get("reason"))
    bleu = found.get("bleu")
    return bleu.get(name) is not None if bleu else name != "shortlist"


def file_sizes(folder: Path) -> dict[str, int]:
    """Bytes of each file in the folders of an export, by its path in it."""
    files = sorted(path for path in folder.glob("*/*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def describe_checks(facts: dict) -> str:
    """One line that says what an export is and how it was checked, from its `nmt.json`."""
    sizes = facts.get("files", {})
    described = []
    for name in ("float32", "int8"):
        found = facts[name]
        if not found["accepted"]:
            described.append(f"no {name}, since {found['reason']}")
            continue
        own = sum(size for path, size in sizes.items() if path.startswith(f"{name}/"))
        kept = " with its encoder in float32" if found.get("in_float32") else ""
        text = f"{name}{kept}, {(own or sum(sizes.values())) / 1e6:.1f} MB"
        if bleu := found.get("bleu"):
            others = ", ".join(f"{other} {bleu[other] or 0:.2f}" for other in bleu if other != name)
            text += f", BLEU {bleu[name]:.2f} ({others}) on the validation text"
        else:
            text += ", as in Keras"
        described.append(text)
    if "shortlist" in facts:
        described.append(_describe_shortlist(facts["shortlist"]))
    return "; ".join(described)


def _describe_shortlist(found: dict) -> str:
    if not found["accepted"]:
        return f"no shortlist, since {found['reason']}"
    return f"with its shortlist BLEU {found['bleu']['shortlist']:.2f}"
