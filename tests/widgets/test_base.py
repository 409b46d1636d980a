"""The base of the widgets: who writes, what is sent, and that every question ends."""

import json
import re
import threading
import time
import xml.dom.minidom

import comm
import comm.base_comm
import pytest
import traitlets

from sae_widgets.widgets import _base, _static
from sae_widgets.widgets._base import SaeWidget, kernel_written
from sae_widgets.widgets._clean import clean_text, escape, json_safe, visible
from sae_widgets.widgets._page import state_json
from sae_widgets.widgets._shown import freeze_all
from sae_widgets.widgets._worker import Cancelled, Job, Mailbox
from tests.hostile import HOSTILE


class RecordingComm(comm.base_comm.BaseComm):
    """A connection that keeps what goes to the page."""

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        json.dumps([data, keys], allow_nan=False).encode()  # what a kernel does with it
        self.__dict__.setdefault("sent", []).append((msg_type, data or {}, buffers or []))


@pytest.fixture(autouse=True)
def _recorded(monkeypatch):
    monkeypatch.setattr(comm, "create_comm", lambda **k: RecordingComm(**k))


class Counter(SaeWidget):
    """A widget with a wish of the page, a result of the worker, and questions."""

    _view = traitlets.Unicode("click_test").tag(sync=True)
    wish = traitlets.Int(0, min=0).tag(sync=True)
    result = kernel_written(traitlets.Int(0))
    note = traitlets.Unicode("").tag(sync=True)

    def __init__(self, **traits):
        self.ops = {"double": lambda args, job: args["x"] * 2, "bytes": lambda args, job: ({"n": 1}, [b"abc"])}
        self.heard = []
        super().__init__(**traits)

    def on_message(self, content, buffers):
        self.heard.append(content)


@pytest.fixture
def widget():
    made = Counter()
    yield made
    made.close()


def updates(widget, trait):
    return [d["state"][trait] for _, d, _ in widget.comm.sent if d.get("method") == "update" and trait in d["state"]]


def answers(widget, kind="res"):
    return [
        d["content"] for _, d, _ in widget.comm.sent if d.get("method") == "custom" and d["content"]["kind"] == kind
    ]


def from_page(widget, **content):
    widget._handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})


def until(claim, timeout_s=5.0):
    end = time.monotonic() + timeout_s
    while not claim():
        assert time.monotonic() < end, "never became true"
        time.sleep(0.005)


def test_submit_returns_at_once_and_the_newest_of_a_key_wins(widget):
    gate, done = threading.Event(), []

    def work(n):
        def run(job):
            gate.wait(30.0)
            job.check()
            done.append(n)

        return run

    started = time.monotonic()
    for n in range(10):
        widget.submit("slider", work(n))
    assert time.monotonic() - started < 20
    gate.set()
    assert widget.wait(30.0)
    assert done == [9]


def test_a_callback_thread_is_not_the_worker_thread(widget):
    seen = []
    widget.submit("where", lambda job: seen.append(threading.current_thread()))
    widget.wait(30.0)
    assert seen[0] is not threading.current_thread()
    assert seen[0].daemon


def test_an_error_is_shown_with_its_traceback_and_the_next_success_takes_it_away(widget):
    widget.submit("k", lambda job: 1 / 0)
    widget.wait(30.0)
    assert widget.status["state"] == "failed"
    assert "ZeroDivisionError" in widget.error["traceback"]
    widget.submit("k", lambda job: None)
    widget.wait(30.0)
    assert widget.status["state"] == "done"
    assert widget.error == {}


def test_a_value_error_comes_without_a_traceback(widget):
    def work(job):
        raise ValueError("The prompt is empty.")

    widget.submit("k", work)
    widget.wait(30.0)
    assert widget.error == {"type": "ValueError", "message": "The prompt is empty.", "traceback": ""}


def test_updates_to_the_page_are_at_most_twenty_a_second_and_the_last_arrives(widget):
    def work(job):
        for n in range(200):
            widget.set_from_kernel(result=n)
            time.sleep(0.002)

    started = time.monotonic()
    widget.submit("k", work)
    assert widget.wait(10.0)
    took = time.monotonic() - started
    sent = updates(widget, "result")
    assert sent[-1] == 199
    assert len(sent) <= took / _base.SEND_INTERVAL_S + 3


def test_values_set_together_go_out_in_one_message(widget):
    widget.comm.sent.clear()
    widget.set_from_kernel(result=7, error={"type": "x", "message": "y"})
    widget.flush()
    assert [set(d["state"]) for _, d, _ in widget.comm.sent] == [{"result", "error"}]


