"""What every twin has, whatever its vendor: clock, statistics, fault plan, control endpoints, server."""
