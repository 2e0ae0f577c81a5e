"""Lists of resources, page by page."""

from collections.abc import AsyncIterator
from typing import Any, Protocol

from headgate_common.methods import Method
from headgate_terraform.kinds import Kind


class Caller(Protocol):
    """What calls the API: `Client`."""

    async def call(self, method: Method, request: Any, *, until: float, grace: float = 0) -> Any:
        """Return the answer to `request`."""
        ...


async def list_page(
    client: Caller, kind: Kind, parent: str, *, until: float, token: str = "", selection: str = ""
) -> tuple[list[Any], str]:
    """Return one page of the resources in `parent` (empty: of a kind that has none) and the token of the next.

    Raises:
        grpc.aio.AioRpcError: the controller refused, or none answered.
    """
    method = kind.method("List")
    request: Any = method.request(page_token=token, filter=selection)
    if parent:
        request.parent = parent
    page = await client.call(method, request, until=until, grace=0)
    return list(getattr(page, page.DESCRIPTOR.fields[0].name)), page.next_page_token


async def list_all(client: Caller, kind: Kind, parent: str, *, until: float, selection: str = "") -> AsyncIterator[Any]:
    """Yield every resource in `parent` that `selection` selects, however many pages that takes.

    Raises:
        grpc.aio.AioRpcError: the controller refused, or none answered; what was yielded so far is not all.
    """
    token = None
    while token != "":
        found, token = await list_page(client, kind, parent, until=until, token=token or "", selection=selection)
        for message in found:
            yield message
