"""Shared by Tests/Failover, Tests/Chaos, Tests/Compose and Benchmarks: processes, nodes, PostgreSQL, HTTP, failures."""
