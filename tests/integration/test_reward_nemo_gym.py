"""NeMo Gym: its own resources server around the judge, asked by HTTP as its agents ask.

pip install fastapi itsdangerous uvicorn uvloop hydra-core ray psutil devtools 'mcp<2' httpx
pip install python-multipart requests yappi datasets wandb gprof2dot pydot fonttools
pip install --no-deps nemo-gym==0.4.0  # needs Python 3.12, and asks for an openai older than litellm's
"""

from typing import Any
from unittest.mock import MagicMock

import pytest

pytest.importorskip("nemo_gym.base_resources_server", reason="nemo-gym is not installed")
from fastapi.testclient import TestClient
from nemo_gym.base_resources_server import BaseVerifyResponse
from nemo_gym.server_utils import ServerClient

from judgekit.rewards import nemo_gym as border


@pytest.fixture
def asking(marks, lines_of):
    """Makes a client of the server that the docstring shows, for a spec with these options."""

    def made(options=""):
        named: dict[str, Any] = {"__name__": "app"}
        exec(lines_of(border), named)  # noqa: S102 - what is tested
        kind = named["JudgekitResourcesServer"]
        config = kind.model_fields["config"].annotation(
            host="127.0.0.1", port=8080, entrypoint="app.py", name="judged", spec=str(marks(options))
        )
        server = kind(config=config, server_client=MagicMock(spec=ServerClient))
        return TestClient(server.setup_webserver())

    return made


def response(text):
    said = {"type": "message", "id": "m", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": text, "annotations": []}]}  # fmt: skip
    thought = {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "mark 1?"}]}
    return {
        "id": "resp", "created_at": 0, "model": "policy", "object": "response", "output": [thought, said],
        "parallel_tool_calls": False, "tool_choice": "none", "tools": [],
    }  # fmt: skip


def rollout(text, **row):
    asked = {"input": [{"role": "user", "content": "How many?"}]}
    return {"responses_create_params": asked, "response": response(text), **row}


def test_a_rollout_is_verified(asking):
    with asking() as client:
        told = client.post("/verify", json=rollout("mark 7", verifier_metadata={"n": 1}))

    assert told.status_code == 200, told.text
    row = told.json()
    assert BaseVerifyResponse.model_validate(row).reward == 0.7
    assert (row["jk_gated"], row["jk_imputed"], row["verifier_metadata"]) == (0.0, 0.0, {"n": 1})


def test_a_rollout_that_was_verified_before_is_verified_anew(asking):
    with asking() as client:
        before = client.post("/verify", json=rollout("mark 7")).json()
        told = client.post("/verify", json={**before, "response": response("mark 3")})

    assert (told.status_code, told.json()["reward"]) == (200, 0.3)


@pytest.mark.parametrize("policy", ["none", "raise", "drop_group"])
def test_no_policy_makes_a_number_of_a_failure(asking, policy):
    with asking(f'on_failure = "{policy}"') as client:
        told = client.post("/verify", json=rollout("lost"))

    assert told.status_code == 503
    assert "reward" not in told.json()
    assert "no reward for response" in told.json()["detail"]


def test_a_row_has_its_reference_and_its_own_rubric(asking):
    own = {"id": "own", "criteria": [{"id": "odd", "text": "Is it odd?", "scale": "0-10"}]}
    with asking('[[checks]]\nname = "right"\nkind = "equals_reference"\nweight = 1') as client:
        told = client.post("/verify", json=rollout("mark 5", expected_answer="mark 5", rubric=own))
        wrong = client.post("/verify", json=rollout("mark 5", expected_answer="seven"))

    assert (told.json()["reward"], wrong.json()["reward"]) == (0.75, 0.25)


def test_what_needs_a_group_is_refused_by_verify(asking):
    with asking('scheme = "round_robin"') as client:
        told = client.post("/verify", json=rollout("mark 7"))

    assert told.status_code == 422
    assert "'round_robin' needs the other responses of the group, and /verify" in told.json()["detail"]
