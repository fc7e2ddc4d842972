"""The one table of everything a user can do: text, icon, shortcut and help of each action."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence

from seggui.icons import icon


@dataclass(frozen=True)
class ActionSpec:
    """One action.

    Attributes:
        name: object name, ``..._action`` or ``..._tool``; stable, tests rely on some.
        menu: title of the menu it stands in.
        text: what the menu says.
        icon: name of its icon.
        shortcuts: the first one is shown.
        tip: one sentence, what it does.
        is_checkable: whether it can be on or off.
        has_separator: whether a line stands above it in the menu.
    """

    name: str
    menu: str
    text: str
    icon: str
    shortcuts: tuple[str, ...]
    tip: str
    is_checkable: bool = False
    has_separator: bool = False


FILE, EDIT, VIEW, IMAGE, TOOLS, MODEL, HELP = (
    "&File", "&Edit", "&View", "&Image", "&Tools", "&Model", "&Help",
)  # fmt: skip

ACTIONS: tuple[ActionSpec, ...] = (
    ActionSpec("open_folder_action", FILE, "Open &folder...", "folder-open-outline",
               ("Ctrl+U", "Ctrl+O"), "Open a folder of images."),
    ActionSpec("open_sample_action", FILE, "&Try the sample", "image-multiple-outline",
               ("Ctrl+Shift+O",), "Make a folder of sample street scenes and open it."),
    ActionSpec("close_folder_action", FILE, "&Close folder", "folder-remove-outline",
               ("Ctrl+W",), "Go back to the start page. Everything is saved."),
    ActionSpec("export_action", FILE, "&Export masks...", "export-variant",
               ("Ctrl+E",), "Write masks as PNG files for other programs.", has_separator=True),
    ActionSpec("save_action", FILE, "&Save now", "content-save-outline",
               ("Ctrl+S",), "Everything is saved by itself; this writes the mask files at once."),
    ActionSpec("install_launcher_action", FILE, "Add to the &desktop...", "rocket-launch-outline",
               ("Ctrl+Shift+N",), "Put seggui into the applications menu.",
               has_separator=True),
    ActionSpec("quit_action", FILE, "&Quit", "exit-to-app",
               ("Ctrl+Q",), "Close the program. Everything is saved.", has_separator=True),

    ActionSpec("undo_action", EDIT, "&Undo", "undo",
               ("Ctrl+Z",), "Take the last step on this image back."),
    ActionSpec("redo_action", EDIT, "&Redo", "redo",
               ("Ctrl+Shift+Z", "Ctrl+Y"), "Make the undone step again."),
    ActionSpec("fill_unlabelled_action", EDIT, "&Fill unlabelled pixels", "format-color-fill",
               ("Ctrl+Shift+F",), "Give every pixel without a class the current one.",
               has_separator=True),
    ActionSpec("clear_mask_action", EDIT, "&Clear mask", "eraser-variant",
               ("Ctrl+Shift+Delete",), "Remove every label of this image. Can be undone."),

    ActionSpec("fit_action", VIEW, "&Fit image", "fit-to-screen-outline",
               ("Ctrl+F", "Ctrl+9"), "Show the whole image."),
    ActionSpec("actual_size_action", VIEW, "&100 %", "magnify",
               ("Ctrl+0",), "One image pixel per screen pixel."),
    ActionSpec("zoom_in_action", VIEW, "Zoom &in", "magnify-plus-outline",
               ("Ctrl++", "Ctrl+="), "Look closer. Ctrl and the wheel zoom at the pointer."),
    ActionSpec("zoom_out_action", VIEW, "Zoom &out", "magnify-minus-outline",
               ("Ctrl+-",), "See more of the image."),
    ActionSpec("toggle_mask_action", VIEW, "Show &mask", "layers-outline",
               ("T",), "Show or hide the mask. Hold H to hide it for a moment.",
               is_checkable=True, has_separator=True),
    ActionSpec("outline_action", VIEW, "Out&lines only", "vector-polyline",
               ("O",), "Show the borders of the classes instead of filled areas.",
               is_checkable=True),
    ActionSpec("confidence_action", VIEW, "&Confidence", "gradient-vertical",
               ("U",), "Show where the network was not sure.", is_checkable=True),
    ActionSpec("smooth_action", VIEW, "&Smooth enlargement", "blur",
               ("Ctrl+Shift+I",), "Interpolate the enlarged image instead of showing its pixels.",
               is_checkable=True, has_separator=True),
    ActionSpec("wheel_scrolls_action", VIEW, "&Wheel scrolls", "mouse",
               ("Ctrl+Shift+W",), "The wheel moves the view; Ctrl and the wheel still zoom.",
               is_checkable=True),
    ActionSpec("pen_pressure_action", VIEW, "Pen &pressure changes the brush", "draw-pen",
               ("Ctrl+Shift+B",), "A pen that is pressed lightly paints with a smaller brush.",
               is_checkable=True),

    ActionSpec("next_image_action", IMAGE, "&Next image", "arrow-right",
               ("D", "PgDown"), "Go to the next image of the list."),
    ActionSpec("previous_image_action", IMAGE, "&Previous image", "arrow-left",
               ("A", "PgUp"), "Go to the previous image of the list."),
    ActionSpec("next_unreviewed_action", IMAGE, "Next &unreviewed", "skip-next-outline",
               ("Ctrl+Shift+D",), "Go to the next image that is not reviewed."),
    ActionSpec("previous_unreviewed_action", IMAGE, "Pre&vious unreviewed",
               "skip-previous-outline", ("Ctrl+Shift+A",),
               "Go to the previous image that is not reviewed."),
    ActionSpec("reviewed_action", IMAGE, "&Reviewed", "check-circle-outline",
               ("R",), "The rest of this image is right: accept it, and train on it.",
               is_checkable=True, has_separator=True),
    ActionSpec("review_and_next_action", IMAGE, "Reviewed, ne&xt image", "check-all",
               ("Ctrl+Return",), "Accept this image and go to the next one."),

    ActionSpec("next_class_action", TOOLS, "Next &class", "chevron-down",
               ("W", "="), "Paint with the next class of the list.", has_separator=True),
    ActionSpec("previous_class_action", TOOLS, "Pre&vious class", "chevron-up",
               ("Q", "-"), "Paint with the previous class of the list."),
    ActionSpec("lock_class_action", TOOLS, "&Lock current class", "lock-outline",
               ("Shift+L",), "A locked class is never painted over.", is_checkable=True),
    ActionSpec("smaller_brush_action", TOOLS, "&Smaller brush", "circle-small",
               ("[",), "Make the brush smaller. Shift and the wheel do it, too.",
               has_separator=True),
    ActionSpec("larger_brush_action", TOOLS, "Lar&ger brush", "circle-outline",
               ("]",), "Make the brush larger. Shift and the wheel do it, too."),

    ActionSpec("load_model_action", MODEL, "&Load model...", "brain",
               ("Ctrl+L",), "Open a Keras model: .keras or .h5."),
    ActionSpec("new_model_action", MODEL, "&New model...", "plus-network-outline",
               ("Ctrl+N",), "Train a new network from images with masks."),
    ActionSpec("model_settings_action", MODEL, "Model &settings...", "tune-variant",
               ("Ctrl+M",), "What the network is, and how it is used."),
    ActionSpec("compare_action", MODEL, "&Compare input values...", "view-grid-outline",
               ("Ctrl+Shift+L",), "See this image under each kind of input values, and choose."),
    ActionSpec("replaced_layers_action", MODEL, "&Replaced layers...", "lambda",
               ("Ctrl+Shift+X",), "What you chose for Lambda layers of this model."),
    ActionSpec("trusted_files_action", MODEL, "Tr&usted code...", "language-python",
               ("Ctrl+Shift+Y",), "Python files and programs that models run: take trust back."),
    ActionSpec("predict_action", MODEL, "&Predict this image", "auto-fix",
               ("Ctrl+P",), "Predict this image again. What you corrected stays.",
               has_separator=True),
    ActionSpec("predict_all_action", MODEL, "Predict &all images...", "image-auto-adjust",
               ("Ctrl+Shift+P",), "Predict every image of the folder that is not reviewed."),
    ActionSpec("automatic_action", MODEL, "Predict &on arrival", "flash-outline",
               ("Ctrl+Shift+M",), "Predict images when you arrive at them, and ahead.",
               is_checkable=True),
    ActionSpec("fine_tune_action", MODEL, "&Fine-tune...", "school-outline",
               ("Ctrl+T",), "Train the network on your corrections.", has_separator=True),
    ActionSpec("versions_action", MODEL, "Model &versions...", "history",
               ("Ctrl+Shift+T",), "Every version of the network with its scores; bring one back."),
    ActionSpec("evaluate_action", MODEL, "&Evaluate...", "scale-balance",
               ("Ctrl+Shift+E",), "Score the network: IoU of each class, confusions, worst images.",
               has_separator=True),

    ActionSpec("shortcuts_action", HELP, "&Shortcuts", "keyboard-outline",
               ("F1", "?"), "All shortcuts at a glance."),
    ActionSpec("manual_action", HELP, "User &manual", "book-open-variant",
               ("Shift+F1",), "Open the user manual."),
    ActionSpec("about_action", HELP, "&About seggui", "information-outline",
               ("Ctrl+F1",), "Version, device and licences."),
)  # fmt: skip


class Actions(QObject):
    """All actions of the window, by name."""

    def __init__(self, specs: tuple[ActionSpec, ...], parent: QObject) -> None:
        super().__init__(parent)
        self.specs = specs
        self._actions = {spec.name: self._make(spec) for spec in specs}
        self.tools = QActionGroup(self)
        self.tools.setExclusive(True)
        for spec in specs:
            if spec.name.endswith("_tool"):
                self.tools.addAction(self._actions[spec.name])

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def __iter__(self) -> Iterator[tuple[ActionSpec, QAction]]:
        for spec in self.specs:
            yield spec, self._actions[spec.name]

    def _make(self, spec: ActionSpec) -> QAction:
        translate = QCoreApplication.translate
        action = QAction(translate("actions", spec.text), self)
        action.setObjectName(spec.name)
        action.setCheckable(spec.is_checkable)
        action.setShortcuts([QKeySequence(s) for s in spec.shortcuts])
        tip = translate("actions", spec.tip)
        keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        plain = action.text().replace("&", "").rstrip(".")
        action.setToolTip(f"<b>{plain}</b>{f' ({keys})' if keys else ''}<br>{tip}")
        action.setStatusTip(tip)
        action.setIcon(icon(spec.icon))
        return action
