"""PKCE as RFC 7636 describes it."""

import base64

from pydantic import SecretStr

from libs.marketplaces.mercadolibre.oauth import Application, authorization_url
from libs.oauth.pkce import Proof, new_proof


def test_the_challenge_is_that_of_the_specification():
    """RFC 7636, appendix B."""
    proof = Proof("state", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert proof.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_states_have_sixteen_bytes_and_verifiers_thirty_two():
    proofs = [new_proof() for _ in range(50)]
    assert {len(base64.urlsafe_b64decode(proof.state + "==")) for proof in proofs} == {16}
    assert {len(base64.urlsafe_b64decode(proof.verifier + "=")) for proof in proofs} == {32}
    assert len({proof.state for proof in proofs} | {proof.verifier for proof in proofs}) == 100


def test_a_verifier_is_not_shown():
    assert "a-verifier" not in repr(Proof("state", "a-verifier"))


def test_the_authorization_page_has_the_documented_parameters():
    application = Application(
        "6456467593800000", SecretStr("secret"), "https://your-domain.com/mercadolibre/oauth/callback"
    )
    proof = Proof("the-state", "the-verifier")
    page = authorization_url("https://auth.mercadolibre.com.mx/authorization", application, proof)
    assert page == (
        "https://auth.mercadolibre.com.mx/authorization?response_type=code&client_id=6456467593800000"
        "&redirect_uri=https%3A%2F%2Fyour-domain.com%2Fmercadolibre%2Foauth%2Fcallback"
        f"&code_challenge={proof.challenge}&code_challenge_method=S256&state=the-state"
    )
