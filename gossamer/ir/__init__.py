"""The intermediate representation: types, ops, loop nests, schedules, hardware, text form, verifier, reference."""
