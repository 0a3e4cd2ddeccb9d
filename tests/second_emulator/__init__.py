"""The same desired state against an emulator that others wrote: `make second-emulator`."""
