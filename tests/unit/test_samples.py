"""What is installed beside the programs: sample configurations are accepted and say the defaults, units are kept up."""

import dataclasses
from configparser import ConfigParser
from pathlib import Path

import pytest

from headgate_common.config import load
from headgate_controller.config import ControllerConfig
from headgate_hostagent.config import AgentConfig

ROOT = Path(__file__).parents[2]
SAMPLES = {"controller/controller.toml": ControllerConfig, "hostagent/agent.toml": AgentConfig}

UNITS = ("controller/headgate-controller.service", "hostagent/headgate-agent.service")


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_configuration_is_accepted(sample: str) -> None:
    load(SAMPLES[sample], ROOT / sample, {}, {})


def test_the_controllers_sample_holds_every_default() -> None:
    said = load(ControllerConfig, ROOT / "controller/controller.toml", {}, {})
    assert dataclasses.replace(said, southbound_remote="") == ControllerConfig()


@pytest.mark.parametrize("unit", UNITS)
def test_a_program_that_cannot_start_is_started_again_for_as_long_as_it_takes(unit: str) -> None:
    told = ConfigParser()
    told.read(ROOT / unit)
    assert told["Service"]["Restart"] in ("on-failure", "always")
    assert told["Unit"]["StartLimitIntervalSec"] == "0"
