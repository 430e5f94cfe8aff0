"""All containers at once, as a grid."""
