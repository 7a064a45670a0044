"""The settings of an embedded Kafka broker: KRaft, broker and controller in one process, on 127.0.0.1 only."""

from dataclasses import dataclass
from pathlib import Path

MESSAGE_MAX_BYTES = 16 * 1024 * 1024
JVM_OPTIONS = (
    "-Xmx512m",
    "-XX:TieredStopAtLevel=1",  # the fast compiler only: the broker answers sooner, and two cores are left to others
    "-XX:+UseSerialGC",
    "-Djava.awt.headless=true",
    "-Djava.net.preferIPv4Stack=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)


@dataclass(frozen=True)
class BrokerAddress:
    """A broker's id and its two ports: for clients and brokers, and for the controllers' quorum."""

    node_id: int
    port: int
    controller_port: int


def server_properties(
    broker: BrokerAddress, cluster: list[BrokerAddress], data: Path, advertised_port: int | None = None
) -> str:
    """The text of `server.properties` for one broker of the cluster (https://kafka.apache.org/41/documentation.html).

    Three brokers keep three copies and refuse acks=all below two in sync; one broker keeps one copy.
    `advertised_port` is the port that clients and other brokers are told, where a proxy stands before the broker.
    """
    copies = min(3, len(cluster))
    in_sync = 2 if copies == 3 else 1
    settings = {
        "process.roles": "broker,controller",
        "node.id": broker.node_id,
        "controller.quorum.voters": ",".join(f"{one.node_id}@127.0.0.1:{one.controller_port}" for one in cluster),
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://127.0.0.1:{broker.port},CONTROLLER://127.0.0.1:{broker.controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{advertised_port or broker.port}",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": data,
        # Topics are declared, never made by a typing error.
        "auto.create.topics.enable": "false",
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        # 50 partitions each are meant for large clusters; here they would only be folders to create at the first start.
        "offsets.topic.num.partitions": 8,
        "transaction.state.log.num.partitions": 8,
        "group.initial.rebalance.delay.ms": 0,
        # Nothing is deleted unless its topic says so.
        "log.retention.ms": -1,
        "log.retention.bytes": -1,
        "message.max.bytes": MESSAGE_MAX_BYTES,
        "replica.fetch.max.bytes": MESSAGE_MAX_BYTES,
        # A dead broker's partitions move after this long (the default, 9 s, is meant for networks).
        "broker.session.timeout.ms": 6000,
        "broker.heartbeat.interval.ms": 1000,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())
