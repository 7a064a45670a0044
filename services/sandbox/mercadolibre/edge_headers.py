"""The headers of MercadoLibre's edge: CloudFront before the API, PolicyAgent where it blocks. Values as captured."""

import hashlib

from aiohttp import web

POLICY_CODE = "PA_UNAUTHORIZED_RESULT_FROM_POLICIES"
POLICY_REASON = "At least one policy returned UNAUTHORIZED."

BLOCKED = {"x-policy-agent-block-code": POLICY_CODE, "x-policy-agent-block-reason": POLICY_REASON}
"""On a 403 by PolicyAgent, and on nothing else."""


async def put_on(request: web.Request, response: web.StreamResponse) -> None:
    """Signal `on_response_prepare`: every answer tells its way through the edge."""
    response.headers.setdefault("via", "1.1 sandbox.cloudfront.invalid (CloudFront)")
    response.headers.setdefault("x-cache", "Miss from cloudfront" if response.status < 400 else "Error from cloudfront")
    response.headers.setdefault("x-amz-cf-pop", "SBX50-P1")
    asked = hashlib.sha256(request.path_qs.encode()).hexdigest()  # the same request tells the same: nothing is random
    response.headers.setdefault(
        "x-request-id", f"{asked[:8]}-{asked[8:12]}-{asked[12:16]}-{asked[16:20]}-{asked[20:32]}"
    )
