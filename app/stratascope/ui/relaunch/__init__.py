"""The relaunch dialogs: what will happen, its steps, its result, and the containers set aside."""
