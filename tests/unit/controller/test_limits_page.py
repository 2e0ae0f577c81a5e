"""The page about limits tells the bounds that the controller has."""

from pathlib import Path

import pytest

from headgate_common import ovsdb, ovsdb_framing
from headgate_controller import rpc_guard, serving, traffic
from headgate_controller.api import intent_service, plan_sessions, resources
from headgate_controller.hosts import comings, facts, links
from headgate_controller.store import state_content, states, writer
from headgate_controller.web import connections, server
from headgate_controller.web import states as web_states

DOCS = Path(__file__).parents[3] / "docs"
LIMITS = (DOCS / "reference/limits.md").read_text()
HOSTS = (DOCS / "guide/hosts.md").read_text()
MIB, KIB = 1024 * 1024, 1024


def of_method(name: str) -> int:
    return next(most for path, most in traffic.MOST_OF_METHOD.items() if path.endswith(f"/{name}"))


def largest(name: str) -> int:
    return next(most for path, most in rpc_guard.LARGEST_OF_METHOD.items() if path.endswith(f"/{name}")) // MIB


CALLS = [
    f"| {traffic.MOST_OF_ONE} calls under way | one caller |",
    f"{of_method('Watch')} `Watch`, {of_method('PlanSession')} `PlanSession`, {of_method('Trace')} `Trace`, ",
    f"{of_method('Backup')} `Backup`, {of_method('Restore')} `Restore` under way",
    f"{traffic.MOST_OF_MACHINE} calls under way without a token (health, enrolment), {traffic.MOST_OF_MACHINES} from",
    f"| {traffic.MOST_CALLS:,} calls under way | all callers |",
    f"| {traffic.MOST_BYTES // MIB} MiB of requests",
    f"{traffic.MOST_READ} requests read at a time, {traffic.MOST_LISTED} lists made at a time",
    f"| {2 * traffic.MOST_OF_ONE:,} streams | one connection",
    f"{rpc_guard.LARGEST_REQUEST // MIB} MiB; of `Batch` {largest('Batch')} MiB, of a message of `Restore` ",
    f"of `Restore` {largest('Restore')} MiB |",
    f"| {serving.LARGEST_ANSWER // MIB} MiB | one answer |",
    f"| {writer.MOST_WAITING:,} changes | those that wait",
    f"| {rpc_guard.STALLED_SECONDS:g} seconds | for which a client reads nothing of its stream",
]
BY_HTTP = [
    f"| {connections.MOST_OF_MACHINE} connections, {connections.MOST_CONNECTIONS} in all |",
    f"| {server.LONGEST_HEAD // KIB} KiB | the head",
    f"{state_content.LARGEST_STATE // MIB} MiB of a state, {web_states.LARGEST_LOCK // KIB} KiB of a lock",
    f"{connections.HEAD_SECONDS:g} seconds; {connections.BODY_SECONDS:g} seconds | for the head",
    f"| {connections.STALLED_SECONDS:g} seconds | for which a client reads nothing of its answer",
    f"| the last {states.VERSIONS_KEPT}, of",
]
REQUESTS = [
    f"| {intent_service.MOST_MUTATIONS:,} mutations | a `Batch` |",
    f"| {resources.LARGEST_PAGE:,} resources, {resources.DEFAULT_PAGE:,} unless asked for more |",
    f"| {resources.LONGEST_REQUEST_ID} characters | a `request_id`",
    f"{plan_sessions.MOST_OF_SESSION // MIB} MiB of steps, {plan_sessions.IDLE_SECONDS / 60:g} minutes of silence",
    f"{plan_sessions.MOST_SESSIONS} sessions, {plan_sessions.MOST_RESOURCES:,} resources, ",
    f"{plan_sessions.MOST_BYTES // MIB} MiB of steps | all `PlanSession`s",
    f"have {ovsdb_framing.LARGEST_MESSAGE // MIB} MiB, and they may leave {ovsdb.MOST_UNREAD // MIB} MiB of answers",
]
OF_HOSTS = [
    f"| streams at a time | {links.MOST_STREAMS};",
    f"| {facts.CHANGES} at once, then one in {facts.CHANGE_SECONDS:g} s;",
    f"| {comings.LINES}, then one in a minute",
]


@pytest.mark.parametrize("words", [*CALLS, *BY_HTTP, *REQUESTS])
def test_the_page_about_limits_tells_the_bounds_that_there_are(words: str) -> None:
    assert words in LIMITS


@pytest.mark.parametrize("words", OF_HOSTS)
def test_the_page_about_hosts_tells_the_bounds_that_there_are(words: str) -> None:
    assert words in HOSTS
