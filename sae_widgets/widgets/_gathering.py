"""Statistics of a widget's features, gathered from texts while it is looked at: shown as they come, paused, stopped."""

import threading
from typing import Any

import traitlets

from sae_widgets.features.resuming import PassFolder
from sae_widgets.features.statistics import FeatureStatistics, known_statistics
from sae_widgets.features.survey import gather, new_pass, statistics_of
from sae_widgets.widgets._base import Job, SaeWidget, kernel_written
from sae_widgets.widgets._worker import Mailbox

FIRST_LOOK_TOKENS = 4096  # what has been gathered is shown from here on, and again at each doubling


def statistics_at_hand(
    sae: Any, kept: PassFolder, given: FeatureStatistics | None, texts: Any
) -> FeatureStatistics | None:
    """Those given, those of a finished pass, or those stored beside the SAE; None where `texts` tell them."""
    if given is not None:
        return given
    finished = kept.finished()
    return known_statistics(sae) if finished is None and texts is None else finished


class GatheringWidget(SaeWidget):
    """A widget that can read texts in the background, for the statistics it shows."""

    gathering = kernel_written(traitlets.Dict())
    """How far statistics are gathered: `done` and `total` tokens, `is_paused`; empty when nothing is gathered."""

    def __init__(self, **traits: Any) -> None:
        self._may_go_on = threading.Event()
        self._may_go_on.set()
        super().__init__(**traits)
        self._lanes["pass"] = Mailbox(f"{type(self).__name__}'s pass over text")

    def take_statistics(self, statistics: FeatureStatistics) -> None:
        """Show `statistics`, newly gathered, in the place of those before; names that were given stay."""
        raise NotImplementedError

    def _begin_gathering(self, model: Any, sae: Any, kept: PassFolder, texts: Any, n_tokens: int | None) -> None:
        def work(job: Job) -> None:
            (gathered, _), next_look = kept.begin(new_pass(sae)), FIRST_LOOK_TOKENS
            for done in gather(model, sae, texts, gathered, n_tokens=n_tokens):
                kept.save_when_due(gathered)
                is_paused = not self._may_go_on.is_set()
                self.set_from_kernel(gathering={"done": done, "total": n_tokens or 0, "is_paused": is_paused})
                if done >= next_look:
                    next_look = 2 * done
                    self.take_statistics(statistics_of(gathered, model, sae))
                while not self._may_go_on.wait(0.1) and not job.is_cancelled():
                    pass
                if job.is_cancelled():
                    break
            statistics = statistics_of(gathered, model, sae)
            kept.save(gathered) if job.is_cancelled() else kept.finish(statistics)
            self.take_statistics(statistics)
            self.set_from_kernel(gathering={})

        self.submit("gather", work, lane="pass")

    def pause(self) -> None:
        """Gather no more for now; what there is stays on view."""
        self._may_go_on.clear()
        self._tell_gathering(is_paused=True)

    def resume(self) -> None:
        """Go on gathering."""
        self._may_go_on.set()
        self._tell_gathering(is_paused=False)

    def stop(self) -> None:
        """End gathering; what there is stays."""
        self._lanes["pass"].cancel()
        self._may_go_on.set()

    def wait_gathered(self, timeout: float | int | None = None) -> bool:
        """Wait until all is gathered; whether that came within `timeout` seconds."""
        return self._lanes["pass"].wait(timeout) and self.wait(timeout)

    def on_message(self, content: dict, buffers: list) -> None:
        """`gathering` of the page, with `pause`, `resume` or `stop` as its `action`."""
        if content.get("kind") == "gathering" and content.get("action") in ("pause", "resume", "stop"):
            {"pause": self.pause, "resume": self.resume, "stop": self.stop}[content["action"]]()

    def close(self) -> None:
        if hasattr(self, "_may_go_on"):  # a widget that was refused has nothing to end
            self._may_go_on.set()
        super().close()

    def _tell_gathering(self, *, is_paused: bool) -> None:
        if self.gathering:
            self.set_from_kernel(gathering={**self.gathering, "is_paused": is_paused})
