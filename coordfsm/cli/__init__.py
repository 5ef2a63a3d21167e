"""The command line: one file per command, see `coordfsm.cli.main` for what a command file exposes."""
