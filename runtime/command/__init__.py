"""The command line. Modules import click and recon.dsl at the top, everything heavy inside a subcommand."""
