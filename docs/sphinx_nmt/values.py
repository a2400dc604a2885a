"""Texts and values of declarations as Markdown."""

import re

SPECIAL = re.compile(r"[\\`*_<\[\]|]")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def plain(text: str) -> str:
    """Escape a text that is no Markdown, and mark the options that it names as code."""
    return OPTION.sub(r"`\g<0>`", SPECIAL.sub(r"\\\g<0>", text))


def value_text(value) -> str:
    """Write a value as in a configuration file."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ", ".join(map(value_text, value)) or "[]"
    return str(value)


def limits_text(minimum, maximum, unit: str = "") -> str:
    """Write the limits of a number, such as `at least 1 token`; empty without limits."""
    if minimum is not None and maximum is not None:
        text = f"From {minimum} to {maximum}"
    elif minimum is not None:
        text = f"At least {minimum}"
    elif maximum is not None:
        text = f"At most {maximum}"
    else:
        return ""
    return f"{text} {unit}".strip()
