"""The run room: notebooks executed without a screen, and a report that appears whole or not at all."""

# papermill loads the engine below as its plug-in while it is itself being imported; importing it here first
# lets either be imported before the other.
import papermill  # noqa: F401
