"""What test child processes do. Imported by them, so it imports nothing heavy."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time

from model.engine.messages import Ready
from model.engine.protocol import DeviceInfo


def echo(pipe, argument):
    """Sends the argument, then whatever comes, back."""
    pipe.send(argument)
    while True:
        pipe.send(pipe.recv())


def describe(pipe, _argument):
    """Tells about the process it runs in."""
    pipe.send(
        {
            "cwd": os.getcwd(),
            "temporary": tempfile.mkdtemp(),
            "nice": os.nice(0),
            "sigint_ignored": signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
            "tensorflow_log_level": os.environ.get("TF_CPP_MIN_LOG_LEVEL"),
            "greeting": os.environ.get("GREETING"),
            "heavy": sorted({"keras", "tensorflow", "PySide6"} & set(sys.modules)),
        }
    )


def write(pipe, _argument):
    """Writes to both streams, also from below Python."""
    sys.stdout.write("from stdout\n")
    sys.stderr.write("from stderr\n")
    os.write(2, b"from C\n")
    pipe.send("written")


def fail(_pipe, _argument):
    """Ends with an error."""
    raise RuntimeError("the reason")


def calculate_for_ever(pipe, _argument):
    """A call that never returns and answers nothing."""
    pipe.send(os.getpid())
    while True:
        time.sleep(0.001)


def die_at_once(pipe, _argument):
    """Starts well and then dies at the first request, as a driver that crashes."""
    pipe.send(Ready(DeviceInfo("cpu", "CPU", "none")))
    pipe.recv()
    sys.stderr.write("the driver crashed\n")
    sys.stderr.flush()
    os._exit(9)
