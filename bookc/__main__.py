"""The way into the command line, and the only way out.

Ctrl-C ends bookc with a word at any time, also while its modules are being imported: so they are
imported within.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; 0 if all is well, 1 with errors, 130 after Ctrl-C."""
    try:
        import signal

        signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop as Ctrl-C does
        from bookc.verbs import run

        return run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
