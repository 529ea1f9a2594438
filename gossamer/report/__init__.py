"""Tables, plots and pages: what a person reads of a compile or a search. Everything here starts from `report.data`."""
