"""The base of every widget: one writing side per trait, work in a worker thread, questions that are always answered.

A callback from the page may run on the main thread or on a subshell thread while a cell runs, so it only drops a
request (`submit`) and touches no tensor. The worker answers through `set_from_kernel`, which sends at most 20 times
a second. A page asks for data with a message `{kind: "req", id, op, args}`; each id gets one `{kind: "res"}`, errors
included. `close()` ends the worker, `freeze()` and `save()` keep the picture when the kernel is gone.
"""

import contextlib
import contextvars
import difflib
import pathlib
import threading
import time
import uuid
import weakref
from collections.abc import Callable
from typing import Any

import anywidget
import traitlets
from ipywidgets import Layout

from sae_widgets.widgets import _shown, _static
from sae_widgets.widgets._clean import json_safe
from sae_widgets.widgets._export import Exported
from sae_widgets.widgets._worker import Cancelled, Job, Mailbox, describe_error
from sae_widgets.widgets.selection import Link, selection_of

STATIC = pathlib.Path(__file__).parent.parent / "static"
SEND_INTERVAL_S = 0.05  # 20 Hz: faster than the eye follows, far below the notebook server's message limits
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
_NEVER_FROM_PAGE = {"_esm", "_css", "_view", "_anywidget_id"}


def kernel_written(trait: traitlets.TraitType) -> traitlets.TraitType:
    """`trait` as one that the worker writes and the page only reads; what a page sends for it is dropped."""
    return trait.tag(sync=True, writer="kernel")


