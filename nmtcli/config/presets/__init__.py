"""Settings of the papers and of usual sizes, under a name: the YAML files in `presets/`."""

from pathlib import Path

from nmtcli.errors import UsageError

FOLDER = Path(__file__).parent


def preset_names() -> list[str]:
    """The names there are, in order."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def preset_values(name: str) -> dict:
    """What a preset sets, as of `config.load_values`.

    Raises:
        UsageError: there is no such preset; the nearest one is named.
    """
    import difflib

    from nmtcli import config

    names = preset_names()
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"did you mean '{close[0]}'?" if close else f"there are {', '.join(names)}"
        raise UsageError(f"--preset {name}: no such preset; {hint}")
    return config.load_values(FOLDER / f"{name}.yaml")
