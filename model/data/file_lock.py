"""One writer per file: a lock of the operating system, which the end of a process frees."""

from __future__ import annotations

import errno
import os
import sys

_WINDOWS_OFFSET = 1 << 30  # Windows locks keep others from reading; this byte nobody reads


def try_lock(descriptor: int) -> bool:
    """Takes the lock of an open file; closing the file frees it.

    Args:
        descriptor: of a file that is open for writing.

    Returns:
        True when it was taken, False when the disk knows no locks (some network drives).

    Raises:
        BlockingIOError: another process holds it, or this one through another descriptor.
        OSError: the file cannot be used.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, _WINDOWS_OFFSET, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            # flock and not lockf: a lockf lock is lost when any other handle to the file is closed.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
            raise BlockingIOError from error
        if error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL):
            return False
        raise
    return True
