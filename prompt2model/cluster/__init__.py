"""Work on more than one machine, through Ray: jobs go out as Ray tasks, results come back as they finish.

    with connect("local") as workers:
        for number, result in workers.map(function, jobs): ...

Only the driver (the process that was started by a person) holds the ledger, the budget and keys; workers get jobs and
share the run folder. Importing this package is cheap: Ray is loaded when a cluster is first used.
"""

from prompt2model.cluster.connecting import Cluster, connect
from prompt2model.cluster.workers import HereWorkers, Workers

__all__ = ["Cluster", "HereWorkers", "Workers", "connect"]
