"""NeMo Gym: a resources server that verifies rollouts by a judge.

    # app.py of a resources server; its configuration has `spec: /data/spec.toml`
    from judgekit.rewards.nemo_gym import resources_server

    JudgekitResourcesServer = resources_server()
    if __name__ == "__main__":
        JudgekitResourcesServer.run_webserver()

`/verify` rewards one rollout: its row may hold `expected_answer` (the reference, see `reference_field`) and
`rubric`. A spec whose rewards depend on the rest of a group is refused, since rollouts come one at a time.

Gym knows no None. A reward that cannot be given is answered with 503 and the reason, which fails the rollout.
Gym's own `JudgeError` would write a row with the reward 0.0 and a mark beside it instead, and who does not
look at the mark would train on it.
"""

import functools
from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict

from judgekit.errors import InputError, JudgekitError
from judgekit.rewards.core.conversion import (
    kept_rewarder,
    lone,
    numbers,
    one_by_one,
    talk_of,
)
from judgekit.rewards.core.records import Group


@functools.cache
def resources_server() -> Any:
    """The class of the server; a `SimpleResourcesServer`."""
    from fastapi import HTTPException
    from nemo_gym.base_resources_server import (
        BaseResourcesServerConfig,
        BaseVerifyRequest,
        BaseVerifyResponse,
        SimpleResourcesServer,
    )  # fmt: skip

    class JudgekitConfig(BaseResourcesServerConfig):  # type: ignore[misc]  # Gym's, unknown to the checker
        """What the server is started with."""

        spec: str
        own_code: bool = False
        reference_field: str = "expected_answer"

    class JudgekitVerifyRequest(BaseVerifyRequest):  # type: ignore[misc]  # likewise
        """A rollout, and whatever else its row has."""

        model_config = ConfigDict(extra="allow")

    class JudgekitVerifyResponse(BaseVerifyResponse):  # type: ignore[misc]  # likewise
        """A rollout with its reward and further numbers."""

        model_config = ConfigDict(extra="allow")

    class JudgekitResourcesServer(SimpleResourcesServer):  # type: ignore[misc]  # likewise
        """Rewards rollouts by a spec."""

        config: JudgekitConfig

        async def verify(self, body: JudgekitVerifyRequest) -> JudgekitVerifyResponse:
            """The reward of a rollout."""
            try:
                rewarder = await kept_rewarder(self.config.spec, own_code=self.config.own_code)
                one_by_one(rewarder.spec, "/verify")
                told = numbers(*await rewarder([_rollout(body.model_dump(), self.config.reference_field)]))
            except JudgekitError as error:
                raise HTTPException(_status(error), str(error)) from error
            return JudgekitVerifyResponse(**{**body.model_dump(), "reward": told.pop("score"), **told})

    return JudgekitResourcesServer


def _status(error: JudgekitError) -> int:
    return 422 if isinstance(error, InputError) else 503


def _rollout(row: Mapping[str, Any], reference_field: str) -> Group:
    columns = {k: v for k, v in row.items() if k not in {"responses_create_params", "response"}}
    task = talk_of(row["responses_create_params"]["input"], "the input")
    response = talk_of(row["response"]["output"], "the output")
    some = lone("", "", reference=columns.get(reference_field), columns=columns)
    return Group("rollout", task, {"response": response}, some.reference, rubric=some.rubric, columns=columns)
