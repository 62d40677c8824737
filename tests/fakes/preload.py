"""Libraries that stand before the C library of a program: sources lie here, gcc builds them, LD_PRELOAD loads them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def built(name: str, folder: Path) -> Path:
    """The library of ``name.c``; the test skips without gcc, which has to be there in CI."""
    compiler = shutil.which("gcc")
    if compiler is None:
        assert not os.environ.get("CI"), "gcc has to be there in CI"
        pytest.skip(f"gcc is not there to build the library {name}")
    library, source = folder / f"{name}.so", Path(__file__).with_name(f"{name}.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source], check=True)
    return library
