"""Options that name a configuration file and set single options."""

from nmtcli.cli.options import flag, group


@group
class ConfigOptions:
    """The configuration of `nmt preprocess` and `nmt train`."""

    config: str | None = flag(None, "Read options from this YAML file.", "--config", metavar="FILE")
    assignments: list[str] = flag(
        [],
        "Set any option of the configuration, such as model.cell=lstm; can be given several times.",
        "--set",
        metavar="KEY=VALUE",
    )
    dump_config: bool = flag(False, "Print the merged configuration and stop.", "--dump-config")


@group
class SearchFileOptions:
    """Options that change the search options of a trained run by a file and `--set`."""

    config: str | None = flag(
        None, "Read search options from the section search of this YAML file.", "--config",
        metavar="FILE",
    )  # fmt: skip
    assignments: list[str] = flag(
        [],
        "Set any option of the search, such as search.beam=8; can be given several times.",
        "--set",
        metavar="search.KEY=VALUE",
    )