def test_the_page_cannot_write_what_the_kernel_writes(widget):
    widget.set_state({"result": 99, "status": {"state": "done"}, "_esm": "alert(1)", "_view": "other", "wish": 3})
    assert (widget.result, widget.wish, widget._view) == (0, 3, "click_test")
    assert "alert(1)" not in widget._esm


def test_a_refused_value_of_the_page_is_put_back_and_explained(widget):
    widget.comm.sent.clear()
    widget.set_state({"wish": -1})
    widget.flush()
    assert widget.wish == 0
    assert updates(widget, "wish")[-1] == 0
    assert "wish" in widget.error["message"]


def test_a_half_emoji_from_the_page_does_not_break_the_connection(widget):
    widget.set_state({"note": "a\ud83d"})
    assert widget.note == "a⟨U+D83D⟩"


def test_unknown_arguments_are_refused_with_the_nearest_names():
    with pytest.raises(TypeError, match=r"no argument 'wihs'\. Did you mean 'wish'"):
        Counter(wihs=3)
    with pytest.raises(TypeError, match="no argument 'result'"):
        Counter(result=3)


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({"op": "double", "args": {"x": 21}}, {"ok": True, "value": 42}),
        ({"op": "double", "args": {}}, {"ok": False}),
        ({"op": "doubel", "args": {}}, {"ok": False}),
        ({"op": "__class__", "args": {}}, {"ok": False}),
        ({"op": "double", "args": "no table"}, {"ok": False}),
    ],
)
def test_every_question_is_answered(widget, args, expected):
    from_page(widget, kind="req", id="q1", **args)
    until(lambda: answers(widget))
    (answer,) = answers(widget)
    assert {**answer, **expected} == answer
    assert answer["id"] == "q1"
    assert answer["ok"] or answer["error"]["message"]


def test_an_answer_may_carry_bytes(widget):
    from_page(widget, kind="req", id="q", op="bytes", args={})
    until(lambda: answers(widget))
    assert [b for _, d, b in widget.comm.sent if d.get("method") == "custom"] == [[b"abc"]]


def test_a_question_can_be_cancelled_and_a_newer_one_takes_its_place(widget):
    inside = threading.Event()

    def slow(args, job):
        inside.set()
        while not job.is_cancelled():
            job.progress(1, 2, "half")
            time.sleep(0.005)
        raise Cancelled("stopped")

    widget.ops = {"slow": slow, "quick": lambda args, job: "quick"}
    from_page(widget, kind="req", id="a", op="slow", args={}, key="k")
    assert inside.wait(30.0)
    from_page(widget, kind="req", id="b", op="slow", args={}, key="k")
    until(lambda: [a["id"] for a in answers(widget)] == ["a"])
    from_page(widget, kind="req", id="c", op="slow", args={}, key="k")
    from_page(widget, kind="cancel", id="c")
    until(lambda: {a["id"] for a in answers(widget)} == {"a", "b", "c"})
    assert {a["error"]["type"] for a in answers(widget)} == {"Cancelled"}
    assert answers(widget, "progress")[0]["text"] == "half"


def test_questions_are_answered_while_work_runs(widget):
    gate = threading.Event()
    widget.submit("long", lambda job: gate.wait(30.0))
    from_page(widget, kind="req", id="q", op="double", args={"x": 1})
    until(lambda: answers(widget))
    assert not widget.wait(0.01)
    gate.set()
    assert widget.wait(30.0)


def test_a_ping_is_answered_without_the_worker_and_other_kinds_reach_the_widget(widget):
    gate = threading.Event()
    widget.submit("long", lambda job: gate.wait(30.0))
    from_page(widget, kind="ping", id="p")
    from_page(widget, kind="stop")
    assert answers(widget, "pong")[0]["id"] == "p"
    assert widget.heard == [{"kind": "stop"}]
    gate.set()


def test_close_cancels_the_work_and_ends_the_threads():
    widget = Counter()
    started, ended = threading.Event(), threading.Event()

    def work(job):
        started.set()
        while not job.is_cancelled():
            time.sleep(0.005)
        ended.set()

    widget.submit("k", work)
    assert started.wait(30.0)
    widget.close()
    assert ended.wait(30.0)
    until(lambda: not [t for t in threading.enumerate() if t.name == "sae_widgets Counter"])
    with pytest.raises(RuntimeError, match="closed"):
        widget.submit("k", work)


