"""The three stacks: external (named by the environment), containers, and embedded (real servers as children)."""

from libs.stack.choose import choose_stack
from libs.stack.containers import container_engine_answers, container_stack
from libs.stack.embedded import EmbeddedStack, embedded_stack, stop_embedded
from libs.stack.endpoints import Endpoints, external_endpoints, find_endpoints
from libs.stack.errors import StackError
from libs.stack.folders import cache_folder, state_folder
from libs.stack.kafka import EmbeddedKafka
from libs.stack.kafka_broker import Broker
from libs.stack.postgres import EmbeddedPostgres

__all__ = [
    "Broker",
    "EmbeddedKafka",
    "EmbeddedPostgres",
    "EmbeddedStack",
    "Endpoints",
    "StackError",
    "cache_folder",
    "choose_stack",
    "container_engine_answers",
    "container_stack",
    "embedded_stack",
    "external_endpoints",
    "find_endpoints",
    "state_folder",
    "stop_embedded",
]
