"""A pipe that holds one line: who writes to it is never further than the next line."""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import time
from collections.abc import Iterator

PAGE = os.sysconf("SC_PAGE_SIZE")
_tee = ctypes.CDLL(None, use_errno=True).tee
_tee.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_size_t, ctypes.c_uint]
_tee.restype = ctypes.c_ssize_t


class OneLinePipe:
    """Is looked at without being emptied, so that the writer waits where it said its last line.

    A pipe of packets (pipe(2), O_DIRECT) that is one page long has room for one write. A line is
    duplicated before it is taken (tee(2)), and until it is taken no other can be written.
    """

    def __init__(self) -> None:
        self._reader, self.writer = os.pipe2(os.O_DIRECT | os.O_CLOEXEC)
        fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, PAGE)

    def look(self) -> Iterator[str]:
        """Give each line while it fills the pipe, and take it when the next is asked for."""
        kept, copy = os.pipe2(os.O_CLOEXEC)
        try:
            while size := _tee(self._reader, copy, PAGE, 0):
                if size < 0:
                    raise OSError(ctypes.get_errno(), "tee")
                yield os.read(kept, PAGE).decode(errors="replace")
                os.read(self._reader, PAGE)
        finally:
            os.close(kept)
            os.close(copy)

    def drain(self, seconds: float) -> None:
        """Take whatever is still written, until all who could write are gone.

        Raises:
            TimeoutError: some are still there.
        """
        until = time.monotonic() + seconds
        while select.select([self._reader], [], [], max(0.0, until - time.monotonic()))[0]:
            if not os.read(self._reader, PAGE):
                return
        raise TimeoutError(f"the pipe has writers after {seconds:g} s")

    def close_writer(self) -> None:
        """Leave writing to those who were given the pipe: when they are gone it ends."""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def close(self) -> None:
        """Be rid of it."""
        self.close_writer()
        os.close(self._reader)
