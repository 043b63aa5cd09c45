"""One package a CRM, all behind the protocols of `base`. The only place that speaks HTTP or a vendor's words."""
