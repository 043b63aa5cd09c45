"""The vendor's routes, by resource. Each module builds Starlette routes over one `Org`."""
