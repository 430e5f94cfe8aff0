"""The words of the design as types, and the rules that need no layer."""
