"""Schedules measured on this machine, and the database that remembers them."""
