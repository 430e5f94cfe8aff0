"""A relaunch under way: what will happen, its steps, its result, what was set aside."""
