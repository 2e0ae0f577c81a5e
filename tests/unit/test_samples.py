"""The sample configurations are what the programs accept, and say the defaults that they claim."""

import dataclasses
from pathlib import Path

import pytest

from headgate_common.config import load
from headgate_controller.config import ControllerConfig
from headgate_hostagent.config import AgentConfig

ROOT = Path(__file__).parents[2]
SAMPLES = {"controller/controller.toml": ControllerConfig, "hostagent/agent.toml": AgentConfig}


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_configuration_is_accepted(sample: str) -> None:
    load(SAMPLES[sample], ROOT / sample, {}, {})


def test_the_controllers_sample_holds_every_default() -> None:
    said = load(ControllerConfig, ROOT / "controller/controller.toml", {}, {})
    assert dataclasses.replace(said, southbound_remote="") == ControllerConfig()
