"""The daily verbs in the window: the menu of a container, its buttons, its log, the questions before a stop."""
