"""The commands: each file parses, makes one call, and prints."""
