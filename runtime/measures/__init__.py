"""How far an estimate is from the truth: one number a row, with every parameter said."""

from .errors import mse, nmse, nrmse, psnr
from .similarity import ssim

__all__ = ["mse", "nmse", "nrmse", "psnr", "ssim"]
