"""The main window: header, toolbar, pages, notices, settings."""
