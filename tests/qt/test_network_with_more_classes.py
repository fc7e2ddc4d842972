"""A network that knows more classes than the project never predicts into it unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.engine.protocol import CancelToken, Prediction
from seggui.core.records import ImageStatus
from tests.qt.program_kit import ColorEngine, Driver, write_images


@pytest.fixture
def mismatched(driver: Driver, tmp_path: Path) -> Driver:
    """A project of three classes, with a network of nine in force."""
    names = write_images(tmp_path / "images", 3)
    driver.start(tmp_path / "images")
    driver.load_model(tmp_path / "three.keras")
    record = driver.program.navigation.record
    driver.until(lambda: record(names[0]).status is ImageStatus.PREDICTED)
    driver.engine.num_classes = 9
    driver.load_model(tmp_path / "nine.keras")
    driver.window.message_bar.dismiss(driver.window.message_bar.current.name)
    return driver


@pytest.mark.parametrize("action", ["predict_action", "predict_all_action"])
def test_predicting_is_refused_and_the_missing_classes_are_offered(
    mismatched: Driver, action: str
) -> None:
    num_before = mismatched.engine.num_predicted
    mismatched.trigger(action)
    message = mismatched.window.message_bar.current
    assert message is not None
    assert "nine.keras knows 9 classes, but this project has 3" in message.text
    assert message.action_text == "Add classes"
    assert not mismatched.program.batch.is_running
    assert mismatched.engine.num_predicted == num_before


def test_after_adding_the_classes_all_images_are_predicted(mismatched: Driver) -> None:
    mismatched.trigger("predict_all_action")
    bar = mismatched.window.message_bar
    bar.action_clicked.emit(bar.current.name)
    assert len(mismatched.program.session.label_set) == 9
    mismatched.trigger("predict_all_action")
    navigation = mismatched.program.navigation
    mismatched.until(
        lambda: all(navigation.record(k).model_sha256 == "sha-nine.keras" for k in navigation.keys)
    )


class SlowFirst(ColorEngine):
    """Like a real network: the first prediction takes much longer than the others."""

    def predict(self, pixels, *, is_cancelled: CancelToken | None = None) -> Prediction:
        found = super().predict(pixels, is_cancelled=is_cancelled)
        seconds = 60.0 if self.num_predicted == 1 else 0.001
        return Prediction(found.classes, found.confidence, found.model_sha256, seconds)


def test_estimates_do_not_count_the_time_the_first_prediction_takes_to_compile(
    make_driver, tmp_path: Path
) -> None:
    driver = make_driver(SlowFirst())
    (name,) = write_images(tmp_path / "images", 1)
    driver.start(tmp_path / "images")
    driver.load_model(tmp_path / "a.keras")
    prediction = driver.program.prediction
    driver.until(lambda: driver.program.navigation.record(name).model_sha256 != "")
    assert prediction.seconds_per_megapixel is None
    driver.trigger("predict_action")
    driver.until(lambda: prediction.seconds_per_megapixel is not None)
    assert prediction.seconds_per_megapixel < 1
