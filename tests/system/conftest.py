"""System tests share one lab per session, and have one project each."""

from lab_fixtures import api, lab, project

__all__ = ["api", "lab", "project"]
