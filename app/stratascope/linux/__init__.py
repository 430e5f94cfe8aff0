"""What Linux is: pure decoders of kernel text and numbers, without any idea of containers."""
