"""The meaning of the words as PyTorch programs, and everything that runs them."""

if __name__ != "recon.runtime":
    raise ImportError(f"this package is recon.runtime, not {__name__}: install the project and import recon.runtime")
