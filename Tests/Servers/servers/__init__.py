"""What the runs of Tests/Failover, Tests/Chaos and Tests/Compose have in common: processes, nodes, clients, laws."""
