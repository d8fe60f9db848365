"""The language: text in, a checked experiment out. Imports neither torch nor the other packages."""

if __name__ != "recon.dsl":
    raise ImportError(f"this package is recon.dsl, not {__name__}: install the project and import recon.dsl")
