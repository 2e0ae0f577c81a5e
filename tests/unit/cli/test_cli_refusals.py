"""How a failed call reads."""

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2

from headgate_cli.api import connect
from headgate_cli.connection import Connection
from headgate_cli.errors import CliError, NotFoundError, Status
from headgate_cli.refusals import RefusedError, is_unanswered, read_refusal, unreachable


class Failure(grpc.RpcError):
    """A failed call, as gRPC hands it out."""

    def __init__(self, code: grpc.StatusCode, details: str, *parts: object) -> None:
        super().__init__(details)
        self._code, self._details = code, details
        status = status_pb2.Status(message=details)
        for part in parts:
            packed = AnyMessage()
            packed.Pack(part)  # type: ignore[arg-type]
            status.details.append(packed)
        self._trailing = (("grpc-status-details-bin", status.SerializeToString()),) if parts else ()

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> object:
        return self._trailing


def test_every_fault_has_a_line_with_field_words_and_reason() -> None:
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field="subnet.cidr", description="Host bits are set.", reason="HOST_BITS")
    bad.field_violations.add(field="subnet_id", description="No upper case.", reason="BAD_NAME")
    error = read_refusal(Failure(grpc.StatusCode.INVALID_ARGUMENT, "two faults", bad))
    assert str(error).splitlines() == [
        "Refused:",
        "  subnet.cidr: Host bits are set. (HOST_BITS)",
        "  subnet_id: No upper case. (BAD_NAME)",
    ]
    assert error.status is Status.REFUSED


def test_reason_and_metadata_of_a_refusal_are_kept() -> None:
    info = error_details_pb2.ErrorInfo(reason="IN_USE", metadata={"referrers": "a,b"})
    error = read_refusal(Failure(grpc.StatusCode.FAILED_PRECONDITION, "It is used by a and b.", info))
    assert isinstance(error, RefusedError)
    assert (str(error), error.reason, error.metadata) == ("It is used by a and b.", "IN_USE", {"referrers": "a,b"})


def test_a_missing_token_is_named() -> None:
    assert "HEADGATE_TOKEN" in str(read_refusal(Failure(grpc.StatusCode.UNAUTHENTICATED, "Who are you?")))


def test_not_found_is_told_apart() -> None:
    assert isinstance(read_refusal(Failure(grpc.StatusCode.NOT_FOUND, "There is no x.")), NotFoundError)


def test_a_controller_that_says_unavailable_has_answered() -> None:
    info = error_details_pb2.ErrorInfo(reason="UNAVAILABLE")
    assert is_unanswered(Failure(grpc.StatusCode.UNAVAILABLE, "connection refused"))
    assert not is_unanswered(Failure(grpc.StatusCode.UNAVAILABLE, "The database is locked.", info))


def test_no_controller_ends_with_3_and_says_where_it_was_looked_for() -> None:
    error = unreachable(Failure(grpc.StatusCode.UNAVAILABLE, "connection refused"), ["a:1", "b:2"])
    assert error.status is Status.UNREACHABLE
    assert "a:1, b:2: connection refused" in str(error)


@pytest.mark.parametrize("endpoint", ["localhost", "unix:relative", "http://x", "a:b"])
def test_what_is_no_endpoint_is_refused(endpoint: str) -> None:
    with pytest.raises(CliError, match="is not an endpoint") as refused:
        connect(Connection((endpoint,)))
    assert refused.value.status is Status.USAGE
