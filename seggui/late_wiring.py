"""What is built when it is first wanted: the window starts without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from seggui.parts import Parts

if TYPE_CHECKING:
    from seggui.evaluation_wiring import EvaluationWiring


class LateWiring(QObject):
    """Makes the wiring of the evaluation at the first look at its panel."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts.window)
        self._parts = parts
        self.evaluation: EvaluationWiring | None = None
        parts.window.actions_by_name["evaluate_action"].triggered.connect(
            parts.window.show_evaluation
        )
        parts.window.evaluation_panel.came_on_view.connect(self._on_evaluation)

    def close(self) -> None:
        """Ends the threads of what was built."""
        self._parts.window.evaluation_panel.came_on_view.disconnect(self._on_evaluation)
        if self.evaluation is not None:
            self.evaluation.close()

    @Slot()
    def _on_evaluation(self) -> None:
        from seggui.evaluation_wiring import EvaluationWiring

        if self.evaluation is None:
            self.evaluation = EvaluationWiring(self._parts)
        self.evaluation.look_soon()
