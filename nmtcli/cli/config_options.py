"""Options that name a configuration file and set single options."""

from nmtcli.cli.options import flag, group, switch


@group
class ConfigOptions:
    """The configuration of `nmt preprocess` and `nmt train`."""

    config: str | None = flag("Read options from this YAML file.", metavar="FILE")
    assignments: list[str] = flag(
        "Set any option of the configuration, such as model.cell=lstm; can be given several times.",
        "--set",
        default=[],
        metavar="KEY=VALUE",
    )
    dump_config: bool = switch("Print the merged configuration and stop.")


@group
class SearchFileOptions:
    """Options that change the search options of a trained run by a file and `--set`."""

    config: str | None = flag(
        "Read search options from the section search of this YAML file.", metavar="FILE"
    )
    assignments: list[str] = flag(
        "Set any option of the search, such as search.beam=8; can be given several times.",
        "--set",
        default=[],
        metavar="search.KEY=VALUE",
    )
