"""Presets: named settings of papers and of usual sizes, in the YAML files of this folder."""

from pathlib import Path

from nmtcli.errors import UsageError

FOLDER = Path(__file__).parent


def preset_names() -> list[str]:
    """Return the names of all presets in order."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def preset_values(name: str) -> dict:
    """Return the settings of a preset, section -> key -> value.

    Raises:
        UsageError: there is no such preset; the nearest one is named.
    """
    import difflib

    from nmtcli.config.loading import read_yaml

    names = preset_names()
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"did you mean '{close[0]}'?" if close else f"there are {', '.join(names)}"
        raise UsageError(f"preset {name}: there is no such preset; {hint}")
    return read_yaml(FOLDER / f"{name}.yaml")
