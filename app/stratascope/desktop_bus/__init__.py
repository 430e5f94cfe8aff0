"""The user's session bus (D-Bus), by jeepney and without Qt: notifications, the tray, and what starts a window."""
