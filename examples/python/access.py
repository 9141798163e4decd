"""Starts an access request of aircall-dsr, tells its status while it waits, and prints its result.

    echo person@example.com | python access.py CONNECTION REQUEST_ID

The address comes by stdin: arguments can be seen by everybody on a machine. It is never printed.
"""

import asyncio
import json
import os
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

import temporalio.converter
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowQueryFailedError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError

from codec import DsrError, load_codec

STATUS_EVERY_SECONDS = 2
STATUS_TIMEOUT = timedelta(seconds=10)
PRINTED = ("requestId", "connection", "kind", "status", "counts", "apiRequests", "package")


async def main(connection: str, request_id: str, email: str) -> None:
    client = await connect()
    asked = {"kind": "access", "connection": connection, "requestId": request_id}
    handle = await start(client, connection, request_id, email)
    await refuse_other_run(client, handle, asked, email)
    result = await wait(handle)
    refuse_other_request(result, asked)
    print(json.dumps({name: result[name] for name in PRINTED if name in result}))
    if result["status"] not in ("completed", "no-match"):
        raise DsrError(f"the request ended as {result['status']}. Run `aircall-dsr status {handle.id}`.")


async def connect() -> Client:
    """Reads TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and Temporal's other variables. The codec decrypts failures too."""
    codec = load_codec(os.environ.get("AIRCALL_DSR_KEYS", ""))
    options: dict[str, Any] = {"target_host": "localhost:7233", **ClientConfig.load_client_connect_config()}
    try:
        return await Client.connect(**options, data_converter=replace(temporalio.converter.default(), payload_codec=codec))
    except RuntimeError as error:
        raise DsrError(f"temporal-unreachable: no Temporal server answers. Set TEMPORAL_ADDRESS. ({error})") from None


async def start(client: Client, connection: str, request_id: str, email: str) -> WorkflowHandle[Any, Any]:
    """The id makes the request unique; a second start answers the first run, also after its end."""
    workflow_id = f"dsr:{connection}:access:{request_id}"
    try:
        return await client.start_workflow(
            "accessRequest",
            {"kind": "access", "requestId": request_id, "connection": connection, "subject": {"email": email}},
            id=workflow_id,
            task_queue=task_queue(),
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        )
    except WorkflowAlreadyStartedError:
        return client.get_workflow_handle(workflow_id)


async def refuse_other_run(
    client: Client, handle: WorkflowHandle[Any, Any], asked: dict[str, str], email: str
) -> None:
    """Looks whose run it is: a second start answers the first run, and anybody can start one under any id."""
    event = await anext(handle.fetch_history_events(page_size=1))
    started = event.workflow_execution_started_event_attributes
    if (started.workflow_type.name, started.task_queue.name) == ("accessRequest", task_queue()):
        match await client.data_converter.decode(started.input.payloads):
            case [{"subject": dict(before), **rest}] if identities(before) == {fold(email)} and rest == asked:
                return
    raise DsrError(
        "request-conflict: the request id was used with other identities or options, or by another run. Choose a new one."
    )


def refuse_other_request(result: Any, asked: dict[str, str]) -> None:
    """Anybody who reaches the server can copy a result."""
    if not isinstance(result, dict) or not names(result, asked):
        raise DsrError("payload-unusable: the result is not one of this request. Find out who writes to the namespace.")


def names(answer: dict[str, Any], asked: dict[str, str]) -> bool:
    return all(answer.get(name) == value for name, value in asked.items())


def task_queue() -> str:
    return os.environ.get("AIRCALL_DSR_TASK_QUEUE") or "aircall-dsr"


def identities(subject: dict[str, Any]) -> set[str]:
    """An input may give one address, or lists: a starter in another language sends lists."""
    given = [subject.get("email"), *subject.get("emails", []), *subject.get("phoneNumbers", [])]
    return {fold(each) for each in given if isinstance(each, str)}


def fold(identity: str) -> str:
    return identity.strip().lower()


async def wait(handle: WorkflowHandle[Any, Any]) -> dict[str, Any]:
    """Tells each change of the status on stderr until the request has ended."""
    ended = asyncio.ensure_future(handle.result())
    told = ""
    while True:
        said = await ask_status(handle)
        if said != told:
            print(f"{handle.id}: {said}", file=sys.stderr, flush=True)
            told = said
        await asyncio.wait([ended], timeout=STATUS_EVERY_SECONDS)
        if ended.done():
            result: dict[str, Any] = ended.result()
            return result


async def ask_status(handle: WorkflowHandle[Any, Any]) -> str:
    """A worker is asked, so there is no answer where none runs; the request goes on when one does."""
    try:
        status = await handle.query("status", rpc_timeout=STATUS_TIMEOUT)
    except (RPCError, WorkflowQueryFailedError) as error:
        return f"no worker told its status ({error})"
    if "waitingFor" in status:
        return f"{status['status']} for {status['waitingFor']['cause']}"
    return f"{status['status']}, phase {status['phase']}"


def explain(error: WorkflowFailureError) -> str:
    """The run's own failure, decoded: its code is the failure's type."""
    cause = error.cause
    return f"{cause.type}: {cause.message}" if isinstance(cause, ApplicationError) else str(cause)


def run() -> str | None:
    """What went wrong, where something did."""
    if len(sys.argv) != 3:
        return "usage: echo person@example.com | python access.py CONNECTION REQUEST_ID"
    try:
        asyncio.run(main(sys.argv[1], sys.argv[2], sys.stdin.read().strip()))
    except WorkflowFailureError as error:
        return explain(error)
    except (DsrError, RPCError) as error:
        return str(error)
    return None


if __name__ == "__main__":
    wrong = run()
    if wrong is not None:
        print(wrong, file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    # Without the interpreter's shutdown: threads of the SDK may crash in it (temporalio/sdk-python issue 300).
    os._exit(0 if wrong is None else 1)
