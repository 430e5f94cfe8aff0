"""The daily verbs in the window: a container's menu, its buttons, its log, the questions before a stop."""