def test_an_idle_worker_thread_ends_and_comes_back():
    box, ran = Mailbox("idle", idle_s=0.02), []
    box.put(Job("a"), lambda job: ran.append(1))
    until(lambda: box._thread is None)
    box.put(Job("a"), lambda job: ran.append(2))
    assert box.wait(30.0)
    assert ran == [1, 2]


def test_replies_are_routed_as_the_page_asks_where_the_kernel_can(monkeypatch):
    class Routed(RecordingComm):
        def _reply_subshell_for(self, data, default):
            return "the shell that sent last"

    monkeypatch.setattr(comm, "create_comm", lambda **k: Routed(**k))
    widget = Counter()
    assert widget.comm._reply_subshell_for({}, "the page's own") == "the page's own"
    widget.close()


def test_the_mime_bundle_has_the_view_and_pictures_without_script(widget):
    data, _ = widget._repr_mimebundle_()
    assert set(data) == {_base.WIDGET_MIME, "text/plain", "text/html", "image/svg+xml"}
    assert "<script" not in data["text/html"] + data["image/svg+xml"]
    xml.dom.minidom.parseString(data["image/svg+xml"])


def test_showing_waits_for_the_first_result(widget):
    widget.describe = lambda: f"result {widget.result}"

    def work(job):
        time.sleep(0.1)
        widget.set_from_kernel(result=5)

    widget.submit("k", work)
    assert "result 5" in widget._repr_mimebundle_()[0]["text/html"]


def test_freeze_puts_the_picture_in_the_place_of_each_live_view(monkeypatch, widget):
    shown = []
    monkeypatch.setattr(
        "IPython.display.publish_display_data", lambda data, metadata=None, **k: shown.append((data, k))
    )
    widget._ipython_display_()
    widget._ipython_display_()
    assert freeze_all() == 1
    ids = [k["transient"]["display_id"] for _, k in shown]
    assert ids[:2] == ids[2:]
    assert all(_base.WIDGET_MIME in data for data, _ in shown[:2])
    assert all(_base.WIDGET_MIME not in data and k["update"] for data, k in shown[2:])
    assert freeze_all() == 0


def test_a_saved_page_runs_one_script_and_loads_nothing(tmp_path, widget):
    widget.note = "".join(HOSTILE)
    path = widget.save(tmp_path / "page.html")
    text = path.read_text()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)[1]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", text, re.DOTALL)
    assert [kind.strip() for kind, _ in scripts] == ['type="application/json" id="sae-widget-state"', 'type="module"']
    state = json.loads(scripts[0][1])
    assert state["note"] == clean_text(widget.note)
    assert "_esm" not in state
    assert "mountSaved(document)" in scripts[1][1]
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


def test_a_failed_save_leaves_the_old_file_alone(tmp_path, monkeypatch, widget):
    path = widget.save(tmp_path / "page.html")
    before = path.read_bytes()
    monkeypatch.setattr("pathlib.Path.replace", lambda *a: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        widget.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text):
    assert not re.search(r"[<>\"'\u202e\u2028\0\ud800]", escape(text))
    assert not re.search(r"[<>&\u2028\u2029]", state_json(json_safe({"t": text})))
    assert json.loads(state_json(json_safe({"t": text})))["t"] == clean_text(text)
    xml.dom.minidom.parseString(_static.text_svg(text))


def test_hidden_characters_are_shown_by_name():
    assert visible("a\0b\u202ec\ud800d\u200be") == "a␀b⟨U+202E⟩c⟨U+D800⟩d⟨U+200B⟩e"
    assert visible("tab\tand\nnewline stay 🙂 東京") == "tab\tand\nnewline stay 🙂 東京"


def test_numbers_that_json_has_not_become_null():
    import numpy as np

    value = json_safe({"a": [float("nan"), np.float32(1.5), np.int64(2), np.array([1, 2])], 3: (True, None, b"x")})
    assert value == {"a": [None, 1.5, 2, [1, 2]], "3": [True, None, b"x"]}


def test_an_oversized_picture_gives_way_to_its_line_of_text():
    html = _static.bundle("x" * 300_000, "<svg/>", "A <b> heatmap")["text/html"]
    assert len(html) < 1000
    assert "A &lt;b&gt; heatmap" in html


def test_widgets_in_a_row_share_its_width_unless_told_otherwise(widget):
    assert (widget.layout.flex, widget.layout.min_width) == ("1 1 0%", "0")
    assert Counter(layout={"width": "50%"}).layout.flex is None
