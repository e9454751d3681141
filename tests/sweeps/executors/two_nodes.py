"""A Ray cluster of two nodes with one core each, on the loopback, until its input ends.

It writes a line of JSON with its addresses, and then reads commands: ``kill NODE`` ends a node as a power cut
does, ``add`` starts another one in its place.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from ray.cluster_utils import Cluster

LOOPBACK = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
"""Addresses that Ray does not take for localhost, which it replaces by the machine's own."""


def main(client_port: int) -> None:
    cluster = Cluster(shutdown_at_exit=True)
    nodes: list[Any] = [
        cluster.add_node(
            num_cpus=1,
            node_ip_address=LOOPBACK[0],
            include_dashboard=False,
            ray_client_server_port=client_port,
        ),
        cluster.add_node(num_cpus=1, num_gpus=1, node_ip_address=LOOPBACK[1]),
    ]
    write_line(address=cluster.address, client=f"ray://{LOOPBACK[0]}:{client_port}")
    for line in sys.stdin:
        command, _, node = line.strip().partition(" ")
        if command == "kill":
            cluster.remove_node(nodes[int(node)], allow_graceful=False)
        elif command == "add":
            nodes[1] = cluster.add_node(num_cpus=1, num_gpus=1, node_ip_address=LOOPBACK[2])
        write_line(done=command)
    cluster.shutdown()


def write_line(**values: Any) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
