"""Networks, pretrained weights and the Hub. Imports torch and recon.dsl, never recon.runtime."""

if __name__ != "recon.zoo":
    raise ImportError(f"this package is recon.zoo, not {__name__}: install the project and import recon.zoo")
