"""What can be published about a place: a room's function, then the gate. `placelib.place` lists them all."""
