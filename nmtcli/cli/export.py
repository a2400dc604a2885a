"""`nmt export`."""


def export() -> None:
    """export"""
