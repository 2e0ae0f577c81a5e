"""The guide to the command line, followed to the letter."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from controller_site import Controller, environment

from api import Api

GUIDE = Path(__file__).parents[3] / "docs/guide/cli.md"
FILE = re.compile(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", re.DOTALL)
BLOCK = re.compile(r"^```sh\n(.*?)```", re.DOTALL | re.MULTILINE)


@pytest.fixture
def variables(shared_controller: Controller, project: str) -> dict[str, str]:
    own = environment()
    scripts = str(Path(sys.executable).parent)
    return own | {
        "PATH": f"{scripts}:{own['PATH']}",
        "HEADGATE_ENDPOINTS": shared_controller.api,
        "HEADGATE_PROJECT": project,
    }


def test_every_block_of_the_guide_works_in_order(
    variables: dict[str, str], api: Api, project: str, tmp_path: Path
) -> None:
    text = GUIDE.read_text()
    for name, content in FILE.findall(text):
        (tmp_path / name).write_text(content)
    blocks = BLOCK.findall(text)
    assert len(blocks) >= 5
    for block in blocks:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=tmp_path,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    assert list(api.names(f"projects/{project}/")) == []
