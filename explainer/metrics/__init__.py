"""How good an explanation is, in numbers, each beside the same number for a random one."""
