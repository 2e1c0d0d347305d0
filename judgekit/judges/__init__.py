"""The wire: whoever answers calls. A judge is a name, an identity and `async __call__(Call) -> Reply`."""
