"""The page "Shared": who shares what, as one view of the machine."""