class SaeWidget(Exported, anywidget.AnyWidget):
    """A notebook widget whose work never blocks a cell.

    Subclasses name their page in `_view`, a module of `js/widgets` bundled to `static/<_view>.js`, and write
    `submit(...)` calls.
    """

    _view = traitlets.Unicode("").tag(sync=True)
    status = kernel_written(traitlets.Dict())
    """What the worker does: `state` is idle, running, failed or done; `text`, `done` and `total` say how far it is."""
    error = kernel_written(traitlets.Dict())
    """The last failure as `type`, `message`, `traceback`; empty when the last work went well."""

    ops: dict[str, Callable[[dict, Job], Any]] = {}  # noqa: RUF012  (a fixed table that subclasses replace)
    """Answers to the page's `ask(op, args)`; each returns a JSON value, or `(value, buffers)`."""
    choice_traits: tuple[str, ...] = ()
    """Traits in which a reader chooses features, tokens or a text; a widget that has some shares a `Selection`."""
    display_wait_s = 5.0
    """How long showing the widget waits for its first result, so that the saved picture is a real one; seconds."""

    @traitlets.default("status")
    def _idle_status(self) -> dict:
        return {"state": "idle", "text": "", "done": 0, "total": 0}

    @traitlets.default("layout")
    def _shared_width(self) -> Layout:
        # In an HBox the widgets share its width evenly: by the width of its content one would squeeze the others.
        return Layout(flex="1 1 0%", min_width="0")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # One bundle per view: it travels with every instance, so the other widgets' pages stay out of it.
        view = cls.__dict__.get("_view")
        if view is not None:
            # Its text, not its path: anywidget watches a file for changes, and the watch keeps every widget for good.
            cls._esm = (STATIC / f"{view.default_value}.js").read_text("utf-8")
        super().__init_subclass__(**kwargs)

    def __init__(self, **traits: Any) -> None:
        self._display_ids: list[str] = []
        self._pending: dict[str, Any] = {}
        self._pending_lock = threading.Lock()
        self._flush_lock = threading.RLock()
        self._flushing = threading.local()
        self._last_flush = 0.0
        self._flush_timer: threading.Timer | None = None
        name = type(self).__name__
        self._lanes = {"work": Mailbox(name), "ask": Mailbox(f"{name} answers")}
        self._asked: dict[str, tuple[str, Job]] = {}
        sae: Any = getattr(self, "_sae", None) if self.choice_traits else None
        shared = selection_of(traits.pop("selection", None)) if self.choice_traits else None
        self.ops = {"code": lambda args, job: self.as_code(), **self.ops}
        self._refuse_unknown(traits)
        super().__init__(**traits)
        self.on_msg(self._on_custom_message)
        self._link = None if shared is None or sae is None else Link(self, shared, sae)

    def _refuse_unknown(self, traits: dict[str, Any]) -> None:
        known = [n for n, t in self.traits().items() if not n.startswith("_") and t.metadata.get("writer") != "kernel"]
        for name in traits:
            if name not in known:
                own = set(known) - set(anywidget.AnyWidget.class_trait_names())
                near = difflib.get_close_matches(name, own, n=3, cutoff=0.4)
                hint = f" Did you mean {', '.join(map(repr, near))}?" if near else ""
                raise TypeError(f"{type(self).__name__} has no argument {name!r}.{hint}")

    # -- work ------------------------------------------------------------------------------------------------------

    def submit(self, key: str, work: Callable[[Job], None], *, lane: str = "work") -> None:
        """Run `work(job)` in the widget's worker thread; a newer one of the same `key` cancels this one.

        Jobs of a lane run one after the other. Questions of the page run in the lane "ask", beside the lane "work",
        so that a search is answered while a text is generated. An error becomes `status` and `error`.
        """
        job = Job(key, lambda done, total, text: self._report("running", text, done, total))
        self._lanes[lane].put(job, lambda job: self._run(job, work))

    def cancel(self, key: str | None = None) -> None:
        """Cancel the work of `key`, or all work; it ends at its next `job.is_cancelled()`."""
        self._lanes["work"].cancel(key)

    def wait(self, timeout: float | int | None = None) -> bool:
        """Wait until the worker has nothing to do; whether that came within `timeout` seconds."""
        is_done = self._lanes["work"].wait(timeout)
        self.flush()
        return is_done

    def _run(self, job: Job, work: Callable[[Job], None]) -> None:
        self._report("running")
        try:
            work(job)
        except Cancelled:
            self._report_stopped(job)
        except Exception as error:
            self.report_error(error)
        else:
            with self._pending_lock:
                state = self._pending.get("status", self.status)["state"]
            if job.is_cancelled():
                self._report_stopped(job)
            elif state == "running":
                self.set_from_kernel(error={})
                self._report("done")
        self.flush()

    def _report_stopped(self, job: Job) -> None:
        if not job.is_superseded:  # else the page would flicker between "stopped" and "running" while a slider moves
            self._report("idle", "Stopped")

    def _report(self, state: str, text: str = "", done: int = 0, total: int = 0) -> None:
        self.set_from_kernel(status={"state": state, "text": text, "done": done, "total": total})

    def report_error(self, error: BaseException) -> None:
        """Show `error` in the page; a ValueError is the reader's to mend and comes without its traceback."""
        self.set_from_kernel(error=describe_error(error))
        self._report("failed", str(error) or type(error).__name__)

    # -- one selection ---------------------------------------------------------------------------------------------

    def chosen(self, change: Any) -> dict[str, Any]:
        """What the reader chose by a change of a choice trait: `features`, `tokens`; empty where it was no choice."""
        return {}

    def take_features(self, features: list[int]) -> None:
        """Show the features that were chosen elsewhere."""

    def take_tokens(self, span: tuple[int, int] | None) -> None:
        """Show the tokens of this widget's text that were chosen elsewhere."""

    # -- kernel to page --------------------------------------------------------------------------------------------

    def set_from_kernel(self, **traits: Any) -> None:
        """Set traits from the worker: the newest value of each is sent, at most 20 times a second."""
        unknown = [name for name in traits if not self.has_trait(name)]
        if unknown:
            raise AttributeError(f"{type(self).__name__} has no trait {unknown[0]!r}.")
        with self._pending_lock:
            self._pending.update(traits)
            due = self._last_flush + SEND_INTERVAL_S - time.monotonic()
            if due > 0:
                if self._flush_timer is None:
                    context = contextvars.copy_context()
                    self._flush_timer = threading.Timer(due, lambda: context.run(self.flush))
                    self._flush_timer.daemon = True
                    self._flush_timer.start()
                return
        self.flush()

    def flush(self) -> None:
        """Send now what `set_from_kernel` holds back."""
        with self._flush_lock:
            with self._pending_lock:
                traits, self._pending = self._pending, {}
                if self._flush_timer is not None:
                    self._flush_timer.cancel()
                    self._flush_timer = None
                if not traits:
                    return
                self._last_flush = time.monotonic()
            # One message for all: the traits change silently, then go out together. `hold_sync` keeps its set on
            # the instance and would lose a change made by a callback of another thread at the same moment.
            before = {name: getattr(self, name) for name in traits}
            self._flushing.names = set(traits)
            try:
                for name, value in traits.items():
                    self.set_trait(name, value)
            finally:
                self._flushing.names = set()
            changed = [name for name in traits if before[name] is not getattr(self, name)]
            if changed and self.comm is not None:
                self.send_state(changed)

    def notify_change(self, change: Any) -> None:
        """Tell observers; the page is told by `flush` when the change comes from there."""
        if change["name"] in getattr(self._flushing, "names", ()):
            traitlets.HasTraits.notify_change(self, change)
        else:
            super().notify_change(change)

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """The synced state, fit for JSON: this is the one way out to page, notebook and file."""
        state = super().get_state(key, drop_defaults)
        return {name: v if name == "_esm" else json_safe(v) for name, v in state.items()}

    # -- page to kernel --------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open the comm, and let clicks come while a cell runs where the kernel can do that."""
        super().open()
        # Held by the comm, a widget would never go, whoever else has forgotten it.
        handle = weakref.WeakMethod(self._handle_msg)
        comm: Any = self.comm
        comm.on_msg(lambda message: (found := handle()) and found(message))
        # ipykernel >= 7.4 sends a comm's messages to the shell that last *sent* on it, so that clicks wait for the
        # running cell; honour the page's own subshell again. Only an extra: the worker thread is the guarantee.
        if hasattr(comm, "_reply_subshell_for"):
            comm._reply_subshell_for = lambda data, default: default

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take what the page wrote; kernel-written traits are left alone and a refused value is put back."""
        wanted = {
            name: json_safe(value)
            for name, value in sync_data.items()
            if name not in _NEVER_FROM_PAGE and self.trait_metadata(name, "writer") != "kernel"
        }
        try:
            super().set_state(wanted)
        except traitlets.TraitError as error:
            self.report_error(ValueError(str(error)))
            self.send_state(list(wanted))

    def on_message(self, content: dict, buffers: list) -> None:
        """Take a custom message of the widget's own (stop and the like): drop a request, touch no tensor."""

    def _on_custom_message(self, _: Any, content: Any, buffers: list) -> None:
        if not isinstance(content, dict):
            return
        kind = content.get("kind")
        if kind == "req":
            self._take_question(content)
        elif kind == "cancel":
            lane_key, job = self._asked.get(str(content.get("id")), ("", None))
            if job is not None:
                job.cancel()
                self._lanes["ask"].cancel(lane_key)
        elif kind == "ping":
            self.send({"kind": "pong", "id": str(content.get("id"))})
        else:
            self.on_message(content, buffers)

    def _take_question(self, content: dict) -> None:
        request, op, args = str(content.get("id")), content.get("op"), content.get("args")
        if op not in self.ops or not isinstance(args, dict):
            near = difflib.get_close_matches(str(op), list(self.ops), n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            self._answer(request, error=ValueError(f"No operation {op!r} in {type(self).__name__}.{hint}"))
            return
        key = f"{content.get('key') or op}"
        job = Job(key, lambda *at: self._answer_progress(request, *at))
        self._asked[request] = (key, job)
        dropped = Cancelled("A newer request took its place.")
        with contextlib.suppress(RuntimeError):  # closed: nobody listens any more
            self._lanes["ask"].put(
                job,
                lambda job: self._run_question(request, job, op, args),
                lambda: self._answer(request, error=dropped),
            )

    def _run_question(self, request: str, job: Job, op: str, args: dict) -> None:
        try:
            result = self.ops[op](json_safe(args), job)
        except Exception as error:
            self._answer(request, error=error)
            return
        if job.is_cancelled():
            self._answer(request, error=Cancelled("Cancelled."))
            return
        has_buffers = isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], list)
        value, buffers = result if has_buffers else (result, None)
        self._answer(request, value, buffers)

    def _answer(self, request: str, value: Any = None, buffers: list | None = None, error: Any = None) -> None:
        self._asked.pop(request, None)
        message = {"kind": "res", "id": request, "ok": error is None}
        message["value" if error is None else "error"] = json_safe(value) if error is None else describe_error(error)
        if self.comm is not None:
            self.send(message, buffers)

    def _answer_progress(self, request: str, done: int, total: int, text: str) -> None:
        if self.comm is not None:
            self.send({"kind": "progress", "id": request, "done": done, "total": total, "text": json_safe(text)})

    # -- pictures --------------------------------------------------------------------------------------------------

    def fallback_html(self) -> str:
        """The widget as escaped, script-free HTML with inline styles, at most 200 kB."""
        return _static.paragraph(self.describe())

    def fallback_svg(self) -> str:
        """The widget as an SVG picture, for hosts that strip styles from HTML."""
        return _static.text_svg(self.describe())

    def describe(self) -> str:
        """The widget in one line of text."""
        return type(self).__name__

    def __repr__(self) -> str:
        return json_safe(self.describe())

    def static_bundle(self) -> dict[str, str]:
        """The pictures that need neither kernel nor script, by mime type."""
        return _static.bundle(self.fallback_html(), self.fallback_svg(), self.describe())

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict, dict] | None:
        live = super()._repr_mimebundle_()
        if live is None:
            return None
        self.wait(self.display_wait_s)
        return {**live[0], **self.static_bundle()}, live[1]

    def _ipython_display_(self) -> None:
        # Shown under an id of our own, so that `freeze` can put the picture in this very place.
        from IPython.display import publish_display_data

        if self.comm is None:  # closed: what is left is the picture
            publish_display_data(self.static_bundle(), {})
            return
        bundle = self._repr_mimebundle_()
        if bundle is not None:
            display_id = uuid.uuid4().hex
            self._display_ids.append(display_id)
            _shown.keep(self)
            publish_display_data(bundle[0], bundle[1], transient={"display_id": display_id})

    def refresh_pictures(self) -> None:
        """Put the present still pictures beside the live view, so that the saved notebook has them.

        Waits for nothing: a worker calls it at the end of its own work.
        """
        live = anywidget.AnyWidget._repr_mimebundle_(self) if self._display_ids else None
        if live is None:
            return
        from IPython.display import publish_display_data

        bundle = {**live[0], **self.static_bundle()}
        for display_id in self._display_ids:
            publish_display_data(bundle, live[1], transient={"display_id": display_id}, update=True)

    def freeze(self) -> None:
        """Put a still picture in place of every live view, so that the saved notebook shows it without a kernel."""
        from IPython.display import display, publish_display_data

        self.wait(self.display_wait_s)
        bundle = self.static_bundle()
        for display_id in self._display_ids:
            publish_display_data(bundle, {}, transient={"display_id": display_id}, update=True)
        if not self._display_ids:
            display(bundle, raw=True)
        self._display_ids.clear()

    def _settle_for_export(self) -> None:
        self.wait(self.display_wait_s)

    def close(self) -> None:
        """End the worker and the connection; views disappear."""
        link = getattr(self, "_link", None)
        if link is not None:
            link.close()
        for lane in getattr(self, "_lanes", {}).values():
            lane.close()
        super().close()
