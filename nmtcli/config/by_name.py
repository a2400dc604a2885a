"""Options of callers in Python: `beam=8`, or `{"search.beam": 8}` for an option of any section."""

from collections.abc import Mapping
from dataclasses import fields

from nmtcli.config.loading import SECTIONS, nearest
from nmtcli.errors import UsageError


def by_name(
    options: Mapping[str, object],
    settings: Mapping[str, object] | None = None,
    sections: tuple[str, ...] = tuple(SECTIONS),
) -> dict[str, dict[str, object]]:
    """Return options as section -> key -> value, for `config.read_settings`, which checks them.

    Args:
        options: values by the name of the option alone; None means not given.
        settings: values by `section.key`, of any section; `options` replace them.
        sections: the sections that have the options of `options`.

    Raises:
        UsageError: none of the sections has such an option, or several have it.
    """
    found: dict[str, dict[str, object]] = {}
    for name, value in (settings or {}).items():
        section, dot, key = name.partition(".")
        if not dot:
            raise UsageError(f"{name}: write section.key, for example model.cell")
        found.setdefault(section, {})[key] = value
    known = {section: [spec.name for spec in fields(SECTIONS[section])] for section in sections}
    for key, value in options.items():
        having = [section for section in sections if key in known[section]]
        if not having:
            names = [name for keys in known.values() for name in keys]
            raise UsageError(f"unknown option '{key}'{nearest(key, names)}")
        if len(having) > 1:
            full = " and ".join(f"{section}.{key}" for section in having)
            raise UsageError(f"'{key}' may be {full}: set one of them by its full name")
        if value is not None:
            found.setdefault(having[0], {})[key] = value
    return found
