"""Pure: desired and observed state in, plan out. No I/O, clock, log or metric."""
