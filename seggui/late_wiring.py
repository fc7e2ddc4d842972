"""What is built when it is first wanted: the window starts without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from seggui.parts import Parts

if TYPE_CHECKING:
    from pathlib import Path

    from model.engine.protocol import ModelInfo
    from model.errors import LambdaError, OwnLayersError, ProgramError, WeightsOnlyError
    from seggui.evaluation_wiring import EvaluationWiring
    from seggui.lambda_wiring import LambdaWiring
    from seggui.new_model_wiring import NewModelWiring
    from seggui.own_layers_wiring import OwnLayersWiring
    from seggui.weights_wiring import WeightsWiring


class LateWiring(QObject):
    """Makes the wiring of evaluation, new models, trusted files and weights when first wanted."""

    def __init__(self, parts: Parts, load_model: Callable[[Path], None]) -> None:
        super().__init__(parts.window)
        self._parts, self._load_model = parts, load_model
        self.evaluation: EvaluationWiring | None = None
        self.new_model: NewModelWiring | None = None
        self._own_layers: OwnLayersWiring | None = None
        self._weights: WeightsWiring | None = None
        self._lambdas: LambdaWiring | None = None
        actions = parts.window.actions_by_name
        actions["trusted_files_action"].triggered.connect(self._on_trusted_files)
        parts.window.actions_by_name["new_model_action"].triggered.connect(self._on_new_model)
        parts.window.actions_by_name["evaluate_action"].triggered.connect(
            parts.window.show_evaluation
        )
        parts.window.evaluation_panel.came_on_view.connect(self._on_evaluation)

    def close(self) -> None:
        """Ends the threads of what was built."""
        self._parts.window.evaluation_panel.came_on_view.disconnect(self._on_evaluation)
        if self.evaluation is not None:
            self.evaluation.close()
        if self.new_model is not None:
            self.new_model.close()
        if self._weights is not None:
            self._weights.close()

    @property
    def own_layers(self) -> OwnLayersWiring:
        """Consents to Python files."""
        from seggui.own_layers_wiring import OwnLayersWiring

        if self._own_layers is None:
            self._own_layers = OwnLayersWiring(self._parts, self._load_model)
        return self._own_layers

    @Slot(object, object)
    def ask_own_layers(self, path: Path, error: OwnLayersError) -> None:
        """Asks for the Python file that a model needs."""
        self.own_layers.ask(path, error)

    @Slot(object, object)
    def ask_program(self, path: Path, error: ProgramError) -> None:
        """Asks whether the program of a SavedModel may be run."""
        self.own_layers.ask_program(path, error)

    @property
    def weights(self) -> WeightsWiring:
        """Networks for files that hold weights only."""
        from seggui.weights_wiring import WeightsWiring

        if self._weights is None:
            self._weights = WeightsWiring(self._parts, self._load_model)
        return self._weights

    @Slot(object, object)
    def ask_network(self, path: Path, error: WeightsOnlyError) -> None:
        """Asks for the network of a file of weights."""
        self.weights.ask(path, error)

    @property
    def lambdas(self) -> LambdaWiring:
        """What Lambda layers calculate that are not recognised."""
        from seggui.lambda_wiring import LambdaWiring

        if self._lambdas is None:
            self._lambdas = LambdaWiring(self._parts, self._load_model)
        return self._lambdas

    @Slot(object, object)
    def ask_lambdas(self, path: Path, error: LambdaError) -> None:
        """Asks what Lambda layers calculate."""
        self.lambdas.ask(path, error)

    @Slot(object)
    def change_lambdas(self, info: ModelInfo) -> None:
        """Shows what was chosen for the Lambda layers of a model."""
        self.lambdas.ask_again(info)

    @Slot()
    def _on_trusted_files(self) -> None:
        self.own_layers.show_list()

    @Slot()
    def _on_evaluation(self) -> None:
        from seggui.evaluation_wiring import EvaluationWiring

        if self.evaluation is None:
            self.evaluation = EvaluationWiring(self._parts)
        self.evaluation.look_soon()

    @Slot()
    def _on_new_model(self) -> None:
        from seggui.new_model_wiring import NewModelWiring

        if self.new_model is None:
            self.new_model = NewModelWiring(self._parts, self._load_model)
        self.new_model.open_dialog()
