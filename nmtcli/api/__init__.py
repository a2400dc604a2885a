"""The use cases of the commands as functions for Python; `nmtcli` has them under its own name."""
