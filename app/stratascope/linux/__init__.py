"""Pure decoders of kernel text and numbers. Nothing here knows about containers."""
