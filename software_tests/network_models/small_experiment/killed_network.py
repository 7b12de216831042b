"""python killed_network.py FILE NUMBER SECONDS ...: the small experiment, killed on the way.

When the run has written the NUMBERth file called FILE, but not yet given it that name, it ends
itself by SIGKILL: at once, or SECONDS later, wherever it is by then. The rest of the arguments are
those of network.py.
"""

import itertools
import os
import pathlib
import runpy
import signal
import sys
import threading
import time

NETWORK = pathlib.Path(__file__).with_name("network.py")
NAMED = pathlib.Path.replace


def end(seconds):
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


def arrange_the_end(name, number, seconds):
    times = itertools.count(1)

    def named(path, target):
        if target.name == name and next(times) == number:
            if not seconds:
                end(0)
            # Python waits for this thread: a run that is over earlier is killed all the same.
            threading.Thread(target=end, args=(seconds,)).start()
        return NAMED(path, target)

    pathlib.Path.replace = named


if __name__ == "__main__":
    name, number, seconds, *arguments = sys.argv[1:]
    arrange_the_end(name, int(number), float(seconds))
    sys.argv = [str(NETWORK), *arguments]
    runpy.run_path(str(NETWORK), run_name="__main__")
