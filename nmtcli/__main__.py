"""`python -m nmtcli` is `nmt`."""

from nmtcli.cli.main import main

if __name__ == "__main__":
    main()
