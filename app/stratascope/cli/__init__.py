"""The command line: parse arguments, print."""
