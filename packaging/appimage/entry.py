"""The entry point of PyInstaller's bundle: runs the program, or a Python file in its place.

`--bundled-python FILE …` is for tests and for inspecting a bundle: it runs the file with the bundle's own Python and
Qt, which nothing outside of it could use.
"""

import runpy
import sys

from stratascope import appimage_environment
from stratascope.__main__ import main

if sys.argv[1:2] == ["--bundled-python"] and len(sys.argv) > 2:
    appimage_environment.begin()
    del sys.argv[:2]
    runpy.run_path(sys.argv[0], run_name="__main__")
else:
    sys.exit(main())
