"""How far an estimate is from the truth: one number a row, with every parameter said."""

from .errors import mse, nmse, nrmse, psnr
from .fidelity import vif
from .similarity import Comparison, ms_ssim, ssim

__all__ = ["Comparison", "ms_ssim", "mse", "nmse", "nrmse", "psnr", "ssim", "vif"]
