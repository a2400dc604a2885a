"""The commands of the command line: each file parses, makes one call, and prints."""
