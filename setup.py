"""Maps the folders dsl, zoo and runtime to recon.dsl, recon.zoo and recon.runtime, subpackages included."""

from setuptools import find_packages, setup

ROOMS = ("dsl", "zoo", "runtime")
packages = ["recon." + name for room in ROOMS for name in [room, *(f"{room}.{p}" for p in find_packages(room))]]
setup(packages=packages, package_dir={f"recon.{room}": room for room in ROOMS})
