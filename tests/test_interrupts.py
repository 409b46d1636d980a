"""An interrupt of the kernel at any moment leaves the model as it was: no hook, no SAE, no lock."""

import random
import signal
import threading
import time
import weakref
from contextlib import contextmanager

import pytest
import torch

import sae_widgets as sw
from sae_widgets.interrupts import PatientLock, whole
from tests.tiny_model import TEXT


@contextmanager
def interrupted_after(seconds: float):
    """SIGINT to the main thread after `seconds`, as the kernel's interrupt button sends it; or not, if all is over."""
    main = threading.main_thread().ident
    timer = threading.Timer(seconds, lambda: signal.pthread_kill(main, signal.SIGINT))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        for thread in threading.enumerate():  # an interrupt that was put off comes within this context, too
            if isinstance(thread, threading.Timer):
                thread.join()


def attached_forward(model, sae):
    with sw.attach(model, sae):
        model(model.to_tokens(TEXT))


def steered_text(model, sae):
    list(sw.generate_stream(model, sae, "The cat", [sw.FeatureSteer(3, 2.0, "add")], max_new_tokens=12))


def attributed(model, sae):
    sw.attribute(model, sae, "The cat sat on the", target="m")


def gathered(model, sae):
    sw.feature_statistics(model, sae, [TEXT] * 20, n_tokens=600)


def evaluated(model, sae):
    sw.run_evals(sae, model, [TEXT] * 8)


@pytest.mark.parametrize("work", [attached_forward, steered_text, attributed, gathered, evaluated])
def test_an_interrupt_at_any_moment_leaves_no_hook(tiny_model, tiny_sae, work):
    tokens = tiny_model.to_tokens(TEXT[:40])
    plain = tiny_model(tokens)
    weights = {name: value.clone() for name, value in tiny_sae.state_dict().items()}
    work(tiny_model, tiny_sae)
    start = time.perf_counter()
    work(tiny_model, tiny_sae)
    seconds = time.perf_counter() - start
    rng = random.Random(0)
    n_interrupts = 0
    for _ in range(20):
        try:
            with interrupted_after(rng.uniform(0, seconds)):
                work(tiny_model, tiny_sae)
        except KeyboardInterrupt:
            n_interrupts += 1
        left = [
            name
            for name, point in tiny_model.hook_dict.items()
            if point.fwd_hooks or getattr(point, "_forward_hooks", ())
        ]
        assert not left
        assert not tiny_model.acts_to_saes
    assert n_interrupts >= 4
    assert torch.equal(tiny_model(tokens), plain)
    assert all(torch.equal(value, weights[name]) for name, value in tiny_sae.state_dict().items())
    # Nobody holds the model: another thread could go on.
    assert tiny_model.lock.acquire(timeout=5)
    tiny_model.lock.release()


def press_interrupt():
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


def interrupted(work) -> bool:
    """Whether an interrupt came through while `work()` ran, or right after it, with a lock held."""
    try:
        with PatientLock():
            work()
            time.sleep(5)
    except KeyboardInterrupt:
        return True
    return False


def test_an_interrupt_waits_for_what_must_be_whole_and_no_longer():
    steps = []

    @whole
    def change():
        press_interrupt()
        for _ in range(1000):
            steps.append(len(steps))

    start = time.monotonic()
    assert interrupted(change)
    assert steps == list(range(1000))
    assert time.monotonic() - start < 10


def test_an_interrupt_that_python_would_forget_is_sent_again():
    class Raising(set):
        def discard(self, item):
            signal.raise_signal(signal.SIGINT)
            super().discard(item)

    class Thing:
        pass

    things, thing = weakref.WeakSet(), Thing()
    things.data = Raising()
    things.add(thing)
    with PatientLock(), pytest.raises(KeyboardInterrupt):  # noqa: PT012
        del thing  # an exception in this callback would only be printed
        time.sleep(10)


def test_work_inside_a_lock_is_interrupted_at_once():
    start = time.monotonic()
    assert interrupted(press_interrupt)
    assert time.monotonic() - start < 10


def test_patience_ends():
    @whole
    def for_ever():
        press_interrupt()
        while True:
            time.sleep(0.001)

    assert interrupted(for_ever)


def test_the_handler_of_before_comes_back_and_other_threads_never_change_it():
    before = signal.getsignal(signal.SIGINT)
    lock = PatientLock()
    with lock, lock:
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before

    def hold():
        with lock:
            seen.append(signal.getsignal(signal.SIGINT))

    seen: list = []
    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()
    assert seen == [before]
    assert lock.acquire(timeout=1)
    lock.release()
