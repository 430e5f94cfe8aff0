#!/bin/bash
# Entry of the virtual machine: run.sh starts shell scripts. Arguments: a script of this folder, and its own.
PYTHONPATH=. exec python3 "machine/vm/$1" "${@:2}"
