"""The options, a file for each part of the configuration; `nmtcli.config` reads them."""
