"""The attempts: one small static program in C that tries each threat harmlessly, and what builds and finds it.

One attempt is one route of one threat. It asks the kernel for what a compromised process would ask for, in a way that
does nothing where it is allowed: with a wrong magic number, an absent path, a flag that only asks; or it is undone. The
program needs nothing of the image that it runs in. It prints a JSON object a line.
"""
