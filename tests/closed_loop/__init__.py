"""Spindle's controllers in NumPy, and their episodes in Gymnasium's environments as shipped."""
