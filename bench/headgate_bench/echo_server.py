"""`python -m headgate_bench.echo_server ADDRESS`: gRPC alone, which reads messages of the API and sends them back."""

from __future__ import annotations

import argparse
from typing import Any

import grpc
import uvloop

from headgate.v1 import intent_pb2, port_pb2

CREATE, BATCH, LIST = "create", "batch", "list"
SERVICE = "headgate_bench.Echo"


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(prog="python -m headgate_bench.echo_server", description=__doc__)
    parser.add_argument("address", help="unix:PATH")
    uvloop.run(_serve(parser.parse_args().address))


async def _serve(address: str) -> None:
    server = grpc.aio.server(options=[("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)])
    handlers = {
        CREATE: _unary(_create, port_pb2.CreatePortRequest, port_pb2.Port),
        BATCH: _unary(_batch, intent_pb2.BatchRequest, intent_pb2.BatchResponse),
        LIST: grpc.unary_unary_rpc_method_handler(_list),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_insecure_port(address)
    await server.start()
    await server.wait_for_termination()


def _unary(method: Any, request: Any, response: Any) -> grpc.RpcMethodHandler[Any, Any]:
    return grpc.unary_unary_rpc_method_handler(method, request.FromString, response.SerializeToString)


async def _create(request: port_pb2.CreatePortRequest, _context: Any) -> port_pb2.Port:
    return request.port


async def _batch(request: intent_pb2.BatchRequest, _context: Any) -> intent_pb2.BatchResponse:
    return intent_pb2.BatchResponse(resources=[mutation.create for mutation in request.mutations])


async def _list(request: bytes, _context: Any) -> bytes:
    """Return as many bytes as the request has decimal digits for."""
    return bytes(int(request))


if __name__ == "__main__":
    main()
