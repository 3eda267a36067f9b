"""nbval as its users type it, on what is committed and on what readers download."""

import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SECTION = "tools/adam.ipynb"  # it prints, draws, and takes seconds


@pytest.mark.slow
@pytest.mark.parametrize("way", ["--nbval", "--nbval-lax"])
@pytest.mark.parametrize("tab", ["pytorch", "tensorflow", "mxnet"])
def test_a_committed_notebook(tab, way, tmp_path):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", way]
    run = subprocess.run(
        [*command, str(NOTEBOOKS / tab / SECTION)], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout
    assert "passed" in run.stdout and "warning" not in run.stdout
