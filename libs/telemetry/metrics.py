"""Every metric of sellstream, in one catalogue. Labels have few values: never an id, a key or an account.

Naming: https://prometheus.io/docs/practices/naming/ (base units, `_total` for counters).
"""

from prometheus_client import Counter, Gauge, Histogram

# service
BUILD_INFO = Gauge("sellstream_build_info", "The running version of a service.", ["service", "version"])
HTTP_REQUESTS = Counter(
    "http_server_requests_total",
    "Requests answered by a service's own HTTP API.",
    ["service", "method", "route", "status"],
)
HTTP_DURATION = Histogram(
    "http_server_request_duration_seconds",
    "Time to answer a request of a service's own HTTP API.",
    ["service", "route"],
)

# webhook gateway
GATEWAY_DELIVERIES = Counter(
    "gateway_deliveries_total", "Webhook deliveries by what was decided.", ["marketplace", "decision", "reason"]
)
GATEWAY_ANSWER_DURATION = Histogram(
    "gateway_answer_duration_seconds",
    "From a delivery's last byte to its answer.",
    ["marketplace"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.45, 0.5, 0.6, 0.8, 1, 2.5, 5, 10),
)
GATEWAY_DEADLINE = Gauge(
    "gateway_deadline_seconds", "How long a marketplace waits for its answer, by its contract.", ["marketplace"]
)
GATEWAY_DEADLINE_MISSES = Counter(
    "gateway_deadline_misses_total", "Deliveries answered after the marketplace's deadline.", ["marketplace"]
)
GATEWAY_LOOP_LAG = Histogram(
    "gateway_loop_lag_seconds",
    "How late the event loop's timers come: so long may deliveries have waited in sockets, and no other time tells it.",
    buckets=(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 1, 2.5, 5, 10),
)
GATEWAY_DECISIONS_LOST = Counter(
    "gateway_decisions_lost_total", "Decisions about deliveries that did not reach the topic `deliveries`."
)
GATEWAY_LOG_LINES_LOST = Counter(
    "gateway_log_lines_lost_total", "Log lines of deliveries that standard output did not take."
)
GATEWAY_SPOOLED = Counter(
    "gateway_spooled_total", "Deliveries that were put on the local disk, Kafka being late or away."
)
GATEWAY_SPOOL_DELIVERIES = Gauge(
    "gateway_spool_deliveries", "Deliveries on the local disk that Kafka has not acknowledged yet."
)
GATEWAY_SPOOL_BYTES = Gauge("gateway_spool_bytes", "What the deliveries on the local disk take.")

# bus
BUS_PUBLISHED = Counter("bus_published_total", "Facts acknowledged by Kafka.", ["topic"])
BUS_CONSUMED = Counter("bus_consumed_total", "Records whose fate is decided.", ["consumer", "topic", "fate"])
BUS_HANDLE_DURATION = Histogram("bus_handle_duration_seconds", "Time to handle a record.", ["consumer", "topic"])
BUS_IN_FLIGHT = Gauge("bus_in_flight_records", "Records fetched whose fate is not yet decided.", ["consumer"])
BUS_LAG = Gauge(
    "bus_lag_records", "Records in the log behind the last committed one.", ["consumer", "topic", "partition"]
)
BUS_HALTED = Gauge(
    "bus_halted", "1 while a consumer has stopped dead-lettering because nearly everything fails.", ["consumer"]
)
BUS_DEAD_LETTERS = Counter(
    "bus_dead_letters_total", "Records put into dead letters.", ["consumer", "topic", "error_class"]
)

# http client
HTTP_CLIENT_REQUESTS = Counter(
    "http_client_requests_total",
    "Requests sent to somebody else's API, each attempt, by its outcome (a status, or what went wrong).",
    ["client", "operation", "outcome"],
)
HTTP_CLIENT_DURATION = Histogram(
    "http_client_request_duration_seconds", "Time until the whole answer was read.", ["client", "operation"]
)
HTTP_CLIENT_CIRCUIT_OPEN = Gauge(
    "http_client_circuit_open", "1 while an API is left alone because it failed too often in a row.", ["client"]
)
HTTP_CLIENT_TOKEN_REFRESHES = Counter(
    "http_client_token_refreshes_total", "Access tokens replaced, by outcome.", ["client", "outcome"]
)

# quotas
QUOTA_REMAINING = Gauge("quota_remaining", "What is left of a quota that all replicas share.", ["quota"])
QUOTA_REFUSED = Counter("quota_refused_total", "Requests not made because a quota was spent.", ["quota"])

# jobs
JOBS_RUNS = Counter("jobs_runs_total", "Runs of jobs by how they ended.", ["queue", "job_type", "outcome"])
JOBS_DURATION = Histogram("jobs_run_duration_seconds", "Time that a job's handler took.", ["queue", "job_type"])
JOBS_OPEN = Gauge(
    "jobs_open",
    "Unfinished jobs of the types that a worker works on, by status; every worker counts them now and then.",
    ["queue", "job_type", "status"],
)

# interlock
INTERLOCK_SALES = Counter(
    "interlock_sales_total", "Sales by what became of their units (held, oversold, released).", ["state"]
)

# missed deliveries
MISSED_RUNS = Counter(
    "missed_delivery_runs_total", "Readings of a marketplace's feed of missed deliveries.", ["marketplace", "outcome"]
)
MISSED_DELIVERIES = Counter(
    "missed_deliveries_total", "Entries of that feed by what became of them.", ["marketplace", "outcome"]
)
MISSED_LAST_SUCCESS = Gauge(
    "missed_delivery_last_success_timestamp_seconds", "When that feed was last read to its end.", ["marketplace"]
)

# seeds
SEEDED_ITEMS = Counter("seeded_items_total", "Items named for enrichment.", ["marketplace", "source", "outcome"])

# searches of StockX's catalog
STOCKX_SEARCH_REQUESTS = Counter(
    "stockx_search_requests_total", "Searches of StockX's catalog: success, not_found, error.", ["status"]
)
STOCKX_SEARCH_DURATION = Histogram(
    "stockx_search_duration_seconds",
    "From a search's beginning to its end, waiting for a turn within StockX's limits included.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 45),
)
