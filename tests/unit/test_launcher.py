"""The launcher: what happens before the program runs. No network, no real environment."""

from __future__ import annotations

import ast
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from seggui.launcher import (
    display,
    notice,
    pip_run,
    prepare,
    progress_window,
    ready,
    run_tests,
    system_libraries,
)
from seggui.launcher import environment as environment_module
from seggui.launcher.environment import Environment, half_installed, read_requirements
from seggui.launcher.errors import LauncherError
from seggui.launcher.progress import Progress

PROJECT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the fake Pythons are shell scripts")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with just enough in it to be started."""
    root = tmp_path / "a checkout"
    (root / "seggui").mkdir(parents=True)
    for name in ("main.py", "pyproject.toml", "seggui/__init__.py"):
        shutil.copy(PROJECT / name, root / name)
    shutil.copytree(
        PROJECT / "seggui" / "launcher",
        root / "seggui" / "launcher",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    return root


def write_script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def make_venv(root: Path, *, pip_install: str = "exit 0") -> Path:
    """An environment whose Python is a script: it answers what the launcher asks, and tells."""
    venv = root / ".venv"
    write_script(
        venv / "bin" / "python",
        f"""
case "$*" in
  "-c import os, sys, pip"*) exit 0;;
  "-m pip --version") echo "pip 25.1 from here"; exit 0;;
  "-m pip install"*) echo pip >> "{root}/pip-calls"; {pip_install};;
  *) echo "cwd $(pwd)"; for word in "$@"; do echo "word $word"; done;;
esac
""",
    )
    (venv / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.2\n")
    return venv


def stamp(root: Path, venv: Path, *names: str) -> None:
    for name in names:
        (venv / name).write_text(ready.fingerprint(str(root), str(venv)))


def start(
    root: Path, *arguments: str, cwd: Path, python: tuple[str, ...] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "PYTHONPATH")
    }
    home = {"HOME": str(cwd), "SEGGUI_HOME": str(cwd / "data")}
    return subprocess.run(
        [*(python or (sys.executable,)), str(root / "main.py"), *arguments],
        cwd=cwd,
        env={**kept, **home, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def pretending_to_be(version: tuple[int, int]) -> tuple[str, ...]:
    """A Python command that runs a script believing itself to be of another version."""
    code = (
        f"import sys, runpy; sys.version_info = ({version[0]}, {version[1]}, 0, 'final', 0);"
        "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    return (sys.executable, "-c", code)


class FakeTerminal(io.StringIO):
    def isatty(self) -> bool:
        return True


# -- starting -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["main.py", "seggui/__init__.py", "seggui/launcher/ready.py"])
def test_what_runs_before_the_version_is_checked_is_python_3_8(name: str) -> None:
    tree = ast.parse((PROJECT / name).read_text(), feature_version=(3, 8))
    assert isinstance(tree, ast.Module)


def test_second_start_becomes_the_program_in_the_same_folder(root: Path, tmp_path: Path) -> None:
    stamp(root, make_venv(root), ready.STAMP, ready.LIBRARIES_STAMP)
    result = start(root, "my images", "--model", "a b.keras", cwd=tmp_path)
    assert result.stdout.splitlines() == [
        f"cwd {tmp_path}",
        f"word {root / 'main.py'}",
        "word my images",
        "word --model",
        "word a b.keras",
    ]
    assert not (root / "pip-calls").exists()


def test_second_start_imports_nothing_that_prepares(root: Path, tmp_path: Path) -> None:
    stamp(root, make_venv(root), ready.STAMP, ready.LIBRARIES_STAMP)
    result = start(root, cwd=tmp_path, python=(sys.executable, "-I", "-X", "importtime"))
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert "seggui.launcher.ready" in imported
    assert not imported & {"subprocess", "seggui.launcher.prepare", "ctypes", "shutil"}


def test_ready_environment_is_used_whatever_python_starts_it(root: Path, tmp_path: Path) -> None:
    stamp(root, make_venv(root), ready.STAMP)
    result = start(root, "inspect", cwd=tmp_path, python=pretending_to_be((3, 14)))
    assert result.stdout.splitlines()[-1] == "word inspect"


def test_environment_is_looked_at_again_after_every_change_that_matters(root: Path) -> None:
    venv = make_venv(root)
    stamp(root, venv, ready.STAMP)

    def is_ready() -> bool:
        found = ready.find_ready(str(root), with_tests=False, arguments=["inspect"])
        return found == str(venv)

    assert is_ready()
    project_file = root / "pyproject.toml"
    text = project_file.read_text()
    project_file.write_text(text + "\n# changed\n")
    assert not is_ready()
    project_file.write_text(text)
    assert is_ready()
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.12.1\n")
    assert not is_ready()


def test_environment_of_a_removed_python_is_not_ready(root: Path, tmp_path: Path) -> None:
    venv = make_venv(root)
    real = (venv / "bin" / "python").rename(tmp_path / "python3.11")
    (venv / "bin" / "python").symlink_to(real)
    stamp(root, venv, ready.STAMP)
    assert ready.is_current(str(root), str(venv), ready.STAMP)
    real.unlink()
    assert not ready.is_current(str(root), str(venv), ready.STAMP)


def test_moved_checkout_is_not_ready(root: Path, tmp_path: Path) -> None:
    stamp(root, make_venv(root), ready.STAMP)
    moved = root.rename(tmp_path / "elsewhere")
    assert not ready.is_current(str(moved), str(moved / ".venv"), ready.STAMP)


def test_tests_and_window_need_more_than_a_command_does(root: Path) -> None:
    venv = make_venv(root)
    stamp(root, venv, ready.STAMP)
    assert ready.find_ready(str(root), with_tests=False, arguments=["predict"])
    assert ready.find_ready(str(root), with_tests=False, arguments=["FOLDER"]) is None
    assert ready.find_ready(str(root), with_tests=True, arguments=["test"]) is None
    stamp(root, venv, ready.TESTS_STAMP, ready.LIBRARIES_STAMP)
    assert ready.find_ready(str(root), with_tests=False, arguments=["FOLDER"])
    assert ready.find_ready(str(root), with_tests=True, arguments=["test"])


# -- a Python that does not fit -----------------------------------------------------------------


@pytest.mark.parametrize("version", [(3, 8), (3, 9), (3, 14)])
def test_unfit_python_says_so_when_there_is_no_other(
    root: Path, tmp_path: Path, version: tuple[int, int]
) -> None:
    result = start(
        root, cwd=tmp_path, python=pretending_to_be(version), PATH=str(tmp_path / "nothing")
    )
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert f"This is Python {version[0]}.{version[1]}; seggui needs Python 3.10 to 3.13" in (
        result.stderr
    )


def test_unfit_python_hands_over_to_one_that_runs(root: Path, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    write_script(programs / "python3.13", "echo 'not installed' >&2; exit 127")  # as pyenv's do
    other = write_script(
        programs / "python3.12",
        f'if [ "$1" = -c ]; then echo "12 {programs}/python3.12"; else echo "took over: $*"; fi',
    )
    result = start(
        root, "inspect", "x", cwd=tmp_path, python=pretending_to_be((3, 9)), PATH=str(programs)
    )
    assert other.exists()
    assert result.stdout == f"took over: {root / 'main.py'} inspect x\n"


# -- installing ---------------------------------------------------------------------------------


def test_requirements_are_those_of_the_project_file() -> None:
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has no TOML reader to compare to")
    text = (PROJECT / "pyproject.toml").read_text()
    parsed = tomllib.loads(text)
    assert read_requirements(text, "dependencies") == parsed["project"]["dependencies"]
    assert read_requirements(text, "dev") == parsed["dependency-groups"]["dev"]


def test_project_file_without_requirements_is_refused() -> None:
    with pytest.raises(LauncherError, match="no list named 'dependencies'"):
        read_requirements("[project]\n", "dependencies")


def test_offline_start_says_so_in_one_line_and_leaves_no_stamp(root: Path, tmp_path: Path) -> None:
    venv = make_venv(
        root,
        pip_install="echo 'WARNING: Retrying after connection broken by NewConnectionError(...)';"
        " echo 'ERROR: No matching distribution found for tensorflow>=2.21'; exit 1",
    )
    result = start(root, "inspect", "x", cwd=tmp_path)
    assert result.returncode == 1
    assert "there is no connection to the package index" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert not (venv / ready.STAMP).exists()
    log = venv / "lib" / "python3.11" / "site-packages" / pip_run.LOG_NAME
    assert "NewConnectionError" in log.read_text()


def test_interrupted_set_up_goes_on_at_the_next_start(root: Path, tmp_path: Path) -> None:
    venv = make_venv(root, pip_install=f"test -e '{root}/network' || exit 1; exit 0")
    assert start(root, "inspect", "x", cwd=tmp_path).returncode == 1
    (root / "network").touch()
    second = start(root, "inspect", "x", cwd=tmp_path)
    third = start(root, "inspect", "x", cwd=tmp_path)
    assert second.stdout.splitlines()[-2:] == ["word inspect", "word x"]
    assert third.stdout.splitlines()[-2:] == ["word inspect", "word x"]
    assert (root / "pip-calls").read_text() == "pip\npip\n"  # none for the third
    source = venv / "lib" / "python3.11" / "site-packages" / "seggui-source.pth"
    assert source.read_text() == f"{root}\n"


def test_packages_left_half_installed_are_found(tmp_path: Path) -> None:
    def install(name: str, *, record: str, has_installer: bool) -> Path:
        metadata = tmp_path / f"{name}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text("")
        (metadata / "RECORD").write_text(record)
        if has_installer:
            (metadata / "INSTALLER").write_text("pip")
        return metadata

    (tmp_path / "code.py").write_text("12345")
    install("whole", record="code.py,sha256=x,5\n", has_installer=True)
    install("unrecorded_cache", record="gone.pyc,,\n", has_installer=True)
    killed = install("killed", record="code.py,sha256=x,5\n", has_installer=False)
    missing = install("missing", record="gone.py,sha256=x,5\n", has_installer=True)
    cut = install("cut", record="code.py,sha256=x,6\n", has_installer=True)
    assert half_installed(tmp_path) == sorted([killed, missing, cut])


def test_half_installed_packages_are_installed_again(root: Path, tmp_path: Path) -> None:
    site_packages = make_venv(root) / "lib" / "python3.11" / "site-packages"
    half = site_packages / "keras-3.15.1.dist-info"
    half.mkdir()
    result = start(root, "inspect", "x", cwd=tmp_path)
    assert "Repairing keras, left half installed." in result.stderr
    assert not half.exists()


def test_folder_that_is_no_environment_is_never_emptied(root: Path, tmp_path: Path) -> None:
    precious = root / ".venv" / "thesis.txt"
    precious.parent.mkdir()
    precious.write_text("mine")
    result = start(root, "inspect", "x", cwd=tmp_path)
    assert result.returncode == 1
    assert "is in the way: it is no Python environment" in result.stderr
    assert precious.read_text() == "mine"


def test_full_disk_is_noticed_before_downloading(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(root)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10**9))
    environment = Environment(str(root), str(root / ".venv"))
    with pytest.raises(LauncherError, match=r"has 1\.0 GB free; .* need 4 GB"):
        environment.prepare(with_tests=False, progress=Progress(io.StringIO()))
    assert not (root / ".venv").exists()


def test_read_only_checkout_gets_its_environment_in_the_users_folder(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SEGGUI_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(environment_module.os, "access", lambda path, _: path != str(root))
    environment = Environment.find(str(root))
    assert Path(environment.folder).parent == tmp_path / "data"
    assert environment.folder in ready.venv_places(str(root))


def test_two_starts_at_once_prepare_one_after_the_other(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv = make_venv(root)
    monkeypatch.setattr(environment_module.tempfile, "gettempdir", lambda: str(root))
    waits = threading.Event()
    order: list[str] = []

    class Listener(Progress):
        def show(self, step: str, detail: str = "") -> None:
            if "waiting" in step:
                waits.set()

    def second() -> None:
        with environment_module._only_one(str(venv), Listener(io.StringIO())):
            order.append("second")

    with environment_module._only_one(str(venv), Progress(io.StringIO())):
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(30)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (["OSError: [Errno 28] No space left on device"], "The disk is full"),
        (["ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied"],
         "could not be written"),
        (["socket.gaierror: Temporary failure in name resolution"], "no connection"),
        (["ssl.SSLCertVerificationError: CERTIFICATE_VERIFY_FAILED"], "PIP_CERT"),
        (["ERROR: No matching distribution found for tensorflow>=2.21"], "no tensorflow>=2.21 for"),
        (["ERROR: something new"], "could not be installed: something new"),
        ([], "it said nothing"),
    ],
)  # fmt: skip
def test_failures_of_pip_become_sentences(said: list[str], expected: str) -> None:
    assert expected in pip_run.explain_failure(said)


def test_progress_tells_what_how_far_and_how_long(tmp_path: Path) -> None:
    terminal, now = FakeTerminal(), iter(range(0, 700, 65))
    reader = pip_run.PipReader(tmp_path, Progress(terminal, clock=lambda: float(next(now))))
    for name in ("numpy-2.0.dist-info", "keras-3.15.dist-info"):
        (tmp_path / name).mkdir()
    (tmp_path / "numpy-2.0.dist-info" / "INSTALLER").touch()
    reader.read("Collecting tensorflow>=2.21\n")
    reader.read("  Downloading tensorflow-2.21.0-cp311-cp311-linux.whl (572.4 MB)\n")
    reader.read("Progress 286000000 of 572000000\n")
    reader.read("Installing collected packages: numpy, keras\n")
    shown = terminal.getvalue().split("\r\x1b[K")
    assert "[1:05] Package 1: tensorflow>=2.21" in shown
    assert "[2:10] Package 1: tensorflow 2.21.0, 572.4 MB" in shown
    assert "[3:15] Package 1: tensorflow 2.21.0, 572.4 MB  286 of 572 MB" in shown
    assert "[4:20] Installing  1 of 2 packages" in shown


def test_progress_in_a_log_file_is_a_few_plain_lines() -> None:
    log, now = io.StringIO(), iter([0.0, 1.0, 2.0, 3.0, 14.0])
    progress = Progress(log, clock=lambda: next(now))
    for done in range(4):
        progress.show("Installing", f"{done} of 4")
    assert log.getvalue().splitlines() == [
        "[0:01] Installing  0 of 4",
        "[0:14] Installing  3 of 4",
    ]


# -- system libraries ---------------------------------------------------------------------------


def cannot_load(*names: str):
    def load(name: str) -> None:
        if name in names:
            raise OSError(f"{name}: cannot open shared object file")

    return load


def test_missing_libraries_are_named_by_the_packages_of_each_system() -> None:
    missing = system_libraries.missing_libraries(
        cannot_load("libxcb-cursor.so.0", "libEGL.so.1", "libxcb-shape.so.0", "libxcb-xkb.so.1")
    )
    assert system_libraries.packages_for(missing, "apt-get", needs_fonts=True) == [
        "fonts-dejavu-core", "libegl1", "libxcb-cursor0", "libxcb-shape0", "libxcb-xkb1",
    ]  # fmt: skip
    assert system_libraries.packages_for(missing, "dnf") == [
        "libglvnd-egl", "libxcb", "xcb-util-cursor",
    ]  # fmt: skip


def test_command_to_type_is_one_line() -> None:
    assert system_libraries.command_to_type("apt-get", ["libegl1", "libxcb-cursor0"]) == (
        "sudo apt-get install -y libegl1 libxcb-cursor0"
    )
    assert system_libraries.command_to_type("dnf", ["libxcb"]) == "sudo dnf install -y libxcb"


@pytest.mark.skipif(shutil.which("objdump") is None, reason="objdump (binutils) reads ELF files")
def test_list_of_libraries_is_what_qt_really_needs() -> None:
    spec = importlib.util.find_spec("PySide6")
    assert spec is not None
    qt = Path(next(iter(spec.submodule_search_locations or []))) / "Qt"
    names = ["Core", "Gui", "Widgets", "DBus", "Svg", "XcbQpa"]
    files = [qt / "lib" / f"libQt6{name}.so.6" for name in names]
    files += [qt / "plugins" / "platforms" / f"libq{name}.so" for name in ("xcb", "offscreen")]
    files += sorted((qt / "plugins" / "xcbglintegrations").glob("*.so"))
    shipped = {path.name for path in (qt / "lib").iterdir()}
    always = ("libc.so", "libm.so", "libdl.so", "libpthread.so", "librt.so", "ld-linux", "libgcc_s")
    needed = set()
    for file in files:
        listing = subprocess.run(
            ["objdump", "-p", file], capture_output=True, text=True, check=True
        )
        lines = (line.split() for line in listing.stdout.splitlines())
        needed |= {words[1] for words in lines if words[:1] == ["NEEDED"]}
    needed = {name for name in needed if name not in shipped and not name.startswith(always)}
    assert needed == set(system_libraries.LIBRARIES)


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Makes this system lack what the returned list names, until a test empties it."""
    missing = ["libxcb-cursor.so.0"]
    monkeypatch.setattr(system_libraries, "missing_libraries", lambda: list(missing))
    monkeypatch.setattr(system_libraries, "has_fonts", lambda: True)
    monkeypatch.setattr(system_libraries, "find_manager", lambda: "apt-get")
    monkeypatch.setattr(system_libraries, "may_install", lambda: None)
    return missing


def test_missing_libraries_stop_the_start_with_the_command(
    lacking: list[str], tmp_path: Path
) -> None:
    with pytest.raises(LauncherError, match=r"\n  sudo apt-get install -y libxcb-cursor0$"):
        prepare.prepare_libraries(tmp_path, with_tests=False, progress=Progress(io.StringIO()))
    assert list(tmp_path.iterdir()) == []


def test_missing_libraries_are_installed_where_that_is_allowed(
    lacking: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def install(*arguments: object) -> bool:
        calls.append(arguments)
        lacking.clear()
        return True

    monkeypatch.setattr(system_libraries, "may_install", lambda: ("sudo", "-n"))
    monkeypatch.setattr(system_libraries, "install", install)
    prepare.prepare_libraries(tmp_path, with_tests=False, progress=Progress(io.StringIO()))
    assert calls == [("apt-get", ["libxcb-cursor0"], ("sudo", "-n"))]
    assert (tmp_path / ready.LIBRARIES_STAMP).exists()


def test_other_systems_bring_all_libraries_of_the_window(
    lacking: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    prepare.prepare_libraries(tmp_path, with_tests=False, progress=Progress(io.StringIO()))
    assert (tmp_path / ready.LIBRARIES_STAMP).exists()


def test_unknown_system_is_told_the_names_of_the_libraries(
    lacking: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system_libraries, "find_manager", lambda: None)
    with pytest.raises(LauncherError, match=r"lacks libxcb-cursor\.so\.0\. Install the packages"):
        prepare.prepare_libraries(tmp_path, with_tests=False, progress=Progress(io.StringIO()))


def test_missing_test_tools_are_named_but_stop_nothing(
    lacking: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking.clear()
    monkeypatch.setattr(system_libraries, "missing_tools", lambda: ["Xvfb", "xdotool"])
    said = io.StringIO()
    prepare.prepare_libraries(tmp_path, with_tests=True, progress=Progress(said))
    assert "sudo apt-get install -y xdotool xvfb" in said.getvalue()
    assert (tmp_path / ready.LIBRARIES_STAMP).exists()


# -- display and tests --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "platform", "is_possible"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ""}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"QT_QPA_PLATFORM": "offscreen"}, "linux", True),
        ({}, "darwin", True),
        ({}, "win32", True),
    ],
)
def test_a_window_needs_a_display_on_linux_only(
    environment: dict[str, str], platform: str, is_possible: bool
) -> None:
    assert (display.why_no_window(environment, platform) is None) == is_possible


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lacks displays")
def test_without_a_display_nothing_is_installed_and_one_line_says_why(
    root: Path, tmp_path: Path
) -> None:
    result = start(root, str(tmp_path), cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "inspect, predict, fine-tune, export, demo" in result.stderr
    assert not (root / ".venv").exists()


def test_test_command_hands_its_arguments_to_pytest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls = []

    def call(command: list[str], **options: object) -> int:
        calls.append((command, options))
        return 5

    monkeypatch.setattr(subprocess, "call", call)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    assert run_tests.run_tests(str(tmp_path), "venv", ["-k", "brush"]) == 5
    command, options = calls[0]
    assert command == [ready.python_of("venv"), "-m", "pytest", "-k", "brush"]
    assert options["cwd"] == str(tmp_path)
    assert options["env"]["QT_QPA_PLATFORM"] == "offscreen"


# -- double clicks ------------------------------------------------------------------------------


def test_problem_is_shown_in_a_dialog_only_when_nobody_sees_the_terminal(
    root: Path, tmp_path: Path
) -> None:
    programs = tmp_path / "bin"
    shown = tmp_path / "shown"
    write_script(programs / "zenity", f'for word in "$@"; do echo "$word" >> "{shown}"; done')
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    assert start(root, cwd=tmp_path, PATH=path).returncode == 1
    assert not shown.exists()
    result = start(root, cwd=tmp_path, PATH=path, SEGGUI_FROM_DESKTOP="1")
    assert "There is no display for the window" in result.stderr
    assert "--text=There is no display for the window" in shown.read_text()


@pytest.mark.parametrize(
    ("installed", "expected"), [("kdialog", "kdialog"), ("xmessage", "xmessage"), ("", None)]
)
def test_dialog_is_shown_by_what_the_desktop_has(installed: str, expected: str | None) -> None:
    def find(name: str) -> str | None:
        return name if name == installed else None

    command = notice.dialog_command("It failed.", "linux", find)
    assert (command[0] if command else None) == expected
    assert not command or "It failed." in command


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_dialog_survives_quotes(platform: str) -> None:
    command = notice.dialog_command("""it's "odd\"""", platform)
    text = command[-1]
    assert ("'it''s" in text) if platform == "win32" else ('"it\'s \\"odd' in text)


def test_preparation_from_the_desktop_has_a_window_or_a_notification(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    monkeypatch.setattr(notice, "tell_in_passing", told.append)
    monkeypatch.setitem(sys.modules, "tkinter", None)  # a Python without Tk
    assert type(progress_window.open_progress(is_from_desktop=True)) is Progress
    assert told == [progress_window.TEXT]
    assert type(progress_window.open_progress(is_from_desktop=False)) is Progress
    assert len(told) == 1


def test_preparation_without_any_standard_error_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)  # as pythonw on Windows
    progress_window.open_progress(is_from_desktop=False).show("Installing")
