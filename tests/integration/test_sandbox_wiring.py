"""infra/sandbox.env, which docker-compose.yml gives to every service, fits the sandbox's accounts."""

from pathlib import Path

from services.ops.sandbox_wiring import dotenv, sandbox_environment, services_environment
from tests.integration.running_sandbox import sandbox

FILE = Path(__file__).parents[2] / "infra" / "sandbox.env"
GATEWAY, SANDBOX = "http://webhook_gateway:8080", "http://sandbox:8090"
HEAD = (
    "# Made-up accounts of the sandbox with seed 1, for docker-compose.yml. tests/integration/test_sandbox_wiring.py\n"
)


async def test_the_env_file_is_that_of_the_sandbox() -> None:
    told = sandbox_environment(GATEWAY)
    async with sandbox(mercadolibre_redirect_uri=told["SANDBOX_MERCADOLIBRE_REDIRECT_URI"]) as made:
        accounts = await made.control("GET", "/_accounts")
    services = services_environment(
        accounts,
        GATEWAY,
        SANDBOX,
        sandbox_for_people="http://127.0.0.1:8090",
        stockx_poller="http://stockx_poller:8086",
    )
    expected = HEAD + dotenv(told | services)
    assert FILE.read_text() == expected, f"write this into {FILE}:\n{expected}"
