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
    from nmtcli.config.loading import nearest, read_yaml

    names = preset_names()
    if name not in names:
        raise UsageError(f"preset {name}: there is no such preset{nearest(name, names)}")
    return read_yaml(FOLDER / f"{name}.yaml")
