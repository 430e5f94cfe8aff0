#!/bin/bash
# Entry of the virtual machine: run.sh starts shell scripts.
exec python3 guest.py "$@"
