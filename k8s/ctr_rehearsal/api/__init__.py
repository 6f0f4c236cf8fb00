"""An HTTP emulator of the Kubernetes API, as far as kubectl and the controllers here need it."""
