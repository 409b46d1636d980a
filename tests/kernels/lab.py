"""A front end without a browser: sends a real kernel the messages that JupyterLab sends, subshells included.

JupyterLab 4.4 and newer sends widgets' comm messages to a subshell where the kernel has them, so that they are taken
while a cell runs (`commsOverSubshells: perCommTarget`). Replies and outputs are read from iopub by a thread.
"""

import asyncio
import contextlib
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager
from jupyter_core.utils import ensure_event_loop

ROOT = Path(__file__).parents[2]
WAIT_S = 60.0


class KernelError(Exception):
    """A cell failed; the text is its traceback."""


@dataclass
class Lab:
    """One kernel and what its page would know."""

    client: BlockingKernelClient
    version: tuple[int, ...]
    subshell: str | None
    """The subshell for comm messages; None where the kernel has none."""
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    """State of each widget, by comm id."""
    custom: list[tuple[str, Any]] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)
    """Each output that was put in place of an earlier one (`update_display_data`)."""
    outputs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _idle: dict[str, threading.Event] = field(default_factory=dict)
    _busy: dict[str, threading.Event] = field(default_factory=dict)
    n_updates: int = 0
    """Messages that changed a widget's state."""
    _is_over: bool = False

    def listen(self) -> None:
        """Reads iopub until the end; runs in a thread."""
        while not self._is_over:
            try:
                message = self.client.get_iopub_msg(timeout=0.2)
            except queue.Empty:
                continue
            self._take(message)
        close_event_loop()

    def _take(self, message: dict[str, Any]) -> None:
        kind, content = message["msg_type"], message["content"]
        parent = message["parent_header"].get("msg_id", "")
        if kind == "status":
            states = {"idle": self._idle, "busy": self._busy}.get(content["execution_state"])
            if states is not None:
                states.setdefault(parent, threading.Event()).set()
        elif kind == "comm_open":
            self.models[content["comm_id"]] = dict(content["data"].get("state", {}))
        elif kind == "comm_msg":
            data = content["data"]
            if data.get("method") == "update":
                self.n_updates += 1
                self.models.setdefault(content["comm_id"], {}).update(data["state"])
            elif data.get("method") == "custom":
                self.custom.append((content["comm_id"], data["content"]))
        elif kind == "update_display_data":
            self.updates.append(content)
        else:
            self.outputs.setdefault(parent, []).append({"type": kind, **content})

    def start(self, code: str) -> str:
        """Runs a cell without waiting; returns as soon as the kernel says that it runs."""
        cell = self.client.execute(code)
        assert self._busy.setdefault(cell, threading.Event()).wait(WAIT_S), f"the kernel did not begin: {code[:60]}"
        return cell

    def finish(self, cell: str) -> str:
        """Waits for the end of a cell; what it printed. A failed one raises KernelError."""
        assert self._idle.setdefault(cell, threading.Event()).wait(WAIT_S), "the cell did not end"
        time.sleep(0.02)
        outputs = self.outputs.get(cell, [])
        for output in outputs:
            if output["type"] == "error":
                raise KernelError("\n".join(output["traceback"]))
        return "".join(
            output["text"] for output in outputs if output["type"] == "stream" and output["name"] == "stdout"
        )

    def run(self, code: str) -> str:
        """Runs a cell; what it printed."""
        return self.finish(self.start(code))

    def view(self, view: str) -> str:
        """Comm id of the newest widget with this `_view`."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            found = [comm for comm, state in list(self.models.items()) if state.get("_view") == view]
            if found:
                return found[-1]
            time.sleep(0.02)
        raise AssertionError(f"no widget with the view {view!r}")

    def send(self, comm: str, content: dict[str, Any]) -> float:
        """Sends a custom message as the page does; when it was sent."""
        return self._send_comm(comm, {"method": "custom", "content": content})

    def write(self, comm: str, **state: Any) -> float:
        """Sets traits as the page does."""
        return self._send_comm(comm, {"method": "update", "state": state, "buffer_paths": []})

    def _send_comm(self, comm: str, data: dict[str, Any]) -> float:
        message = self.client.session.msg("comm_msg", {"comm_id": comm, "data": data})
        if self.subshell is not None:
            message["header"]["subshell_id"] = self.subshell
        sent = time.time()
        self.client.shell_channel.send(message)
        return sent

    def ask(self, comm: str, op: str, timeout_s: float = 10.0, **args: Any) -> dict[str, Any]:
        """A question to the widget; its answer message."""
        request = os.urandom(6).hex()
        self.send(comm, {"kind": "req", "id": request, "op": op, "args": args})
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            for sender, content in list(self.custom):
                if sender == comm and content.get("id") == request and content.get("kind") == "res":
                    return content
            time.sleep(0.01)
        raise AssertionError(f"{op!r} was not answered within {timeout_s:g} s")

    def wait_for(self, comm: str, is_right: Callable[[dict], bool], timeout_s: float = WAIT_S) -> dict[str, Any]:
        """The state of a widget, once it is right."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if is_right(self.models[comm]):
                return self.models[comm]
            time.sleep(0.01)
        raise AssertionError(f"the widget's state never became right; last: {str(self.models[comm])[:400]}")


def kernel_pythons() -> list[str]:
    """Interpreters whose ipykernel is to be tested: SAE_WIDGETS_KERNELS, else this one."""
    named = os.environ.get("SAE_WIDGETS_KERNELS", "")
    return [path for path in named.split(os.pathsep) if path] or [sys.executable]


@contextlib.contextmanager
def lab(python: str) -> Iterator[Lab]:
    """A kernel of `python`, watched; ended on leaving."""
    manager = KernelManager()
    manager._kernel_spec = KernelSpec(
        argv=[python, "-m", "ipykernel_launcher", "-f", "{connection_file}"], display_name="test", language="python"
    )
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    manager.start_kernel(env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"})
    client = manager.blocking_client()
    client.start_channels()
    session = listener = None
    try:
        client.wait_for_ready(timeout=WAIT_S)
        info = _kernel_info(client)
        session = Lab(client, (), _new_subshell(client) if "kernel subshells" in info else None)
        listener = threading.Thread(target=session.listen, daemon=True)
        listener.start()
        session.version = tuple(
            int(part) for part in session.run("import ipykernel; print(ipykernel.__version__)").split(".")[:3]
        )
        yield session
    finally:
        if session is not None and listener is not None:
            session._is_over = True
            listener.join()
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        client.context.destroy(linger=0)
        close_event_loop()


def close_event_loop() -> None:
    """Closes the loop that jupyter_client made for this thread and would leave to the garbage collector."""
    ensure_event_loop().close()
    asyncio.set_event_loop(None)


def _kernel_info(client: BlockingKernelClient) -> list[str]:
    reply = client.kernel_info(reply=True, timeout=WAIT_S)
    return reply["content"].get("supported_features", [])


def _new_subshell(client: BlockingKernelClient) -> str:
    message = client.session.msg("create_subshell_request", {})
    client.control_channel.send(message)
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        reply = client.get_control_msg(timeout=WAIT_S)
        if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
            return reply["content"]["subshell_id"]
    raise AssertionError("the kernel did not answer create_subshell_request")
