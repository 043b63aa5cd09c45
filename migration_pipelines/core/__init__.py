"""The pure middle: no Dagster, no SQL, no HTTP, no clock. One question a module."""
